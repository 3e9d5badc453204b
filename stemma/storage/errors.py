"""What can go wrong with stored files."""

from http import HTTPStatus

from stemma.errors import AppError


class StorageError(AppError):
    """The base of all errors of this package."""

    code = "storage_error"


class NotFound(StorageError):
    """Nothing is stored under this CID."""

    code = "file_not_found"
    status = HTTPStatus.NOT_FOUND
    title = "No such file"


class Corrupt(StorageError):
    """The stored bytes do not match their CID; they were refused."""

    code = "file_corrupt"
    status = HTTPStatus.BAD_GATEWAY
    title = "A stored file does not match its hash"


class TooLarge(StorageError):
    """The file is longer than the caller accepts."""

    code = "file_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = "The file is too large"


class RangeOutside(StorageError):
    """The range does not lie within the file."""

    code = "range_not_satisfiable"
    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    title = "The range lies outside the file"


class Unavailable(StorageError):
    """The backend cannot be reached or cannot do its work now; trying again may help."""

    code = "storage_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The storage is unavailable"


class StorageMisconfigured(StorageError):
    """STORAGE_URL or PUBLIC_STORAGE_URL names nothing that can be used."""

    code = "storage_misconfigured"
    title = "The storage is misconfigured"
