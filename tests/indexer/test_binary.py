"""Packed rows against Postgres itself: what is read back is what was packed, whatever the values."""

import struct
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.binary import compile_arrays, compile_pack, pack_logs, packed
from indexer.blocks import Log

INTEGERS = {bits: st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (16, 32, 64)}
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
COLUMNS: dict[str, tuple[int, st.SearchStrategy[Any]]] = {
    "boolean": (16, st.booleans()),
    "bytea": (17, st.binary()),
    "bigint": (20, INTEGERS[64]),
    "smallint": (21, INTEGERS[16]),
    "integer": (23, INTEGERS[32]),
    "text": (25, TEXTS),
    "timestamptz": (1184, TIMES),
    "numeric": (1700, st.integers(-(2**256), 2**256)),
    "jsonb": (3802, st.dictionaries(TEXTS, st.integers(-(2**60), 2**60) | TEXTS)),
}
ROWS = st.lists(st.tuples(*(st.none() | strategy for _, strategy in COLUMNS.values())), min_size=1)


@pytest.fixture(scope="module")
def connection(postgres):
    with psycopg.connect(postgres.url("postgres"), options="-c timezone=UTC") as connection:
        columns = ", ".join(f"c{position} {name}" for position, name in enumerate(COLUMNS))
        connection.execute(f"create temporary table packed (seq bigint generated always as identity, {columns})")
        yield connection


@given(rows=ROWS)
def test_postgres_reads_back_what_was_packed(connection, rows: list[tuple[Any, ...]]) -> None:
    pack = compile_pack([oid for oid, _ in COLUMNS.values()])
    assert pack is not None
    names = ", ".join(f"c{position}" for position in range(len(COLUMNS)))
    with (
        connection.transaction(force_rollback=True),
        connection.cursor() as cursor,
    ):
        with cursor.copy(f"copy packed ({names}) from stdin (format binary)") as copying:
            copying.write(packed(pack, rows))
        assert cursor.execute(f"select {names} from packed order by seq").fetchall() == rows


@given(rows=ROWS)
def test_postgres_reads_back_what_was_packed_as_arrays(connection, rows: list[tuple[Any, ...]]) -> None:
    pack = compile_arrays([oid for oid, _ in COLUMNS.values()])
    assert pack is not None
    arrays = ", ".join(f"%s::{name}[]" for name in COLUMNS)
    assert connection.execute(f"select * from unnest({arrays})", pack(rows)).fetchall() == rows


@given(st.sampled_from([(21, 16), (23, 32), (20, 64)]), st.booleans())
def test_an_integer_that_does_not_fit_is_refused(column: tuple[int, int], is_negative: bool) -> None:
    oid, bits = column
    pack, pack_arrays = compile_pack([oid]), compile_arrays([oid])
    assert pack is not None
    assert pack_arrays is not None
    value = -(2 ** (bits - 1)) - 1 if is_negative else 2 ** (bits - 1)
    with pytest.raises(struct.error):
        pack([value])
    with pytest.raises(struct.error):
        pack_arrays([(0,), (value,)])


def test_a_type_that_is_not_known_is_left_to_psycopg() -> None:
    assert compile_pack([20, 1009]) is None
    assert compile_arrays([20, 1009]) is None


WORD = st.binary(min_size=32, max_size=32)


@given(
    st.lists(
        st.tuples(st.integers(1, 3), INTEGERS[32], st.integers(0, 2), st.lists(WORD, max_size=4), st.binary()),
        max_size=8,
    )
)
def test_logs_are_packed_as_their_rows(found: list[tuple[int, int, int, list[bytes], bytes]]) -> None:
    pack = compile_pack([20, 23, 23, 1184, *[17] * 8])
    assert pack is not None
    hashes, addresses = [bytes([number]) * 32 for number in range(3)], [bytes([number]) * 20 for number in range(2)]
    at = datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC)
    logs = [
        Log(number, index, tx, at, hashes[number % 3], hashes[tx], addresses[tx % 2], tuple(topics), data)
        for number, index, tx, topics, data in found
    ]
    rows = [(*log[:7], *(*log.topics, None, None, None, None)[:4], log.data) for log in logs]
    assert pack_logs(logs) == packed(pack, rows)
