"""The state as the logs alone tell it: what an indexer could know that never asks the chain for anything but logs.

No rule is applied here. A log says what became so; where a log leaves a word untold, nothing here makes it up.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.contract_machines.abi import Log
from tests.contract_machines.reference.messages import Terms, separation_root
from tests.contract_machines.reference.state import (
    Account,
    Batch,
    Delegation,
    Exclusivity,
    Fees,
    Flag,
    Listing,
    Recording,
    SessionState,
    Slot,
    Snapshot,
    State,
    Table,
    Title,
    Token,
)
from tests.contract_machines.reference.words import kind_of, recording_of

TITLE = 255
CANCELLED = 2**32 - 1


class Replay:
    """Applies logs, in their order, with the block and the time that they came in."""

    def __init__(self) -> None:
        self.state = State()
        self._followers = {type(follower).__name__: follower for follower in _followers(self.state)}

    def apply(self, log: Log, block: int, time: int) -> None:
        """One more log. Logs of contracts that are none of the house's are not looked at.

        Raises:
            KeyError: the log is about something that no log has told of.
        """
        follower = self._followers.get(log.contract)
        if follower is not None:
            follower.block, follower.time = block, time
            handler: Callable[..., None] | None = getattr(follower, _snake(log.event), None)
            if handler is not None:
                handler(*log.arguments)


class Follower:
    """Follows the logs of one contract: a method for each event that changes what the contract keeps."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.block = 0
        self.time = 0


class StemRegistry(Follower):
    def commitment_made(self, commitment: int) -> None:
        self.state.commitments[commitment] = self.block

    def recording_registered(
        self, recording: int, creator: int, _attestor: int, _content: int, _credits: int, _codec: int, resale: int
    ) -> None:
        self.state.recordings[recording] = Recording(creator, 0, resale, self.block, 0)

    def royalty_table_fixed(self, recording: int, root: int, stack: int, count: int) -> None:
        self.state.tables[recording] = Table(root, stack, count)

    def separation_committed(
        self,
        recording: int,
        _attestor: int,
        version: int,
        stems_root: int,
        _model: int,
        _weights: int,
        _manifest: int,
        _codec: int,
        metadata: int,
    ) -> None:
        root = separation_root(recording, stems_root, metadata)
        kept = self.state.recordings[recording]
        self.state.recordings[recording] = kept._replace(version=version, separation_root=root)

    def batch_anchored(self, root: int, attestor: int, count: int, _manifest: int, _codec: int) -> None:
        self.state.batches[root] = Batch(attestor, self.block, count)


class IPNFT(Follower):
    def transfer(self, sender: int, to: int, work: int) -> None:
        self.state.title_owners[work] = to
        if sender:
            self.state.transfers[work] = self.state.transfers.get(work, 0) + 1

    def title_minted(self, work: int, holder: int, minter: int, version: int, metadata: int) -> None:
        self.state.titles[work] = Title(version, metadata)
        if kind_of(work):
            mask = self.state.minted_stems.get(recording_of(work), 0)
            self.state.minted_stems[recording_of(work)] = mask | 1 << kind_of(work)
        elif holder != minter:
            self.state.transfers[work] = 1

    def version_adopted(self, work: int, _holder: int, version: int, metadata: int) -> None:
        self.state.titles[work] = Title(version, metadata)

    def payout_set(self, account: int, payout: int) -> None:
        self.state.payouts[account] = payout


