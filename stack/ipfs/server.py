"""The HTTP side: the routes, parameters, answers and error sentences of Kubo's RPC.

Reference: https://docs.ipfs.tech/reference/kubo/rpc/. Only the profile of ``stemma.cid`` is served; other
parameters that would change a CID are refused.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from stack.ipfs.blocks import BlockMissing, BlockStore
from stack.ipfs.files import add_file, file_size, read_file
from stemma.cid import DAG_PB, RAW, Cid, CidError, cumulative_size, decode_node

# The newest version that the Python client ipfshttpclient accepts.
_VERSION = "0.8.0"
_PROFILE = {
    "cid-version": ("1", None),
    "raw-leaves": ("true", None),
    "chunker": ("size-262144", "size-262144"),
    "max-file-links": ("174", "174"),
    "hash": ("sha2-256", "sha2-256"),
    "trickle": ("false", "false"),
    "inline": ("false", "false"),
}


class RpcError(Exception):
    """An error that the caller is told in Kubo's form."""


def create_app(folder: Path) -> Starlette:
    """The RPC server over the blocks and pins in ``folder``."""
    rpc = _Rpc(BlockStore(folder))
    commands: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "version": rpc.version,
        "add": rpc.add,
        "cat": rpc.cat,
        "block/get": rpc.block_get,
        "block/put": rpc.block_put,
        "block/stat": rpc.block_stat,
        "pin/add": rpc.pin_add,
        "pin/ls": rpc.pin_ls,
        "pin/rm": rpc.pin_rm,
        "repo/gc": rpc.repo_gc,
    }
    return Starlette(
        routes=[Route(f"/api/v0/{name}", command, methods=["POST"]) for name, command in commands.items()],
        exception_handlers={RpcError: _refused, BlockMissing: _refused, CidError: _refused},
    )


class _Rpc:
    def __init__(self, store: BlockStore) -> None:
        self._store = store

    async def version(self, _request: Request) -> Response:
        return JSONResponse({"Version": _VERSION, "Commit": "", "Repo": "0", "System": "stemma", "Golang": ""})

    async def add(self, request: Request) -> Response:
        for name, (wanted, default) in _PROFILE.items():
            given = request.query_params.get(name, default)
            if given != wanted:
                raise RpcError(f"{name} is {given}; this node only does {wanted}")
        lines = []
        async with request.form() as form:
            files = [part for part in form.values() if isinstance(part, UploadFile)]
            if not files:
                raise RpcError("file argument 'path' is required")
            for part in files:
                blob = await run_in_threadpool(add_file, self._store, part.file)
                if request.query_params.get("pin", "true") == "true":
                    await run_in_threadpool(self._store.pin, blob.cid)
                size = str(cumulative_size(blob.size))
                lines.append({"Name": part.filename or str(blob.cid), "Hash": str(blob.cid), "Size": size})
        return _lines(lines)

    async def cat(self, request: Request) -> Response:
        cid = _argument(request)
        size = await run_in_threadpool(file_size, self._store, cid)
        start = _number(request, "offset", 0)
        end = min(size, start + _number(request, "length", size))
        pieces = read_file(self._store, cid, start, end)
        return StreamingResponse(
            pieces, media_type="text/plain", headers={"X-Content-Length": str(max(0, end - start))}
        )

    async def block_get(self, request: Request) -> Response:
        block = await run_in_threadpool(self._store.get, _argument(request))
        return Response(block, media_type="text/plain")

    async def block_put(self, request: Request) -> Response:
        codecs = {"raw": RAW, "dag-pb": DAG_PB}
        codec = codecs.get(request.query_params.get("cid-codec", "raw"))
        if codec is None or request.query_params.get("mhtype", "sha2-256") != "sha2-256":
            raise RpcError("this node only knows the codecs raw and dag-pb, with sha2-256")
        async with request.form() as form:
            parts = [part for part in form.values() if isinstance(part, UploadFile)]
            if len(parts) != 1:
                raise RpcError("file argument 'data' is required")
            block = await parts[0].read()
        if codec == DAG_PB:
            decode_node(block)
        cid = Cid.of_block(codec, block)
        await run_in_threadpool(self._store.put, cid, block)
        if request.query_params.get("pin", "false") == "true":
            await run_in_threadpool(self._store.pin, cid)
        return JSONResponse({"Key": str(cid), "Size": len(block)})

    async def block_stat(self, request: Request) -> Response:
        cid = _argument(request)
        return JSONResponse({"Key": str(cid), "Size": await run_in_threadpool(self._store.size, cid)})

    async def pin_add(self, request: Request) -> Response:
        cid = _argument(request)
        await run_in_threadpool(self._store.pin, cid)
        return JSONResponse({"Pins": [str(cid)]})

    async def pin_ls(self, request: Request) -> Response:
        if "arg" in request.query_params:
            cid = _argument(request)
            if not await run_in_threadpool(self._store.is_pinned, cid):
                raise RpcError(f"path '/ipfs/{cid}' is not pinned")
            pins = [cid]
        else:
            pins = await run_in_threadpool(self._store.pins)
        return JSONResponse({"Keys": {str(pin): {"Type": "recursive"} for pin in pins}})

    async def pin_rm(self, request: Request) -> Response:
        cid = _argument(request)
        if not await run_in_threadpool(self._store.unpin, cid):
            raise RpcError("not pinned or pinned indirectly")
        return JSONResponse({"Pins": [str(cid)]})

    async def repo_gc(self, _request: Request) -> Response:
        dropped = await run_in_threadpool(self._store.collect_garbage)
        return _lines([{"Key": {"/": str(cid)}} for cid in dropped])


def _argument(request: Request) -> Cid:
    """The CID of ``arg``, which may be written as a path ``/ipfs/<cid>``."""
    value = request.query_params.get("arg")
    if value is None:
        raise RpcError('argument "ipfs-path" is required')
    return Cid.parse(value.removeprefix("/ipfs/"))


def _number(request: Request, name: str, default: int) -> int:
    value = request.query_params.get(name)
    if value is None:
        return default
    if not value.isdecimal():
        raise RpcError(f"cannot parse {name} {value!r} as a length in bytes")
    return int(value)


def _lines(objects: Sequence[Mapping[str, object]]) -> Response:
    body = "".join(json.dumps(each) + "\n" for each in objects)
    return Response(body, media_type="application/json", headers={"X-Chunked-Output": "1"})


async def _refused(_request: Request, error: Exception) -> Response:
    return JSONResponse({"Message": str(error), "Code": 0, "Type": "error"}, status_code=500)
