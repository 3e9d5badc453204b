"""The tour's story, chapter by chapter: one song, its family, and the money that goes through it.

Amounts are base units: of dollars a millionth, of the coin 10^-18. They are odd on purpose, so that all is rounded.
"""

from collections.abc import Sequence

from eth_utils.crypto import keccak

from scripts.touring.cast import Person
from scripts.touring.chain import DOLLAR, TourFailed
from scripts.touring.market import Market
from scripts.touring.money import Money
from scripts.touring.recordings import Ingredient, Recording, Registry
from scripts.touring.report import amount_of, family_tree
from scripts.touring.stage import Stage
from stemma.chain.licensing import NATIVE, LicenseKind
from stemma.chain.withdrawals import TITLE_SLOT
from stemma.works import Kind, WorkId, stem_id

FEE_PPM = 25_000
TIMELOCK_SECONDS = 48 * 3600


class Story:
    """Plays on a stage on which nothing has happened yet."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._chain = stage.chain
        self._cast = stage.cast
        self._registry = Registry(stage)
        self._market = Market(stage)
        self._money = Money(stage)
        self._usdc = stage.dollars
        self._recordings: dict[str, Recording] = {}

    def play(self) -> None:
        """All of it. Raises TourFailed where the chain does other than the rules say."""
        self._a_song_and_its_stems()
        self._two_remixes()
        self._a_remix_of_both()
        self._listeners_and_a_film()
        self._money_comes_in()
        self._a_title_is_sold()
        self._more_money_and_a_dispute()
        self._shares_are_moved()
        self._everyone_withdraws()

    # ------------------------------------------------------------------ recordings

    def _a_song_and_its_stems(self) -> None:
        self._stage.chapter("A song and its six stems")
        split = [(self._cast["Ben"], 250_000), (self._cast["Cy"], 33_333)]
        song = self._record("Harbour Lights", self._cast["Ada"], split=split)
        self._registry.by_commitment(song)
        self._say(
            "[b]Ada[/] makes a commitment, and a block later registers [i]Harbour Lights[/]; Ben has a slot of 25 % of "
            "its income, Cy one of 33 333 ppm."
        )
        self._registry.separate(song)
        self._say(
            "An attestor has separated it: vocals, drums, bass, guitar, piano, other are committed by their hashes."
        )

    def _two_remixes(self) -> None:
        self._stage.chapter("Two remixes, each with licenses that it consumes")
        market, song, ada = self._market, self._song, self._cast["Ada"]
        cleo, dan = self._cast["Cleo"], self._cast["Dan"]
        market.attach(ada, song.id, self._remix_terms(100_000), 25_000_001)
        market.allow(cleo)
        license_id = market.buy(cleo, market.listed(cleo, song.id, self._remix_terms(100_000), 25_000_001))
        ingredients = [Ingredient(song.id, license_id, 100_000)]
        self._registry.with_stems(self._record("Lights On", cleo, ingredients=ingredients))
        self._say(
            f"[b]Cleo[/] buys a REMIX license of the song at Ada's list price, {self._dollars(25_000_001)}, and "
            "registers [i]Lights On[/] with its stems. The song will have 10 % of it."
        )
        market.allow(dan)
        prices = {Kind.VOCALS: (60_000, 12_345_679), Kind.DRUMS: (33_333, 9_999_999)}
        offers = [
            market.offered(ada, dan, stem_id(song.id, kind), self._remix_terms(ppm), price)
            for kind, (ppm, price) in prices.items()
        ]
        licenses = market.buy_all(dan, offers)
        ingredients = [
            Ingredient(stem_id(song.id, kind), bought, ppm)
            for (kind, (ppm, _)), bought in zip(prices.items(), licenses, strict=True)
        ]
        split = [(self._cast["Fay"], 333_333)]
        self._registry.by_attestation(self._record("Voice and Drums", dan, split=split, ingredients=ingredients))
        self._say(
            f"[b]Dan[/] buys REMIX licenses of two of her stems by offers that Ada signed, {self._dollars(12_345_679)} "
            f"and {self._dollars(9_999_999)}, in one transaction, and remixes them with Fay, who has a third."
        )

    def _a_remix_of_both(self) -> None:
        self._stage.chapter("A remix of both")
        market, song, eve = self._market, self._song, self._cast["Eve"]
        by_cleo, by_dan = self._recordings["Lights On"], self._recordings["Voice and Drums"]
        vocals = stem_id(song.id, Kind.VOCALS)
        of_cleo = market.offered(self._cast["Cleo"], eve, by_cleo.id, self._remix_terms(50_001), 30_000_001)
        market.attach(self._cast["Dan"], by_dan.id, self._remix_terms(70_000), 19_999_999)
        of_dan = market.listed(eve, by_dan.id, self._remix_terms(70_000), 19_999_999)
        of_ada = market.offered(self._cast["Ada"], eve, vocals, self._remix_terms(20_000), 7_000_003)
        ingredients = [
            Ingredient(by_cleo.id, market.buy_by_authorization(eve, of_cleo), 50_001),
            Ingredient(by_dan.id, market.buy_by_order(eve, of_dan, with_permit=True), 70_000),
            Ingredient(vocals, market.buy_by_order(eve, of_ada, with_permit=False), 20_000),
        ]
        self._say(
            f"[b]Eve[/] buys a REMIX license of each remix and, once more, of Ada's vocals, and sends no transaction: "
            f"{self._dollars(30_000_001)} by one signature (EIP-3009), {self._dollars(19_999_999)} by an order with a "
            f"permit (ERC-2612), {self._dollars(7_000_003)} by an order."
        )
        remix = self._record("Tide", eve, ingredients=ingredients)
        self._registry.by_attestation(remix)
        self._registry.separate_by_batch([by_dan, remix])
        self._say(
            "She registers [i]Tide[/]. The attestor anchors one root over the stems of both new remixes, and each leaf "
            "is written out. The tables that the chain made are those that Python makes of the parents:"
        )
        self._stage.console.print(family_tree(self._stage))

    def _record(
        self,
        name: str,
        creator: Person,
        *,
        split: Sequence[tuple[Person, int]] = (),
        ingredients: Sequence[Ingredient] = (),
    ) -> Recording:
        recording = self._registry.record(name, creator, split=split, ingredients=ingredients)
        self._recordings[name] = recording
        return recording

    @property
    def _song(self) -> Recording:
        return self._recordings["Harbour Lights"]

    def _work(self, name: str, kind: Kind = Kind.RECORDING) -> WorkId:
        recording = self._recordings[name].id
        return recording if kind is Kind.RECORDING else stem_id(recording, kind)

    # ------------------------------------------------------------------ licenses

    def _listeners_and_a_film(self) -> None:
        self._stage.chapter("Listeners and a film")
        market, lee, agent = self._market, self._cast["Lee"], self._cast["DJ"]
        tide, guitar = self._work("Tide"), self._work("Harbour Lights", Kind.GUITAR)
        stream, personal = market.terms(LicenseKind.STREAM), market.terms(LicenseKind.PERSONAL)
        market.attach(self._cast["Eve"], tide, stream, 990_001)
        session = market.open_session(
            lee,
            agent,
            deposit=50 * DOLLAR,
            cap=4 * DOLLAR,
            per_license_cap=3 * DOLLAR,
            kinds={LicenseKind.STREAM, LicenseKind.PERSONAL},
        )
        self._say(
            "[b]Lee[/] deposits 50 USDC and opens a session by one signature: its agent may spend 4 USDC, at most 3 "
            "on one license."
        )
        listed = market.listed(lee, tide, stream, 990_001)
        market.buy_in_session(session, lee, agent, listed)
        offered = market.offered(self._cast["Ada"], lee, guitar, personal, 2_500_003)
        market.buy_in_session(session, lee, agent, offered)
        self._say(
            f"The agent's orders buy [i]Tide[/] to stream at the list price, {self._dollars(990_001)}, and the song's "
            f"guitar by Ada's offer, {self._dollars(2_500_003)}."
        )
        dear = market.offered(self._cast["Ada"], lee, guitar, personal, 3_000_001)
        again = market.listed(lee, tide, stream, 990_001)
        for sale, error, why in (
            (dear, "OverLicenseCap", "a license above its cap"),
            (again, "OverSessionCap", "a license above what is left of all"),
        ):
            self._refused(why, market.refused_in_session(session, agent, sale, error))
        left = market.end_session(session, lee)
        self._say(f"Lee closes the session and takes {self._dollars(left)} back.")
        film = self._cast["Film"]
        market.allow(film)
        sync = market.terms(LicenseKind.SYNC)
        market.buy(film, market.offered(self._cast["Eve"], film, tide, sync, 1_234_567_891))
        self._say(f"[b]A film[/] licenses [i]Tide[/] by Eve's offer, {self._dollars(1_234_567_891)}.")

    def _remix_terms(self, ppm: int) -> bytes:
        return self._market.terms(LicenseKind.REMIX, ppm)

    # ------------------------------------------------------------------ payments

    def _money_comes_in(self) -> None:
        self._stage.chapter("Money comes in, in three ways")
        money, radio, film = self._money, self._cast["Radio"], self._cast["Film"]
        self._market.allow(radio)
        payments = {
            self._work("Tide"): 1_000_000_007,
            self._work("Lights On"): 333_333_333,
            self._work("Voice and Drums", Kind.BASS): 77_777_777,
            self._work("Harbour Lights", Kind.VOCALS): 50_000_001,
        }
        for work, amount in payments.items():
            money.pay(radio, work, self._usdc, amount)
        money.pay(radio, self._work("Lights On"), NATIVE, 100_000_000_000_000_007)
        paid = ", ".join(f"{self._stage.name_of(work)} {self._dollars(amount)}" for work, amount in payments.items())
        self._say(
            f"[b]A radio[/] pays by `pay`: {paid}; Lights On {amount_of(100_000_000_000_000_007, 'ETH')} as well."
        )
        money.pay_by_transfer(radio, self._work("Tide"), self._usdc, 12_345_678)
        money.pay_by_transfer(radio, self._work("Voice and Drums"), NATIVE, 123_456_789_012_345_678)
        self._say(
            f"By plain transfers to works' own addresses, swept in by anyone: Tide {self._dollars(12_345_678)}, "
            f"Voice and Drums {amount_of(123_456_789_012_345_678, 'ETH')}."
        )
        money.force(radio, self._usdc, 3_141_592)
        money.force(film, NATIVE, 271)
        self._say(
            f"And by force, to the splitter itself: {self._dollars(3_141_592)}, and 271 wei from a contract that "
            "destroys itself. That is surplus, and nobody's."
        )

    def _a_title_is_sold(self) -> None:
        self._stage.chapter("The song's title is sold in between")
        money, market, song = self._money, self._market, self._song
        ada, ben, gil, hana = (self._cast[name] for name in ("Ada", "Ben", "Gil", "Hana"))
        money.claim(self._work("Tide"), song.id, self._usdc)
        money.claim(self._work("Lights On"), song.id, self._usdc)
        money.settle(song.id, self._usdc)
        drawn = money.withdraw_by_signature(ada, song.id, self._usdc)
        self._say(f"Claims and a settlement for the song; [b]Ada[/] draws {self._dollars(drawn)} by signature.")
        money.pay(self._cast["Radio"], song.id, self._usdc, 250_000_003)
        self._say(f"The radio pays the song {self._dollars(250_000_003)}, which nobody moves yet.")
        self._registry.mint(song, ada)
        self._registry.sell_title(song, ada, gil, 800 * DOLLAR)
        money.sell_slot(ben, hana, song.id, 0, 100 * DOLLAR)
        self._say(
            "Ada mints the title and sells it to [b]Gil[/] for 800 USDC; Ben sells his slot to [b]Hana[/] for 100."
        )
        stale = market.listed(self._cast["Cleo"], song.id, self._remix_terms(100_000), 25_000_001)
        self._refused("Ada's list price", market.refused(self._cast["Cleo"], stale, "StaleTitle"))
        refused = money.withdraw_refused(ada, song.id, self._usdc, "NotSlotOwner")
        self._refused("a withdrawal by Ada", refused)
        stream = market.terms(LicenseKind.STREAM)
        market.attach(gil, song.id, stream, 1_990_003)
        market.buy(self._cast["Radio"], market.listed(self._cast["Radio"], song.id, stream, 1_990_003))
        self._say(f"Gil names his own price; the radio licenses the song for {self._dollars(1_990_003)}.")

    def _more_money_and_a_dispute(self) -> None:
        self._stage.chapter("More money, and a dispute")
        money, radio, dan = self._money, self._cast["Radio"], self._cast["Dan"]
        money.pay(radio, self._work("Tide"), self._usdc, 500_000_009)
        money.pay(radio, self._work("Harbour Lights", Kind.VOCALS), self._usdc, 33_333_337)
        self._say(
            f"The radio pays Tide {self._dollars(500_000_009)} and the song's vocals {self._dollars(33_333_337)}."
        )
        disputes, disputed = self._chain["Disputes"].functions, self._work("Voice and Drums")
        flag = disputes.flag(disputed, self._chain.now + 86_400, keccak(text="a sample that was not cleared"))
        self._chain.send(self._cast.arbiter.account, flag)
        self._say("[b]An arbiter[/] flags Voice and Drums for a day.")
        money.settle(disputed, NATIVE)
        self._refused("a withdrawal by Dan", money.withdraw_refused(dan, disputed, NATIVE, "RecordingFlagged"))
        money.pay(radio, disputed, self._usdc, 11_111_111)
        self._say(f"The radio's {self._dollars(11_111_111)} come in all the same.")
        self._chain.send(self._cast.arbiter.account, disputes.lift(disputed))
        self._say("The flag is lifted.")

    def _shares_are_moved(self) -> None:
        self._stage.chapter("Everyone's share is moved, by anyone, in any order")
        for order, (symbol, token) in enumerate(self._stage.tokens.items()):
            steps = self._money.claim_all(token, order=order)
            self._money.expect_nothing_due(token)
            self._say(f"{symbol}: {steps} claims and settlements, shuffled; whoever tries again moves nothing.")

    def _everyone_withdraws(self) -> None:
        self._stage.chapter("Everyone withdraws")
        cast, money = self._cast, self._money
        money.set_payout(cast["Cleo"], cast["Label"])
        song, by_cleo = self._work("Harbour Lights"), self._work("Lights On")
        by_dan, tide = self._work("Voice and Drums"), self._work("Tide")
        ways = (
            ("by transaction", money.withdraw, cast["Gil"], song, TITLE_SLOT),
            ("by transaction", money.withdraw, cast["Hana"], song, 0),
            ("by signature", money.withdraw_by_signature, cast["Cy"], song, 1),
            ("by anyone, to Cleo's preset address", money.withdraw_to_payout, cast["Label"], by_cleo, TITLE_SLOT),
            ("by signature", money.withdraw_by_signature, cast["Dan"], by_dan, TITLE_SLOT),
            ("by signature", money.withdraw_by_signature, cast["Fay"], by_dan, 0),
            ("by transaction", money.withdraw, cast["Eve"], tide, TITLE_SLOT),
        )
        for how, act, person, recording, slot in ways:
            drawn = []
            for symbol, token in self._stage.tokens.items():
                if self._money.due(recording, token, slot):
                    drawn.append(amount_of(act(person, recording, token, slot), symbol))
            self._say(f"[b]{person}[/] {how}: {', '.join(drawn)}.")
        fees = money.withdraw_fees(cast.admin, self._usdc)
        self._say(f"[b]Treasury[/]: {self._dollars(fees)} of fees.")

    # ------------------------------------------------------------------ telling

    def _say(self, sentence: str) -> None:
        self._stage.say(sentence)

    def _refused(self, what: str, error: str) -> None:
        self._stage.say(f"[dim]Refused:[/] {what} [dim]({error})[/].")

    @staticmethod
    def _dollars(amount: int) -> str:
        return amount_of(amount, "USDC")


def raise_fee(stage: Stage) -> None:
    """The admin raises the protocol's fee, which waits in the timelock. Lets two days pass: for one's own chain only.

    Raises TourFailed if it can be done sooner.
    """
    chain, admin = stage.chain, stage.cast.admin
    roles, manager = chain["Roles"].functions, chain["LicenseManager"]
    salt = keccak(text=stage.cast.seed)
    call = (manager.address, 0, bytes.fromhex(manager.encode_abi("setFee", [FEE_PPM])[2:]), bytes(32), salt)
    chain.send(admin.account, roles.schedule(*call, TIMELOCK_SECONDS))
    too_early = chain.refusal(admin.account, roles.execute(*call), "TimelockUnexpectedOperationState")
    chain.pass_time(TIMELOCK_SECONDS)
    chain.send(admin.account, roles.execute(*call))
    stage.books.fee_ppm = FEE_PPM
    if manager.functions.feePpm().call() != FEE_PPM:
        raise TourFailed("the fee is not what the timelock has set")
    stage.say(
        f"The admin schedules a fee of 2.5 % on licenses; at once it is refused [dim]({too_early.name})[/], after 48 "
        "hours in the open it is carried out."
    )
