"""The state as the logs alone tell it: what an indexer could know that never asks the chain for anything but logs.

No rule is applied here. A log says what became so; where a log leaves a word untold, nothing here makes it up.
"""

from __future__ import annotations

from collections.abc import Callable
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
        self.block = 0
        self.time = 0
        self._sessions = self.state.add_book()
        """session -> owner, token."""

    def apply(self, log: Log, block: int, time: int) -> None:
        """One more log. Logs of contracts that are none of the house's are not looked at."""
        self.block, self.time = block, time
        handler: Callable[..., None] | None = getattr(self, f"_{log.contract}_{log.event}", None)
        if handler is not None:
            handler(*log.arguments)

    # ------------------------------------------------------------------ StemRegistry

    def _StemRegistry_CommitmentMade(self, commitment: int) -> None:
        self.state.commitments[commitment] = self.block

    def _StemRegistry_RecordingRegistered(
        self, recording: int, creator: int, _attestor: int, _content: int, _credits: int, _codec: int, resale: int
    ) -> None:
        self.state.recordings[recording] = Recording(creator, 0, resale, self.block, 0)

    def _StemRegistry_RoyaltyTableFixed(self, recording: int, root: int, stack: int, count: int) -> None:
        self.state.tables[recording] = Table(root, stack, count)

    def _StemRegistry_SeparationCommitted(
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

    def _StemRegistry_BatchAnchored(self, root: int, attestor: int, count: int, _manifest: int, _codec: int) -> None:
        self.state.batches[root] = Batch(attestor, self.block, count)

    # ------------------------------------------------------------------ IPNFT

    def _IPNFT_Transfer(self, sender: int, to: int, work: int) -> None:
        self.state.title_owners[work] = to
        if sender:
            self.state.transfers[work] = self.state.transfers.get(work, 0) + 1

    def _IPNFT_TitleMinted(self, work: int, holder: int, minter: int, version: int, metadata: int) -> None:
        self.state.titles[work] = Title(version, metadata)
        if kind_of(work):
            mask = self.state.minted_stems.get(recording_of(work), 0)
            self.state.minted_stems[recording_of(work)] = mask | 1 << kind_of(work)
        elif holder != minter:
            self.state.transfers[work] = 1

    def _IPNFT_VersionAdopted(self, work: int, _holder: int, version: int, metadata: int) -> None:
        self.state.titles[work] = Title(version, metadata)

    def _IPNFT_PayoutSet(self, account: int, payout: int) -> None:
        self.state.payouts[account] = payout

    # ------------------------------------------------------------------ RoyaltySplitter

    def _RoyaltySplitter_SlotFixed(self, recording: int, account: int, slot: int, ppm: int) -> None:
        self.state.slots[recording, slot] = Slot(account, ppm)

    def _RoyaltySplitter_SlotReassigned(self, recording: int, _from: int, to: int, slot: int) -> None:
        self.state.slots[recording, slot] = self.state.slots[recording, slot]._replace(owner=to)

    def _RoyaltySplitter_Paid(
        self, work: int, token: int, _payer: int, amount: int, received: int, _reference: int
    ) -> None:
        self._account(work, token, received=received)
        self._token(token, paid_in=amount)

    def _RoyaltySplitter_Claimed(
        self, descendant: int, ancestor: int, token: int, _amount: int, moved: int, income: int
    ) -> None:
        self.state.moved[descendant, ancestor, token] = moved
        self._account(ancestor, token, income=income)

    def _RoyaltySplitter_Settled(self, work: int, token: int, _amount: int, own_moved: int, income: int) -> None:
        self._account(work, token, own_moved=own_moved, income=income)

    def _RoyaltySplitter_Withdrawn(
        self, work: int, token: int, _to: int, slot: int, amount: int, drawn: int
    ) -> None:
        if slot == TITLE:
            self._account(work, token, title_drawn=drawn)
        else:
            self.state.drawn[work, token, slot] = drawn
        self._token(token, paid_out=amount)

    def _RoyaltySplitter_NonceUsed(self, account: int, nonce: int) -> None:
        self.state.withdrawal_nonces[account, nonce] = 1

    def _RoyaltySplitter_FeeCredited(self, token: int, _work: int, amount: int, fees: int) -> None:
        self.state.fees[token] = self.state.fees.get(token, Fees())._replace(credited=fees)
        self._token(token, paid_in=amount)

    def _RoyaltySplitter_FeesWithdrawn(self, token: int, _to: int, amount: int, drawn: int) -> None:
        self.state.fees[token] = self.state.fees[token]._replace(drawn=drawn)
        self._token(token, paid_out=amount)

    def _RoyaltySplitter_FeeRecipientChanged(self, recipient: int) -> None:
        self.state.settings["feeRecipient"] = recipient

    def _RoyaltySplitter_TokenAccepted(self, token: int) -> None:
        self.state.tokens[token] = self.state.tokens.get(token, Token())._replace(accepted=1)

    def _RoyaltySplitter_TokenStopped(self, token: int) -> None:
        self.state.tokens[token] = self.state.tokens[token]._replace(accepted=0)

    def _account(self, work: int, token: int, **changes: int) -> None:
        self.state.accounts[work, token] = self.state.accounts.get((work, token), Account())._replace(**changes)

    def _token(self, token: int, paid_in: int = 0, paid_out: int = 0) -> None:
        entry = self.state.tokens.get(token, Token())
        self.state.tokens[token] = Token(entry.paid_in + paid_in, entry.paid_out + paid_out, entry.accepted)

    # ------------------------------------------------------------------ Licenses

    def _Licenses_Transfer(self, _sender: int, to: int, license_id: int) -> None:
        self.state.license_owners[license_id] = to

    def _Licenses_LicenseGranted(
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

    def _Licenses_LicenseConsumed(self, license_id: int, _work: int, remix: int) -> None:
        self.state.remixes[license_id] = remix

    # ------------------------------------------------------------------ LicenseManager

    def _LicenseManager_TermsPublished(self, terms_id: int, *terms: Any) -> None:
        self.state.terms[terms_id] = Terms(*terms)

    def _LicenseManager_TermsAttached(
        self, work: int, terms_id: int, _holder: int, title_epoch: int, price: int
    ) -> None:
        listing = self.state.listings.get((work, terms_id), Listing())
        self.state.listings[work, terms_id] = Listing(price, title_epoch, 1, listing.granted)

    def _LicenseManager_TermsDetached(self, work: int, terms_id: int, _holder: int) -> None:
        listing = self.state.listings[work, terms_id]
        self.state.listings[work, terms_id] = Listing(0, 0, 0, listing.granted)

    def _LicenseManager_SignerDelegated(
        self, holder: int, signer: int, work: int, terms_id: int, epoch: int, floor_price: int, expiry: int
    ) -> None:
        self.state.delegations[holder, epoch, signer, work, terms_id] = Delegation(floor_price, expiry)

    def _LicenseManager_DelegationRevoked(
        self, holder: int, signer: int, work: int, terms_id: int, epoch: int
    ) -> None:
        del self.state.delegations[holder, epoch, signer, work, terms_id]

    def _LicenseManager_OfferUsed(self, seller: int, _license: int, _digest: int, nonce: int, used: int) -> None:
        self.state.offers_used[seller, nonce] = used

    def _LicenseManager_OfferCancelled(self, seller: int, nonce: int) -> None:
        self.state.offers_used[seller, nonce] = CANCELLED

    def _LicenseManager_SellerEpochRaised(self, seller: int, epoch: int) -> None:
        self.state.seller_epochs[seller] = epoch

    def _LicenseManager_LicenseSold(
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

    def _LicenseManager_ExclusivityGranted(
        self, recording: int, kind: int, work: int, coverage: int, until: int
    ) -> None:
        running = self.state.exclusivities.get((recording, kind), Exclusivity())
        if kind_of(work) == 0:
            running = running._replace(until=until, coverage=coverage)
        else:
            stems = list(running.stem_until)
            stems[kind_of(work) - 1] = until
            running = running._replace(stem_until=tuple(stems))
        self.state.exclusivities[recording, kind] = running

    def _LicenseManager_FeeChanged(self, fee_ppm: int) -> None:
        self.state.settings["feePpm"] = fee_ppm

    # ------------------------------------------------------------------ SessionVault

    def _SessionVault_Deposited(self, owner: int, token: int, _payer: int, _amount: int, balance: int) -> None:
        self.state.budgets[owner, token] = balance

    def _SessionVault_VaultWithdrawn(self, owner: int, token: int, _to: int, _amount: int, balance: int) -> None:
        self.state.budgets[owner, token] = balance

    def _SessionVault_SessionOpened(self, session_id: int, owner: int, _agent: int, token: int, *_rest: int) -> None:
        self.state.sessions[session_id] = SessionState(open=1)
        self._sessions[session_id] = owner, token

    def _SessionVault_SessionClosed(self, session_id: int, _owner: int, _spent: int) -> None:
        kept = self.state.sessions.get(session_id, SessionState())
        self.state.sessions[session_id] = kept._replace(open=0, closed=1)

    def _SessionVault_SessionPurchased(
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

    # ------------------------------------------------------------------ Disputes

    def _Disputes_Flagged(self, recording: int, _arbiter: int, until: int, count: int, _reason: int) -> None:
        self.state.flags[recording] = Flag(until, count)

    def _Disputes_FlagLifted(self, recording: int, _arbiter: int, until: int, count: int) -> None:
        self.state.flags[recording] = Flag(until, count)

    # ------------------------------------------------------------------ Roles

    def _Roles_RoleGranted(self, role: int, account: int, _sender: int) -> None:
        self.state.roles[role, account] = 1

    def _Roles_RoleRevoked(self, role: int, account: int, _sender: int) -> None:
        del self.state.roles[role, account]

    def _Roles_MinDelayChange(self, _old: int, new: int) -> None:
        self.state.settings["minDelay"] = new

    def _Roles_CallScheduled(
        self, operation: int, _index: int, _target: int, _value: int, _data: bytes, _before: int, delay: int
    ) -> None:
        self.state.operations[operation] = self.time + delay

    def _Roles_CallExecuted(self, operation: int, _index: int, _target: int, _value: int, _data: bytes) -> None:
        self.state.operations[operation] = 1

    def _Roles_Cancelled(self, operation: int) -> None:
        del self.state.operations[operation]
