"""Conditional requests: entity tags, `If-None-Match` and how long an answer may be kept.

Source: RFC 9110 §8.8 and §13, RFC 9111.
"""

import hashlib

from fastapi import Request, Response


def matches(request: Request, etag: str) -> bool:
    """Whether the caller holds this version already; weak comparison, as `If-None-Match` wants."""
    header = request.headers.get("if-none-match", "")
    known = [tag.strip() for tag in header.split(",") if tag.strip()]
    return "*" in known or any(_opaque(tag) == _opaque(etag) for tag in known)


def json_response(
    request: Request, body: bytes, *, version: bytes, cache_control: str, extra: dict[str, str]
) -> Response:
    """Answer with JSON, or with 304 when the caller holds this version.

    Args:
        request: decides about 304.
        body: the JSON.
        version: what the tag is made from; the tag is weak, for the body may say more.
        cache_control: who may keep it, and how long.
        extra: headers that a 304 carries, too.
    """
    etag = f'W/"{hashlib.sha256(version).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": cache_control, "Vary": "Authorization, Accept-Encoding", **extra}
    if matches(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/")
