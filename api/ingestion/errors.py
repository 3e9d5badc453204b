"""Errors of uploading. Those of the audio itself are in `stemma.audio.errors`, those of files in `stemma.storage`."""

from http import HTTPStatus

from stemma.errors import AppError


class UploadNotFound(AppError):
    """There is no such upload, or it belongs to another account."""

    code = "upload_not_found"
    status = HTTPStatus.NOT_FOUND
    title = "No such upload"


class UploadIncomplete(AppError):
    """The body ended before the file did: the connection broke, or the last boundary is missing. Nothing was kept."""

    code = "upload_incomplete"
    status = HTTPStatus.BAD_REQUEST
    title = "The upload was cut off"


class FileMissing(AppError):
    """The multipart body has no part named ``file``, or more than one."""

    code = "file_missing"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The upload holds no file, or several"


class FileEmpty(AppError):
    """The file has no bytes."""

    code = "audio_empty"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The file holds no audio"


class NotMultipart(AppError):
    """Uploads come as multipart/form-data with a boundary."""

    code = "not_multipart"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    title = "The upload is not multipart/form-data"


class RecordingExists(AppError):
    """The same file is in the catalog, or on its way there; the earlier one is named."""

    code = "recording_exists"
    status = HTTPStatus.CONFLICT
    title = "This recording exists already"


class SignatureMissing(AppError):
    """The creator's signature was not given, or not in time."""

    code = "signature_missing"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The creator's signature is missing"


class SignatureInvalid(AppError):
    """The signature is not the creator's signature of this registration."""

    code = "signature_invalid"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The creator's signature is not valid"


class UploadFailed(AppError):
    """The upload has failed already; its error is named, and nothing can be added to it."""

    code = "upload_failed"
    status = HTTPStatus.CONFLICT
    title = "This upload has failed"


class ProbeFailed(AppError):
    """The file could not be examined, however often it was tried."""

    code = "probe_failed"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The file could not be examined"


class SeparationFailed(AppError):
    """No worker could separate the recording."""

    code = "separation_failed"
    status = HTTPStatus.BAD_GATEWAY
    title = "The recording could not be separated"
