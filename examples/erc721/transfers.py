"""Who owns each token of an ERC-721 contract, and how many each account has: a projection module for `--config`."""

from collections.abc import Iterator
from typing import NamedTuple

from indexer.blocks import Log
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
    moved: dict[int, tuple[Log, bytes, int]] = {}
    changed: dict[bytes, tuple[Log, int]] = {}
    for at, (giver, taker, token) in events:
        moved[token] = at, taker, moved[token][2] + 1 if token in moved else 1
        changed[taker] = at, changed[taker][1] + 1 if taker in changed else 1
        changed[giver] = at, changed[giver][1] - 1 if giver in changed else -1
    changed.pop(_NOBODY, None)
    for token, (at, owner, moves) in moved.items():
        yield owners.row(at, token=token, owner=owner, moves=moves)
    for account, (at, balance) in changed.items():
        yield balances.row(at, account=account, balance=balance)
