"""Errors of what explorers ask."""

from http import HTTPStatus

from stemma.errors import AppError


class ContractNotFound(AppError):
    """None of the house's contracts has this name or address."""

    code = "contract_not_found"
    status = HTTPStatus.NOT_FOUND
    title = "No such contract of ours"


class TransactionNotFound(AppError):
    """The chain has no such transaction in a block."""

    code = "transaction_not_found"
    status = HTTPStatus.NOT_FOUND
    title = "No such transaction"


class BlockNotFound(AppError):
    """The chain has no such block."""

    code = "block_not_found"
    status = HTTPStatus.NOT_FOUND
    title = "No such block"


class SourceMissing(AppError):
    """The compiler's input is not beside the deployments file on this server."""

    code = "source_missing"
    status = HTTPStatus.NOT_FOUND
    title = "The source is not kept here"
