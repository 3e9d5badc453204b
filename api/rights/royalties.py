"""Royalty tables, proofs against the roots on chain, and what is due and owed."""

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api.catalog import presentation
from api.rights import repository
from api.rights.errors import NotAnAncestor, RoyaltyTableMismatch
from api.rights.presentation import plain
from api.rights.schemas import (
    AccountView,
    Call,
    ClaimCall,
    DueView,
    EntryView,
    OwedView,
    RemixRoom,
    Royalties,
    RoyaltyProof,
)
from api.rights.service import recording_row
from stemma import works
from stemma.catalog import views
from stemma.chain.royalties import MAX_ANCESTORS, MAX_STACK_PPM, Entry, RoyaltyTable
from stemma.works import WorkId

_WHOLE_PPM = 1_000_000
_CLAIM = "claim(uint224,uint224,uint32,bytes32[],address)"
_CLAIM_SELECTOR = keccak(_CLAIM.encode())[:4]
_CLAIM_TYPES = ("uint224", "uint224", "uint32", "bytes32[]", "address")


async def royalties(connection: AsyncConnection, work_id: WorkId) -> Royalties:
    """Return a work's royalty table, its ledger and its recording's, and what that owes to whom.

    Raises:
        WorkNotFound, CatalogNotReady: as `recording_row`.
        RoyaltyTableMismatch: the index contradicts the chain.
    """
    row = await recording_row(connection, work_id)
    recording_id = bytes(row.recording_id)
    entries = await repository.table(connection, recording_id)
    _checked(row, entries)
    accounts = await repository.ledger(connection, recording_id)
    dues = await repository.dues_of(connection, recording_id)
    owed = await repository.owed_of(connection, recording_id)
    return Royalties(
        as_of=presentation.as_of(row),
        work_id=works.to_hex(work_id),
        recording_id=presentation.hexed(recording_id),
        root=None if row.table_root is None else presentation.hexed(row.table_root),
        stack_ppm=row.stack_ppm,
        own_ppm=_WHOLE_PPM - row.stack_ppm,
        entries=[
            EntryView(
                ancestor_id=presentation.hexed(each.ancestor_id),
                ancestor_recording_id=presentation.hexed(each.ancestor_recording_id),
                ppm=each.ppm,
            )
            for each in entries
        ],
        remix_room=RemixRoom(
            ppm=MAX_STACK_PPM - row.stack_ppm if row.ancestor_count < MAX_ANCESTORS else 0,
            ancestors=MAX_ANCESTORS - row.ancestor_count,
        ),
        accounts=[AccountView(**_own(each, views.accounts, "recording_id")) for each in accounts],
        dues=[DueView(**_due(each)) for each in dues],
        owed=[OwedView(**_own(each, views.owed, "recording_id")) for each in owed],
        flagged_until=row.flagged_until,
    )


async def proof(connection: AsyncConnection, work_id: WorkId, ancestor: WorkId, splitter: str | None) -> RoyaltyProof:
    """Return the proof of an ancestor's entry, and per token the transaction that claims what is due by it.

    ``work_id`` is the descendant, a recording or a stem. ``splitter``: the RoyaltySplitter's address, if known.

    Raises:
        WorkNotFound, CatalogNotReady: as `recording_row`.
        NotAnAncestor: the work has no entry.
        RoyaltyTableMismatch: the index contradicts the chain.
    """
    row = await recording_row(connection, work_id)
    recording_id = bytes(row.recording_id)
    table = _checked(row, await repository.table(connection, recording_id))
    ppm = table.ppm_of(ancestor)
    if not ppm:
        raise NotAnAncestor(f"{works.to_hex(ancestor)} gets nothing of the revenue of {works.to_hex(work_id)}")
    siblings = table.proof(ancestor)
    dues = await repository.dues_of(connection, recording_id, ancestor=works.to_bytes(ancestor))
    descendant = works.to_bytes(work_id)
    return RoyaltyProof(
        as_of=presentation.as_of(row),
        work_id=works.to_hex(work_id),
        recording_id=presentation.hexed(recording_id),
        ancestor_id=works.to_hex(ancestor),
        ppm=ppm,
        entry=f"0x{Entry(ancestor, ppm).word:064x}",
        proof=[presentation.hexed(each) for each in siblings],
        root=presentation.hexed(table.root),
        claims=[
            ClaimCall(**_due(each), call=_claim(splitter, work_id, Entry(ancestor, ppm), siblings, each.token))
            for each in dues
            if bytes(each.descendant_id) == descendant
        ],
    )


def _checked(row: Row[Any], entries: Sequence[Row[Any]]) -> RoyaltyTable:
    """Return the table, if it makes up the root that the registry keeps."""
    table = RoyaltyTable(tuple(Entry(works.from_bytes(bytes(each.ancestor_id)), each.ppm) for each in entries))
    expected = None if row.table_root is None else bytes(row.table_root)
    if (table.root if entries else None) != expected or table.stack_ppm != row.stack_ppm:
        raise RoyaltyTableMismatch(
            f"the {len(entries)} indexed entries of {presentation.hexed(row.recording_id)} do not make up its root;"
            " run `stemma indexer verify`"
        )
    return table


def _claim(splitter: str | None, work: WorkId, entry: Entry, siblings: list[bytes], token: bytes) -> Call | None:
    if splitter is None:
        return None
    in_token = to_checksum_address(bytes(token))
    arguments = (int(work), int(entry.work), entry.ppm, siblings, in_token)
    shown = [works.to_hex(work), works.to_hex(entry.work), entry.ppm, [presentation.hexed(each) for each in siblings]]
    return Call(
        to=splitter,
        function=_CLAIM,
        arguments=[*shown, in_token],
        data=presentation.hexed(_CLAIM_SELECTOR + encode(_CLAIM_TYPES, arguments)),
    )


def _due(row: Row[Any]) -> dict[str, Any]:
    return _own(row, views.dues, "recording_id", "ancestor_recording_id")


def _own(row: Row[Any], view: Any, *left_out: str) -> dict[str, Any]:
    return {name: value for name, value in plain(row, view).items() if name not in left_out}
