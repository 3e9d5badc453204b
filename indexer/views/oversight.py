"""Flags and roles: who may delay what, and who did."""

from indexer.views.logged import LOG, with_log

# A lift ends the flag that runs: the one before it whose time had not come.
_FLAGS = f"""
select t.recording_id, t.arbiter, t.until, t.count, t.reason, e.lifted_at, {LOG}
from {{chain}}.flags t
left join {{chain}}.logs l using (block_number, log_index)
left join lateral (
    select f.lifted_at from {{chain}}.flag_lifts f
    where f.recording_id = t.recording_id and f.lifted_at < t.until
        and (f.block_number, f.log_index) > (t.block_number, t.log_index)
    order by f.block_number, f.log_index limit 1
) e on true
"""

VIEWS = {
    "flags": _FLAGS,
    "roles": with_log("roles", "role", "account", "active", "changed_at"),
    "attestors": with_log("roles", "t.account as attestor", "active", "changed_at") + " where t.role = 'attestor'",
}
