"""A chain that does what a seed says: registrations, titles, transfers, new versions, reorgs down to finality."""

import random
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from eth_abi.encoding import TupleEncoder
from eth_abi.registry import registry
from eth_hash.auto import keccak

from indexer.projection import Contract
from indexer.projections import STEMMA
from stemma.chain.abi import CONTRACTS, load_abi
from stemma.works import recording_id
from tests.indexer.scripted_rights import Rights, RightsScript

ADDRESSES = {name: keccak(name.encode())[:20] for name in CONTRACTS}
CONTRACTS_OF_CHAIN = [Contract(name, address, load_abi(name)) for name, address in ADDRESSES.items()]
NOBODY = bytes(20)
ATTESTOR_ROLE = keccak(b"ATTESTOR_ROLE")
EVENTS = [(name, entry["name"]) for name in CONTRACTS for entry in load_abi(name) if entry["type"] == "event"]
PROJECTED = {(contract, event.__name__) for contract, event in STEMMA.by_event}
LEFT_RAW = [event for event in EVENTS if event not in PROJECTED]
FINALITY = 12
_keccak = cache(keccak)


@cache
def layout(contract: str, event: str) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """An event's topic0, and its inputs: the indexed ones, the others."""
    (entry,) = [each for each in load_abi(contract) if each["type"] == "event" and each["name"] == event]
    inputs = entry["inputs"]
    topic0 = keccak(f"{event}({','.join(each['type'] for each in inputs)})".encode())
    indexed, rest = ([each for each in inputs if each["indexed"] is wanted] for wanted in (True, False))
    return "0x" + topic0.hex(), indexed, rest


def encode_event(contract: str, event: str, values: dict[str, Any]) -> dict[str, Any]:
    """The address, topics and data of a log, made by eth-abi alone."""
    topic0, indexed, rest = layout(contract, event)
    words = _encoder(contract, event, True)([values[each["name"]] for each in indexed]).hex()
    return {
        "address": "0x" + ADDRESSES[contract].hex(),
        "topics": [topic0, *("0x" + words[start : start + 64] for start in range(0, len(words), 64))],
        "data": "0x" + _encoder(contract, event, False)([values[each["name"]] for each in rest]).hex(),
    }


@cache
def _encoder(contract: str, event: str, is_indexed: bool) -> TupleEncoder:
    inputs = layout(contract, event)[1 if is_indexed else 2]
    return TupleEncoder(encoders=tuple(registry.get_encoder(each["type"]) for each in inputs))


def any_event(rng: random.Random, contract: str, event: str) -> dict[str, Any]:
    """A log of any event of our contracts, with whatever its inputs may hold."""
    _, indexed, rest = layout(contract, event)
    return encode_event(contract, event, {each["name"]: _any_value(rng, each["type"]) for each in indexed + rest})


def _any_value(rng: random.Random, type_: str) -> Any:
    match type_:
        case "address":
            return rng.randbytes(20)
        case "bool":
            return rng.random() < 0.5
        case "bytes":
            return rng.randbytes(rng.randrange(100))
        case "bytes32":
            return rng.randbytes(32)
    return rng.randrange(1 << int(type_.removeprefix("uint")))


@dataclass
class Block:
    number: int
    hash: bytes
    parent: bytes
    time: int
    logs: list[dict[str, Any]] = field(default_factory=list)
    has_log_times: bool = True
    _made_of: int = -1
    _bits: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "number": hex(self.number),
            "hash": "0x" + self.hash.hex(),
            "parentHash": "0x" + self.parent.hex(),
            "timestamp": hex(self.time),
            "logsBloom": f"0x{self._bloom():0512x}",
            "transactions": [],
        }

    def _bloom(self) -> int:
        """Of all logs, and now and then of more, as a busy block's is."""
        if self._made_of != len(self.logs):
            self._made_of, self._bits = len(self.logs), self._make_bloom()
        return self._bits

    def _make_bloom(self) -> int:
        items = [bytes.fromhex(item[2:]) for log in self.logs for item in (log["address"], *log["topics"])]
        bits = 0
        for item in (*items, self.hash):
            digest = _keccak(item)
            for start in (0, 2, 4):
                bits |= 1 << (int.from_bytes(digest[start : start + 2], "big") % 2048)
        return bits if self.number % 5 else 2**2048 - 1


