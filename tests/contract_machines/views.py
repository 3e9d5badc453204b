"""What the contracts' views must answer, by the reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.contract_machines.reference.house import House
from tests.contract_machines.reference.state import Exclusivity, SessionState
from tests.contract_machines.reference.words import recording_of

TITLE = 255
Expected = tuple[str, str, tuple[Any, ...], Any]
"""Contract, view, arguments, answer."""


def expected_views(house: House, works: Sequence[int]) -> Iterator[Expected]:
    """The answers about these works, and about whatever else the books have."""
    yield from _of_works(house, works)
    yield from _of_money(house)
    yield from _of_licenses(house)
    for session_id, kept in house.state.sessions.items():
        yield "SessionVault", "stateOf", (session_id,), tuple(SessionState(*kept))
    for (owner, token), balance in house.state.budgets.items():
        yield "SessionVault", "balanceOf", (owner, token), balance


def _of_works(house: House, works: Sequence[int]) -> Iterator[Expected]:
    titles = house.titles
    for work in works:
        yield "StemRegistry", "exists", (work,), 1
        yield "StemRegistry", "stackOf", (work,), house.registry.stack(work)
        standing = (titles.holder(work), titles.epoch(work), titles.coverage(work), titles.version(work))
        yield "IPNFT", "standingOf", (work,), standing
        yield "Disputes", "isFlagged", (work,), int(house.disputes.is_flagged(work))


def _of_money(house: House) -> Iterator[Expected]:
    ledger = house.ledger
    for (work, token), account in house.state.accounts.items():
        yield "RoyaltySplitter", "accountOf", (work, token), tuple(account)
        for slot in (TITLE, 0, 1):
            yield "RoyaltySplitter", "available", (work, token, slot), ledger.available(work, token, slot)
            yield "RoyaltySplitter", "drawnOf", (work, token, slot), ledger.drawn(work, token, slot)
        recording = recording_of(work)
        yield "RoyaltySplitter", "titlePpmOf", (recording,), ledger.ppm_of(recording, TITLE)
    for (descendant, ancestor, token), amount in house.state.moved.items():
        yield "RoyaltySplitter", "movedOf", (descendant, ancestor, token), amount
    for token in house.state.tokens:
        surplus = house.balance(token, ledger.address) - ledger.liabilities(token)
        yield "RoyaltySplitter", "liabilitiesOf", (token,), ledger.liabilities(token)
        yield "RoyaltySplitter", "surplusOf", (token,), surplus
        yield "RoyaltySplitter", "isAccepted", (token,), house.state.tokens[token].accepted
        yield "RoyaltySplitter", "feesOf", (token,), tuple(house.state.fees.get(token, (0, 0)))


def _of_licenses(house: House) -> Iterator[Expected]:
    state = house.state
    for license_id, s in state.snapshots.items():
        whole = (
            s.work,
            s.coverage,
            s.kind,
            s.transferable,
            s.terms,
            s.version,
            s.granted_at,
            s.expires_at,
            s.remix_ppm,
            state.remixes.get(license_id, 0),
        )
        yield "Licenses", "licenseOf", (license_id,), whole
        yield "Licenses", "isValid", (license_id,), int(house.licenses.is_valid(license_id))
        yield "Licenses", "ownerOf", (license_id,), state.license_owners[license_id]
    for (work, terms_id), entry in state.listings.items():
        attachment = (entry.title_epoch, entry.price, 1) if entry.attached else (0, 0, 0)
        yield "LicenseManager", "attachmentOf", (work, terms_id), attachment
        yield "LicenseManager", "grantedOf", (work, terms_id), entry.granted
    for (recording, kind), running in state.exclusivities.items():
        yield "LicenseManager", "exclusivityOf", (recording, kind), tuple(Exclusivity(*running))