class RoyaltySplitter(Follower):
    def slot_fixed(self, recording: int, account: int, slot: int, ppm: int) -> None:
        self.state.slots[recording, slot] = Slot(account, ppm)

    def slot_reassigned(self, recording: int, _from: int, to: int, slot: int) -> None:
        self.state.slots[recording, slot] = self.state.slots[recording, slot]._replace(owner=to)

    def paid(self, work: int, token: int, _payer: int, amount: int, received: int, _reference: int) -> None:
        self._account(work, token, received=received)
        self._token(token, paid_in=amount)

    def claimed(self, descendant: int, ancestor: int, token: int, _amount: int, moved: int, income: int) -> None:
        self.state.moved[descendant, ancestor, token] = moved
        self._account(ancestor, token, income=income)

    def settled(self, work: int, token: int, _amount: int, own_moved: int, income: int) -> None:
        self._account(work, token, own_moved=own_moved, income=income)

    def withdrawn(self, work: int, token: int, _to: int, slot: int, amount: int, drawn: int) -> None:
        if slot == TITLE:
            self._account(work, token, title_drawn=drawn)
        else:
            self.state.drawn[work, token, slot] = drawn
        self._token(token, paid_out=amount)

    def nonce_used(self, account: int, nonce: int) -> None:
        self.state.withdrawal_nonces[account, nonce] = 1

    def fee_credited(self, token: int, _work: int, amount: int, fees: int) -> None:
        self.state.fees[token] = self.state.fees.get(token, Fees())._replace(credited=fees)
        self._token(token, paid_in=amount)

    def fees_withdrawn(self, token: int, _to: int, amount: int, drawn: int) -> None:
        self.state.fees[token] = self.state.fees[token]._replace(drawn=drawn)
        self._token(token, paid_out=amount)

    def fee_recipient_changed(self, recipient: int) -> None:
        self.state.settings["feeRecipient"] = recipient

    def token_accepted(self, token: int) -> None:
        self.state.tokens[token] = self.state.tokens.get(token, Token())._replace(accepted=1)

    def token_stopped(self, token: int) -> None:
        self.state.tokens[token] = self.state.tokens[token]._replace(accepted=0)

    def _account(self, work: int, token: int, **changes: int) -> None:
        self.state.accounts[work, token] = self.state.accounts.get((work, token), Account())._replace(**changes)

    def _token(self, token: int, paid_in: int = 0, paid_out: int = 0) -> None:
        entry = self.state.tokens.get(token, Token())
        self.state.tokens[token] = Token(entry.paid_in + paid_in, entry.paid_out + paid_out, entry.accepted)


class Licenses(Follower):
    def transfer(self, _sender: int, to: int, license_id: int) -> None:
        self.state.license_owners[license_id] = to

    def license_granted(
        self,
        license_id: int,
        work: int,
        _licensee: int,
        terms: int,
        kind: int,
        coverage: int,
        version: int,
        expires_at: int,
        remix_ppm: int,
        transferable: int,
    ) -> None:
        self.state.snapshots[license_id] = Snapshot(
            work, coverage, kind, transferable, terms, version, self.time, expires_at, remix_ppm
        )

    def license_consumed(self, license_id: int, _work: int, remix: int) -> None:
        self.state.remixes[license_id] = remix


