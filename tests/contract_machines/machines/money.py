"""Payments, claims, settlements and withdrawals in any order, by anyone, to anywhere."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.contract_machines.machines.machine import (
    ANYWHERE,
    PEOPLE,
    RECORDINGS,
    SALTS,
    TITLE,
    WORKS,
    HouseMachine,
)
from tests.contract_machines.reference.messages import Claim, Withdrawal
from tests.contract_machines.reference.state import Account
from tests.contract_machines.reference.words import recording_of
from tests.contract_machines.scenery import Edge

AMOUNTS = st.one_of(
    st.sampled_from([0, 1, 2, 3, 16, 17, 999_999, 1_000_000, 1_000_001, 10**18, 2**119]),
    st.integers(1, 10_000_000),
)
TOKENS = st.integers(0, 1)
SLOTS = st.sampled_from([TITLE, TITLE, 0, 1, 2, 3, 15, 16])
MASKS = st.sampled_from([0b1, 0b10, 0b100_0000, 0b111_1111, 0b101, 0b1110, 0, 0b1000_0000])
HONEST = st.sampled_from([True, True, True, False])


@dataclass(frozen=True)
class Draw:
    """What one slot of one work may draw."""

    work: int
    token: int
    slot: int


class MoneyMachine(HouseMachine):
    """The ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.edges = self.scenery.edges(self.recordings)
        self.forced = dict.fromkeys(self.tokens, 0)

    # ------------------------------------------------------------------ money in

    @rule(work=WORKS, token=TOKENS, amount=AMOUNTS, payer=PEOPLE)
    def pay(self, work: int, token: int, amount: int, payer: int) -> None:
        value = 0 if token else amount
        arguments = (self.work(work), self.tokens[token], amount, 77)
        self.world.act("RoyaltySplitter", "pay", self.person(payer), *arguments, value=value)

    @rule(work=WORKS, token=TOKENS, amount=AMOUNTS)
    def pay_wrongly(self, work: int, token: int, amount: int) -> None:
        """With coin that does not fit, or for a work that is none."""
        ada = self.person(0)
        arguments = (self.work(work), self.tokens[token], amount, 0)
        self.world.act("RoyaltySplitter", "pay", ada, *arguments, value=amount + 1 if token == 0 else 1)
        self.world.act("RoyaltySplitter", "pay", ada, self.work(work) | 8, *arguments[1:], value=0)

    @rule(token=TOKENS, amount=AMOUNTS)
    def force(self, token: int, amount: int) -> None:
        """Money that nobody is owed."""
        splitter = self.house.ledger.address
        if token:
            refusal = self.world.act("TestUSDC", "transfer", self.person(0), splitter, amount)
            amount = 0 if refusal else amount
        else:
            self.world.force_native(splitter, amount)
        self.forced[self.tokens[token]] += amount

    @rule(work=RECORDINGS, token=TOKENS, amount=AMOUNTS)
    def send_to_receiver(self, work: int, token: int, amount: int) -> None:
        """A plain transfer to a work's receiving address."""
        receiver = self.house.ledger.receivers[self.recording(work)]
        if token:
            self.world.act("TestUSDC", "transfer", self.person(1), receiver, amount)
        else:
            self.world.force_native(receiver, amount)

    @rule(work=RECORDINGS, token=TOKENS)
    def sweep(self, work: int, token: int) -> None:
        self.world.act("RoyaltySplitter", "sweep", self.person(2), self.recording(work), self.tokens[token])

    # ------------------------------------------------------------------ shares

    @rule(edge=st.integers(0, 2**16), kind=st.integers(0, 6), token=TOKENS)
    def claim(self, edge: int, kind: int, token: int) -> None:
        self._claim(self.edges[edge % len(self.edges)], kind, self.tokens[token])

    @rule(edge=st.integers(0, 2**16), kind=st.integers(0, 6), token=TOKENS)
    def claim_twice(self, edge: int, kind: int, token: int) -> None:
        """The second claim is of what came after the first, and tells the total of both."""
        chosen, coin = self.edges[edge % len(self.edges)], self.tokens[token]
        arguments = (chosen.recording | kind, coin, 1_000_003, 0)
        for _ in range(2):
            self.world.act("RoyaltySplitter", "pay", self.person(0), *arguments, value=0 if token else 1_000_003)
            self._claim(chosen, kind, coin)

    @rule(edges=st.lists(st.integers(0, 2**16), max_size=6), kind=st.integers(0, 6), token=TOKENS)
    def claim_many(self, edges: list[int], kind: int, token: int) -> None:
        chosen = [self.edges[edge % len(self.edges)] for edge in edges]
        claims = [Claim(e.recording | kind, e.ancestor, e.ppm, e.proof) for e in chosen]
        self.world.act("RoyaltySplitter", "claimMany", self.person(3), claims, self.tokens[token])

    @rule(edge=st.integers(0, 2**16), wrong=st.integers(0, 3), token=TOKENS)
    def claim_wrongly(self, edge: int, wrong: int, token: int) -> None:
        e = self.edges[edge % len(self.edges)]
        claim = [
            (e.recording, e.ancestor, e.ppm + 1, e.proof),
            (e.recording, e.ancestor ^ 1, e.ppm, e.proof),
            (self.family.anthem, e.ancestor, e.ppm, e.proof),
            (e.recording, e.ancestor, e.ppm, e.proof[:-1]),
        ][wrong]
        self.world.act("RoyaltySplitter", "claim", self.person(3), *claim, self.tokens[token])

    @rule(work=WORKS, token=TOKENS)
    def settle(self, work: int, token: int) -> None:
        self.world.act("RoyaltySplitter", "settle", self.person(3), self.work(work), self.tokens[token])

    @rule(works=st.lists(WORKS, max_size=5), token=TOKENS)
    def settle_many(self, works: list[int], token: int) -> None:
        chosen = [self.work(work) for work in works]
        self.world.act("RoyaltySplitter", "settleMany", self.person(3), chosen, self.tokens[token])

    # ------------------------------------------------------------------ money out

    @rule(work=WORKS, token=TOKENS, slot=SLOTS, to=ANYWHERE, who=PEOPLE, honest=HONEST)
    def withdraw(self, work: int, token: int, slot: int, to: int, who: int, honest: bool) -> None:
        sender = self._owner(self.work(work), slot) if honest else self.person(who)
        arguments = (self.work(work), self.tokens[token], slot, self.place(to))
        self.world.act("RoyaltySplitter", "withdraw", sender, *arguments)

    @rule(recording=RECORDINGS, works=MASKS, token=TOKENS, slot=SLOTS, to=ANYWHERE)
    def withdraw_many(self, recording: int, works: int, token: int, slot: int, to: int) -> None:
        sender = self._owner(self.recording(recording), slot)
        arguments = (self.recording(recording), works, self.tokens[token], slot, self.place(to))
        self.world.act("RoyaltySplitter", "withdrawMany", sender, *arguments)

    @rule(recording=RECORDINGS, stem=st.integers(1, 6), token=TOKENS, to=PEOPLE)
    def withdraw_family(self, recording: int, stem: int, token: int, to: int) -> None:
        """A recording and a stem of it have income; the stem's title may be somebody else's."""
        target, coin = self.recording(recording), self.tokens[token]
        holder = self.house.titles.holder(target)
        for work in (target, target | stem):
            self.world.act("RoyaltySplitter", "pay", holder, work, coin, 1_000_003, 0, value=0 if token else 1_000_003)
            self.world.act("RoyaltySplitter", "settle", holder, work, coin)
        self.mint_title(target | stem, self.person(to), holder)
        self.world.act("RoyaltySplitter", "withdrawMany", holder, target, 0b111_1111, coin, TITLE, holder)

    @rule(
        recording=RECORDINGS,
        works=MASKS,
        token=TOKENS,
        slot=SLOTS,
        nonce=SALTS,
        honest=HONEST,
        hours=st.sampled_from([-1, 1, 100]),
    )
    def withdraw_signed(
        self, recording: int, works: int, token: int, slot: int, nonce: int, honest: bool, hours: int
    ) -> None:
        owner = self._owner(self.recording(recording), slot)
        deadline = self.world.chain.now + hours * 3600
        order = Withdrawal(
            owner, self.recording(recording), works, self.tokens[token], slot, self.person(2), nonce, deadline
        )
        signature = self.world.sign(owner if honest else self.cast.people[4], "RoyaltySplitter", order.hash())
        self.world.act("RoyaltySplitter", "withdrawSigned", self.person(5), order, signature)

    @rule(recording=RECORDINGS, works=MASKS, token=TOKENS, slot=SLOTS)
    def withdraw_to_payout(self, recording: int, works: int, token: int, slot: int) -> None:
        arguments = (self.recording(recording), works, self.tokens[token], slot)
        self.world.act("RoyaltySplitter", "withdrawToPayout", self.person(5), *arguments)

    @rule(who=PEOPLE, to=ANYWHERE)
    def set_payout(self, who: int, to: int) -> None:
        self.world.act("IPNFT", "setPayout", self.person(who), self.place(to))

    @rule(who=PEOPLE, nonce=SALTS)
    def cancel_nonce(self, who: int, nonce: int) -> None:
        self.world.act("RoyaltySplitter", "cancelNonce", self.person(who), nonce)

    @rule(recording=RECORDINGS, slot=SLOTS, to=PEOPLE, honest=HONEST)
    def reassign_slot(self, recording: int, slot: int, to: int, honest: bool) -> None:
        owner = self._owner(self.recording(recording), slot) if honest else self.person(0)
        self.world.act("RoyaltySplitter", "reassignSlot", owner, self.recording(recording), slot, self.person(to))

    # ------------------------------------------------------------------ what happens meanwhile

    @rule(work=WORKS, to=PEOPLE)
    def mint(self, work: int, to: int) -> None:
        self.mint_title(self.work(work), self.person(to), self.house.titles.holder(self.work(work)))

    @rule(work=WORKS, to=PEOPLE)
    def sell_title(self, work: int, to: int) -> None:
        self.hand_title_on(self.work(work), self.person(to))

    @rule(who=ANYWHERE, listed=st.booleans())
    def blacklist(self, who: int, listed: bool) -> None:
        """The dollar's issuer shuts somebody out, or lets them in again; never the ledger itself."""
        account = self.place(who)
        if account not in {0, self.house.ledger.address}:
            function = "blacklist" if listed else "unBlacklist"
            self.world.must("TestUSDC", function, self.cast.staff["blacklister"], account)

    # ------------------------------------------------------------------ the end

    def finish(self) -> None:
        """Claims, settlements and draws come to the same in any order, and leave no more than dust."""
        outcomes = [self._pay_everyone_out(is_first) for is_first in (True, False)]
        assert outcomes[0] == outcomes[1], "the order of claims, settlements and draws matters"

    def _pay_everyone_out(self, is_first: bool) -> list[dict[object, object]]:
        with self.world.savepoint():
            shares = [(e, kind, token) for e in self.edges for kind in range(7) for token in self.tokens]
            paid = [share for share in shares if self._account(share[0].recording | share[1], share[2]).received]
            moves = [lambda s=s: self._claim(*s) for s in paid]
            settled = [key for key, account in self.house.state.accounts.items() if account.received]
            moves += [lambda k=k: self.world.must("RoyaltySplitter", "settle", self.person(0), *k) for k in settled]
            self.chance.shuffle(moves)
            for move in moves:
                move()
            draws = self._draws()
            self.chance.shuffle(draws)
            for draw in draws:
                self._draw(draw)
            self._check_conservation()
            if is_first:
                self.world.check()
            self.world.chain.node.drain()
            return self.house.state.copy_books()

    def _draws(self) -> list[Draw]:
        accounts = list(self.house.state.accounts)
        slots = (*range(16), TITLE)
        draws = [Draw(work, token, slot) for work, token in accounts for slot in slots]
        return [d for d in draws if self.house.ledger.available(d.work, d.token, d.slot)]

    def _draw(self, draw: Draw) -> None:
        """An honest draw to an untroubled address always succeeds."""
        owner = self._owner(draw.work, draw.slot)
        untroubled = self.cast.staff["deployer"]
        self.world.must("RoyaltySplitter", "withdraw", owner, draw.work, draw.token, draw.slot, untroubled)

    def _check_conservation(self) -> None:
        """received = entitlements + dust, 0 <= dust <= number of ancestors; and what is left of incomes is dust too."""
        moved: dict[tuple[int, int], int] = {}
        for (descendant, _, token), amount in self.house.state.moved.items():
            moved[descendant, token] = moved.get((descendant, token), 0) + amount
        left = dict.fromkeys(self.tokens, 0)
        for (work, token), account in self.house.state.accounts.items():
            dust = account.received - account.own_moved - moved.get((work, token), 0)
            assert 0 <= dust <= self.house.registry.table(work).ancestor_count, "more or less than dust is left"
            slots = [slot for slot in range(16) if self.house.ledger.ppm_of(recording_of(work), slot)]
            drawn = account.title_drawn + sum(self.house.ledger.drawn(work, token, slot) for slot in slots)
            assert 0 <= account.income - drawn <= len(slots), "more or less than dust is left of an income"
            left[token] += dust + account.income - drawn
        for token in self.tokens:
            fees = self.house.state.fees.get(token, (0, 0))
            rest = left[token] + fees[0] - fees[1]
            assert self.house.ledger.liabilities(token) == rest, "liabilities are not dust and fees"
            balance = self.house.balance(token, self.house.ledger.address)
            assert balance == rest + self.forced[token], "money came or went"

    # ------------------------------------------------------------------ internal

    def _claim(self, edge: Edge, kind: int, token: int) -> None:
        arguments = (edge.recording | kind, edge.ancestor, edge.ppm, edge.proof, token)
        self.world.must("RoyaltySplitter", "claim", self.person(3), *arguments)

    def _owner(self, work: int, slot: int) -> int:
        if slot == TITLE:
            return self.house.titles.holder(work)
        owner = self.house.state.slots.get((recording_of(work), slot))
        return owner.owner if owner else self.person(0)

    def _account(self, work: int, token: int) -> Account:
        account: Account = self.house.state.accounts.get((work, token), Account())
        return account
