"""Serving stored files: ranges, HEAD, conditional requests. The entity tag of a file is its CID.

Source: RFC 9110 §14 (range requests), §13 (conditional requests).
"""

import re
from http import HTTPStatus

from fastapi import Request, Response
from starlette.responses import StreamingResponse

from api import caching
from stemma.storage import RangeOutside, Stat, Storage

_SINGLE_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")


async def file_response(
    request: Request, storage: Storage, stat: Stat, *, media_type: str, cache_control: str, name: str
) -> Response:
    """Answer with a stored file or one range of it.

    Several ranges at once, and units other than bytes, are answered with the whole file, as RFC 9110 §14.2 allows.

    Raises:
        RangeOutside: the range lies behind the end of the file.
        stemma.storage.NotFound, stemma.storage.Unavailable: the file cannot be read.
    """
    etag = f'"{stat.cid}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": cache_control,
        "Content-Disposition": f'inline; filename="{name}"',
        "Vary": "Authorization",
    }
    if caching.matches(request, etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    wanted = _wanted_range(request, stat.size, etag)
    start, end = wanted or (0, stat.size)
    status = HTTPStatus.OK
    if wanted is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{stat.size}"
        status = HTTPStatus.PARTIAL_CONTENT
    headers["Content-Length"] = str(end - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    pieces = await storage.read(stat.cid, start, end)
    return StreamingResponse(pieces, status_code=status, headers=headers, media_type=media_type)


def _wanted_range(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """Return [start, end) of the range to serve, or None for the whole file."""
    match = _SINGLE_RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if match is None or request.headers.get("if-range", etag) != etag:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        start, end = max(size - int(suffix), 0), size
    else:
        start = int(first)
        end = min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None  # malformed, so it is ignored
    if start >= end:
        raise RangeOutside(f"the file has {size} bytes", size=size)
    return start, end
