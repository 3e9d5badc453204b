"""Answers of the catalog over HTTP: entity tag, lifetime by finality, and how true they are."""

from typing import Any, Protocol

from fastapi import Request, Response

from api import caching
from api.catalog.presentation import as_of_header
from api.catalog.schemas import AsOf, Finality
from api.problems import documented
from api.reading import READING_ERRORS
from stemma.errors import AppError

_UNTIL_THE_NEXT_BLOCK = "public, max-age=0, must-revalidate"
_OF_A_FINAL_BLOCK = "public, max-age=300"
"""Of a final block only what comes from documents can still be added, while those are being fetched."""


class TrueAsOf(Protocol):
    """A body that says how true it is."""

    as_of: AsOf

    def model_dump_json(self, *, by_alias: bool, exclude: set[str] = ...) -> str:
        """As pydantic's."""


def answer(request: Request, body: TrueAsOf, *, block: int | None) -> Response:
    """Return a body as JSON, or 304. The entity tag covers all but `asOf`."""
    rest = body.model_dump_json(by_alias=True, exclude={"as_of"}).encode()
    return answer_encoded(request, body.as_of, rest, block=block)


def answer_encoded(request: Request, as_of: AsOf, rest: bytes, *, block: int | None) -> Response:
    """Return a body as JSON, or 304; ``rest`` is the JSON object of all its members but `asOf`; it is not empty."""
    true_as_of = as_of.model_dump_json(by_alias=True).encode()
    is_final = block is not None and as_of.finality is Finality.FINALIZED
    return caching.json_response(
        request,
        b'{"asOf":' + true_as_of + b"," + rest[1:],
        version=rest,
        cache_control=_OF_A_FINAL_BLOCK if is_final else _UNTIL_THE_NEXT_BLOCK,
        extra={"Stemma-As-Of": as_of_header(as_of)},
    )


def reads(*errors: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of an operation that reads the catalog and may answer with these errors, too."""
    not_modified = {"description": "The caller has this version"}
    return {304: not_modified, **documented(*errors, *READING_ERRORS)}
