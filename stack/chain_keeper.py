"""Saves the embedded chain whenever it has changed, so that its blocks, logs and receipts outlive anvil."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from pathlib import Path
from typing import Any

from stack.notices import notice
from stemma.chain.errors import ChainError
from stemma.chain.json_rpc import call_blocking

INTERVAL_SECONDS = 0.5
LOAD = 10
"""At most one part in so many of the time is spent saving: a long chain is saved less often."""


class ChainKeeper:
    """The file of one chain. A kill -9 of anvil takes back at most what came after the last save, as a reorg would."""

    def __init__(self, url: str, file: Path) -> None:
        self._url = url
        self._file = file
        self._saved_head: str | None = None
        self._failure = ""

    def save(self) -> None:
        """Save the chain if its head is not the saved one: blocks, receipts and the states of the newest blocks.

        :raises ChainError: anvil does not answer.
        :raises OSError: the file cannot be written.
        """
        head = str(call_blocking(self._url, "eth_getBlockByNumber", "latest", False)["hash"])
        if head == self._saved_head:
            return
        dump: str = call_blocking(self._url, "anvil_dumpState", True, timeout=60)
        state = json.loads(gzip.decompress(bytes.fromhex(dump.removeprefix("0x"))))
        # Each anvil makes a genesis block before it loads a chain and later dumps both, in any order; the next one
        # would take the last for block 0.
        genesis = int(call_blocking(self._url, "eth_getBlockByNumber", "0x0", False)["timestamp"], 16)
        state["blocks"] = [block for block in state["blocks"] if _number(block) or _timestamp(block) == genesis]
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps(state, separators=(",", ":")))
        draft.replace(self._file)
        self._saved_head = head

    async def run(self) -> None:
        """Keep saving, for ever. While anvil does not answer there is nothing to save."""
        while True:
            began = time.monotonic()
            await self.save_if_up()
            await asyncio.sleep(max(INTERVAL_SECONDS, (time.monotonic() - began) * LOAD))

    async def save_if_up(self) -> None:
        """Save once, unless anvil is down. That the disk takes nothing is said, once, and tried again later."""
        try:
            await asyncio.to_thread(self.save)
        except ChainError:
            return
        except OSError as error:
            if str(error) != self._failure:
                notice(f"the chain cannot be saved, what is new on it ends with anvil: {error}")
            self._failure = str(error)
        else:
            self._failure = ""


def _number(block: dict[str, Any]) -> int:
    return int(block["header"]["number"], 16)


def _timestamp(block: dict[str, Any]) -> int:
    return int(block["header"]["timestamp"], 16)
