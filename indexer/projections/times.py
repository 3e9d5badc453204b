"""Times that the chain was told and nobody checked."""

from datetime import UTC, datetime

LATEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_LATEST_SECOND = int(LATEST.timestamp())


def moment(seconds: int) -> datetime:
    """The time of a Unix time of up to 64 bits; `LATEST` for all that lies beyond what can be written down."""
    return datetime.fromtimestamp(seconds, UTC) if seconds < _LATEST_SECOND else LATEST
