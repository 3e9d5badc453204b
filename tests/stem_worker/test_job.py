"""A job on real storage: what it stores, says and signs; what it refuses; what it leaves behind."""

import hashlib
import io
import json
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from eth_account import Account
from eth_account.messages import encode_typed_data

from stem_worker.attestation import Attestor
from stem_worker.engine import Engine
from stem_worker.job import Job, Workshop
from stem_worker.synth import si_sdr_gain
from stem_worker.workspace import Workspaces
from stemma.audio.errors import AudioEmpty, AudioError, AudioNotFinite, AudioSilent, AudioTooLong, AudioUnreadable
from stemma.audio.probe import AudioLimits
from stemma.chain.intents import Separation, SigningDomain, Stem, attestation_typed_data, model_hash
from stemma.chain.merkle import stems_root
from stemma.cid import Cid
from stemma.documents import SeparationManifest
from stemma.messaging.events import SeparationRequest, SeparationResult
from stemma.messaging.failures import RequestInvalid, SourceMismatch
from stemma.storage import Storage
from stemma.storage.errors import NotFound
from stemma.works import STEM_KINDS, recording_id, stem_id, to_hex
from tests.stem_worker.orders import Requests, request_about, wav

pytestmark = pytest.mark.anyio

KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
DOMAIN = SigningDomain(chain_id=31337, registry="0x5FbDB2315678afecb367f032d93F642f64180aa3")
MEGABYTES = 64 * 1024 * 1024


@pytest.fixture
def workshop(engine: Engine, storage: Storage, tmp_path: Path) -> Workshop:
    return Workshop(
        engine=engine,
        storage=storage,
        attestor=Attestor(KEY, DOMAIN),
        limits=AudioLimits(max_seconds=60),
        workspaces=Workspaces(tmp_path / "scratch"),
    )


async def run(request: SeparationRequest, workshop: Workshop) -> SeparationResult:
    return await Job(request, workshop, report=lambda _step, _percent: None).run()


async def manifest_of(result: SeparationResult, storage: Storage) -> SeparationManifest:
    data = await storage.read_verified(Cid.parse(result.manifest_cid), MEGABYTES)
    manifest = SeparationManifest.model_validate_json(data)
    assert manifest.canonical() == data
    return manifest


async def test_a_song_becomes_six_stems(requests: Requests, workshop: Workshop, song) -> None:
    request = await requests.about(wav(song.mix))
    steps: list[tuple[str, int]] = []
    result = await Job(request, workshop, report=lambda step, percent: steps.append((step, percent))).run()

    assert (result.job_id, result.creator, result.model_version) == (
        request.job_id,
        request.creator,
        "demucs-tiny-synth",
    )
    estimates = {}
    for kind, stem in zip(STEM_KINDS, result.stems, strict=True):
        data = await requests.storage.read_verified(Cid.parse(stem.cid), MEGABYTES)
        assert (stem.kind, stem.bytes, stem.sha256) == (kind.label, len(data), "0x" + hashlib.sha256(data).hexdigest())
        assert stem.work_id == to_hex(stem_id(recording_id(bytes.fromhex(request.content_hash[2:])), kind))
        assert (await requests.storage.stat(Cid.parse(stem.cid))).private
        info = soundfile.info(io.BytesIO(data))
        assert (info.format, info.subtype, info.frames) == ("FLAC", "PCM_24", song.mix.shape[1])
        estimates[kind.label] = soundfile.read(io.BytesIO(data), dtype="float32")[0].T
    assert si_sdr_gain(estimates, song.stems, song.mix) >= 8.0

    assert list(dict.fromkeys(step for step, _ in steps)) == ["decode", "separate", "encode", "store"]
    percents = [percent for _, percent in steps]
    assert percents == sorted(percents)
    assert set(result.seconds) == {"decode", "separate", "encode", "store"}
    assert list((workshop.workspaces.root).iterdir()) == []


async def test_the_manifest_tells_all(requests: Requests, workshop: Workshop, song, model) -> None:
    mix = song.mix[:, : 5 * 44_100]
    request = await requests.about(wav(mix, "FLOAT"))
    result = await run(request, workshop)
    manifest = await manifest_of(result, requests.storage)
    assert manifest.content_hash == request.content_hash
    assert manifest.samples == mix.shape[1]
    assert manifest.model.version == "demucs-tiny-synth"
    assert manifest.model.weights_sha256 == "0x" + model.weights_sha256.hex()
    assert manifest.parameters["shifts"] == 0
    assert manifest.parameters["stemGain"] == 1.0
    assert {"torch", "threads", "device", "ffmpeg", "demucs"} <= set(manifest.runtime)
    assert manifest.features.residual_snr_db is not None
    assert manifest.features.residual_snr_db > 5
    assert manifest.pcm_sha256 == "0x" + hashlib.sha256(mix.T.astype("<f4").tobytes()).hexdigest()
    for stem, listed in zip(result.stems, manifest.stems, strict=True):
        assert (stem.cid, stem.sha256, stem.work_id, stem.kind) == (
            listed.cid,
            listed.sha256,
            listed.work_id,
            listed.kind,
        )
        preview = await requests.storage.stat(Cid.parse(listed.preview.cid))
        assert (preview.size, preview.private) == (listed.preview.bytes, False)


async def test_the_metadata_directory_has_a_file_for_each_work(requests: Requests, workshop: Workshop, song) -> None:
    request = await requests.about(wav(song.mix[:, : 3 * 44_100]))
    result = await run(request, workshop)
    for number in range(7):
        cid = await requests.storage.resolve(Cid.parse(result.metadata_cid), f"{number}.json")
        token = json.loads(await requests.storage.read_verified(cid, MEGABYTES))
        wanted = request.recording_id if number == 0 else result.stems[number - 1].work_id
        assert token["properties"]["workId"] == wanted
        assert token["properties"]["manifest"] == f"ipfs://{result.manifest_cid}"
        assert token["name"].startswith("Nocturne")
        preview = Cid.parse(token["animation_url"].removeprefix("ipfs://"))
        assert not (await requests.storage.stat(preview)).private


