"""What a place that keeps files must be able to do."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from stemma.cid import Blob, Cid


class Backend(Protocol):
    """Keeps files and directories by CID. ``Storage`` stages, hashes and verifies; a backend only keeps and gives.

    Every method raises Unavailable when the place cannot be reached.
    """

    @property
    def staging(self) -> Path:
        """The folder in which files are staged before ``publish``."""
        ...

    async def publish(self, staged: Path, blob: Blob) -> None:
        """Make a complete, hashed file visible under ``blob.cid``, whole or not at all; may move it away.

        Publishing what is there already changes nothing.
        """
        ...

    async def publish_directory(self, cid: Cid, block: bytes) -> None:
        """Keep the dag-pb block of a directory whose entries are published."""
        ...

    async def size(self, cid: Cid) -> int:
        """Length of a file in bytes. Raises NotFound."""
        ...

    def read(self, cid: Cid, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes [start, end) of a file, 0 <= start < end <= size, not verified. Raises NotFound."""
        ...

    async def directory(self, cid: Cid) -> bytes:
        """The dag-pb block of a directory, not verified. Raises NotFound."""
        ...

    async def holds(self, cid: Cid) -> bool:
        """Whether this very place keeps the file or directory; never asks a network for it."""
        ...

    async def delete(self, cid: Cid) -> None:
        """Stop keeping a file or directory. Deleting what is not there changes nothing."""
        ...

    async def aclose(self) -> None:
        """Give back connections."""
        ...