@dataclass
class World:
    """What the events so far amount to, so that the next ones make sense."""

    recordings: dict[int, int] = field(default_factory=dict)  # id -> versions
    titles: dict[int, bytes] = field(default_factory=dict)
    rights: Rights = field(default_factory=Rights)

    def copy(self) -> "World":
        return World(dict(self.recordings), dict(self.titles), self.rights.copy())


class ScriptedChain:
    """Blocks from 0; the contracts come alive in block ``first_block``."""

    first_block = 3

    def __init__(self, rng: random.Random, *, may_reorg: bool = True) -> None:
        """``may_reorg``: whether what the events amounted to is kept of each block, which is dear for a long chain."""
        self.rng = rng
        self._may_reorg = may_reorg
        self.has_log_times = rng.random() < 0.7
        self.finalized = 0
        self.blocks = [Block(0, rng.randbytes(32), bytes(32), 1_700_000_000)]
        self.given_up: dict[bytes, Block] = {}
        self._rights = RightsScript(rng, self._account)
        self._worlds = [World()]
        while len(self.blocks) < self.first_block:
            self._mine(is_empty=True)

    @property
    def head(self) -> Block:
        return self.blocks[-1]

    def mine(self, count: int) -> None:
        for _ in range(count):
            self._mine(is_empty=self.rng.random() < 0.4)
        self.finalized = max(self.finalized, self.head.number - FINALITY)

    def reorg(self, depth: int, new_blocks: int) -> None:
        """Give up the newest blocks, never a final one, and mine others."""
        floor = max(self.finalized, self.first_block - 1)
        keep = max(floor, self.head.number - depth) + 1
        self.given_up |= {block.hash: block for block in self.blocks[keep:]}
        del self.blocks[keep:], self._worlds[keep:]
        self.mine(new_blocks)

    def _mine(self, *, is_empty: bool) -> None:
        rng, parent = self.rng, self.head
        block = Block(parent.number + 1, rng.randbytes(32), parent.hash, parent.time + rng.randint(0, 3))
        world = self._worlds[-1].copy() if self._may_reorg else self._worlds.pop()
        log_index = 0
        for tx_index in range(0 if is_empty else rng.randint(1, 3)):
            tx_hash = rng.randbytes(32)
            for event in self._transaction(world):
                log_index += rng.randint(1, 2)  # other contracts log, too
                times = {"blockTimestamp": hex(block.time)} if self.has_log_times else {}
                place = {
                    "blockNumber": hex(block.number),
                    "blockHash": "0x" + block.hash.hex(),
                    "transactionHash": "0x" + tx_hash.hex(),
                    "transactionIndex": hex(tx_index),
                    "logIndex": hex(log_index),
                    "removed": False,
                }
                block.logs.append(event | place | times)
        self.blocks.append(block)
        self._worlds.append(world)

    def _transaction(self, world: World) -> list[dict[str, Any]]:  # noqa: PLR0911 - a case each
        rng = self.rng
        kinds = ["register"] * 3 + ["version", "mint", "mint", "transfer", "transfer", "adopt", "payout", "attestor"]
        match rng.choice([*kinds, "unknown", *["rights"] * 10]):
            case "register":
                return self._register(world)
            case "version" if world.recordings:
                recording = rng.choice(list(world.recordings))
                return self._separate(world, recording)
            case "mint" if world.recordings:
                work = rng.choice(list(world.recordings)) | rng.randint(0, 6)
                return self._mint(world, work) if work not in world.titles else []
            case "transfer" if world.titles:
                work = rng.choice(list(world.titles))
                giver, world.titles[work] = world.titles[work], self._account()
                moved = {"from": giver, "to": world.titles[work], "tokenId": work}
                return [encode_event("IPNFT", "Transfer", moved)]
            case "adopt" if world.titles:
                work = rng.choice(list(world.titles))
                values = {"workId": work, "holder": world.titles[work], "version": rng.randrange(9)}
                return [encode_event("IPNFT", "VersionAdopted", values | {"metadataDigest": rng.randbytes(32)})]
            case "rights":
                told = self._rights.transaction(world.rights, list(world.recordings))
                return [encode_event(*each) for each in told]
            case "payout":
                values = {"account": self._account(), "payout": self._account()}
                return [encode_event("IPNFT", "PayoutSet", values)]
            case "attestor":
                name = rng.choice(["RoleGranted", "RoleRevoked"])
                role = rng.choice([ATTESTOR_ROLE, ATTESTOR_ROLE, rng.randbytes(32)])
                values = {"role": role, "account": self._account(), "sender": self._account()}
                return [encode_event("Roles", name, values)]
            case _:
                return [any_event(rng, *rng.choice(LEFT_RAW))]

    def _register(self, world: World) -> list[dict[str, Any]]:
        rng, content_hash = self.rng, self.rng.randbytes(32)
        recording = int(recording_id(content_hash))
        registered = {
            "recordingId": recording,
            "creator": self._account(),
            "attestor": self._account(),
            "contentHash": content_hash,
            "creditsDigest": rng.randbytes(32),
            "creditsCodec": 0x55,
            "resaleRoyaltyPpm": rng.randint(0, 100_000),
        }
        slots = [
            {"recordingId": recording, "account": self._account(), "slot": slot, "ppm": rng.randint(1, 60_000)}
            for slot in range(rng.randint(0, 3))
        ]
        parents = list(world.recordings)
        is_remix = parents and world.rights.licenses and rng.random() < 0.5
        ancestry = list(self._rights.ancestry(world.rights, parents, recording)) if is_remix else []
        world.rights.slots += [(recording, slot["slot"]) for slot in slots]
        materialized = {"root": rng.randbytes(32), "recordingId": recording}
        return [
            encode_event("StemRegistry", "RecordingRegistered", registered),
            *(encode_event(*each) for each in ancestry),
            *(encode_event("RoyaltySplitter", "SlotFixed", slot) for slot in slots),
            *([encode_event("StemRegistry", "BatchLeafMaterialized", materialized)] if rng.random() < 0.2 else []),
            *self._separate(world, recording),
        ]

    def _separate(self, world: World, recording: int) -> list[dict[str, Any]]:
        rng, version = self.rng, world.recordings.get(recording, 0)
        world.recordings[recording] = version + 1
        separation = {
            "recordingId": recording,
            "attestor": self._account(),
            "version": version,
            "manifestCodec": 0x55,
            **{name: rng.randbytes(32) for name in ("stemsRoot", "model", "weightsHash", "manifestDigest")},
            "metadataDigest": rng.randbytes(32),
        }
        stems = [
            {
                "stemId": recording | kind,
                "version": version,
                "sha256Digest": rng.randbytes(32),
                "cidDigest": rng.randbytes(32),
                "cidCodec": 0x70,
            }
            for kind in range(1, 7)
        ]
        return [
            encode_event("StemRegistry", "SeparationCommitted", separation),
            *(encode_event("StemRegistry", "StemCommitted", stem) for stem in stems),
        ]

    def _mint(self, world: World, work: int) -> list[dict[str, Any]]:
        holder = world.titles[work] = self._account()
        minted = {
            "workId": work,
            "holder": holder,
            "minter": self._account(),
            "version": self.rng.randrange(2**32),
            "metadataDigest": self.rng.randbytes(32),
        }
        return [
            encode_event("IPNFT", "Transfer", {"from": NOBODY, "to": holder, "tokenId": work}),
            encode_event("IPNFT", "TitleMinted", minted),
        ]

    def _account(self) -> bytes:
        """One of a few accounts, so that the same rows change again and again."""
        return _keccak(bytes([self.rng.randrange(8)]))[:20]
