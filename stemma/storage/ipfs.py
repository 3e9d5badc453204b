"""Public files on an IPFS node, through the RPC of Kubo (https://docs.ipfs.tech/reference/kubo/rpc/)."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from stemma.cid import CHUNK_SIZE, DAG_PB, MAX_LINKS, RAW, Blob, Cid, CidError, decode_node
from stemma.storage.errors import Corrupt, NotFound, Unavailable
from stemma.storage.staging import file_pieces, temporary_folder

# Seconds that the node may search the network for a block.
_SEARCH = "30s"
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_ADD = {
    "cid-version": "1",
    "raw-leaves": "true",
    "chunker": f"size-{CHUNK_SIZE}",
    "max-file-links": str(MAX_LINKS),
    "hash": "sha2-256",
    "trickle": "false",
    "inline": "false",
    "progress": "false",
    "pin": "true",
}


class IpfsBackend:
    """Keeps files and directories pinned on one Kubo node.

    What the node names differently than this package is refused and unpinned. To delete is to unpin: the node forgets
    the blocks at its next garbage collection, and other nodes may keep them.
    """

    def __init__(self, rpc_url: str) -> None:
        """``rpc_url`` is the origin of the node's RPC, ``http://host:port``. Nothing is sent yet."""
        self._client = httpx.AsyncClient(base_url=f"{rpc_url.rstrip('/')}/api/v0/", timeout=_TIMEOUT)
        self._staging = temporary_folder()

    @property
    def staging(self) -> Path:
        return self._staging

    async def publish(self, staged: Path, blob: Blob) -> None:
        upload = _Multipart(staged, blob.size)
        answer = await self._post("add", _ADD, content=upload.body(), headers=upload.headers)
        await self._unpin_if_other(blob.cid, _last_object(answer).get("Hash"))

    async def publish_directory(self, cid: Cid, block: bytes) -> None:
        params = {"cid-codec": "dag-pb", "mhtype": "sha2-256", "pin": "true", "timeout": _SEARCH}
        answer = await self._post("block/put", params, files={"data": ("block", block)})
        await self._unpin_if_other(cid, _last_object(answer).get("Key"))

    async def size(self, cid: Cid) -> int:
        if cid.codec == RAW:
            answer = await self._post("block/stat", {"arg": str(cid), "timeout": _SEARCH})
            size = _last_object(answer).get("Size")
            if not isinstance(size, int):
                raise Unavailable("The IPFS node's answer is not of Kubo's form.")
            return size
        try:
            node = decode_node(await self._block(cid))
        except CidError as error:
            raise NotFound(f"{cid} is not a UnixFS file: {error}") from error
        if node.is_directory:
            raise NotFound(f"{cid} is a directory.")
        return node.size

    async def read(self, cid: Cid, start: int, end: int) -> AsyncIterator[bytes]:
        params = {"arg": str(cid), "offset": str(start), "length": str(end - start), "timeout": "1h"}
        try:
            async with self._client.stream("POST", "cat", params=params) as answer:
                if answer.status_code != httpx.codes.OK:
                    await answer.aread()
                    _refuse(answer)
                async for piece in answer.aiter_bytes():
                    yield piece
        except httpx.HTTPError as error:
            raise _unavailable(error) from error

    async def directory(self, cid: Cid) -> bytes:
        return await self._block(cid)

    async def holds(self, cid: Cid) -> bool:
        try:
            await self._post("pin/ls", {"arg": str(cid), "type": "recursive"})
        except NotFound:
            return False
        return True

    async def delete(self, cid: Cid) -> None:
        if await self.holds(cid):
            await self._post("pin/rm", {"arg": str(cid), "recursive": "true"})

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _block(self, cid: Cid) -> bytes:
        answer = await self._post("block/get", {"arg": str(cid), "timeout": _SEARCH})
        if Cid.of_block(DAG_PB, answer.content) != cid:
            raise Corrupt(f"The node's block {cid} does not match its CID.")
        return answer.content

    async def _unpin_if_other(self, cid: Cid, named: object) -> None:
        if named != str(cid):
            if isinstance(named, str):
                with suppress(NotFound):
                    await self._post("pin/rm", {"arg": named, "recursive": "true"})
            raise Corrupt(f"The node names {named} what is {cid}: check its import settings.")

    async def _post(self, command: str, params: dict[str, str], **body: Any) -> httpx.Response:
        try:
            answer = await self._client.post(command, params=params, **body)
        except httpx.HTTPError as error:
            raise _unavailable(error) from error
        if answer.status_code != httpx.codes.OK:
            _refuse(answer)
        return answer


class _Multipart:
    """A multipart/form-data body with one file, streamed from the disk without blocking the event loop."""

    def __init__(self, path: Path, size: int) -> None:
        boundary = secrets.token_hex(16)
        self._path = path
        self._head = (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="file"; filename="file"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(self._head) + size + len(self._tail)),
        }

    async def body(self) -> AsyncIterator[bytes]:
        yield self._head
        async for piece in file_pieces(self._path):
            yield piece
        yield self._tail


def _last_object(answer: httpx.Response) -> dict[str, object]:
    """The last of the JSON objects, one a line, that make up an answer. Raises Unavailable when there is none."""
    try:
        last = json.loads(answer.text.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise Unavailable("The IPFS node broke off its answer.") from error
    if not isinstance(last, dict):
        raise Unavailable("The IPFS node's answer is not of Kubo's form.")
    return last


def _refuse(answer: httpx.Response) -> None:
    """Raise what an error answer means. Kubo tells a missing block or pin from other errors only in its sentence."""
    try:
        message = str(answer.json()["Message"])
    except (ValueError, KeyError, TypeError):
        message = answer.text[:200]
    if "not found" in message or "could not find" in message or "not pinned" in message:
        raise NotFound(f"The IPFS node does not have it: {message}")
    raise Unavailable(f"The IPFS node refused with HTTP {answer.status_code}: {message}")


def _unavailable(error: httpx.HTTPError) -> Unavailable:
    return Unavailable(f"The IPFS node does not answer: {error or type(error).__name__}")
