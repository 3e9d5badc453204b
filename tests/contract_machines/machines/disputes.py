"""Flags, and the roles' other powers: what they stop, what they must not stop, and for how long."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.contract_machines.machines.machine import DAY, PEOPLE, RECORDINGS, TITLE
from tests.contract_machines.machines.selling import WAYS, SellingMachine
from tests.contract_machines.reference.messages import Parent
from tests.contract_machines.reference.roles import ARBITER, ATTESTOR, operation_id
from tests.contract_machines.reference.words import recording_of_content
from tests.contract_machines.scenery import separation_of

TOKENS = st.integers(0, 1)
FOCUS = st.integers(0, 13)
"""Works of the anthem and the ballad, to which everything happens."""
DEALS = st.integers(0, 7)
DAYS = st.sampled_from([-1, 1, 29, 30, 31])
STAFF = st.sampled_from(["arbiter", "arbiter", "arbiter", "guardian", "admin", "attestor"])
WAITS = st.sampled_from([0, 1, 3600, DAY, 29 * DAY, 30 * DAY, 89 * DAY, 90 * DAY, 91 * DAY])


class DisputeMachine(SellingMachine):
    """A flag stops new grants and withdrawals of one recording and its stems, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.edges = self.scenery.edges(self.recordings)
        self.remixes = 0
        self.waiting: list[tuple[int, bytes, int]] = []

    @initialize()
    def open_shop(self) -> None:
        """REMIX and STREAM licenses of the focus are on sale, and some are sold already."""
        for work in (self.family.anthem, self.family.anthem | 2, self.family.ballad):
            holder = self.house.titles.holder(work)
            for terms in (0, 2):
                self.set_price(holder, work, self.pool[terms].hash(), 1_000)
            arguments = (work, self.pool[2].hash(), [self.person(2), self.person(3)], 7)
            self.world.act("LicenseManager", "grantMany", holder, *arguments)

    # ------------------------------------------------------------------ flags

    @rule(recording=st.integers(0, 1), days=DAYS, extra=st.sampled_from([0, 0, 1]), who=STAFF)
    def flag(self, recording: int, days: int, extra: int, who: str) -> None:
        until = self.world.chain.now + days * DAY + 1 + extra
        self.world.act("Disputes", "flag", self.cast.staff[who], self.recording(recording), until, 5)

    @rule(work=FOCUS)
    def flag_stem(self, work: int) -> None:
        until = self.world.chain.now + DAY
        self.world.act("Disputes", "flag", self.cast.staff["arbiter"], self.work(work), until, 5)

    @rule(recording=st.integers(0, 1), who=STAFF)
    def lift(self, recording: int, who: str) -> None:
        self.world.act("Disputes", "lift", self.cast.staff[who], self.recording(recording))

    @rule(wait=WAITS)
    def wait(self, wait: int) -> None:
        self.world.chain.now += wait

    @rule(recording=st.integers(0, 1), seconds=st.sampled_from([-1, 0, 1]))
    def wait_for_end(self, recording: int, seconds: int) -> None:
        """To the flag's last second, or the first after it."""
        flag = self.house.state.flags.get(self.recording(recording))
        if flag:
            self.world.chain.now = max(self.world.chain.now, flag.until - 1 + seconds)

    # ------------------------------------------------------------------ what goes on, and what does not

    @rule(work=FOCUS, token=TOKENS, amount=st.integers(1, 10**6))
    def pay(self, work: int, token: int, amount: int) -> None:
        value = 0 if token else amount
        arguments = (self.work(work), self.tokens[token], amount, 0)
        self.world.act("RoyaltySplitter", "pay", self.person(0), *arguments, value=value)

    @rule(recording=RECORDINGS, token=TOKENS)
    def pay_descendant(self, recording: int, token: int) -> None:
        amount = 1_000_000
        value = 0 if token else amount
        arguments = (self.recording(recording), self.tokens[token], amount, 0)
        self.world.act("RoyaltySplitter", "pay", self.person(0), *arguments, value=value)

    @rule(edge=st.integers(0, 2**16), token=TOKENS)
    def claim(self, edge: int, token: int) -> None:
        e = self.edges[edge % len(self.edges)]
        arguments = (e.recording, e.ancestor, e.ppm, e.proof, self.tokens[token])
        self.world.must("RoyaltySplitter", "claim", self.person(3), *arguments)

    @rule(work=FOCUS, token=TOKENS)
    def settle(self, work: int, token: int) -> None:
        self.world.must("RoyaltySplitter", "settle", self.person(3), self.work(work), self.tokens[token])

    @rule(work=FOCUS, token=TOKENS, slot=st.sampled_from([TITLE, TITLE, 0, 1]))
    def withdraw(self, work: int, token: int, slot: int) -> None:
        target = self.work(work)
        self.world.act("RoyaltySplitter", "settle", self.person(3), target, self.tokens[token])
        owner = self._owner(target, slot)
        arguments = (target, self.tokens[token], slot, self.person(4))
        self.world.act("RoyaltySplitter", "withdraw", owner, *arguments)

    @rule(recording=st.integers(0, 1), token=TOKENS)
    def withdraw_many(self, recording: int, token: int) -> None:
        """Of all works that the recording's holder holds; there is something to draw, if the token may come in."""
        target, coin = self.recording(recording), self.tokens[token]
        owner = self.house.titles.holder(target)
        works = sum(1 << kind for kind in range(7) if self.house.titles.holder(target | kind) == owner)
        self.world.act("RoyaltySplitter", "pay", owner, target, coin, 1_000_003, 0, value=0 if token else 1_000_003)
        self.world.act("RoyaltySplitter", "settle", owner, target, coin)
        arguments = (target, works, coin, TITLE, self.person(4))
        self.world.act("RoyaltySplitter", "withdrawMany", owner, *arguments)

    @rule(number=DEALS, way=WAYS, salt=st.integers(0, 9))
    def buy_something(self, number: int, way: int, salt: int) -> None:
        deal = self.deal(number)
        self.buy(way, self.person(2), deal, self.purchase(deal, self.person(2), salt), 0, self.person(5))

    @rule(work=st.sampled_from([0, 2, 7]), salt=st.integers(0, 9))
    def grant(self, work: int, salt: int) -> None:
        arguments = (self.work(work), self.pool[2].hash(), [self.person(2)], salt)
        holder = self.house.titles.holder(self.work(work))
        self.world.act("LicenseManager", "grantMany", holder, *arguments)

    @rule(who=st.integers(2, 3))
    def remix(self, who: int) -> None:
        """With a license from before, a flag does not matter."""
        creator = self.person(who)
        state = self.house.state
        free = [
            key
            for key, snapshot in state.snapshots.items()
            if snapshot.kind == 2 and key not in state.remixes and state.license_owners[key] == creator
        ]
        if not free:
            return
        self.remixes += 1
        name = f"disputed remix {self.remixes}"
        parents = [Parent(state.snapshots[free[-1]].work, free[-1])]
        registration = self.scenery.registration(name, creator, (), parents)
        recording = recording_of_content(registration.content_hash)
        stems, separation = separation_of(recording, name)
        arguments = self.scenery.attested(registration, stems, separation)
        refusal = self.world.act("StemRegistry", "registerAndCommit", creator, *arguments)
        assert refusal is None or "InvalidAttestation" in refusal.reasons, f"a remix is refused: {refusal}"

    @rule(work=FOCUS, to=PEOPLE)
    def sell_title(self, work: int, to: int) -> None:
        target = self.work(work)
        self.mint_title(target, self.person(to), self.house.titles.holder(target))
        self.hand_title_on(target, self.person(to))

    # ------------------------------------------------------------------ the other powers

    @rule(token=TOKENS, who=STAFF)
    def stop_token(self, token: int, who: str) -> None:
        self.world.act("RoyaltySplitter", "stopToken", self.cast.staff[who], self.tokens[token])

    @rule(account=st.integers(0, 2), role=st.sampled_from(["Attestor", "Arbiter"]), who=STAFF)
    def revoke(self, account: int, role: str, who: str) -> None:
        target = (self.cast.staff["attestor"], self.cast.staff["arbiter"], self.person(1))[account]
        self.world.act("Roles", f"revoke{role}", self.cast.staff[who], target)

    @rule(
        what=st.sampled_from(["token", "attestor", "arbiter", "fee", "recipient", "delay", "nobody"]),
        who=st.sampled_from(["admin", "admin", "admin", "guardian"]),
        delay=st.sampled_from([2 * DAY, 2 * DAY, 3 * DAY, 2 * DAY - 1]),
        salt=st.integers(0, 3),
    )
    def schedule(self, what: str, who: str, delay: int, salt: int) -> None:
        contract, function, arguments = self._wish(what)
        target = self.house.addresses[contract]
        data = self.world.chain.interfaces[target].call(function, arguments)
        self.house.roles.meanings[target, data] = contract, function, arguments
        self.waiting.append((target, data, salt))
        self.world.act("Roles", "schedule", self.cast.staff[who], target, 0, data, 0, salt, delay)

    @rule(number=st.integers(0, 3), who=st.sampled_from(["admin", "admin", "guardian"]))
    def execute(self, number: int, who: str) -> None:
        if self.waiting:
            target, data, salt = self.waiting[-1 - number % len(self.waiting)]
            self.world.act("Roles", "execute", self.cast.staff[who], target, 0, data, 0, salt)

    @rule(number=st.integers(0, 3), who=st.sampled_from(["admin", "guardian"]))
    def cancel(self, number: int, who: str) -> None:
        if self.waiting:
            target, data, salt = self.waiting[-1 - number % len(self.waiting)]
            self.world.act("Roles", "cancel", self.cast.staff[who], operation_id(target, 0, data, 0, salt))

    @rule(what=st.sampled_from(["token", "fee", "recipient", "attestor"]), who=STAFF)
    def take_a_short_cut(self, what: str, who: str) -> None:
        """What waits in the timelock cannot be had without it."""
        contract, function, arguments = self._wish(what)
        self.world.act(contract, function, self.cast.staff[who], *arguments)

    def _wish(self, what: str) -> tuple[str, str, tuple[int, ...]]:
        return {
            "token": ("RoyaltySplitter", "acceptToken", (self.usdc,)),
            "recipient": ("RoyaltySplitter", "setFeeRecipient", (self.person(0),)),
            "fee": ("LicenseManager", "setFee", (50_000,)),
            "attestor": ("Roles", "grantRole", (ATTESTOR, self.cast.staff["attestor"])),
            "arbiter": ("Roles", "grantRole", (ARBITER, self.cast.staff["arbiter"])),
            "nobody": ("Roles", "grantRole", (ARBITER, 0)),
            "delay": ("Roles", "updateDelay", (0,)),
        }[what]

    def _owner(self, work: int, slot: int) -> int:
        if slot == TITLE:
            return self.house.titles.holder(work)
        found = self.house.state.slots.get((work & ~0xFF, slot))
        return found.owner if found else self.person(0)
