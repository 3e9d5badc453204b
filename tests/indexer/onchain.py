"""Real registrations on a real anvil, signed for real, with documents that match."""

import asyncio
import hashlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_account import Account
from eth_hash.auto import keccak
from pydantic import SecretStr

from indexer.service import run as index
from stack.anvil_node import AnvilNode, development_key
from stemma.chain import intents, merkle
from stemma.chain.calls import register_and_commit
from stemma.chain.deployments import Deployment, load_deployment
from stemma.cid import RAW, Cid, identify
from stemma.documents import AudioFeatures, CreditsDocument, ManifestStem, Model, SeparationManifest, StoredAudio
from stemma.settings import Settings
from stemma.works import STEM_KINDS, Kind, WorkId, recording_id, stem_id, to_hex
from tests import warm_start

CREATOR_KEY, ATTESTOR_KEY = development_key(1), development_key(2)
CREATOR = Account.from_key(CREATOR_KEY).address
FOREVER = 2**63
warm_start.load(
    *("indexer.command", "indexer.service", "indexer.status", "indexer.verify", "indexer.rebuild"),
    *("indexer.foreign", "indexer.foreign_rebuild", "stemma.metrics", "stemma.logging"),
)


@dataclass(frozen=True)
class Song:
    """A recording as its creator and the worker would describe it."""

    number: int

    @property
    def content_hash(self) -> bytes:
        return hashlib.sha256(f"song {self.number}".encode()).digest()

    @property
    def recording(self) -> WorkId:
        return recording_id(self.content_hash)

    @property
    def credits(self) -> CreditsDocument:
        return CreditsDocument(
            content_hash="0x" + self.content_hash.hex(),
            title=f"Song {self.number}",
            artist="Anna",
            tags=["dub", "Test"],
        )

    @property
    def manifest(self) -> SeparationManifest:
        preview = StoredAudio(cid=str(identify(b"preview").cid), media_type="audio/ogg", bytes=7)
        return SeparationManifest(
            recording_id=to_hex(self.recording),
            content_hash="0x" + self.content_hash.hex(),
            pcm_sha256="0x" + "11" * 32,
            samples=44_100 * 90,
            sample_rate=44_100,
            channels=2,
            credits_cid=str(Cid(RAW, self.credits.digest())),
            title=self.credits.title,
            artist=self.credits.artist,
            release_policy="licensed",
            model=Model(version="demucs-tiny-synth", architecture="HTDemucs", weights_sha256="0x" + "22" * 32),
            parameters={"shifts": 0},
            runtime={"torch": "2"},
            stems=[
                ManifestStem(
                    kind=kind.label,
                    work_id=to_hex(stem_id(self.recording, kind)),
                    sha256="0x" + "33" * 32,
                    cid=str(identify(kind.label.encode()).cid),
                    bytes=10,
                    samples=44_100 * 90,
                    preview=preview,
                )
                for kind in STEM_KINDS
            ],
            preview=preview,
            features=AudioFeatures(),
        )


