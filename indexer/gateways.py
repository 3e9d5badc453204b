"""Public files that are not in our storage, from HTTP: IPFS gateways, or any server that has files under their CIDs.

Nothing that they answer is believed: the bytes must make up the CID, and there may not be too many of them.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import httpx

from stemma.cid import Cid, ContentHasher
from stemma.storage.errors import NotFound, StorageError, Unavailable

_TIMEOUT = httpx.Timeout(20.0, connect=5.0)
_REDIRECTS = 3


class Gateways:
    """Asked one after the other, as they are listed."""

    def __init__(self, urls: Sequence[str]) -> None:
        """``urls``: addresses to which a CID is appended, e.g. https://ipfs.io/ipfs/."""
        self._urls = [url.rstrip("/") for url in urls]
        self._client = httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=True, max_redirects=_REDIRECTS)

    async def read_verified(self, cid: Cid, max_bytes: int) -> bytes:
        """A whole file, checked against its CID.

        Raises:
            NotFound: no gateway is configured.
            Unavailable: none of them gave the file; each one's reason is in the message.
        """
        if not self._urls:
            raise NotFound(f"The file {cid} is not in storage, and IPFS_GATEWAYS names nowhere else to look.")
        reasons = []
        for url in self._urls:
            try:
                return await self._read(f"{url}/{cid}", cid, max_bytes)
            except (httpx.HTTPError, httpx.InvalidURL, StorageError) as error:
                reasons.append(f"{url}: {str(error) or type(error).__name__}")
        raise Unavailable(f"No gateway gave the file {cid}: {'; '.join(reasons)}")

    async def aclose(self) -> None:
        """Give back connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _read(self, url: str, cid: Cid, max_bytes: int) -> bytes:
        gathered = bytearray()
        async with self._client.stream("GET", url) as answer:
            if answer.status_code != httpx.codes.OK:
                raise Unavailable(f"answered {answer.status_code}")
            async for piece in answer.aiter_bytes():
                gathered += piece
                if len(gathered) > max_bytes:
                    raise Unavailable(f"sent more than {max_bytes} bytes")
        hasher = ContentHasher()
        hasher.update(gathered)
        if hasher.finish().cid != cid:
            raise Unavailable("sent bytes that do not match the CID")
        return bytes(gathered)
