"""Titles and their transfers, slots and payout addresses: who holds what, and where their money goes."""

from indexer.views.logged import LOG, with_log

# New columns come last, see the package.
_TITLES = f"""
select t.work_id, t.holder, t.minter, t.minted_at, {LOG}, t.transfers, t.version, t.metadata_digest
from {{chain}}.titles t left join {{chain}}.logs l using (block_number, log_index)
"""

# Straight from the raw logs. The expressions are those of the indexes; see their migration.
_TRANSFERS = r"""
select substr(l.topic3, 5) as work_id, substr(l.topic1, 13) as from_account, substr(l.topic2, 13) as to_account,
    l.block_time as transferred_at, l.block_number, l.block_hash, l.tx_hash, l.log_index
from {chain}.logs l
where l.topic0 = '\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'
    and l.address = (select decode(substr(c.contracts ->> 'IPNFT', 3), 'hex') from {chain}.cursor c)
"""

VIEWS = {
    "titles": _TITLES,
    "transfers": _TRANSFERS,
    "slots": with_log("slots", "recording_id", "slot", "account", "ppm"),
    "payouts": with_log("payouts", "creator", "payout"),
}
