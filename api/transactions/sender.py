"""The sender: one nonce sequence per key, kept in the database; at most one transaction per job, whatever happens.

A transaction is written down, signed and with its nonce, before it is sent. So after a crash at any point the same
raw bytes are sent again, which is harmless, and a nonce is never given to two jobs (a unique index holds that, too).
What is mined is watched until it is final: a reorg that takes it away frees its nonce, and the same bytes go out again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from eth_account import Account
from eth_account.signers.local import LocalAccount
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.transactions import chain, repository
from api.transactions.chain import MAX_FEE_WEI, Head, Receipt
from api.transactions.errors import ChainWentBack, CommitReverted, CommittedByOthers
from api.transactions.schemas import Attempt, Fees, Mined, Outcome, Place, Refused, Transaction, TxStage, Unmined
from stemma.chain.errors import RpcRefused
from stemma.chain.rpc import JsonRpc

MAX_IN_FLIGHT = 16
STUCK_AFTER_BLOCKS = 5
_EXISTS = "RecordingExists"

Listener = Callable[[AsyncConnection, UUID, Outcome], Awaitable[None]]
"""Told of each outcome within the database transaction that records it."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ledger:
    """How much is still open after a turn."""

    unsigned: int
    unmined: int
    watched: int


class Sender:
    """Moves every open transaction one step further per `turn`. Two senders at once do no harm."""

    def __init__(
        self,
        engine: AsyncEngine,
        rpc: JsonRpc,
        *,
        private_key: str,
        chain_id: int,
        listener: Listener,
    ) -> None:
        self._engine = engine
        self._rpc = rpc
        self._key: LocalAccount = Account.from_key(private_key)
        self._key_bytes = bytes.fromhex(self._key.address[2:])
        self._chain_id = chain_id
        self._listener = listener
        self._head: Head | None = None
        self._sent_at_block: dict[bytes, int] = {}

    @property
    def address(self) -> str:
        """The key's address, which pays."""
        return str(self._key.address)

    async def turn(self) -> Ledger:
        """Look at the chain once and do what follows.

        Raises:
            stemma.chain.errors.RpcUnreachable: no node answers; nothing is lost, call again later.
            ChainWentBack: the chain lost final transactions; a person must look.
        """
        head = await chain.head(self._rpc)
        is_watched = True
        if self._head is None or head.hash != self._head.hash:
            for transaction in await self._open(TxStage.MINED, TxStage.REVERTED):
                is_watched &= await self._alone(transaction, self._watch(transaction, head))
        count = await chain.nonce_at(self._rpc, self.address, "latest")
        signed = await self._open(TxStage.SIGNED)
        await self._refuse_gap(signed, count)
        for transaction in signed:
            await self._alone(transaction, self._push(transaction, head))
        room = MAX_IN_FLIGHT - len(await self._open(TxStage.SIGNED))
        for transaction in (await self._open(TxStage.PENDING))[: max(room, 0)]:
            await self._alone(transaction, self._begin(transaction, head, count))
        self._head = head if is_watched else None
        return await self._ledger()

    async def _alone(self, transaction: Transaction, step: Awaitable[None]) -> bool:
        """Take one transaction's step; false when the node refuses an answer, which is not to hold up the others."""
        try:
            await step
        except RpcRefused as refusal:
            _log.warning("the node refuses, trying again later", job=str(transaction.job_id), reason=refusal.detail)
            return False
        return True

    async def _open(self, *stages: TxStage) -> Sequence[Transaction]:
        async with self._engine.connect() as connection:
            everything = await repository.open_ones(connection, self._chain_id)
        return [transaction for transaction in everything if transaction.stage in stages]

    async def _ledger(self) -> Ledger:
        return Ledger(
            unsigned=len(await self._open(TxStage.PENDING)),
            unmined=len(await self._open(TxStage.SIGNED)),
            watched=len(await self._open(TxStage.MINED, TxStage.REVERTED)),
        )

    async def _watch(self, transaction: Transaction, head: Head) -> None:
        """Hold a mined transaction against the chain: still there, elsewhere, gone, or final."""
        assert transaction.place is not None
        receipt = await chain.receipt(self._rpc, transaction.place.tx_hash)
        if receipt is not None and receipt.place == transaction.place:
            if transaction.place.block_number <= head.final_number:
                await self._finish(transaction)
            return
        _log.warning("a reorg took a transaction away", job=str(transaction.job_id), nonce=transaction.nonce)
        back_to = TxStage.PENDING if transaction.nonce is None else TxStage.SIGNED
        async with self._engine.begin() as connection:
            current = await repository.lock(connection, transaction.id)
            if current.place != transaction.place:
                return
            await repository.clear_place(connection, transaction.id, stage=back_to)
            await self._listener(connection, transaction.job_id, Unmined())

    async def _finish(self, transaction: Transaction) -> None:
        done = TxStage.FAILED if transaction.stage is TxStage.REVERTED else TxStage.FINAL
        async with self._engine.begin() as connection:
            current = await repository.lock(connection, transaction.id)
            if current.place == transaction.place:
                await repository.save_stage(connection, transaction.id, done)

    async def _push(self, transaction: Transaction, head: Head) -> None:
        """Get a signed transaction mined: note its receipt, send it again, or pay more."""
        assert transaction.nonce is not None
        assert transaction.key_address is not None
        count = await chain.nonce_at(self._rpc, "0x" + transaction.key_address.hex(), "latest")
        receipt = await self._receipt(transaction)
        if receipt is not None:
            await self._note_receipt(transaction, receipt)
        elif transaction.nonce < count:
            await self._displaced(transaction, head)
        else:
            attempts = await self._attempts(transaction)
            newest = attempts[0]
            waits = any([await chain.knows(self._rpc, attempt.tx_hash) for attempt in attempts])
            if not waits and await self._broadcast(newest.tx_hash, newest.raw, head):
                return
            if self._is_next(transaction, count) and self._is_stuck(newest, head):
                await self._pay_more(transaction, newest, head)

    async def _receipt(self, transaction: Transaction) -> Receipt | None:
        """Return the receipt of whichever signed form was mined; they share a nonce, so at most one was."""
        for attempt in await self._attempts(transaction):
            receipt = await chain.receipt(self._rpc, attempt.tx_hash)
            if receipt is not None:
                return receipt
        return None

    async def _attempts(self, transaction: Transaction) -> Sequence[Attempt]:
        async with self._engine.connect() as connection:
            return await repository.attempts_of(connection, transaction.id)

    async def _note_receipt(self, transaction: Transaction, receipt: Receipt) -> None:
        if receipt.succeeded and receipt.registered:
            await self._settle(transaction, receipt.place)
            return
        earlier = await self._earlier_commit(transaction)
        if earlier is not None:
            await self._settle(transaction, earlier)
            return
        reason = await chain.why_reverted(
            self._rpc,
            sender=self.address,
            to=transaction.to_address,
            calldata=transaction.calldata,
            place=receipt.place,
        )
        code = CommittedByOthers.code if reason.startswith(_EXISTS) else CommitReverted.code
        await self._settle(transaction, receipt.place, Refused(code, reason))

    async def _settle(self, transaction: Transaction, place: Place, refused: Refused | None = None) -> None:
        """Record in which block a transaction is, and tell the listener in the same database transaction."""
        async with self._engine.begin() as connection:
            current = await repository.lock(connection, transaction.id)
            if current.stage is not transaction.stage or current.nonce != transaction.nonce:
                return
            await repository.save_place(connection, transaction.id, place, refused)
            await self._listener(connection, transaction.job_id, refused or Mined(place))
        _log.info(
            "transaction mined",
            job=str(transaction.job_id),
            block=place.block_number,
            refused=refused.detail if refused else None,
        )

    async def _displaced(self, transaction: Transaction, head: Head) -> None:
        """Something else used the nonce. Only when that is final can the job safely have another one."""
        earlier = await self._earlier_commit(transaction)
        if earlier is not None:
            await self._settle(transaction, earlier)
            return
        assert transaction.nonce is not None
        assert transaction.key_address is not None
        address = "0x" + transaction.key_address.hex()
        final_count = await chain.nonce_at(self._rpc, address, hex(head.final_number))
        if final_count <= transaction.nonce:
            return
        _log.warning("a nonce was used by someone else", nonce=transaction.nonce, job=str(transaction.job_id))
        async with self._engine.begin() as connection:
            current = await repository.lock(connection, transaction.id)
            if current.stage is TxStage.SIGNED and current.nonce == transaction.nonce:
                await repository.release_nonce(connection, transaction.id)

    async def _begin(self, transaction: Transaction, head: Head, count: int) -> None:
        """Sign an order and send it, unless it cannot succeed or has been carried out already."""
        if not await chain.has_code(self._rpc, transaction.to_address):
            _log.warning("the registry is not on the chain, waiting", registry="0x" + transaction.to_address.hex())
            return
        try:
            gas = await chain.estimate(
                self._rpc, sender=self.address, to=transaction.to_address, calldata=transaction.calldata
            )
        except RpcRefused as refusal:
            await self._estimate_refused(transaction, refusal)
            return
        fees = await chain.suggested_fees(self._rpc, head.base_fee)
        signed = await self._sign_next(transaction, gas=gas * 6 // 5, fees=fees, count=count)
        if signed is not None:
            await self._broadcast(*signed, head)

    async def _estimate_refused(self, transaction: Transaction, refusal: RpcRefused) -> None:
        if not chain.is_revert(refusal):
            _log.warning("the node refuses to estimate", reason=refusal.message, job=str(transaction.job_id))
            return
        revert = chain.revert_of(refusal)
        if revert is not None and revert.name == _EXISTS:
            earlier = await self._earlier_commit(transaction)
            if earlier is not None:
                await self._settle(transaction, earlier)
                return
        code = CommittedByOthers.code if revert and revert.name == _EXISTS else CommitReverted.code
        refused = Refused(code, chain.describe(refusal))
        async with self._engine.begin() as connection:
            current = await repository.lock(connection, transaction.id)
            if current.stage is TxStage.PENDING:
                await repository.save_refused(connection, transaction.id, refused)
                await self._listener(connection, transaction.job_id, refused)

    async def _sign_next(
        self, transaction: Transaction, *, gas: int, fees: Fees, count: int
    ) -> tuple[bytes, bytes] | None:
        """Take the next nonce, sign, and write both down; None when another sender was quicker."""
        async with self._engine.begin() as connection:
            await repository.lock_nonces(connection, self._key_bytes)
            current = await repository.lock(connection, transaction.id)
            if current.stage is not TxStage.PENDING:
                return None
            ours = await repository.next_nonce(connection, chain_id=self._chain_id, key_address=self._key_bytes)
            nonce = max(ours, count)
            tx_hash, raw = self._sign(current, nonce=nonce, gas=gas, fees=fees)
            await repository.save_signed(connection, transaction.id, key_address=self._key_bytes, nonce=nonce, gas=gas)
            await repository.add_attempt(connection, transaction.id, tx_hash=tx_hash, raw=raw, fees=fees)
        return tx_hash, raw

    def _sign(self, transaction: Transaction, *, nonce: int, gas: int, fees: Fees) -> tuple[bytes, bytes]:
        """Return hash and raw bytes of an EIP-1559 transaction; signatures are deterministic (RFC 6979)."""
        signed = self._key.sign_transaction(
            {
                "type": 2,
                "chainId": self._chain_id,
                "nonce": nonce,
                "to": transaction.to_address,
                "value": 0,
                "data": transaction.calldata,
                "gas": gas,
                "maxFeePerGas": fees.max_fee,
                "maxPriorityFeePerGas": fees.priority,
            }
        )
        return bytes(signed.hash), bytes(signed.raw_transaction)

    async def _broadcast(self, tx_hash: bytes, raw: bytes, head: Head) -> bool:
        """Send raw bytes; false when the node refuses, which is noted but settles nothing: only a receipt does."""
        refused: str | None = None
        try:
            await self._rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
        except RpcRefused as refusal:
            refused = refusal.message
            _log.warning("the node refused a transaction", tx="0x" + tx_hash.hex(), reason=refused)
        self._sent_at_block.setdefault(tx_hash, head.number)
        async with self._engine.begin() as connection:
            await repository.note_broadcast(connection, tx_hash, error=refused)
        return refused is None

    def _is_next(self, transaction: Transaction, count: int) -> bool:
        """Whether it is this transaction that the others wait for, and ours to sign again."""
        return transaction.nonce == count and transaction.key_address == self._key_bytes

    def _is_stuck(self, attempt: Attempt, head: Head) -> bool:
        """Whether blocks went by without it; a chain that stands still is not the fee's fault."""
        sent_at = self._sent_at_block.setdefault(attempt.tx_hash, head.number)
        return head.number - sent_at >= STUCK_AFTER_BLOCKS

    async def _pay_more(self, transaction: Transaction, stuck: Attempt, head: Head) -> None:
        """Sign the same call and nonce with higher fees; nodes want at least a tenth more of both."""
        suggested = await chain.suggested_fees(self._rpc, head.base_fee)
        fees = Fees(
            max_fee=min(max(suggested.max_fee, stuck.fees.max_fee * 9 // 8 + 1), MAX_FEE_WEI),
            priority=max(suggested.priority, stuck.fees.priority * 9 // 8 + 1),
        )
        if fees.max_fee < stuck.fees.max_fee * 11 // 10 or fees.priority > fees.max_fee:
            _log.error("a transaction is stuck at the highest fee we pay", nonce=transaction.nonce, cap=MAX_FEE_WEI)
            return
        async with self._engine.begin() as connection:
            current = await repository.lock(connection, transaction.id)
            if current.stage is not TxStage.SIGNED or current.nonce is None or current.gas is None:
                return
            tx_hash, raw = self._sign(current, nonce=current.nonce, gas=current.gas, fees=fees)
            await repository.add_attempt(connection, transaction.id, tx_hash=tx_hash, raw=raw, fees=fees)
        await self._broadcast(tx_hash, raw, head)

    async def _earlier_commit(self, transaction: Transaction) -> Place | None:
        """Return where this very commit is on chain by another transaction: same creator, same six stems."""
        found = await chain.committed(
            self._rpc,
            registry=transaction.to_address,
            recording_id=transaction.recording_id,
        )
        if found is None or (found.creator, found.stems_root) != (transaction.creator, transaction.stems_root):
            return None
        return found.place

    async def _refuse_gap(self, signed: Sequence[Transaction], count: int) -> None:
        """Stop when nonces below ours are free again although what used them was final."""
        async with self._engine.connect() as connection:
            upcoming = await repository.next_nonce(connection, chain_id=self._chain_id, key_address=self._key_bytes)
        ours = {t.nonce for t in signed if t.key_address == self._key_bytes}
        missing = [nonce for nonce in range(count, upcoming) if nonce not in ours]
        if missing:
            watched = {t.nonce for t in await self._open(TxStage.MINED, TxStage.REVERTED)}
            lost = [nonce for nonce in missing if nonce not in watched]
            if lost:
                raise ChainWentBack(
                    f"nonces {lost[:5]} of {self.address} were final and are free again; was the chain reset?"
                )
