"""Requests for separations, as the API would make them."""

import hashlib
import io
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from stemma.cid import RAW, Cid
from stemma.documents import CreditsDocument
from stemma.messaging.events import SeparationRequest, Source
from stemma.storage import Storage
from stemma.works import recording_id, to_hex

CREATOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def wav(pcm: npt.NDArray[np.float32], subtype: str = "PCM_24") -> bytes:
    """The bytes of a WAV file with float32[2, T] at 44.1 kHz."""
    file = io.BytesIO()
    soundfile.write(file, pcm.T, 44_100, subtype=subtype, format="WAV")
    return file.getvalue()


@dataclass(frozen=True)
class Requests:
    """Makes requests about bytes, and stores the bytes."""

    storage: Storage

    async def about(self, data: bytes, **changes: Any) -> SeparationRequest:
        blob = await self.storage.put(data, private=True)
        return request_about(data, blob.cid, **changes)


def request_about(data: bytes, cid: Cid, **changes: Any) -> SeparationRequest:
    """A request for a file that is, or is said to be, stored under `cid`."""
    digest = hashlib.sha256(data).digest()
    policy = changes.pop("release_policy", "licensed")
    sheet = CreditsDocument(
        content_hash="0x" + digest.hex(), title="Nocturne", artist="The Held Outs", release_policy=policy
    )
    return SeparationRequest(
        job_id=uuid.uuid4(),
        recording_id=to_hex(recording_id(digest)),
        content_hash="0x" + digest.hex(),
        creator=CREATOR,
        source=Source(cid=str(cid), bytes=max(len(data), 1), media_type="audio/wav"),
        title=sheet.title,
        artist=sheet.artist,
        credits=sheet,
        credits_cid=str(Cid(RAW, sheet.digest())),
        release_policy=policy,
    ).model_copy(update=changes)
