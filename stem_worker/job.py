"""One separation from request to result. Run twice, it does the same twice and stores nothing twice."""

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from anyio import to_thread

from stem_worker.attestation import Attestor, committed, first_separation
from stem_worker.checks import CheckedStems, check
from stem_worker.engine import Engine
from stem_worker.manifest import StoredSeparation, build_manifest, token_metadata
from stem_worker.music import Music, listen
from stem_worker.progress import Report
from stem_worker.runtime import describe_runtime
from stem_worker.workspace import Workspaces
from stemma.audio.flac import common_gain, write_flac
from stemma.audio.preview import choose_window, encode_preview
from stemma.audio.probe import AudioFacts, AudioLimits, decode
from stemma.cid import RAW, Blob, Cid, CidError
from stemma.messaging.events import ProcessedStem, SeparationRequest, SeparationResult
from stemma.messaging.failures import RequestInvalid, SourceMismatch
from stemma.storage import Storage
from stemma.works import STEM_KINDS, Kind, recording_id, stem_id, to_hex

Pcm = npt.NDArray[np.float32]

# Where in the whole, in percent, each step begins.
DECODE_AT, SEPARATE_AT, ENCODE_AT, STORE_AT = 1, 3, 88, 95


@dataclass(frozen=True)
class Workshop:
    """What jobs need and share."""

    engine: Engine
    storage: Storage
    attestor: Attestor
    limits: AudioLimits
    workspaces: Workspaces


@dataclass(frozen=True)
class _Separated:
    facts: AudioFacts
    mix: Pcm
    stems: Mapping[str, Pcm]
    checked: CheckedStems
    music: Music
    gain: float


@dataclass
class Job:
    """One request on its way.

    Args:
        report: called, from any thread, with the step and the percentage of the whole that is done.
    """

    request: SeparationRequest
    workshop: Workshop
    report: Report
    seconds: dict[str, float] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    async def run(self) -> SeparationResult:
        """Separate the recording, store the outcome and attest to it. When cancelled it ends at once, its thread soon.

        Raises:
            RequestInvalid: the request contradicts itself.
            SourceMismatch: the stored original is another file.
            AudioError: the original cannot be used; see `stemma.audio.errors`.
            SeparationImplausible: the stems fail their checks.
            StorageError: the storage failed or does not have the original.
        """
        check_request(self.request)
        try:
            return await self._run()
        finally:
            self._ended.set()

    async def _run(self) -> SeparationResult:
        with self.workshop.workspaces.folder() as folder:
            async with self.workshop.storage.download(Cid.parse(self.request.source.cid)) as original:
                separated = await to_thread.run_sync(self._separate, original, folder)
            with self._step("encode", ENCODE_AT):
                files, previews = await to_thread.run_sync(_encode, separated, folder)
            with self._step("store", STORE_AT):
                stored = await self._store(separated, files, previews)
                manifest, metadata = await self._describe(stored)
        return self._result(stored, manifest, metadata)

    def _separate(self, original: Path, folder: Path) -> _Separated:
        self._check_source(original)
        engine = self.workshop.engine
        with self._step("decode", DECODE_AT):
            facts, mix = decode(original, self.workshop.limits, folder / "mix.f32")
        with self._step("separate", SEPARATE_AT):
            # Frames on disk, so that a stem is read in one sweep: float32[sources, T, 2] seen as [sources, 2, T].
            shape = (len(engine.model.sources), facts.samples, 2)
            out = np.memmap(folder / "stems.f32", dtype="<f4", mode="w+", shape=shape).transpose(0, 2, 1)
            stems = engine.separate(mix, on_progress=self._separating, cancel=self._ended.is_set, out=out)
            checked = check(stems, mix)
        gain = common_gain([found.peak for found in checked.measurements.values()])
        return _Separated(facts=facts, mix=mix, stems=stems, checked=checked, music=listen(mix), gain=gain)

    def _check_source(self, original: Path) -> None:
        with original.open("rb") as file:
            digest = "0x" + hashlib.file_digest(file, "sha256").hexdigest()
        if digest != self.request.content_hash:
            raise SourceMismatch(f"{self.request.source.cid} has SHA-256 {digest}, not {self.request.content_hash}")

    async def _store(
        self, separated: _Separated, files: Mapping[Kind, Path], previews: Mapping[Kind, bytes]
    ) -> StoredSeparation:
        storage, engine = self.workshop.storage, self.workshop.engine
        # The CIDs of licensed stems are committed all the same; the files are only for those who may have them.
        private = self.request.release_policy == "licensed"
        return StoredSeparation(
            stems={kind: await storage.put(path, private=private) for kind, path in files.items()},
            previews={kind: await storage.put(data, private=False) for kind, data in previews.items()},
            facts=separated.facts,
            checked=separated.checked,
            music=separated.music,
            stem_gain=separated.gain,
            parameters=engine.parameters,
            runtime={**engine.runtime, **await to_thread.run_sync(describe_runtime)},
        )

    async def _describe(self, stored: StoredSeparation) -> tuple[Blob, Blob]:
        """Store the manifest and the metadata directory; return their names."""
        storage, model = self.workshop.storage, self.workshop.engine.model
        manifest = await storage.put(build_manifest(self.request, model, stored).canonical(), private=False)
        tokens = token_metadata(self.request, model, stored, manifest)
        entries = {name: await storage.put(document, private=False) for name, document in tokens.items()}
        return manifest, await storage.put_directory(entries)

    def _result(self, stored: StoredSeparation, manifest: Blob, metadata: Blob) -> SeparationResult:
        request, model = self.request, self.workshop.engine.model
        content_hash = bytes.fromhex(request.content_hash[2:])
        separation = first_separation(
            content_hash, [stored.stems[kind] for kind in STEM_KINDS], model, manifest=manifest, metadata=metadata
        )
        return SeparationResult(
            job_id=request.job_id,
            recording_id=request.recording_id,
            content_hash=request.content_hash,
            creator=request.creator,
            model_version=model.version,
            manifest_cid=str(manifest.cid),
            metadata_cid=str(metadata.cid),
            stems=[_processed(content_hash, kind, stored.stems[kind]) for kind in STEM_KINDS],
            separation=committed(separation),
            attestation=self.workshop.attestor.sign(request.creator, content_hash, separation),
            seconds=self.seconds,
        )

    def _separating(self, share: float) -> None:
        self.report("separate", SEPARATE_AT + int(share * (ENCODE_AT - SEPARATE_AT)))

    @contextmanager
    def _step(self, name: str, percent: int) -> Iterator[None]:
        self.report(name, percent)
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 3)