class Registrar:
    """Sends the transactions of artists and workers to a deployed chain; each is mined at once."""

    def __init__(self, node: AnvilNode, deployments_dir: Path) -> None:
        self.node = node
        self.deployments_dir = deployments_dir
        self.deployment: Deployment = load_deployment(deployments_dir, node.chain_id)
        self._sender = Account.from_key(development_key(0)).address

    def register(self, song: Song, *, split: tuple[intents.Share, ...] = ()) -> str:
        """Register and commit; return the transaction's hash."""
        stems = self._stems(song)
        separation = self._separation(song, stems)
        domain = self.deployment.signing_domain
        registration = intents.Registration(
            CREATOR, song.content_hash, song.credits.digest(), RAW, 50_000, FOREVER, split
        )
        attestation = intents.attestation_typed_data(CREATOR, song.content_hash, separation, FOREVER, domain)
        calldata = register_and_commit(
            registration=registration,
            creator_signature=intents.sign_typed_data(
                CREATOR_KEY, intents.registration_typed_data(registration, domain)
            ),
            stems=stems,
            separation=separation,
            attestation_deadline=FOREVER,
            attestor_signature=intents.sign_typed_data(ATTESTOR_KEY, attestation),
        )
        return self._send(self._sender, self.deployment.registry.address, calldata)

    def mint(self, song: Song, to: str, kind: Kind = Kind.RECORDING) -> str:
        """Mint the title of a registered song or of one of its stems."""
        separation = self._separation(song, self._stems(song))
        digests = (separation.stems_root, separation.metadata_digest)
        data = _call("mint(uint224,address,bytes32,bytes32)", song.recording | kind, to, *digests)
        return self._send(CREATOR, self.deployment.ipnft.address, data)

    def transfer(self, work: WorkId, giver: str, to: str) -> str:
        data = _call("transferFrom(address,address,uint256)", giver, to, work)
        return self._send(giver, self.deployment.ipnft.address, data)

    def rights_holder(self, work: WorkId) -> bytes:
        """What the contract itself says."""
        call = {"to": self.deployment.ipnft.address, "data": "0x" + _call("rightsHolder(uint224)", work).hex()}
        return bytes.fromhex(self.node.rpc("eth_call", call, "latest")[-40:])

    def _stems(self, song: Song) -> list[intents.Stem]:
        return [
            intents.Stem(hashlib.sha256(f"{song.number} {kind}".encode()).digest(), keccak(bytes([kind])), RAW)
            for kind in STEM_KINDS
        ]

    def _separation(self, song: Song, stems: list[intents.Stem]) -> intents.Separation:
        return intents.Separation(
            stems_root=merkle.stems_root(song.recording, stems),
            model=intents.model_hash(song.manifest.model.version),
            weights_hash=b"\x22" * 32,
            manifest_digest=song.manifest.digest(),
            manifest_codec=RAW,
            metadata_digest=keccak(b"directory"),
        )

    def _send(self, sender: str, to: str, data: bytes) -> str:
        transaction = {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": hex(5_000_000)}
        tx_hash: str = self.node.rpc("eth_sendTransaction", transaction)
        for _ in range(200):
            receipt: dict[str, Any] | None = self.node.rpc("eth_getTransactionReceipt", tx_hash)
            if receipt:
                assert receipt["status"] == "0x1", f"transaction {tx_hash} reverted"
                return tx_hash
            time.sleep(0.01)
        raise AssertionError(f"transaction {tx_hash} was not mined")


def _call(signature: str, *values: Any) -> bytes:
    types = signature[signature.index("(") + 1 : -1].split(",")
    return keccak(signature.encode())[:4] + encode(types, values)


@dataclass
class IndexerProcess:
    """The real command as its own process."""

    process: warm_start.Process
    log: Path

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop, as a supervisor does; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=10)


@contextmanager
def indexer_process(
    database_url: str,
    chain: Registrar,
    folder: Path,
    *arguments: str,
    storage_url: str | None = None,
    metrics_port: int = 0,
    rpc_urls: str | None = None,
) -> Iterator[IndexerProcess]:
    """`stemma indexer run`, killed at the end if it still runs."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "RPC_URLS": rpc_urls or chain.node.url,
        "CHAIN_ID": str(chain.node.chain_id),
        "DEPLOYMENTS_DIR": str(chain.deployments_dir),
        "STORAGE_URL": storage_url or (folder / "storage").as_uri(),
        "PUBLIC_STORAGE_URL": "",
        "METRICS_PORT": str(metrics_port),
    }
    log = folder / "indexer.log"
    process = warm_start.start("indexer", "run", *arguments, environment=environment, log=log)
    running = IndexerProcess(process, log)
    try:
        yield running
    finally:
        if process.poll() is None:
            running.kill()


async def index_until_head(database_url: str, chain: Registrar, folder: Path, *, generation: int | None = None) -> None:
    """Index as the command does, but in this process, until the chain's head is applied."""
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(database_url),
        rpc_urls=[chain.node.url],
        chain_id=chain.node.chain_id,
        deployments_dir=chain.deployments_dir,
        storage_url=(folder / "storage").as_uri(),
        public_storage_url="",
    )
    async with asyncio.timeout(60):
        await index(settings, generation=generation, until=chain.node.block_number())


def run_until_head(database_url: str, chain: Registrar, folder: Path, *, generation: int | None = None) -> None:
    """As `index_until_head`, for where no event loop runs."""
    asyncio.run(index_until_head(database_url, chain, folder, generation=generation))
