"""What the catalog says beside what the contracts' views say at the same block.

Each comparison yields (what it is about, the catalog's word, the contract's word). Together they cover every row of
every view whose rows the contracts can be asked for.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from stemma.chain import intents, merkle
from stemma.chain.errors import RpcRefused
from stemma.chain.licensing import ZERO_ADDRESS
from stemma.chain.royalties import Entry, RoyaltyTable
from stemma.works import WorkId
from tests.indexer.house_on_chain import NO_OFFER, HouseOnChain

NOBODY = bytes(20)
ROLES = {"attestor": "isAttestor", "arbiter": "isArbiter", "guardian": "isGuardian", "admin": "isAdmin"}
USED_UP = 2**32 - 1

Compared = Iterator[tuple[str, Any, Any]]


class Truth:
    """Both sides at one block. ``rows`` gives a view's rows as dictionaries, times as Unix seconds."""

    def __init__(self, house: HouseOnChain, block: int, rows: Callable[[str], list[dict[str, Any]]]) -> None:
        self.house = house
        self.block = block
        self.rows = rows

    def ask(self, contract: str, function: str, *arguments: Any) -> Any:
        return self.house.read(contract, function, *arguments, block=self.block)

    def works(self) -> list[int]:
        """Every recording with its stems."""
        return [number(row["recording_id"]) | kind for row in self.rows("recordings") for kind in range(7)]


def recordings(truth: Truth) -> Compared:
    on_chain = {row["recording_id"]: row for row in truth.rows("separations") if is_on_chain(row)}
    for row in truth.rows("recordings"):
        work = number(row["recording_id"])
        creator, version, resale, block, root = truth.ask("StemRegistry", "recordingOf", work)
        yield (
            f"recording {work:x}",
            (row["creator"], row["resale_royalty_ppm"], row["block_number"]),
            (*(creator, resale, block),),
        )
        table = (row["table_root"] or bytes(32), row["stack_ppm"], row["ancestor_count"])
        yield f"table of {work:x}", table, truth.ask("StemRegistry", "tableOf", work)
        yield f"holder of {work:x}", row["rights_holder"], truth.ask("IPNFT", "rightsHolder", work)
        yield f"whether {work:x} is separated on chain", row["recording_id"] in on_chain, root != bytes(32)
        if root != bytes(32):
            yield f"version of {work:x}", row["version"], version
        until, _ = truth.ask("Disputes", "flagOf", work)
        yield f"flag of {work:x}", row["flagged_until"] or 0, until


def ancestry(truth: Truth) -> Compared:
    tables: dict[bytes, list[Entry]] = {row["recording_id"]: [] for row in truth.rows("recordings")}
    for row in sorted(truth.rows("royalty_entries"), key=lambda row: row["ancestor_id"]):
        tables[row["recording_id"]].append(Entry(number(row["ancestor_id"]), row["ppm"]))
    for recording, entries in tables.items():
        root, _, _ = truth.ask("StemRegistry", "tableOf", number(recording))
        yield f"entries of {recording.hex()}", RoyaltyTable(tuple(entries)).root, root
    for row in truth.rows("parents"):
        snapshot = truth.ask("Licenses", "licenseOf", number(row["license_id"]))
        found = (row["parent_id"], row["ppm"], row["recording_id"])
        yield (
            f"license of parent {row['parent_id'].hex()}",
            found,
            (*(snapshot[0].to_bytes(28, "big"), snapshot[8], snapshot[9].to_bytes(28, "big")),),
        )


def registry(truth: Truth) -> Compared:
    for row in truth.rows("commitments"):
        made = truth.ask("StemRegistry", "commitmentBlockOf", row["commitment"])
        yield f"commitment {row['commitment'].hex()}", row["block_number"], made
    for row in truth.rows("batches"):
        batch = (row["attestor"], row["block_number"], row["count"])
        yield f"batch {row['root'].hex()}", batch, truth.ask("StemRegistry", "batchOf", row["root"])
    for row in truth.rows("roles"):
        if row["role"] in ROLES:
            has = truth.ask("Roles", ROLES[row["role"]], address(row["account"]))
            yield f"{row['role']} {row['account'].hex()}", row["active"], has


def separations(truth: Truth) -> Compared:
    stems: dict[tuple[bytes, int], list[intents.Stem]] = {}
    for row in sorted(truth.rows("stems"), key=lambda row: row["stem_id"]):
        found = stems.setdefault((row["recording_id"], row["version"]), [])
        found.append(intents.Stem(row["sha256"], row["cid_digest"], row["cid_codec"]))
    for row in truth.rows("recordings"):
        root = truth.ask("StemRegistry", "separationRootOf", number(row["recording_id"]))
        if root == bytes(32):
            continue
        six = stems[row["recording_id"], row["version"]]
        stems_root = merkle.stems_root(WorkId(number(row["recording_id"])), six)
        yield f"stems of {row['recording_id'].hex()}", row["stems_root"], stems_root
        said = merkle.separation_root(WorkId(number(row["recording_id"])), stems_root, row["metadata_digest"])
        yield f"separation of {row['recording_id'].hex()}", said, root


