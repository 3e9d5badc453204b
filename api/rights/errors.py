"""Errors of reading rights."""

from http import HTTPStatus

from stemma.errors import AppError


class LicenseNotFound(AppError):
    """The catalog has no license of this id, at least not yet."""

    code = "license_not_found"
    status = HTTPStatus.NOT_FOUND
    title = "No such license"


class TermsNotFound(AppError):
    """Nobody has published terms of this id on this chain, at least not yet."""

    code = "terms_not_found"
    status = HTTPStatus.NOT_FOUND
    title = "No such terms"


class SessionNotFound(AppError):
    """The vault has no session of this id, at least not yet."""

    code = "session_not_found"
    status = HTTPStatus.NOT_FOUND
    title = "No such session"


class NotAnAncestor(AppError):
    """The work has no entry in the royalty table of the other, so there is nothing to prove or to claim."""

    code = "not_an_ancestor"
    status = HTTPStatus.NOT_FOUND
    title = "The work gets nothing of the other's revenue"


class RoyaltyTableMismatch(AppError):
    """The indexed entries do not make up the root that is on chain: the index is wrong, and gives no proof."""

    code = "royalty_table_mismatch"
    title = "The royalty table does not match the chain"
