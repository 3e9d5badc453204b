"""Who owns each token of an ERC-721 contract, and how many each account has: a projection module for `--config`."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from indexer.projection import Events, Projections
from indexer.tables import Row

TABLES = """
create table owners (
    token numeric primary key, owner bytea not null, moves bigint not null,
    block_number bigint not null, log_index integer not null
);
create table balances (
    account bytea primary key, balance bigint not null, block_number bigint not null, log_index integer not null
);
"""

projections = Projections()
owners = projections.state("owners", sums=("moves",))
balances = projections.state("balances", sums=("balance",))

_NOBODY = bytes(20)


class Transfer(NamedTuple):
    """ERC-721: a token changes hands; a mint comes from nobody, a burn goes to nobody."""

    from_: bytes
    to: bytes
    token_id: int


@projections.on("Token", Transfer)
def transferred(events: Events[Transfer]) -> Iterator[Row]:
    """The tokens' owners and the accounts' balances: a row per token and account, not per event, which is faster."""
    moves = Counter([event.token_id for _, event in events])
    for token, (at, owner) in {token: (at, taker) for at, (_, taker, token) in events}.items():
        yield owners.row(at, token=token, owner=owner, moves=moves[token])
    gained, given = Counter([event.to for _, event in events]), Counter([event.from_ for _, event in events])
    newest = {account: at for at, event in events for account in event[:2]}
    newest.pop(_NOBODY, None)
    for account, at in newest.items():
        yield balances.row(at, account=account, balance=gained[account] - given[account])
