"""The vault's balances, sessions, and what they bought."""

from indexer.views.logged import LOG, with_log

_SPENT = """
coalesce((select sum(s.spent) from {chain}.sessions s where s.owner = t.owner and s.token = t.token), 0)
"""

VIEWS = {
    "vault_balances": with_log(
        "vault_balances", "owner", "token", f"(t.deposited - t.withdrawn - {_SPENT.strip()})::numeric(78,0) as balance"
    ),
    "sessions": with_log(
        "sessions",
        *("session_id", "owner", "agent", "token", "cap", "per_license_cap", "per_period_cap", "period", "kinds"),
        *("expires_at", "salt", "spent", "period_window", "window_spent", "closed", "opened_at"),
    ),
    "session_purchases": f"""
select t.session_id, t.license_id, t.work_id, t.price, t.spent, t.purchased_at, {LOG}
from {{chain}}.session_purchases t left join {{chain}}.logs l using (block_number, log_index)
""",
}
