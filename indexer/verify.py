"""Derives everything once more in scratch and compares row by row; compares with the contracts' storage.

One REPEATABLE READ transaction sees the index as of one block while the indexer goes on. Scratch are temporary tables
that shadow the real ones, so no right beyond the indexer's is needed, and nothing is left behind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed, Identifier

from indexer.calls import eth_call, get_block
from indexer.codecs import canonical_type
from indexer.derived import MIGRATE, Derived
from indexer.errors import Inconsistent, Stop
from indexer.kept_logs import kept_batches
from indexer.layout import Layout
from indexer.projection import Contract, Projections, Router, StoredValue
from indexer.rpc import Node
from indexer.tables import Facts, State

SHOWN = 5
CALLS_AT_ONCE = 500
_CURSOR = "select block_number, block_hash, history_block, contracts from {}"
# A log's block must be the one that the parent-hash chain has at its height, and the headers must be a chain.
_BROKEN_LOGS = """
select l.block_number, l.log_index from {logs} l join {headers} h on h.number = l.block_number
where h.hash <> l.block_hash limit %s
"""
_BROKEN_HEADERS = """
select h.number from {headers} h join {headers} p on p.number = h.number - 1 where p.hash <> h.parent_hash limit %s
"""
_STANDING = """
select event_name, block_number, block_hash, block_time, tx_hash, log_index, payload,
    sum(case when reverted then -1 else 1 end)::bigint as times
