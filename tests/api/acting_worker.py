"""Plays the worker over the real Pub/Sub: takes orders, stores six files, signs an attestation, answers."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from eth_account import Account

from stemma.chain.deployments import load_deployment
from stemma.chain.intents import Separation, Stem, attestation_typed_data, model_hash, sign_typed_data
from stemma.chain.merkle import stems_root
from stemma.documents import AudioFeatures, ManifestStem, Model, SeparationManifest, StoredAudio
from stemma.messaging.consumer import consume
from stemma.messaging.delivery import Delivery
from stemma.messaging.endpoint import PubsubEndpoint
from stemma.messaging.envelope import Envelope
from stemma.messaging.events import (
    CommittedSeparation,
    Payload,
    ProcessedStem,
    SeparationFailure,
    SeparationProgress,
    SeparationRequest,
    SeparationResult,
    SignedAttestation,
)
from stemma.messaging.names import STEM_DLQ, STEM_RESULTS, STEM_SEPARATE_WORKER
from stemma.messaging.publisher import Publisher
from stemma.messaging.topology import ensure_topology
from stemma.settings import Settings
from stemma.storage import Storage, open_storage
from stemma.works import STEM_KINDS, from_hex, stem_id, to_hex

MODEL = "demucs-tiny-synth"


@dataclass
class ActingWorker:
    """``fail_with`` makes it give every job up; ``repeat`` sends each result so many times."""

    settings: Settings
    fail_with: str | None = None
    repeat: int = 1
    taken: list[SeparationRequest] = field(default_factory=list)

    @asynccontextmanager
    async def working(self) -> AsyncIterator["ActingWorker"]:
        endpoint = PubsubEndpoint.from_settings(self.settings)
        await ensure_topology(endpoint)
        async with Publisher(endpoint) as publisher, open_storage(self.settings) as storage:

            async def handle(delivery: Delivery) -> None:
                request = delivery.envelope.payload
                assert isinstance(request, SeparationRequest)
                self.taken.append(request)
                await self._work(request, storage, publisher)

            task = asyncio.create_task(consume(endpoint, STEM_SEPARATE_WORKER, handle, accepts=(SeparationRequest,)))
            try:
                yield self
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _work(self, request: SeparationRequest, storage: Storage, publisher: Publisher) -> None:
        async def say(payload: Payload, topic: str = STEM_RESULTS) -> None:
            await publisher.publish(topic, Envelope.of(payload, producer="acting-worker"))

        if self.fail_with is not None:
            failure = SeparationFailure(
                job_id=request.job_id, code=self.fail_with, detail="it would not", attempts=3, permanent=False
            )
            await say(failure, STEM_DLQ)
            return
        for percent in (5, 60):
            await say(SeparationProgress(job_id=request.job_id, stage="separating", percent=percent))
        result = await separate(request, storage, self.settings)
        for _ in range(self.repeat):
            await say(result)


async def separate(
    request: SeparationRequest, storage: Storage, settings: Settings, *, preview_type: str = "audio/mpeg"
) -> SeparationResult:
    """Six files that stand for stems, their documents, and the attestation over them."""
    private = request.release_policy == "licensed"
    files = {kind: f"{request.content_hash} {kind.label} ".encode() * 20_000 for kind in STEM_KINDS}
    stems = {kind: await storage.put(data, private=private) for kind, data in files.items()}
    previews = {kind: await storage.put(b"preview " + data[:4000], private=False) for kind, data in files.items()}
    mix = await storage.put(b"preview of the mix " + request.content_hash.encode(), private=False)
    recording = from_hex(request.recording_id)
    processed = [
        ProcessedStem(
            kind=kind.label,
            work_id=to_hex(stem_id(recording, kind)),
            sha256="0x" + blob.sha256.hex(),
            cid=str(blob.cid),
            bytes=blob.size,
        )
        for kind, blob in stems.items()
    ]
    weights = hashlib.sha256(b"weights").digest()
    manifest = SeparationManifest(
        recording_id=request.recording_id,
        content_hash=request.content_hash,
        pcm_sha256="0x" + "11" * 32,
        samples=88_200,
        sample_rate=44_100,
        channels=2,
        credits_cid=request.credits_cid,
        title=request.title,
        artist=request.artist,
        release_policy=request.release_policy,
        model=Model(version=MODEL, architecture="HTDemucs", weights_sha256="0x" + weights.hex()),
        parameters={},
        runtime={},
        stems=[
            ManifestStem(
                **stem.model_dump(),
                samples=88_200,
                preview=StoredAudio(cid=str(previews[kind].cid), media_type=preview_type, bytes=previews[kind].size),
            )
            for kind, stem in zip(stems, processed, strict=True)
        ],
        preview=StoredAudio(cid=str(mix.cid), media_type="audio/mpeg", bytes=mix.size),
        features=AudioFeatures(),
    )
    stored = await storage.put(manifest.canonical(), private=False)
    tokens = {
        f"{number}.json": await storage.put(json.dumps({"name": request.title, "kind": number}).encode(), private=False)
        for number in range(7)
    }
    metadata = await storage.put_directory(tokens)
    separation = Separation(
        stems_root=stems_root(recording, [Stem.of(blob.sha256, blob.cid) for blob in stems.values()]),
        model=model_hash(MODEL),
        weights_hash=weights,
        manifest_digest=stored.cid.digest,
        manifest_codec=stored.cid.codec,
        metadata_digest=metadata.cid.digest,
    )
    return SeparationResult(
        job_id=request.job_id,
        recording_id=request.recording_id,
        content_hash=request.content_hash,
        creator=request.creator,
        model_version=MODEL,
        manifest_cid=str(stored.cid),
        metadata_cid=str(metadata.cid),
        stems=processed,
        separation=CommittedSeparation(
            version=0,
            stems_root="0x" + separation.stems_root.hex(),
            model="0x" + separation.model.hex(),
            weights_hash="0x" + weights.hex(),
            manifest_digest="0x" + separation.manifest_digest.hex(),
            manifest_codec=separation.manifest_codec,
            metadata_digest="0x" + separation.metadata_digest.hex(),
        ),
        attestation=_attest(request, separation, settings),
        seconds={"separate": 0.1},
    )


def _attest(request: SeparationRequest, separation: Separation, settings: Settings) -> SignedAttestation:
    assert settings.attestor_private_key is not None
    key = settings.attestor_private_key.get_secret_value()
    deadline = int(time.time()) + 3600
    domain = load_deployment(settings.deployments_dir, settings.chain_id).signing_domain
    typed = attestation_typed_data(
        request.creator, bytes.fromhex(request.content_hash[2:]), separation, deadline, domain
    )
    return SignedAttestation(
        attestor=Account.from_key(key).address, deadline=deadline, signature="0x" + sign_typed_data(key, typed).hex()
    )
