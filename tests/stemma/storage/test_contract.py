"""What every place promises, tested on each."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stemma.cid import CHUNK_SIZE, Cid, identify
from stemma.storage import Blob, Corrupt, NotFound, RangeOutside, TooLarge

if TYPE_CHECKING:
    from tests.stemma.storage.conftest import Place

pytestmark = pytest.mark.anyio

NOWHERE = identify(b"never stored").cid
DIRECTORY_NOWHERE = Cid(0x70, hashlib.sha256(b"never stored").digest())


class CutOff(Exception):
    """The other side went away."""


async def stream(data: bytes, step: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), step):
        yield data[start : start + step]


async def cut_off_stream(data: bytes) -> AsyncIterator[bytes]:
    yield data
    raise CutOff


async def gather_into(received: bytearray, pieces: AsyncIterator[bytes]) -> None:
    async for piece in pieces:
        received += piece


async def gather(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * 1_048_576])
async def test_what_is_put_comes_back_under_its_names(place: Place, content: bytes, size: int) -> None:
    data = content[:size]
    async with place.open() as storage:
        blob = await storage.put(stream(data, 65_537), private=place.private)
        assert blob == identify(data)
        assert await gather(await storage.read(blob.cid)) == data
        assert await storage.read_verified(blob.cid, size) == data
        stat = await storage.stat(blob.cid)
        assert (stat.cid, stat.size, stat.private) == (blob.cid, size, place.private)
        assert place.kept() == {str(blob.cid)}


async def test_bytes_files_and_streams_are_the_same_object(place: Place, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "song.flac"
    path.write_bytes(content)
    async with place.open() as storage:
        blobs = [
            await storage.put(source, private=place.private) for source in (content, path, stream(content, 999_983))
        ]
    assert set(blobs) == {identify(content)}
    assert place.kept() == {str(blobs[0].cid)}
    assert path.read_bytes() == content


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 3 * 1_048_576 + 77), max_size=20))
def test_pieces_of_any_length_even_none_make_the_same_object(
    local_place: Place, content: bytes, cuts: list[int]
) -> None:
    async def cut() -> AsyncIterator[bytes]:
        for start, end in itertools.pairwise([0, *sorted(cuts), len(content)]):
            yield content[start:end]

    async def store() -> None:
        async with local_place.open() as storage:
            assert await storage.put(cut(), private=True) == identify(content)

    anyio.run(store)


async def test_ranges(place: Place, content: bytes) -> None:
    async with place.open() as storage:
        blob = await storage.put(content, private=place.private)

        @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(start=positions(len(content)), length=st.integers(0, 600_000))
        def same_as_a_slice(start: int, length: int) -> None:
            ranges.append((start, start + length))

        ranges: list[tuple[int, int]] = []
        same_as_a_slice()
        for start, end in ranges:
            assert await gather(await storage.read(blob.cid, start, end)) == content[start:end]
        assert await gather(await storage.read(blob.cid, 1)) == content[1:]
        assert await gather(await storage.read(blob.cid, len(content))) == b""


def positions(size: int) -> st.SearchStrategy[int]:
    """Offsets in a file, often at or beside the edge of a chunk."""
    edges = st.builds(
        lambda chunk, delta: chunk * CHUNK_SIZE + delta, st.integers(0, size // CHUNK_SIZE), st.integers(-1, 1)
    )
    return st.one_of(st.integers(0, size), edges.map(lambda edge: min(max(edge, 0), size)))


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 2), (5, None), (5, 9)])
async def test_ranges_outside_the_file_are_refused_before_the_first_byte(
    place: Place, start: int, end: int | None
) -> None:
    async with place.open() as storage:
        blob = await storage.put(b"stem", private=place.private)
        with pytest.raises(RangeOutside) as caught:
            await storage.read(blob.cid, start, end)
    assert caught.value.extra == {"size": 4}


async def test_what_was_never_stored_is_not_found(place: Place) -> None:
    async with place.open() as storage:
        for cid in (NOWHERE, DIRECTORY_NOWHERE):
            with pytest.raises(NotFound):
                await storage.read(cid)
            with pytest.raises(NotFound):
                await storage.stat(cid)
            with pytest.raises(NotFound):
                await storage.read_verified(cid, 100)
            with pytest.raises(NotFound):
                await storage.resolve(cid, "0.json")
            await storage.delete(cid, private=place.private)


async def test_deleting_forgets_and_putting_again_restores(place: Place, content: bytes) -> None:
    async with place.open() as storage:
        blob = await storage.put(content, private=place.private)
        await storage.delete(blob.cid, private=place.private)
        place.forget()
        assert place.kept() == set()
        with pytest.raises(NotFound):
            await storage.stat(blob.cid)
        await storage.delete(blob.cid, private=place.private)
        assert await storage.put(content, private=place.private) == blob
        assert await storage.read_verified(blob.cid, len(content)) == content


async def test_a_stream_that_is_cut_off_leaves_nothing(place: Place, content: bytes) -> None:
    async with place.open() as storage:
        with pytest.raises(CutOff):
            await storage.put(cut_off_stream(content), private=place.private)
        assert place.kept() == set()
        assert leftovers(place) == []
        assert (await storage.put(content, private=place.private)).size == len(content)


async def test_a_cancelled_put_leaves_nothing(place: Place, content: bytes) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield content
        await anyio.sleep_forever()

    async with place.open() as storage:
        with anyio.move_on_after(0.3) as scope:
            await storage.put(stalled(), private=place.private)
        assert scope.cancelled_caught
        assert place.kept() == set()
        assert leftovers(place) == []


async def test_a_file_over_the_limit_leaves_nothing(place: Place, content: bytes) -> None:
    async with place.open() as storage:
        with pytest.raises(TooLarge):
            await storage.put(stream(content, 65_536), private=place.private, max_bytes=len(content) - 1)
        assert place.kept() == set()
        assert leftovers(place) == []
        await storage.put(stream(content, 65_536), private=place.private, max_bytes=len(content))


async def test_reading_into_memory_is_limited(place: Place) -> None:
    async with place.open() as storage:
        blob = await storage.put(b"stem", private=place.private)
        with pytest.raises(TooLarge):
            await storage.read_verified(blob.cid, 3)
        with pytest.raises(TooLarge):
            async with storage.download(blob.cid, max_bytes=3):
                pass


async def test_a_file_appears_whole_or_not_at_all(local_place: Place, content: bytes) -> None:
    """Looked at from another thread all the while, the stored file never has another length than its own."""
    long_content = content * 8
    blob = identify(long_content)
    root = Path(local_place.storage_url.removeprefix("file://"))
    path = root / "private" / "files" / str(blob.cid)[-2:] / str(blob.cid)
    lengths: set[int] = set()
    stored = threading.Event()

    def watch() -> None:
        while not stored.is_set():
            with suppress(FileNotFoundError):
                lengths.add(path.stat().st_size)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        async with local_place.open() as storage:
            for _ in range(3):
                await storage.put(long_content, private=True)
            await anyio.sleep(0.05)
    finally:
        stored.set()
        watcher.join()
    assert lengths == {blob.size}


async def test_concurrent_puts_of_the_same_and_of_other_content(place: Place, content: bytes) -> None:
    variants = [content[index:] for index in range(3)]
    found: list[Blob] = []
    async with place.open() as storage, place.open() as other, anyio.create_task_group() as tasks:

        async def put(index: int) -> None:
            writer = storage if index % 2 else other
            found.append(await writer.put(stream(variants[index % 3], 300_007), private=place.private))

        for index in range(12):
            tasks.start_soon(put, index)
    expected = {identify(variant) for variant in variants}
    assert set(found) == expected
    assert place.kept() == {str(blob.cid) for blob in expected}
    async with place.open() as storage:
        for blob, variant in zip(map(identify, variants), variants, strict=True):
            assert await storage.read_verified(blob.cid, blob.size) == variant


@pytest.mark.parametrize("size", [4, 3 * 1_048_576])
async def test_a_flipped_bit_is_refused(place: Place, content: bytes, size: int, tmp_path: Path) -> None:
    async with place.open() as storage:
        blob = await storage.put(content[:size], private=place.private)
        place.damage(blob.cid)
        with pytest.raises(Corrupt):
            await storage.read_verified(blob.cid, size)
        received = bytearray()
        pieces = await storage.read(blob.cid)
        with pytest.raises(Corrupt):
            await gather_into(received, pieces)
        assert len(received) < size, "a whole damaged file must not be given out"
        with pytest.raises(Corrupt):
            async with storage.download(blob.cid):
                pass


async def test_a_download_is_a_verified_file_that_goes_away(place: Place, content: bytes) -> None:
    async with place.open() as storage:
        blob = await storage.put(content, private=place.private)
        async with storage.download(blob.cid) as path:
            assert path.read_bytes() == content
        assert not path.exists()


async def test_directories(place: Place) -> None:
    async with place.open() as storage:
        blobs = {f"{kind}.json": await storage.put(b'{"kind":%d}' % kind, private=False) for kind in range(7)}
        directory = await storage.put_directory(blobs)
        assert str(directory.cid) == "bafybeihdzwqn6oqv5t3nezoueii7uqihckrxnar2ngunbg7zqkw6ta7cm4"
        assert directory == await storage.put_directory(dict(reversed(blobs.items())))
        for name, blob in blobs.items():
            assert await storage.resolve(directory.cid, name) == blob.cid
        for name in ("7.json", "", "../0.json"):
            with pytest.raises(NotFound):
                await storage.resolve(directory.cid, name)
        with pytest.raises(NotFound):
            await storage.read(directory.cid)
        with pytest.raises(NotFound):
            await storage.resolve(blobs["0.json"].cid, "0.json")
        await storage.delete(directory.cid, private=False)
        for blob in blobs.values():
            await storage.delete(blob.cid, private=False)
        place.forget()
        with pytest.raises(NotFound):
            await storage.resolve(directory.cid, "0.json")


async def test_a_directory_of_large_files_has_the_right_totals(place: Place, content: bytes) -> None:
    """An IPFS node computes these totals itself when it adds the folder; they are part of the CID."""
    async with place.open() as storage:
        blob = await storage.put(content, private=False)
        directory = await storage.put_directory({"song.flac": blob})
        assert await storage.resolve(directory.cid, "song.flac") == blob.cid


async def test_a_directory_needs_its_entries(place: Place) -> None:
    async with place.open() as storage:
        hidden = await storage.put(b"an original", private=True)
        for entry in (identify(b"never stored"), hidden):
            with pytest.raises(NotFound):
                await storage.put_directory({"0.json": entry})


def leftovers(place: Place) -> list[str]:
    """Staged files of this place that nobody removed; those of other tests' processes do not count."""
    if place.name != "local":
        return []
    root = Path(place.storage_url.removeprefix("file://"))
    return [str(path) for path in root.glob("*/incoming/*")]
