"""The documents that describe a separation: the manifest, and the metadata that wallets and markets read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

from stem_worker.checks import CheckedStems
from stem_worker.model import StemModel
from stem_worker.music import Music
from stemma.audio.ffmpeg import CHANNELS, SAMPLE_RATE
from stemma.audio.meter import decibels
from stemma.audio.preview import MEDIA_TYPE as PREVIEW_TYPE
from stemma.audio.probe import AudioFacts
from stemma.cid import Blob
from stemma.documents import AudioFeatures, ManifestStem, Model, SeparationManifest, StoredAudio
from stemma.messaging.events import SeparationRequest
from stemma.works import STEM_KINDS, Kind, recording_id, stem_id, to_hex

LOUDNESS_DECIMALS = 2


@dataclass(frozen=True)
class StoredSeparation:
    """What one run left in storage. `stems` and `previews` are by kind; the mix's preview is under RECORDING."""

    stems: Mapping[Kind, Blob]
    previews: Mapping[Kind, Blob]
    facts: AudioFacts
    checked: CheckedStems
    music: Music
    stem_gain: float
    parameters: Mapping[str, Any]
    runtime: Mapping[str, Any]


def build_manifest(request: SeparationRequest, model: StemModel, stored: StoredSeparation) -> SeparationManifest:
    """All that is needed to judge, and to try to repeat, the separation."""
    return SeparationManifest(
        recording_id=request.recording_id,
        content_hash=request.content_hash,
        pcm_sha256="0x" + stored.facts.pcm_sha256.hex(),
        samples=stored.facts.samples,
        sample_rate=SAMPLE_RATE,
        channels=CHANNELS,
        credits_cid=request.credits_cid,
        title=request.title,
        artist=request.artist,
        release_policy=request.release_policy,
        model=Model(
            version=model.version, architecture=model.architecture, weights_sha256="0x" + model.weights_sha256.hex()
        ),
        parameters={**stored.parameters, "stemGain": stored.stem_gain},
        runtime=dict(stored.runtime),
        stems=[_manifest_stem(request, stored, kind) for kind in STEM_KINDS],
        preview=_preview(stored.previews[Kind.RECORDING]),
        features=AudioFeatures(
            loudness_lufs=_rounded(stored.facts.loudness_lufs),
            peak_dbfs=_rounded(stored.facts.peak_dbfs),
            residual_snr_db=_rounded(stored.checked.residual_snr_db),
            bpm=stored.music.bpm,
            key=stored.music.key,
        ),
    )


def token_metadata(
    request: SeparationRequest, model: StemModel, stored: StoredSeparation, manifest: Blob
) -> dict[str, bytes]:
    """The files `0.json` (the recording) to `6.json` of the metadata directory, in the shape that markets read."""
    return {f"{kind.value}.json": rfc8785.dumps(_token(request, model, stored, manifest, kind)) for kind in Kind}


def _token(
    request: SeparationRequest, model: StemModel, stored: StoredSeparation, manifest: Blob, kind: Kind
) -> dict[str, Any]:
    recording = recording_id(bytes.fromhex(request.content_hash[2:]))
    is_stem = kind is not Kind.RECORDING
    attributes: list[dict[str, Any]] = [
        {"trait_type": "Artist", "value": request.artist},
        {"trait_type": "Kind", "value": kind.label},
        {"trait_type": "Duration", "value": round(stored.facts.duration, 3)},
        {"trait_type": "Release policy", "value": request.release_policy},
    ]
    if is_stem:
        attributes.append({"trait_type": "Model", "value": model.version})
    about = f"The {kind.label} of “{request.title}” by {request.artist}." if is_stem else None
    return {
        "name": f"{request.title} ({kind.label})" if is_stem else request.title,
        "description": about or request.credits.description or f"“{request.title}” by {request.artist}.",
        "animation_url": f"ipfs://{stored.previews[kind].cid}",
        "attributes": attributes,
        "properties": {
            "workId": to_hex(stem_id(recording, kind) if is_stem else recording),
            "recordingId": request.recording_id,
            "kind": kind.label,
            "manifest": f"ipfs://{manifest.cid}",
            "credits": f"ipfs://{request.credits_cid}",
            "sha256": "0x" + stored.stems[kind].sha256.hex() if is_stem else request.content_hash,
            **({"cid": str(stored.stems[kind].cid)} if is_stem else {}),
        },
    }


def _manifest_stem(request: SeparationRequest, stored: StoredSeparation, kind: Kind) -> ManifestStem:
    file, seen = stored.stems[kind], stored.checked.measurements[kind.label]
    gain_db = decibels(stored.stem_gain) or 0.0
    return ManifestStem(
        kind=kind.label,
        work_id=to_hex(stem_id(recording_id(bytes.fromhex(request.content_hash[2:])), kind)),
        sha256="0x" + file.sha256.hex(),
        cid=str(file.cid),
        bytes=file.size,
        samples=seen.samples,
        loudness_lufs=None if seen.loudness_lufs is None else _rounded(seen.loudness_lufs + gain_db),
        peak_dbfs=None if seen.peak_dbfs is None else _rounded(seen.peak_dbfs + gain_db),
        preview=_preview(stored.previews[kind]),
    )


def _preview(file: Blob) -> StoredAudio:
    return StoredAudio(cid=str(file.cid), media_type=PREVIEW_TYPE, bytes=file.size)


def _rounded(level: float | None) -> float | None:
    return None if level is None else round(level, LOUDNESS_DECIMALS)
