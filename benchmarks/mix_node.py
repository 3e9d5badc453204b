"""A replay node whose chain has the catalog's mix of events: registrations, remixes, titles, licenses, money, sessions.

The chain is the one that the deterministic simulation of the tests draws, so that every projection is fed.
"""

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from replay_node import Replay, serve

from tests.indexer.scripted_chain import ScriptedChain

UNFINALIZED = 64


class MixReplay(Replay):
    """At least so many events of all kinds, final but for the last blocks."""

    def __init__(self, events: int, seed: int) -> None:
        chain = ScriptedChain(random.Random(seed), may_reorg=False)
        chain.has_log_times = True
        count = 0
        while count < events:
            chain.mine(1)
            count += len(chain.head.logs)
        self.events = count
        self.head = chain.head.number
        self.finalized = self.head - UNFINALIZED
        made = [block.as_json() for block in chain.blocks]
        self.block_bytes = [json.dumps(block).encode() for block in made]
        self.numbers = {block["hash"]: number for number, block in enumerate(made)}
        self.logs = [[json.dumps(log, separators=(",", ":")).encode() for log in block.logs] for block in chain.blocks]


@contextmanager
def replaying_mix(events: int, seed: int = 1) -> Iterator[tuple[str, int, int]]:
    """Serve a mix in a process of its own; yields its URL, its last final block, the events up to the head."""
    command = [sys.executable, __file__, str(events), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            events = json.loads(process.stdout.readline())
            served = json.loads(process.stdout.readline())
            yield served["url"], served["head"], events
        finally:
            process.kill()


if __name__ == "__main__":
    mix = MixReplay(*map(int, sys.argv[1:3]))
    print(mix.events, flush=True)
    asyncio.run(serve(mix))
