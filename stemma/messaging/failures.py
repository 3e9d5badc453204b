"""Why a separation failed, as a worker says it and an API hands it on: the codes of `SeparationFailure`.

What is wrong with the audio itself is in `stemma.audio.errors`.
"""

from http import HTTPStatus

from stemma.errors import AppError


class RequestInvalid(AppError):
    """The message cannot be understood, or contradicts itself."""

    code = "separation_request_invalid"
    status = HTTPStatus.BAD_REQUEST
    title = "The separation request is not valid"


class SourceMismatch(AppError):
    """The stored original is not the file that the request names by its hash."""

    code = "source_mismatch"
    title = "The stored file has another hash"


class SeparationImplausible(AppError):
    """The model's output fails the checks that every separation must pass."""

    code = "separation_implausible"
    title = "The separation failed its checks"


class WorkerLost(AppError):
    """Every worker that tried the job ended before it was done."""

    code = "worker_lost"
    title = "The workers that tried the separation did not live to finish it"
