"""What the machines have in common: one world for all examples, which goes back to its beginning after each."""

from __future__ import annotations

import random
import sys
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from tests.contract_machines.reference.words import recording_of
from tests.contract_machines.scenery import Family, Scenery
from tests.contract_machines.world import NATIVE, World

DAY = 86_400
TITLE = 255

RECORDINGS = st.integers(0, 6)
"""Numbers of the family's recordings."""
WORKS = st.integers(0, 48)
"""Numbers of works: seven for each recording, itself first."""
PEOPLE = st.integers(0, 6)
"""Numbers of accounts that may own things; the last is the contract account."""
ANYWHERE = st.integers(0, 11)
"""Numbers of addresses that money may be sent to: accounts, then contracts that make trouble."""
SALTS = st.integers(0, 3)
WAITS = st.sampled_from([1, 1, 1, 1, 59, 3600, DAY])


class HouseMachine(RuleBasedStateMachine):
    """A machine over the house. ``world`` and ``family`` are set by whoever runs it."""

    world: ClassVar[World]
    scenery: ClassVar[Scenery]
    family: ClassVar[Family]

    def __init__(self) -> None:
        super().__init__()
        self.house = self.world.house
        self.cast = self.world.cast
        self.usdc = self.world.usdc
        self.tokens = (NATIVE, self.usdc)
        self.chance = random.Random(0)
        self.recordings = list(self.family.recordings)
        self.contents = self.scenery.contents
        self._separations = dict(self.scenery.separations)
        self._savepoint = self.world.savepoint()
        self._savepoint.__enter__()

    @classmethod
    def prepare(cls) -> None:
        """What a machine needs in its world, once for all examples."""

    @initialize(seed=st.integers(0, 2**32))
    def choose_orders(self, seed: int) -> None:
        """The orders in which the end of the example does things."""
        self.chance = random.Random(seed)

    def finish(self) -> None:
        """What a machine shows at the end of each example."""
        self.world.check()

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.finish()
        finally:
            self._savepoint.__exit__(None, None, None)
            self.scenery.separations.clear()
            self.scenery.separations.update(self._separations)

    # ------------------------------------------------------------------ numbers to things

    def recording(self, number: int) -> int:
        return self.recordings[number % len(self.recordings)]

    def work(self, number: int) -> int:
        return self.recording(number // 7) | number % 7

    def person(self, number: int) -> int:
        return self.cast.everyone[number]

    def place(self, number: int) -> int:
        """An address to send to."""
        others = (self.cast.refuser, self.cast.bomber, self.house.ledger.address, self.house.vault.address, 0)
        return (*self.cast.everyone, *others)[number]

    # ------------------------------------------------------------------ what several machines do

    def mint_title(self, work: int, to: int, sender: int) -> None:
        separation = self.scenery.separations[recording_of(work)]
        self.world.act("IPNFT", "mint", sender, work, to, separation.stems_root, separation.metadata_digest)

    def hand_title_on(self, work: int, to: int) -> None:
        """Whether or not it has been minted, its holder (of a recording's title, if it has none) tries."""
        holder = self.house.titles.holder(work)
        self.world.act("IPNFT", "transferFrom", holder, holder, to, work)
