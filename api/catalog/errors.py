"""Errors of the catalog."""

from http import HTTPStatus

from stemma.errors import AppError


class WorkNotFound(AppError):
    """The catalog has no such recording or stem, at least not yet; ``asOf`` of other answers says how far it is."""

    code = "work_not_found"
    status = HTTPStatus.NOT_FOUND
    title = "No such work"


class CursorInvalid(AppError):
    """The cursor was not made by this API."""

    code = "cursor_invalid"
    status = HTTPStatus.BAD_REQUEST
    title = "The cursor is not valid"


class CatalogNotReady(AppError):
    """The index has not seen its first block, or is being set up."""

    code = "catalog_not_ready"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The catalog is not ready"


class MetadataPending(AppError):
    """The work is on chain, but its documents are not fetched yet; ask again shortly."""

    code = "metadata_pending"
    status = HTTPStatus.NOT_FOUND
    title = "The work's documents are not fetched yet"


class FileUnavailable(AppError):
    """There is no such public file for this work; originals, for one, are never given out."""

    code = "file_unavailable"
    status = HTTPStatus.NOT_FOUND
    title = "This work has no such file to give out"


class NotRightsHolder(AppError):
    """The release policy is `licensed`, and the caller does not hold the rights."""

    code = "not_rights_holder"
    status = HTTPStatus.FORBIDDEN
    title = "Only the rights holder may have this file"
