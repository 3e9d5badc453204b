"""Looking into an uploaded file, in a thread of its own."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from anyio import to_thread

from api.ingestion.errors import ProbeFailed
from api.ingestion.states import Failure
from stemma.audio.errors import AudioError
from stemma.cid import Cid
from stemma.storage import Corrupt, NotFound, Storage


async def examine(storage: Storage, file_cid: str, *, max_seconds: float) -> dict[str, Any] | Failure:
    """Return what was measured, or why the file cannot be taken.

    Raises:
        stemma.storage.Unavailable: storage cannot be reached now; try again.
    """
    try:
        async with storage.download(Cid.parse(file_cid)) as path:
            return await to_thread.run_sync(_probe, path, max_seconds, abandon_on_cancel=True)
    except AudioError as error:
        return Failure(error.code, error.detail)
    except (NotFound, Corrupt) as error:
        return Failure(ProbeFailed.code, error.detail)


def _probe(path: Path, max_seconds: float) -> dict[str, Any]:
    from stemma.audio.probe import AudioLimits, probe  # SciPy is slow to load, and only needed here

    facts = probe(path, AudioLimits(max_seconds=max_seconds))
    return {**asdict(facts), "pcm_sha256": facts.pcm_sha256.hex()}
