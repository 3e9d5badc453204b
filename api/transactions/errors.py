"""Why the sender gives up, or stops."""

from http import HTTPStatus

from stemma.errors import AppError


class CommitReverted(AppError):
    """The registry refused the recording; the detail names the contract's error and its arguments."""

    code = "commit_reverted"
    status = HTTPStatus.CONFLICT
    title = "The registry refused the recording"


class CommittedByOthers(AppError):
    """The recording is on chain already, with another creator or another separation."""

    code = "committed_by_others"
    status = HTTPStatus.CONFLICT
    title = "The recording is on chain already, but not by this upload"


class ChainWentBack(AppError):
    """The chain lost transactions that were final: it was reset, or an endpoint serves another chain."""

    code = "chain_went_back"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The chain lost final transactions"