def titles(truth: Truth) -> Compared:
    held = {row["work_id"]: row for row in truth.rows("titles")}
    for work_id, row in held.items():
        work = number(work_id)
        yield f"title {work:x}", row["holder"], truth.ask("IPNFT", "ownerOf", work)
        if work & 0xFF:
            yield f"version of title {work:x}", row["version"], truth.ask("IPNFT", "versionOf", work)
    stems = {row["stem_id"]: row for row in truth.rows("stems")}
    for work in truth.works():
        work_id = work.to_bytes(28, "big")
        governing = work if work_id in held else work & ~0xFF
        count = held.get(governing.to_bytes(28, "big"), {}).get("transfers", 0)
        yield f"epoch of {work:x}", governing << 32 | count, truth.ask("IPNFT", "titleEpoch", work)
        if work_id in stems:
            holder = truth.ask("IPNFT", "rightsHolder", work)
            yield f"holder of {work:x}", stems[work_id]["rights_holder"], holder
    for row in truth.rows("payouts"):
        preset = truth.ask("IPNFT", "presetPayoutOf", address(row["creator"]))
        yield f"payout of {row['creator'].hex()}", row["payout"], preset
    for row in truth.rows("slots"):
        slot = truth.ask("RoyaltySplitter", "slotOf", number(row["recording_id"]), row["slot"])
        yield f"slot {row['slot']} of {row['recording_id'].hex()}", (row["account"], row["ppm"]), slot


def sellers(truth: Truth) -> Compared:
    for row in truth.rows("terms"):
        columns = ("kind", "token", "transferable", "exclusive", "commercial_use", "attribution", "territory")
        said = (*(row[each] for each in columns), *(row[each] for each in ("max_grants", "remix_ppm", "duration")))
        yield "terms", (*said, row["legal_digest"]), truth.ask("LicenseManager", "termsOf", row["terms_id"])
    for row in truth.rows("attachments"):
        work, terms = number(row["work_id"]), row["terms_id"]
        epoch, price, attached = truth.ask("LicenseManager", "attachmentOf", work, terms)
        if attached:
            said = (number(row["title_epoch_work"]) << 32 | row["title_epoch_count"], row["price"])
            yield f"attachment of {work:x}", said, (epoch, price)
        yield f"whether {work:x} can be bought", row["active"], can_be_bought(truth, work, terms)
    for row in truth.rows("grants"):
        granted = truth.ask("LicenseManager", "grantedOf", number(row["work_id"]), row["terms_id"])
        yield f"grants of {row['work_id'].hex()}", row["granted"], granted
    for row in truth.rows("offer_nonces"):
        used = truth.ask("LicenseManager", "usedOf", address(row["seller"]), number(row["nonce"]))
        yield f"nonce {number(row['nonce'])}", USED_UP if row["cancelled"] else row["used"], used
    for row in truth.rows("seller_epochs"):
        epoch = truth.ask("LicenseManager", "sellerEpochOf", address(row["seller"]))
        yield f"epoch of {row['seller'].hex()}", row["epoch"], epoch
    for row in truth.rows("delegations"):
        key = (address(row["holder"]), address(row["signer"]), number(row["work_id"]), row["terms_id"])
        floor, expiry = truth.ask("LicenseManager", "delegationOf", *key)
        said = (row["floor_price"], row["expires_at"]) if row["active"] else (0, 0)
        yield f"delegation {key}", said, (floor, min(expiry, 253_402_300_799))


def licenses(truth: Truth) -> Compared:
    for row in truth.rows("licenses"):
        license_id = number(row["license_id"])
        columns = ("coverage", "kind", "transferable", "terms_id", "version", "granted_at")
        said = (number(row["work_id"]), *(row[each] for each in columns), row["expires_at"] or 0, row["remix_ppm"])
        snapshot = truth.ask("Licenses", "licenseOf", license_id)
        yield f"license {license_id:x}", (*said, number(row["remix_id"] or b"")), snapshot
        yield f"holder of license {license_id:x}", row["holder"], truth.ask("Licenses", "ownerOf", license_id)
    exclusive: dict[tuple[int, int], list[int]] = {}
    for row in truth.rows("exclusivities"):
        found = exclusive.setdefault((number(row["recording_id"]), row["kind"]), [0] * 8)
        kind = number(row["work_id"]) & 0xFF
        found[kind + 1 if kind else 0] = row["until"]
        if kind == 0:
            found[1] = row["coverage"]
    for (recording, kind), (until, coverage, *stems) in exclusive.items():
        told = truth.ask("LicenseManager", "exclusivityOf", recording, kind)
        yield f"exclusivity of {recording:x}", (until, coverage, tuple(stems)), told


