"""One story on a real chain in which every contract tells every event that it has."""

from dataclasses import astuple

from stemma.chain import merkle
from stemma.chain.licensing import LicenseKind
from stemma.cid import RAW
from stemma.works import Kind, WorkId, stem_id
from tests.indexer.house_on_chain import (
    ADMIN,
    ARBITER,
    ATTESTOR,
    GUARDIAN,
    NATIVE,
    NO_OFFER,
    HouseOnChain,
    address,
    digest,
)

ANNA, BORIS, CARLA, DORA, EMIL = 1, 3, 4, 5, 8
PRICE = 1_000_003
DAY = 86_400


def tell(house: HouseOnChain) -> dict[str, WorkId]:
    """Let everything happen; the recordings by title."""
    works = _recordings(house)
    _titles(house, works)
    licenses = _licenses(house, works)
    works |= _remixes(house, works, licenses)
    _sales(house, works)
    _money(house, works)
    _sessions(house, works)
    _disputes(house, works)
    _rules(house)
    return works


def _recordings(house: HouseOnChain) -> dict[str, WorkId]:
    works = {
        "tune": house.register(ANNA, "tune", split=[(BORIS, 250_000), (CARLA, 100_001)]),
        "song": house.register(ANNA, "song", split=[(BORIS, 333_333)]),
        "batched": house.register(BORIS, "batched"),
        "left in the batch": house.register(CARLA, "left in the batch"),
        "bare": house.register(DORA, "bare"),
    }
    house.separate(works["tune"], ANNA, "tune")
    house.separate(works["tune"], ANNA, "tune", version=1)
    house.separate(works["song"], ANNA, "song")
    described = {name: house.described(works[name], name) for name in ("batched", "left in the batch")}
    leaves = [merkle.batch_leaf(works[name], separation) for name, (_, separation) in described.items()]
    house.send(ATTESTOR, "StemRegistry", "anchorBatch", merkle.root(leaves), len(leaves), digest("batch"), RAW)
    house.materialize(works["batched"], leaves, *described["batched"])
    return works


def _titles(house: HouseOnChain, works: dict[str, WorkId]) -> None:
    house.mint(works["song"], ANNA, DORA)  # to another: a change of hands
    house.transfer(works["song"], DORA, ANNA)
    house.mint(works["batched"], BORIS, BORIS)
    house.transfer(works["batched"], BORIS, BORIS)  # to itself: one, too
    drums = stem_id(works["song"], Kind.DRUMS)
    house.mint(drums, ANNA, EMIL)
    house.separate(works["song"], ANNA, "song", version=1)
    _, current = house.separations[works["song"]]
    house.send(EMIL, "IPNFT", "adopt", drums, current.stems_root, current.metadata_digest, b"")
    house.mint(stem_id(works["batched"], Kind.BASS), BORIS, BORIS)
    house.send(BORIS, "IPNFT", "setPayout", address(EMIL))
    house.send(CARLA, "IPNFT", "setPayout", address(CARLA))


def _licenses(house: HouseOnChain, works: dict[str, WorkId]) -> dict[str, int]:
    """Licenses to remix, granted for nothing."""
    share = house.publish(LicenseKind.REMIX, remix_ppm=123_457)
    free = house.publish(LicenseKind.REMIX, remix_ppm=0, transferable=True)
    drums = stem_id(works["song"], Kind.DRUMS)
    handed_on = house.grant(BORIS, works["batched"], free, DORA)
    house.send(DORA, "Licenses", "transferFrom", address(DORA), address(CARLA), handed_on)
    return {
        "tune": house.grant(ANNA, works["tune"], share, CARLA),
        "drums": house.grant(EMIL, drums, share, CARLA),
        "batched": handed_on,
        "idle": house.grant(ANNA, works["tune"], share, DORA),
    }


def _remixes(house: HouseOnChain, works: dict[str, WorkId], licenses: dict[str, int]) -> dict[str, WorkId]:
    drums = stem_id(works["song"], Kind.DRUMS)
    parents = [
        (works["tune"], licenses["tune"], 123_457),
        (drums, licenses["drums"], 123_457),
        (works["batched"], licenses["batched"], 0),
    ]
    remix = house.register(CARLA, "remix", split=[(DORA, 1_000_000)], parents=sorted(parents))
    again = house.publish(LicenseKind.REMIX, remix_ppm=77)
    license_id = house.grant(CARLA, stem_id(remix, Kind.PIANO), again, EMIL)
    parents = [(stem_id(remix, Kind.PIANO), license_id, 77)]
    return {"remix": remix, "remix of the remix": house.register(EMIL, "remix of the remix", parents=parents)}


