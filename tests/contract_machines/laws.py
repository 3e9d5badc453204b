"""What no act whatever may do, checked on every cell that an accepted act changed.

The reference says what each act does; the laws say what follows for everybody else. The chain holds what the reference
holds, so a law of the one is a law of the other.
"""

from __future__ import annotations

from typing import Any

from tests.contract_machines.reference.house import House
from tests.contract_machines.reference.rules import PPM
from tests.contract_machines.reference.words import ANCESTORS_CAP, STACK_CAP, recording_of

FIXED = ("tables", "terms", "snapshots", "remixes", "batches", "commitments", "withdrawal_nonces")
"""Once written, never changed."""
RISING = ("accounts", "moved", "drawn", "fees", "transfers", "minted_stems", "offers_used", "seller_epochs")
"""No number in them ever falls."""
GOVERNED = ("attach", "detach")


def check_laws(house: House, contract: str, function: str, sender: int) -> None:
    """Check the act that the reference has just done. Raises AssertionError for what breaks a law."""
    for book, key, old, after in house.state.changes():
        if old is None and after is None:
            continue  # touched and left empty, as the table of a remix that owes nothing
        new = _zero_like(old) if after is None and old is not None else after
        where = f"{contract}.{function}: {book}[{key}] went from {old} to {new}"
        if book in FIXED:
            assert old is None or old == new, where
        if book in RISING and old is not None:
            assert all(a <= b for a, b in zip(_numbers(old), _numbers(new), strict=True)), where
        check = _CHECKS.get(book)
        if check is not None:
            check(house, (contract, function), sender, key, old, new, where)


def _zero_like(value: Any) -> Any:
    if isinstance(value, tuple):
        members = [_zero_like(member) for member in value]
        return type(value)(*members) if hasattr(value, "_fields") else tuple(members)
    return 0


def _numbers(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


# ---------------------------------------------------------------- one law per book


def _recording_keeps_its_origin(_house, _act, _sender, _key, old, new, where) -> None:
    if old is not None:
        assert (new[0], new[2:4]) == (old[0], old[2:4]), where
        assert new.version in {old.version, old.version + 1}, where


def _table_is_capped(_house, _act, _sender, _key, _old, new, where) -> None:
    assert new.stack_ppm <= STACK_CAP, where
    assert new.ancestor_count <= ANCESTORS_CAP, where


def _slot_is_its_owners(_house, act, sender, _key, old, new, where) -> None:
    if old is not None:
        assert act == ("RoyaltySplitter", "reassignSlot"), where
        assert (sender, new.ppm) == (old.owner, old.ppm), where


def _draws_stay_within(house, _act, _sender, key, _old, new, where) -> None:
    work, token, slot = key
    entitled = house.state.accounts[work, token].income * house.ledger.ppm_of(recording_of(work), slot) // PPM
    assert new <= entitled, where


def _account_stays_within(house, _act, _sender, key, _old, new, where) -> None:
    work, _ = key
    title = house.ledger.ppm_of(recording_of(work), 255)
    assert new.title_drawn <= new.income * title // PPM, where
    assert new.own_moved <= new.received, where


def _budget_is_its_owners(_house, act, sender, key, old, new, where) -> None:
    owner, _ = key
    if (new or 0) < (old or 0):
        by_owner = act == ("SessionVault", "withdraw") and sender == owner
        by_agent = act in {("SessionVault", "buy"), ("SessionVault", "buyWithOrder")}
        assert by_owner or by_agent, where


def _session_ends_once(_house, _act, _sender, _key, old, new, where) -> None:
    if old is not None:
        assert new.spent >= old.spent, where
        assert new.closed >= old.closed, where
        assert not new.open or not old.closed, where


def _listing_is_its_holders(house, act, sender, key, old, new, where) -> None:
    work, _ = key
    if old is not None and new[:3] != old[:3]:
        assert act[1] in GOVERNED, where
        assert sender == house.titles.holder(work), where
    assert old is None or new.granted >= old.granted, where


def _license_moves_by_its_terms(house, act, _sender, key, old, _new, where) -> None:
    if old is not None:
        assert act == ("Licenses", "transferFrom"), where
        assert house.state.snapshots[key].transferable, where
        assert key not in house.state.remixes, where


def _flag_is_an_arbiters(house, _act, sender, _key, _old, new, where) -> None:
    assert house.roles.is_arbiter(sender), where
    assert new.until <= house.now + 30 * 86_400, where
    assert new.count <= 3, where


def _role_waited(_house, act, _sender, _key, old, _new, where) -> None:
    allowed = {("Roles", "execute")} if old is None else {("Roles", "revokeAttestor"), ("Roles", "revokeArbiter")}
    assert act in allowed, where


_CHECKS = {
    "recordings": _recording_keeps_its_origin,
    "tables": _table_is_capped,
    "slots": _slot_is_its_owners,
    "drawn": _draws_stay_within,
    "accounts": _account_stays_within,
    "budgets": _budget_is_its_owners,
    "sessions": _session_ends_once,
    "listings": _listing_is_its_holders,
    "license_owners": _license_moves_by_its_terms,
    "flags": _flag_is_an_arbiters,
    "roles": _role_waited,
}