async def test_the_attestation_is_what_the_registry_will_check(requests: Requests, workshop: Workshop, song) -> None:
    request = await requests.about(wav(song.mix[:, : 3 * 44_100]))
    result = await run(request, workshop)
    leaves = [Stem.of(bytes.fromhex(stem.sha256[2:]), Cid.parse(stem.cid)) for stem in result.stems]
    content_hash = bytes.fromhex(request.content_hash[2:])
    separation = Separation(
        stems_root=stems_root(recording_id(content_hash), leaves),
        model=model_hash("demucs-tiny-synth"),
        weights_hash=workshop.engine.model.weights_sha256,
        manifest_digest=Cid.parse(result.manifest_cid).digest,
        manifest_codec=Cid.parse(result.manifest_cid).codec,
        metadata_digest=Cid.parse(result.metadata_cid).digest,
    )
    assert result.separation.stems_root == "0x" + separation.stems_root.hex()
    assert result.attestation.deadline > time.time() + 24 * 3600
    message = attestation_typed_data(request.creator, content_hash, separation, result.attestation.deadline, DOMAIN)
    signer = Account.recover_message(encode_typed_data(full_message=message), signature=result.attestation.signature)
    assert signer == result.attestation.attestor == Account.from_key(KEY).address


async def test_the_same_request_twice_has_the_same_result(requests: Requests, workshop: Workshop, song) -> None:
    request = await requests.about(wav(song.mix[:, : 3 * 44_100]))
    first, second = await run(request, workshop), await run(request, workshop)
    assert first.separation == second.separation
    assert first.stems == second.stems


async def test_open_stems_are_public(requests: Requests, workshop: Workshop, song) -> None:
    result = await run(await requests.about(wav(song.mix[:, : 3 * 44_100]), release_policy="open"), workshop)
    for stem in result.stems:
        assert not (await requests.storage.stat(Cid.parse(stem.cid))).private


async def test_a_hot_song_is_lowered_as_a_whole(requests: Requests, workshop: Workshop, song) -> None:
    hot = song.mix[:, : 4 * 44_100] * np.float32(8)
    request = await requests.about(wav(hot, "FLOAT"))
    result = await run(request, workshop)
    manifest = await manifest_of(result, requests.storage)
    gain = manifest.parameters["stemGain"]
    assert 0 < gain < 1
    total = np.zeros(hot.shape)
    for stem, listed in zip(result.stems, manifest.stems, strict=True):
        data = await requests.storage.read_verified(Cid.parse(stem.cid), MEGABYTES)
        pcm = soundfile.read(io.BytesIO(data))[0].T
        assert listed.peak_dbfs == pytest.approx(20 * np.log10(np.abs(pcm).max()), abs=0.02)
        total += pcm
    residual = 10 * np.log10(np.sum(hot.astype(np.float64) ** 2) / np.sum((hot - total / gain) ** 2))
    assert residual == pytest.approx(manifest.features.residual_snr_db, abs=0.05)


def nan_song(pcm: np.ndarray) -> bytes:
    bad = pcm[:, : 2 * 44_100].copy()
    bad[0, 777] = np.nan
    return wav(bad, "FLOAT")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda pcm: b"This is not audio.\n" * 50, AudioUnreadable),
        (lambda pcm: b"", AudioEmpty),
        (lambda pcm: wav(np.zeros((2, 30 * 44_100), dtype=np.float32)), AudioSilent),
        (nan_song, AudioNotFinite),
        (lambda pcm: wav(np.tile(pcm, (1, 6))), AudioTooLong),
    ],
    ids=["text", "empty", "silence", "nan", "long"],
)
async def test_bad_input_is_refused_and_leaves_nothing(
    requests: Requests, workshop: Workshop, song, make, expected: type[AudioError]
) -> None:
    request = await requests.about(make(song.mix))
    before = stored_files(workshop)
    with pytest.raises(expected):
        await run(request, workshop)
    assert stored_files(workshop) == before
    assert list(workshop.workspaces.root.iterdir()) == []


def stored_files(workshop: Workshop) -> set[Path]:
    storage = workshop.workspaces.root.parent / "storage"
    return {path for path in storage.rglob("*") if path.is_file()}


async def test_another_file_than_the_one_that_was_signed_is_refused(
    requests: Requests, workshop: Workshop, song
) -> None:
    other = await requests.storage.put(wav(song.mix[:, :50_000]), private=True)
    with pytest.raises(SourceMismatch):
        await run(request_about(wav(song.mix), other.cid), workshop)


async def test_a_source_that_is_not_there_may_come_later(requests: Requests, workshop: Workshop, song) -> None:
    blob = await requests.storage.put(b"x", private=True)
    await requests.storage.delete(blob.cid, private=True)
    with pytest.raises(NotFound):
        await run(request_about(b"x", blob.cid), workshop)


@pytest.mark.parametrize(
    "change",
    [
        {"recording_id": "0x" + "11" * 27 + "00"},
        {"content_hash": "0x" + "22" * 32},
        {"credits_cid": "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"},
        {"title": "Another"},
        {"release_policy": "open"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_request_that_contradicts_itself(requests: Requests, workshop: Workshop, change) -> None:
    request = (await requests.about(b"anything")).model_copy(update=change)
    with pytest.raises(RequestInvalid):
        await run(request, workshop)
