"""The views of schema `catalog` as read-only SQLAlchemy selectables; the indexer publishes them, a test compares.

Works are 28 bytes, addresses 20, hashes, digests and ids of licenses and sessions 32; times are block times in UTC (a
time set on chain that lies beyond the year 9999 shows as its end); shares are parts per million, amounts base units.
Every row names the log that made it: (block_number, log_index), with the block's and the transaction's hash.
Select from these tables only: readers have no right to write, and the views take no writes.
"""

from stemma.catalog.views.columns import metadata
from stemma.catalog.views.licensing import (
    attachments,
    delegations,
    exclusivities,
    grants,
    licenses,
    offer_nonces,
    offer_uses,
    seller_epochs,
    terms,
)
from stemma.catalog.views.money import (
    accounts,
    claims,
    draws,
    dues,
    fees,
    moved,
    owed,
    payments,
    protocol,
    receivers,
    settlements,
    tokens,
    withdrawal_nonces,
    withdrawals,
)
from stemma.catalog.views.oversight import attestors, flags, roles
from stemma.catalog.views.progress import (
    feed,
    head,
    logs,
)
from stemma.catalog.views.recordings import (
    batches,
    commitments,
    parents,
    recordings,
    royalty_entries,
    separations,
    stems,
)
from stemma.catalog.views.rights import payouts, slots, titles, transfers
from stemma.catalog.views.search import search
from stemma.catalog.views.sessions import session_purchases, sessions, vault_balances

__all__ = [
    "accounts",
    "attachments",
    "attestors",
    "batches",
    "claims",
    "commitments",
    "delegations",
    "draws",
    "dues",
    "exclusivities",
    "feed",
    "fees",
    "flags",
    "grants",
    "head",
    "licenses",
    "logs",
    "metadata",
    "moved",
    "offer_nonces",
    "offer_uses",
    "owed",
    "parents",
    "payments",
    "payouts",
    "protocol",
    "receivers",
    "recordings",
    "roles",
    "royalty_entries",
    "search",
    "seller_epochs",
    "separations",
    "session_purchases",
    "sessions",
    "settlements",
    "slots",
    "stems",
    "terms",
    "titles",
    "tokens",
    "transfers",
    "vault_balances",
    "withdrawal_nonces",
    "withdrawals",
]
