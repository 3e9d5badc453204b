"""What one song went through, and what came of it."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from stack.demo.artist import Artist, Progress
from stack.demo.song import DemoSong, gain_of
from stemma.works import recording_id, to_hex

STAGES = (
    "received",
    "probing",
    "awaiting_signature",
    "queued",
    "separating",
    "submitting",
    "committed",
    "indexed",
)


class UploadFailed(click.ClickException):
    """The song did not become a recording; ``code`` and ``detail`` are the upload's own."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"the song was refused: {detail} [{code}]")
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Journey:
    """The recording as the catalog shows it, and how it got there.

    ``seconds`` maps each stage to the time until the next one; it is empty when the recording was there before.
    """

    recording: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    si_sdr_gain_db: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "recordingId": self.recording["workId"],
            "stems": [
                {key: stem[key] for key in ("workId", "kind", "sha256", "cid", "tx", "block")}
                for stem in self.recording["stems"]
            ],
            "modelVersion": self.recording["modelVersion"],
            "siSdrGainDb": self.si_sdr_gain_db,
            "seconds": self.seconds,
        }


async def known_recording(artist: Artist, song: DemoSong) -> dict[str, Any] | None:
    """Return the catalog's entry of a song that was registered before."""
    return await artist.work(to_hex(recording_id(song.content_hash)))


async def travel(artist: Artist, song: DemoSong, on_progress: Callable[[str, int], None]) -> Journey:
    """Push a song through the main job and return what came of it.

    Raises:
        ApiRefusal: the API refused a request.
        UploadFailed: a step refused the song; the message says why.
    """
    arrivals = {"received": datetime.now(UTC)}
    upload = await artist.upload(song.path, title=song.title, artist=song.artist, tags=song.tags)
    await artist.sign(upload)
    async for progress in artist.follow(upload["uploadId"]):
        _raise_if_failed(progress)
        arrivals.setdefault(progress.stage, progress.at)
        on_progress(progress.stage, progress.percent)
    recording = await artist.work(upload["recordingId"])
    if recording is None:
        raise UploadFailed("work_not_found", f"the catalog does not show the indexed recording {upload['recordingId']}")
    return Journey(recording, _durations(arrivals), await _measure(artist, song, recording))


def _raise_if_failed(progress: Progress) -> None:
    if progress.stage != "failed":
        return
    error = progress.error or {}
    raise UploadFailed(str(error.get("code")), str(error.get("detail")))


def _durations(arrivals: dict[str, datetime]) -> dict[str, float]:
    ordered = sorted(arrivals.items(), key=lambda item: item[1])
    return {stage: round((following - at).total_seconds(), 3) for (stage, at), (_, following) in pairwise(ordered)}


async def _measure(artist: Artist, song: DemoSong, recording: dict[str, Any]) -> float | None:
    if song.true_stems is None:
        return None
    await artist.sign_in()  # a long separation outlives the access token
    with tempfile.TemporaryDirectory(prefix="stemma-demo-") as folder:
        files = {
            stem["kind"]: await artist.download(stem["workId"], Path(folder) / f"{stem['kind']}.flac")
            for stem in recording["stems"]
        }
        return round(gain_of(song, files), 2)