class LicenseManager(Follower):
    def terms_published(self, terms_id: int, *terms: Any) -> None:
        self.state.terms[terms_id] = Terms(*terms)

    def terms_attached(self, work: int, terms_id: int, _holder: int, title_epoch: int, price: int) -> None:
        listing = self.state.listings.get((work, terms_id), Listing())
        self.state.listings[work, terms_id] = Listing(price, title_epoch, 1, listing.granted)

    def terms_detached(self, work: int, terms_id: int, _holder: int) -> None:
        listing = self.state.listings[work, terms_id]
        self.state.listings[work, terms_id] = Listing(0, 0, 0, listing.granted)

    def signer_delegated(
        self, holder: int, signer: int, work: int, terms_id: int, epoch: int, floor_price: int, expiry: int
    ) -> None:
        self.state.delegations[holder, epoch, signer, work, terms_id] = Delegation(floor_price, expiry)

    def delegation_revoked(self, holder: int, signer: int, work: int, terms_id: int, epoch: int) -> None:
        del self.state.delegations[holder, epoch, signer, work, terms_id]

    def offer_used(self, seller: int, _license: int, _digest: int, nonce: int, used: int) -> None:
        self.state.offers_used[seller, nonce] = used

    def offer_cancelled(self, seller: int, nonce: int) -> None:
        self.state.offers_used[seller, nonce] = CANCELLED

    def seller_epoch_raised(self, seller: int, epoch: int) -> None:
        self.state.seller_epochs[seller] = epoch

    def license_sold(
        self,
        _license: int,
        work: int,
        _payer: int,
        _seller: int,
        terms_id: int,
        _price: int,
        _fee: int,
        granted: int,
    ) -> None:
        listing = self.state.listings.get((work, terms_id), Listing())
        self.state.listings[work, terms_id] = listing._replace(granted=granted)

    def exclusivity_granted(self, recording: int, kind: int, work: int, coverage: int, until: int) -> None:
        running = self.state.exclusivities.get((recording, kind), Exclusivity())
        if kind_of(work) == 0:
            running = running._replace(until=until, coverage=coverage)
        else:
            stems = list(running.stem_until)
            stems[kind_of(work) - 1] = until
            running = running._replace(stem_until=tuple(stems))
        self.state.exclusivities[recording, kind] = running

    def fee_changed(self, fee_ppm: int) -> None:
        self.state.settings["feePpm"] = fee_ppm


class SessionVault(Follower):
    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._sessions = state.add_book()
        """session -> owner, token."""

    def deposited(self, owner: int, token: int, _payer: int, _amount: int, balance: int) -> None:
        self.state.budgets[owner, token] = balance

    def vault_withdrawn(self, owner: int, token: int, _to: int, _amount: int, balance: int) -> None:
        self.state.budgets[owner, token] = balance

    def session_opened(self, session_id: int, owner: int, _agent: int, token: int, *_rest: int) -> None:
        self.state.sessions[session_id] = SessionState(open=1)
        self._sessions[session_id] = owner, token

    def session_closed(self, session_id: int, _owner: int, _spent: int) -> None:
        kept = self.state.sessions.get(session_id, SessionState())
        self.state.sessions[session_id] = kept._replace(open=0, closed=1)

    def session_purchased(
        self,
        session_id: int,
        _license: int,
        _work: int,
        _price: int,
        spent: int,
        window: int,
        window_spent: int,
        balance: int,
    ) -> None:
        self.state.sessions[session_id] = SessionState(1, 0, spent, window, window_spent)
        self.state.budgets[self._sessions[session_id]] = balance


class Disputes(Follower):
    def flagged(self, recording: int, _arbiter: int, until: int, count: int, _reason: int) -> None:
        self.state.flags[recording] = Flag(until, count)

    def flag_lifted(self, recording: int, _arbiter: int, until: int, count: int) -> None:
        self.state.flags[recording] = Flag(until, count)


class Roles(Follower):
    def role_granted(self, role: int, account: int, _sender: int) -> None:
        self.state.roles[role, account] = 1

    def role_revoked(self, role: int, account: int, _sender: int) -> None:
        del self.state.roles[role, account]

    def min_delay_change(self, _old: int, new: int) -> None:
        self.state.settings["minDelay"] = new

    def call_scheduled(
        self, operation: int, _index: int, _target: int, _value: int, _data: bytes, _before: int, delay: int
    ) -> None:
        self.state.operations[operation] = self.time + delay

    def call_executed(self, operation: int, _index: int, _target: int, _value: int, _data: bytes) -> None:
        self.state.operations[operation] = 1

    def cancelled(self, operation: int) -> None:
        del self.state.operations[operation]


def _followers(state: State) -> list[Follower]:
    kinds = (StemRegistry, IPNFT, RoyaltySplitter, Licenses, LicenseManager, SessionVault, Disputes, Roles)
    return [kind(state) for kind in kinds]


@cache
def _snake(name: str) -> str:
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()
