"""Titles, slots and payout addresses: who holds what, and where their money goes."""

from indexer.views.logged import LOG, with_log

# New columns come last, see the package.
_TITLES = f"""
select t.work_id, t.holder, t.minter, t.minted_at, {LOG}, t.transfers, t.version, t.metadata_digest
from {{chain}}.titles t left join {{chain}}.logs l using (block_number, log_index)
"""

VIEWS = {
    "titles": _TITLES,
    "slots": with_log("slots", "recording_id", "slot", "account", "ppm"),
    "payouts": with_log("payouts", "creator", "payout"),
}