def _sales(house: HouseOnChain, works: dict[str, WorkId]) -> None:
    house.after_two_days("LicenseManager", "setFee", 30_001)
    tune, bass = works["tune"], stem_id(works["tune"], Kind.BASS)
    stream = house.publish(LicenseKind.STREAM, duration=30 * DAY, max_grants=7)
    alone = house.publish(LicenseKind.SYNC, exclusive=True, duration=365 * DAY, territory=276, commercial_use=True)
    for work in (tune, bass, works["song"], works["bare"]):
        holder = DORA if work == works["bare"] else ANNA
        house.send(holder, "LicenseManager", "attach", work, stream.id, PRICE)
    house.send(DORA, "LicenseManager", "detach", works["bare"], stream.id)
    for buyer in (DORA, EMIL):
        purchase = astuple(house.purchase(tune, stream.id, buyer))
        house.send(buyer, "LicenseManager", "buy", purchase, NO_OFFER, PRICE, value=PRICE)
    house.transfer(works["song"], ANNA, ANNA)  # ends what it was attached to

    for nonce, work, terms in ((1, tune, alone), (1, bass, stream), (2, bass, stream)):
        house.buy_offered(EMIL, *house.offer(ANNA, work, terms, PRICE + nonce, nonce))
    house.send(ANNA, "LicenseManager", "cancelOffer", 2)
    house.send(ANNA, "LicenseManager", "cancelOffer", 3)
    house.send(BORIS, "LicenseManager", "delegateSigner", address(DORA), works["batched"], stream.id, 5, 2**64 - 1)
    house.send(BORIS, "LicenseManager", "delegateSigner", address(EMIL), 0, stream.id, 6, 0)
    house.send(BORIS, "LicenseManager", "revokeDelegation", address(EMIL), 0, stream.id)
    house.send(BORIS, "LicenseManager", "revokeDelegation", address(CARLA), 0, stream.id)
    house.send(DORA, "LicenseManager", "delegateSigner", address(EMIL), 0, stream.id, 6, 99)
    house.send(DORA, "LicenseManager", "revokeAll")


def _money(house: HouseOnChain, works: dict[str, WorkId]) -> None:
    remix, last = works["remix"], works["remix of the remix"]
    for work, amount in ((remix, 999_999), (last, 7), (stem_id(remix, Kind.PIANO), 10**15 + 3), (last, 10**18 + 1)):
        house.pay(DORA, work, amount, digest(f"paid {amount}"))
    receiver = house.read("RoyaltySplitter", "receiverOf", works["tune"])
    house.send_raw(EMIL, "0x" + receiver.hex(), b"", value=4_321)
    house.send(0, "RoyaltySplitter", "sweep", works["tune"], NATIVE)
    for descendant, ancestor in ((remix, works["tune"]), (last, stem_id(remix, Kind.PIANO))):
        house.claim(descendant, ancestor)
    house.send(0, "RoyaltySplitter", "settleMany", [remix, works["tune"], last], NATIVE)
    house.pay(DORA, remix, 10_001)  # not claimed
    for account, slot in ((BORIS, 0), (ANNA, 255)):
        house.send(account, "RoyaltySplitter", "withdraw", works["tune"], NATIVE, slot, address(account))
    house.send(CARLA, "RoyaltySplitter", "reassignSlot", works["tune"], 1, address(EMIL))
    house.send(ANNA, "RoyaltySplitter", "cancelNonce", 11)
    house.send(ADMIN, "RoyaltySplitter", "withdrawFees", NATIVE, address(ADMIN))
    purchase = astuple(house.purchase(works["tune"], house.publish(LicenseKind.STREAM).id, DORA))
    house.send(ANNA, "LicenseManager", "attach", works["tune"], purchase[1], 100_000)
    house.send(DORA, "LicenseManager", "buy", purchase, NO_OFFER, 100_000, value=100_000)


def _sessions(house: HouseOnChain, works: dict[str, WorkId]) -> None:
    song = house.publish(LicenseKind.PERSONAL)
    house.send(ANNA, "LicenseManager", "attach", works["tune"], song.id, 500)
    house.send(DORA, "SessionVault", "deposit", address(DORA), NATIVE, 10_000, value=10_000)
    opened = (address(DORA), address(EMIL), NATIVE, 5_000, 600, 1_100, 3_600, 31, 2**64 - 1, 2**256 - 1)
    other = (address(DORA), address(EMIL), NATIVE, 5_000, 600, 0, 0, 31, 2**64 - 1, 7)
    house.send(DORA, "SessionVault", "open", opened, b"")
    house.send(DORA, "SessionVault", "open", other, b"", value=77)
    for session in (opened, opened, other):
        purchase = astuple(house.purchase(works["tune"], song.id, DORA))
        house.send(EMIL, "SessionVault", "buy", session, purchase, NO_OFFER, 500)
    house.send(DORA, "SessionVault", "close", opened)
    never = (address(CARLA), address(EMIL), NATIVE, 5_000, 600, 0, 0, 31, 2**64 - 1, 8)
    house.send(CARLA, "SessionVault", "close", never)
    house.send(DORA, "SessionVault", "withdraw", NATIVE, 1_234, address(DORA))


def _disputes(house: HouseOnChain, works: dict[str, WorkId]) -> None:
    flag = ("Disputes", "flag")
    house.send(ARBITER, *flag, works["tune"], house.now + 10, digest("first"))
    house.wait(11)
    house.send(ARBITER, *flag, works["tune"], house.now + 20 * DAY, digest("second"))
    house.send(ARBITER, "Disputes", "lift", works["tune"])
    house.send(ARBITER, *flag, works["tune"], house.now + 29 * DAY, digest("third"))
    house.send(ARBITER, *flag, 2**224 - 256, house.now + DAY, digest("nobody's"))


def _rules(house: HouseOnChain) -> None:
    usdc = house.deployment.tokens["USDC"]
    house.send(GUARDIAN, "RoyaltySplitter", "stopToken", usdc)
    house.after_two_days("RoyaltySplitter", "acceptToken", address(9))
    house.after_two_days("RoyaltySplitter", "setFeeRecipient", address(GUARDIAN))
    role = house.read("Roles", "ATTESTOR_ROLE")
    house.after_two_days("Roles", "grantRole", role, address(9))
    house.send(GUARDIAN, "Roles", "revokeAttestor", address(ATTESTOR))
    house.send(GUARDIAN, "LicenseManager", "setFee", 20_000)