def check_request(request: SeparationRequest) -> None:
    """Hold the parts of a request against each other, before they are signed.

    Raises:
        RequestInvalid: they do not fit.
    """
    if request.recording_id != to_hex(recording_id(bytes.fromhex(request.content_hash[2:]))):
        raise RequestInvalid("recordingId is not the one of contentHash")
    if request.credits.content_hash != request.content_hash:
        raise RequestInvalid("the credits are about another file")
    if request.credits_cid != str(Cid(RAW, request.credits.digest())):
        raise RequestInvalid("creditsCid is not the one of the credits")
    if (request.title, request.artist) != (request.credits.title, request.credits.artist):
        raise RequestInvalid("title or artist differ from the credits")
    if request.release_policy != request.credits.release_policy:
        raise RequestInvalid("the release policy differs from the credits")
    try:
        Cid.parse(request.source.cid)
    except CidError as error:
        raise RequestInvalid(f"the source's CID: {error}") from error


def _encode(separated: _Separated, folder: Path) -> tuple[dict[Kind, Path], dict[Kind, bytes]]:
    """Six FLACs with one gain, and seven previews of the same thirty seconds."""
    window = choose_window(separated.mix)
    mix_gain = common_gain([separated.facts.peak])
    files, previews = {}, {Kind.RECORDING: encode_preview(separated.mix, window, gain=mix_gain)}
    for kind in STEM_KINDS:
        stem = separated.stems[kind.label]
        files[kind] = folder / f"{kind.label}.flac"
        write_flac(files[kind], stem, gain=separated.gain)
        previews[kind] = encode_preview(stem, window, gain=separated.gain)
    return files, previews


def _processed(content_hash: bytes, kind: Kind, file: Blob) -> ProcessedStem:
    return ProcessedStem.model_validate(
        {
            "kind": kind.label,
            "workId": to_hex(stem_id(recording_id(content_hash), kind)),
            "sha256": "0x" + file.sha256.hex(),
            "cid": str(file.cid),
            "bytes": file.size,
        }
    )