def money(truth: Truth) -> Compared:
    for row in truth.rows("accounts"):
        said = tuple(row[each] for each in ("received", "own_moved", "income", "title_drawn"))
        key = (number(row["work_id"]), address(row["token"]))
        yield f"account of {key}", said, truth.ask("RoyaltySplitter", "accountOf", *key)
    for row in truth.rows("moved"):
        key = (number(row["descendant_id"]), number(row["ancestor_id"]), address(row["token"]))
        yield f"moved {key}", row["moved"], truth.ask("RoyaltySplitter", "movedOf", *key)
    for row in truth.rows("draws"):
        key = (number(row["work_id"]), address(row["token"]), row["slot"])
        yield f"drawn {key}", row["drawn"], truth.ask("RoyaltySplitter", "drawnOf", *key)
    for row in truth.rows("receivers"):
        receiver = truth.ask("RoyaltySplitter", "receiverOf", number(row["work_id"]))
        yield f"receiver of {row['work_id'].hex()}", row["receiver"], receiver
    for row in truth.rows("tokens"):
        accepted = truth.ask("RoyaltySplitter", "isAccepted", address(row["token"]))
        yield f"token {row['token'].hex()}", row["accepted"], accepted
    for row in truth.rows("fees"):
        fees = truth.ask("RoyaltySplitter", "feesOf", address(row["token"]))
        yield f"fees in {row['token'].hex()}", (row["credited"], row["drawn"]), fees
    for row in truth.rows("withdrawal_nonces"):
        key = (address(row["account"]), number(row["nonce"]))
        yield f"nonce {key}", True, truth.ask("RoyaltySplitter", "isNonceUsed", *key)
    (row,) = truth.rows("protocol")
    on_chain = (truth.ask("LicenseManager", "feePpm"), truth.ask("RoyaltySplitter", "feeRecipient"))
    yield "the fee", (row["fee_ppm"], row["fee_recipient"]), on_chain


def sessions(truth: Truth) -> Compared:
    for row in truth.rows("sessions"):
        is_open = row["opened_at"] is not None and not row["closed"]
        said = (is_open, row["closed"], row["spent"], row["period_window"] or 0, row["window_spent"] or 0)
        yield f"session {row['session_id'].hex()}", said, truth.ask("SessionVault", "stateOf", row["session_id"])
    for row in truth.rows("vault_balances"):
        balance = truth.ask("SessionVault", "balanceOf", address(row["owner"]), address(row["token"]))
        yield f"balance of {row['owner'].hex()}", row["balance"], balance


def sums(truth: Truth) -> Compared:
    """What happened adds up to what is."""
    paid, moved, settled, drawn, spent = (Counter[Any]() for _ in range(5))
    for row in truth.rows("payments"):
        paid[row["work_id"], row["token"]] += row["amount"]
    for row in truth.rows("claims"):
        moved[row["descendant_id"], row["ancestor_id"], row["token"]] += row["amount"]
    for row in truth.rows("settlements"):
        settled[row["work_id"], row["token"]] += row["amount"]
    for row in truth.rows("withdrawals"):
        drawn[row["work_id"], row["token"], row["slot"]] += row["amount"]
    for row in truth.rows("session_purchases"):
        spent[row["session_id"]] += row["price"]
    for row in truth.rows("accounts"):
        key = (row["work_id"], row["token"])
        yield f"payments and settlements of {key}", (paid[key], settled[key]), (row["received"], row["own_moved"])
    for row in truth.rows("moved"):
        yield "claims", moved[row["descendant_id"], row["ancestor_id"], row["token"]], row["moved"]
    for row in truth.rows("draws"):
        yield "withdrawals", drawn[row["work_id"], row["token"], row["slot"]], row["drawn"]
    for row in truth.rows("sessions"):
        yield "purchases", spent[row["session_id"]], row["spent"]


COMPARISONS = (recordings, ancestry, registry, separations, titles, sellers, licenses, money, sessions, sums)


def is_on_chain(separation: dict[str, Any]) -> bool:
    return separation["batch_root"] is None or separation["materialized"]


def can_be_bought(truth: Truth, work: int, terms: bytes) -> bool:
    """Whether the license manager names a price for the work now."""
    try:
        truth.ask("LicenseManager", "askOf", (work, terms, ZERO_ADDRESS, 0, 0, 0), NO_OFFER)
    except RpcRefused:
        return False
    return True


def number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def address(raw: bytes) -> str:
    return "0x" + raw.hex()