from {feed} group by 1, 2, 3, 4, 5, 6, 7 having sum(case when reverted then -1 else 1 end) <> 0
"""


@dataclass(slots=True)
class Verification:
    """What was compared as of one block, and what differs: sentences, the first few of each kind."""

    block_number: int
    block_hash: bytes
    logs: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    stored_values: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)


async def verify(
    database_url: str,
    chain: str,
    contracts: Sequence[Contract],
    projections: Projections,
    *,
    node: Node | None = None,
    advice: str = MIGRATE,
) -> Verification:
    """Compare the index in schema ``chain`` with what its raw logs say, and with the contracts' storage given a node.

    ``advice``: what to do where tables are missing.

    Raises:
        SchemaMissing: the schema is not there.
        Stop: there is nothing to verify, or a projection fails on the kept logs.
        TryAgain: the node has no state of the index's block.
    """
    options = f"-c timezone=UTC -c search_path={chain}"
    async with await AsyncConnection.connect(database_url, autocommit=True, options=options) as db:
        async with db.transaction():
            await db.execute("set transaction isolation level repeatable read")
            found = await _verify(db, chain, Router(contracts, projections), projections, advice)
            if node:
                # The scratch tables have the names of the real ones, and would be found first.
                await db.execute(SQL("set local search_path to {}, pg_temp").format(Identifier(chain)))
                await _compare_storage(db, node, contracts, projections.stored_values, found)
        return found


def report(found: Verification) -> str:
    """Return the lines for a person."""
    counted = (f"{name} {count}" for name, count in found.rows.items() if not name.endswith("_journal"))
    lines = [
        f"block       {found.block_number}  0x{found.block_hash.hex()}",
        f"derived     from {found.logs} logs: {', '.join(counted)}",
    ]
    if found.stored_values:
        lines.append(f"storage     {', '.join(f'{name} {count}' for name, count in found.stored_values.items())}")
    lines += [f"differs     {difference}" for difference in found.differences]
    return "\n".join([*lines, *([] if found.differences else ["verified    no difference"])])


async def _verify(
    db: AsyncConnection, chain: str, router: Router, projections: Projections, advice: str
) -> Verification:
    derived = Derived(db, router, wants_documents=False, advice=advice)
    layouts = await derived.open(chain)
    cursor = await (await db.execute(SQL(_CURSOR).format(Identifier(chain, "cursor")))).fetchone()
    if cursor is None:
        raise Stop("nothing is indexed yet, so there is nothing to verify")
    number, block_hash, history, contracts = cursor
    if contracts != router.addresses_by_name:
        raise Stop(f"the index was made from the contracts {contracts}, not {router.addresses_by_name}")
    found = Verification(number, block_hash)
    await _compare_chain(db, chain, found)
    for name in ("feed", *_table_names(projections, layouts)):
        await db.execute(
            SQL("create temporary table {} (like {} including all) on commit drop").format(
                Identifier(name), Identifier(chain, name)
            )
        )
    async for batch in kept_batches(db, chain, above=-1, last=number, journaled_from=history + 1):
        derivation = derived.prepare(batch, is_bulk=True)
        await derived.copy(derivation)
        await derived.write(derivation)
        found.logs += len(batch.logs)
    for name in _table_names(projections, layouts):
        window = SQL("where replaced_in > {}").format(history) if name not in derived_names(derived) else SQL("")
        rows = SQL("select {columns} from {table} {window}")
        columns = SQL(", ").join(map(Identifier, layouts[name].columns))
        kept, anew = (
            rows.format(columns=columns, table=table, window=window)
            for table in (Identifier(chain, name), Identifier("pg_temp", name))
        )
        await _compare(db, name, kept, anew, found)
    kept, anew = (SQL(_STANDING).format(feed=Identifier(schema, "feed")) for schema in (chain, "pg_temp"))
    await _compare(db, "feed", kept, anew, found)
    return found


def derived_names(derived: Derived) -> set[str]:
    """The tables that projections fill, without their journals."""
    return {layout.name for layout in derived.layouts}


def _table_names(projections: Projections, layouts: Mapping[str, Layout]) -> list[str]:
    names = []
    for table in projections.tables:
        names.append(table.name)
        if isinstance(table, State):
            names.append(layouts[table.name].journal)
        else:
            assert isinstance(table, Facts)
    return names


async def _compare_chain(db: AsyncConnection, chain: str, found: Verification) -> None:
    names = {name: Identifier(chain, name) for name in ("logs", "headers")}
    for number, log_index in await (await db.execute(SQL(_BROKEN_LOGS).format(**names), (SHOWN,))).fetchall():
        found.differences.append(f"log {log_index} of block {number} is of another block than the one at its height")
    for (number,) in await (await db.execute(SQL(_BROKEN_HEADERS).format(**names), (SHOWN,))).fetchall():
        found.differences.append(f"block {number} does not build on the one before it")


async def _compare(db: AsyncConnection, name: str, kept: Composed, anew: Composed, found: Verification) -> None:
    counted = await (await db.execute(SQL("select count(*) from ({}) rows").format(anew))).fetchone()
    assert counted is not None
    found.rows[name] = counted[0]
    for said, these, others in (("has", kept, anew), ("lacks", anew, kept)):
        async with db.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(SQL("{} except all {} limit %s").format(these, others), (SHOWN,))
            for row in await cursor.fetchall():
                found.differences.append(f"table {name} {said} {_shown(row)}")


def _shown(row: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{column}={'0x' + bytes(value).hex() if isinstance(value, bytes) else value}" for column, value in row.items()
    )


async def _compare_storage(
    db: AsyncConnection,
    node: Node,
    contracts: Sequence[Contract],
    stored_values: Sequence[StoredValue],
    found: Verification,
) -> None:
    by_name = {contract.name: contract for contract in contracts}
    (block,) = await node.call([get_block(found.block_number)])
    if block is None or bytes.fromhex(block.hash[2:]) != found.block_hash:
        raise Inconsistent(f"the node's block {found.block_number} is not the index's: a reorg, or another chain")
    for stored in stored_values:
        contract = by_name[stored.contract]
        name = f"{stored.contract}.{stored.function}"
        found.stored_values[name] = 0
        async with db.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(stored.rows)
            while rows := await cursor.fetchmany(CALLS_AT_ONCE):
                found.stored_values[name] += len(rows)
                found.differences += await _differing(node, contract, stored, rows, found.block_number)


async def _differing(
    node: Node, contract: Contract, stored: StoredValue, rows: Sequence[Mapping[str, Any]], block: int
) -> list[str]:
    """What the contract's storage says otherwise than these rows."""
    (function,) = [each for each in contract.abi if each["type"] == "function" and each["name"] == stored.function]
    inputs, outputs = (list(map(canonical_type, function[side])) for side in ("inputs", "outputs"))
    selector = keccak(f"{stored.function}({','.join(inputs)})".encode())[:4]
    expected = [stored.read(row) for row in rows]
    answers = await node.call(
        [eth_call(contract.address, selector + encode(inputs, arguments), block) for arguments, _ in expected]
    )
    differing = []
    for (arguments, value), answer in zip(expected, answers, strict=True):
        try:
            values = tuple(map(_plain, decode(outputs, bytes.fromhex(answer[2:]))))
        except DecodingError:
            values = (answer,)
        if values != (value if isinstance(value, tuple) else (value,)):
            given = ", ".join("0x" + each.hex() if isinstance(each, bytes) else hex(each) for each in arguments)
            differing.append(
                f"{stored.contract}.{stored.function}({given}) is {_text(values)} on chain, {_text(value)} in the index"
            )
    return differing


def _plain(value: Any) -> Any:
    """An address as bytes, as the index has it; a struct as a tuple."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    is_address = isinstance(value, str) and len(value) == 42 and value.startswith("0x")
    return bytes.fromhex(value[2:]) if is_address else value


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
