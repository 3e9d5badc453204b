"""Blocks and pins in a folder."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from stemma.cid import DAG_PB, Cid, decode_node


class BlockMissing(Exception):
    """No such block in this folder. The sentence is Kubo's."""

    def __init__(self, cid: Cid) -> None:
        super().__init__(f"block was not found locally (offline): ipld: could not find {cid}")


class BlockStore:
    """One file per block, and one empty file per recursive pin; a file appears by rename."""

    def __init__(self, folder: Path) -> None:
        self._blocks = folder / "blocks"
        self._pins = folder / "pins"
        self._drafts = folder / "drafts"
        for each in (self._blocks, self._pins, self._drafts):
            each.mkdir(parents=True, exist_ok=True)

    def put(self, cid: Cid, block: bytes) -> None:
        """Keep a block."""
        path = self._path(cid)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            self._write(path, block)

    def get(self, cid: Cid) -> bytes:
        """The block. Raises BlockMissing."""
        try:
            return self._path(cid).read_bytes()
        except FileNotFoundError as error:
            raise BlockMissing(cid) from error

    def size(self, cid: Cid) -> int:
        """Length of the block in bytes. Raises BlockMissing."""
        try:
            return self._path(cid).stat().st_size
        except FileNotFoundError as error:
            raise BlockMissing(cid) from error

    def pin(self, cid: Cid) -> None:
        """Keep a tree for good. Raises BlockMissing when it is not all here."""
        for _ in self._tree(cid):
            pass
        self._write(self._pins / str(cid), b"")

    def unpin(self, cid: Cid) -> bool:
        """Take a pin away; False when there was none."""
        try:
            (self._pins / str(cid)).unlink()
        except FileNotFoundError:
            return False
        return True

    def is_pinned(self, cid: Cid) -> bool:
        """Whether this is the root of a recursive pin."""
        return (self._pins / str(cid)).exists()

    def pins(self) -> list[Cid]:
        """All recursive pins, sorted."""
        return sorted(Cid.parse(path.name) for path in self._pins.iterdir())

    def collect_garbage(self) -> list[Cid]:
        """Drop every block below no pin; which those were."""
        kept = {cid for pin in self.pins() for cid in self._tree(pin)}
        dropped = [cid for path in self._blocks.glob("*/*") if (cid := Cid.parse(path.name)) not in kept]
        for cid in dropped:
            self._path(cid).unlink()
        return dropped

    def _tree(self, cid: Cid) -> Iterator[Cid]:
        self.size(cid)
        yield cid
        if cid.codec == DAG_PB:
            for link in decode_node(self.get(cid)).links:
                yield from self._tree(link.cid)

    def _path(self, cid: Cid) -> Path:
        return self._blocks / str(cid)[-2:] / str(cid)

    def _write(self, path: Path, content: bytes) -> None:
        draft = self._drafts / f"{os.getpid()}-{secrets.token_hex(8)}"
        draft.write_bytes(content)
        draft.replace(path)
