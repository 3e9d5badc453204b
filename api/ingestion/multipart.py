"""Reading an upload as it arrives: small fields are kept, the file's bytes flow on and are never held.

Format: multipart/form-data, RFC 7578.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from api.errors import ContentTooLarge, RequestMalformed
from api.ingestion.errors import FileMissing, NotMultipart, UploadIncomplete

FILE_PART = "file"
MAX_PARTS = 64
MAX_OVERHEAD_BYTES = 256 * 1024
"""All of a body but its file: the fields, the parts' headers, and what stands behind the last boundary."""

STALL_SECONDS = 30.0
MIN_BYTES_PER_SECOND = 4096
"""A body that stands still for so long, or is slower than this after that long, is given up."""

_FALLBACK_MEDIA_TYPE = "application/octet-stream"


@dataclass(slots=True)
class _Part:
    headers: dict[str, str] = field(default_factory=dict)
    name: str = ""
    header_name: bytearray = field(default_factory=bytearray)
    header_value: bytearray = field(default_factory=bytearray)
    data: bytearray = field(default_factory=bytearray)


class UploadReader:
    """One upload's body. Iterate over `file_bytes` to its end; then `fields` and `media_type` are complete."""

    def __init__(self, request: Request) -> None:
        """Look at the request's headers only.

        Raises:
            NotMultipart: the body is something else, or has no boundary.
        """
        content_type, options = parse_options_header(request.headers.get("content-type", ""))
        boundary = options.get(b"boundary", b"")
        if content_type != b"multipart/form-data" or not boundary:
            raise NotMultipart("send multipart/form-data with the audio in a part named `file`")
        self.fields: dict[str, str] = {}
        self.media_type = _FALLBACK_MEDIA_TYPE
        self._request = request
        self._part = _Part()
        self._arrived: list[bytes] = []
        self._parts = self._files = self._received = self._file_bytes = 0
        self._complete = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise NotMultipart(str(error)) from error

    async def file_bytes(self) -> AsyncIterator[bytes]:
        """Yield the file's bytes; read on behind it to the end of the body.

        Raises:
            UploadIncomplete: the body ended, broke off, stalled or crawled before the last boundary.
            RequestMalformed: not a multipart body.
            FileMissing: no file, or more than one.
            ContentTooLarge: too many parts, or too much beside the file.
        """
        try:
            async for chunk in self._chunks():
                self._parser.write(chunk)
                self._received += len(chunk)
                if self._received - self._file_bytes > MAX_OVERHEAD_BYTES:
                    raise ContentTooLarge(f"beside its file an upload has at most {MAX_OVERHEAD_BYTES} bytes")
                for piece in self._arrived:
                    yield piece
                self._arrived.clear()
        except ClientDisconnect as error:
            raise UploadIncomplete("the connection broke before the upload was complete") from error
        except TimeoutError as error:
            raise UploadIncomplete("the upload stood still, or was too slow to be waited for") from error
        except FormParserError as error:
            raise RequestMalformed(f"the multipart body is broken: {error}") from error
        if not self._complete:
            raise UploadIncomplete("the body ended before its last boundary")
        if self._files != 1:
            raise FileMissing(f"the body has {self._files} parts named `{FILE_PART}`; it must have one")

    async def _chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. Raises TimeoutError when the client does not keep up."""
        stream = aiter(self._request.stream())
        now = asyncio.get_running_loop().time
        began = now()
        while True:
            patience = began + STALL_SECONDS + self._received / MIN_BYTES_PER_SECOND
            async with asyncio.timeout_at(min(now() + STALL_SECONDS, patience)):
                try:
                    chunk = await anext(stream)
                except StopAsyncIteration:
                    return
            yield chunk

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise ContentTooLarge(f"an upload has at most {MAX_PARTS} parts")
        self._part = _Part()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._part.header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._part.header_value += data[start:end]

    def _on_header_end(self) -> None:
        part = self._part
        part.headers[part.header_name.decode("latin-1").lower()] = part.header_value.decode("latin-1")
        part.header_name.clear()
        part.header_value.clear()

    def _on_headers_finished(self) -> None:
        part = self._part
        _, options = parse_options_header(part.headers.get("content-disposition", ""))
        part.name = options.get(b"name", b"").decode("utf-8", "replace")
        if part.name == FILE_PART:
            self._files += 1
            self.media_type = _media_type(part.headers.get("content-type", ""))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part.name == FILE_PART:
            self._arrived.append(data[start:end])
            self._file_bytes += end - start
            return
        self._part.data += data[start:end]

    def _on_part_end(self) -> None:
        part = self._part
        if part.name == FILE_PART:
            return
        try:
            self.fields[part.name] = part.data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise RequestMalformed(f"the field {part.name!r} is not UTF-8") from error

    def _on_end(self) -> None:
        self._complete = True


def _media_type(header: str) -> str:
    """Keep a plain type/subtype, for information only: what the file is, the probe finds out."""
    media_type, _ = parse_options_header(header)
    text = media_type.decode("latin-1")
    plain = len(text) <= 100 and text.isascii() and text.isprintable() and text.count("/") == 1
    return text if plain else _FALLBACK_MEDIA_TYPE
