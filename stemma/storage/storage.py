"""The storage that every process uses: private and public files, by CID."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from stemma.cid import DAG_PB, Blob, Cid, CidError, ContentHasher, cumulative_size, decode_node, directory_block
from stemma.storage.backend import Backend
from stemma.storage.errors import Corrupt, NotFound, RangeOutside, TooLarge, Unavailable
from stemma.storage.staging import Source, staged


@dataclass(frozen=True, slots=True)
class Stat:
    """A stored file: its length in bytes, and whether it is kept only among the private files."""

    cid: Cid
    size: int
    private: bool


class Storage:
    """Files by CID in two backends: one for private and licensed files, one for public ones.

    What is put as private reaches only the private backend, and is looked for there first, so that an IPFS node never
    searches its network for it. All methods raise Unavailable when a backend cannot be reached.
    """

    def __init__(self, private: Backend, public: Backend) -> None:
        self._private = private
        self._public = public

    async def put(self, source: Source, *, private: bool, max_bytes: int | None = None) -> Blob:
        """Store a file; return its names. The same content twice is one object; concurrent puts of it are safe.

        Args:
            source: the bytes, a file on disk, or an asynchronous stream of pieces of any length. When the stream
                raises, or the caller is cancelled or killed, nothing is stored.
            private: keep it out of the public backend. Originals are always private.
            max_bytes: refuse longer files.

        Raises:
            TooLarge: the file is longer than ``max_bytes``.
        """
        backend = self._private if private else self._public
        async with staged(source, backend.staging, max_bytes) as (path, blob):
            await backend.publish(path, blob)
        return blob

    async def put_directory(self, entries: Mapping[str, Blob]) -> Blob:
        """Store a public UnixFS directory of public files {name: Blob}.

        Its CID is the directory's; ``sha256`` and ``size`` are those of its dag-pb block.

        Raises:
            NotFound: an entry is not among the public files.
            CidError: a name cannot be one path segment, or there are too many entries.
        """
        block = directory_block({name: (blob.cid, cumulative_size(blob.size)) for name, blob in entries.items()})
        for name, blob in entries.items():
            if not await self._public.holds(blob.cid):
                raise NotFound(f"The entry {name!r} ({blob.cid}) is not among the public files.")
        cid = Cid.of_block(DAG_PB, block)
        await self._public.publish_directory(cid, block)
        return Blob(sha256=cid.digest, cid=cid, size=len(block))

    async def stat(self, cid: Cid) -> Stat:
        """Length and privacy of a file. Raises NotFound."""
        backend, size = await self._find(cid)
        return Stat(cid=cid, size=size, private=backend is self._private and not await self._is_public(cid))

    async def read(self, cid: Cid, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Stream the bytes [start, end) of a file; ``end`` defaults to, and is cut to, its length.

        Await it for the errors that can be known before the first byte, then iterate. A whole file is checked against
        its CID on the way: when it does not match, the last piece is withheld and Corrupt raised. A part cannot be
        checked.

        Raises:
            NotFound: no such file.
            RangeOutside: not 0 <= start <= end, or start lies behind the file's end.
            Corrupt: while iterating over a whole file, see above.
        """
        backend, size = await self._find(cid)
        stop = size if end is None else min(end, size)
        if not 0 <= start <= stop:
            raise RangeOutside(f"The bytes {start} to {end} do not lie within the {size} bytes of the file.", size=size)
        if start == 0 and stop == size:
            return _verified(cid, backend.read(cid, 0, size) if size else _nothing())
        return _complete(cid, backend.read(cid, start, stop), stop - start) if start < stop else _nothing()

    async def read_verified(self, cid: Cid, max_bytes: int) -> bytes:
        """A whole file, checked against its CID.

        Raises:
            NotFound: no such file.
            TooLarge: it has more than ``max_bytes`` bytes.
            Corrupt: the stored bytes do not match the CID.
        """
        _, size = await self._find(cid)
        if size > max_bytes:
            raise TooLarge(f"The file {cid} has {size} bytes, more than {max_bytes}.", maxBytes=max_bytes)
        gathered = bytearray()
        async for piece in await self.read(cid):
            gathered += piece
            if len(gathered) > max_bytes:
                raise TooLarge(f"The file {cid} has more than {max_bytes} bytes.", maxBytes=max_bytes)
        return bytes(gathered)

    @asynccontextmanager
    async def download(self, cid: Cid, *, max_bytes: int | None = None) -> AsyncIterator[Path]:
        """A verified copy of a file on the local disk, removed at the end of the ``async with``.

        Raises:
            NotFound, TooLarge, Corrupt: as ``read_verified``.
        """
        async with staged(await self.read(cid), self._private.staging, max_bytes) as (path, _):
            yield path

    async def resolve(self, directory: Cid, name: str) -> Cid:
        """The CID under a name in a directory.

        Raises:
            NotFound: no such directory, or no such name in it.
            Corrupt: the stored block does not match the directory's CID.
        """
        if directory.codec != DAG_PB:
            raise NotFound(f"{directory} cannot be a directory.")
        block = await self._public.directory(directory)
        if Cid.of_block(DAG_PB, block) != directory:
            raise Corrupt(f"The block of the directory {directory} does not match its CID.")
        try:
            node = decode_node(block)
        except CidError as error:
            raise NotFound(f"{directory} is not a directory: {error}") from error
        for link in node.links if node.is_directory else ():
            if link.name == name:
                return link.cid
        raise NotFound(f"The directory {directory} has no entry {name!r}.")

    async def delete(self, cid: Cid, *, private: bool) -> None:
        """Stop keeping a file or directory among the private, or the public, ones; fine when it is not there."""
        await (self._private if private else self._public).delete(cid)

    async def aclose(self) -> None:
        """Give back connections."""
        await self._private.aclose()
        await self._public.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _is_public(self, cid: Cid) -> bool:
        """Whether a file that is among the private ones is public too; not, as long as nobody can tell."""
        try:
            return await self._public.holds(cid)
        except Unavailable:
            return False

    async def _find(self, cid: Cid) -> tuple[Backend, int]:
        try:
            return self._private, await self._private.size(cid)
        except NotFound:
            return self._public, await self._public.size(cid)


async def _verified(cid: Cid, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    hasher = ContentHasher()
    withheld = b""
    async for piece in pieces:
        if withheld:
            yield withheld
        hasher.update(piece)
        withheld = piece
    if hasher.finish().cid != cid:
        raise Corrupt(f"The stored bytes of {cid} do not match it.")
    if withheld:
        yield withheld


async def _complete(cid: Cid, pieces: AsyncIterator[bytes], expected: int) -> AsyncIterator[bytes]:
    received = 0
    async for piece in pieces:
        received += len(piece)
        yield piece
    if received != expected:
        raise Unavailable(f"The storage gave {received} of {expected} bytes of {cid}.")


async def _nothing() -> AsyncIterator[bytes]:
    no_pieces: tuple[bytes, ...] = ()
    for piece in no_pieces:
        yield piece
