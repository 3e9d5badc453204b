"""Why a step of the indexer did not succeed: what is tried again, and what stops it."""

from stemma.errors import AppError


class TryAgain(Exception):
    """The node could not give a consistent answer just now."""


class NodeUnavailable(TryAgain):
    """No endpoint answered usefully; each one's complaint is in the message."""


class Inconsistent(TryAgain):
    """Answers that belong together contradict each other: the chain moved between them, or the node is wrong."""


class Untrue(Inconsistent):
    """An endpoint said something that cannot be true, whatever the chain did meanwhile."""


class RangeTooLarge(Exception):
    """The node refuses a log query of this many blocks or results; ``suggested`` is its hint in blocks, or 0."""

    def __init__(self, detail: str, suggested: int = 0) -> None:
        super().__init__(detail)
        self.suggested = suggested


class Stop(AppError):
    """The indexer must not go on by itself; the detail says what to do."""

    code = "indexer_stopped"
    title = "The indexer stopped"


class ForeignChain(Stop):
    """The node serves another chain than the one this index is pinned to."""

    code = "foreign_chain"
    title = "Another chain"


class FinalityBroken(Stop):
    """The chain was reorganized below a block that it had declared final, or below the first block indexed."""

    code = "finality_broken"
    title = "A reorg deeper than finality"


class ProjectionFailed(Stop):
    """An event could not be decoded or projected; it is named, and never skipped."""

    code = "projection_failed"
    title = "A projection failed"


class SchemaMissing(Exception):
    """The tables are not there: `stemma indexer migrate` has not run, or another generation has taken their place."""


class CursorMoved(Stop):
    """Somebody else wrote to the chain schema although this process holds its lock."""

    code = "cursor_moved"
    title = "Another writer"
