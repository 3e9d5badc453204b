"""Files in a Google Cloud Storage bucket."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import google.auth.exceptions
import requests
from anyio import to_thread
from google.api_core import exceptions
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from stemma.cid import DAG_PB, Blob, Cid
from stemma.storage.errors import NotFound, StorageMisconfigured, Unavailable
from stemma.storage.staging import temporary_folder

# A multiple of 256 KiB, as resumable uploads demand. Bytes of one request, up or down.
_PART_SIZE = 8 * 1_048_576
_RETRY = DEFAULT_RETRY.with_timeout(30.0)
_TIMEOUT = (5.0, 60.0)  # seconds to connect, to wait for bytes

T = TypeVar("T")


class GcsBackend:
    """Keeps each file as the object ``<prefix>/files/<cid>`` and each directory's block under ``directories/``.

    An upload is resumable and only ever creates an object (``if_generation_match=0``); an unfinished one is invisible.
    The client is the ordinary blocking one in threads. STORAGE_EMULATOR_HOST selects an emulator.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        """Connect by the application default credentials. Raises StorageMisconfigured when there are none."""
        try:
            self._client = storage.Client()
        except (google.auth.exceptions.GoogleAuthError, OSError) as error:
            raise StorageMisconfigured(f"No credentials for gs://{bucket}: {error}") from error
        self._bucket = self._client.bucket(bucket)
        self._prefix = prefix
        self._staging = temporary_folder()

    @property
    def staging(self) -> Path:
        return self._staging

    async def publish(self, staged: Path, blob: Blob) -> None:
        target = self._file(blob.cid)

        def upload() -> None:
            target.chunk_size = _PART_SIZE
            target.upload_from_filename(
                str(staged), if_generation_match=0, checksum="crc32c", timeout=_TIMEOUT, retry=_RETRY
            )

        if not await self._exists(target):
            await self._create(upload)

    async def publish_directory(self, cid: Cid, block: bytes) -> None:
        target = self._directory(cid)
        await self._create(
            lambda: target.upload_from_string(
                block, if_generation_match=0, checksum="crc32c", timeout=_TIMEOUT, retry=_RETRY
            )
        )

    async def size(self, cid: Cid) -> int:
        found = await self._ask(lambda: self._bucket.get_blob(self._file(cid).name, timeout=_TIMEOUT, retry=_RETRY))
        if found is None:
            raise NotFound(f"No file {cid} is stored here.")
        return int(found.size)

    async def read(self, cid: Cid, start: int, end: int) -> AsyncIterator[bytes]:
        for first in range(start, end, _PART_SIZE):
            yield await self._bytes(self._file(cid), cid, first, min(first + _PART_SIZE, end) - 1)

    async def directory(self, cid: Cid) -> bytes:
        return await self._bytes(self._directory(cid), cid, None, None)

    async def holds(self, cid: Cid) -> bool:
        return await self._exists(self._file(cid)) or (cid.codec == DAG_PB and await self._exists(self._directory(cid)))

    async def delete(self, cid: Cid) -> None:
        for target in (self._file(cid), self._directory(cid)):
            try:
                await self._ask(partial(target.delete, timeout=_TIMEOUT, retry=_RETRY))
            except exceptions.NotFound:
                continue

    async def aclose(self) -> None:
        await to_thread.run_sync(self._client.close)

    def _file(self, cid: Cid) -> storage.Blob:
        return self._bucket.blob(f"{self._prefix}/files/{cid}")

    def _directory(self, cid: Cid) -> storage.Blob:
        return self._bucket.blob(f"{self._prefix}/directories/{cid}")

    async def _exists(self, target: storage.Blob) -> bool:
        return bool(await self._ask(lambda: target.exists(timeout=_TIMEOUT, retry=_RETRY)))

    async def _create(self, upload: Callable[[], None]) -> None:
        try:
            await self._ask(upload)
        except exceptions.PreconditionFailed:
            return  # it is there: from before, from a concurrent put, or from an upload whose answer was lost
        except exceptions.NotFound as error:
            raise Unavailable(f"The bucket {self._bucket.name} does not exist.") from error

    async def _bytes(self, target: storage.Blob, cid: Cid, first: int | None, last: int | None) -> bytes:
        """The bytes ``first`` to ``last``, both included. ``raw_download`` keeps the client from unpacking anything."""
        try:
            data: bytes = await self._ask(
                lambda: target.download_as_bytes(
                    start=first, end=last, raw_download=True, checksum=None, timeout=_TIMEOUT, retry=_RETRY
                )
            )
        except exceptions.NotFound as error:
            raise NotFound(f"Nothing is stored here as {cid}.") from error
        return data

    async def _ask(self, request: Callable[[], T]) -> T:
        """Run a request in a thread; NotFound and PreconditionFailed of the API pass, all else is Unavailable."""
        try:
            return await to_thread.run_sync(request)
        except (exceptions.NotFound, exceptions.PreconditionFailed):
            raise
        except (
            exceptions.GoogleAPIError,
            google.auth.exceptions.GoogleAuthError,
            requests.RequestException,
            OSError,
        ) as error:
            raise Unavailable(f"Google Cloud Storage does not answer: {error}") from error
