"""The base of every error that a user or an operator may see."""

from http import HTTPStatus
from typing import Any, ClassVar


class AppError(Exception):
    """An error with a stable code, an HTTP status and a sentence that its reader can act on.

    Subclasses set ``code`` (snake case, never changed once published), ``status`` and ``title``; ``detail`` is the
    sentence for this occurrence. ``extra`` becomes extension members of the RFC 9457 problem document.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    title: ClassVar[str] = "Something broke on our side"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra
