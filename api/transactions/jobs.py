"""The sender's loop."""

import asyncio

import structlog
from sqlalchemy.exc import OperationalError

from api.notifications import TRANSACTIONS_CHANNEL, Notifications
from api.transactions.errors import ChainWentBack
from api.transactions.sender import Ledger, Sender
from stemma.chain.errors import ChainError

_BUSY_SECONDS = 0.25
_WATCHING_SECONDS = 2.0
_IDLE_SECONDS = 10.0
_TROUBLE_SECONDS = 2.0

_log = structlog.get_logger(__name__)


async def send_forever(sender: Sender, notifications: Notifications) -> None:
    """Take turns until cancelled: quickly while something is unmined, slowly while mined ones are watched."""
    _log.info("sending as", address=sender.address)
    with notifications.subscribe(TRANSACTIONS_CHANNEL) as subscription:
        while True:
            try:
                ledger = await sender.turn()
            except ChainWentBack as error:
                _log.error("the sender stands still", reason=error.detail)
                await asyncio.sleep(_IDLE_SECONDS)
            except (ChainError, OperationalError) as error:
                _log.warning("the sender could not work, trying again", reason=str(error))
                await asyncio.sleep(_TROUBLE_SECONDS)
            else:
                await subscription.wait(_pause(ledger))


def _pause(ledger: Ledger) -> float:
    if ledger.unmined:
        return _BUSY_SECONDS
    return _WATCHING_SECONDS if ledger.watched or ledger.unsigned else _IDLE_SECONDS
