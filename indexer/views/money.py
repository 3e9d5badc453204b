"""The ledger: what was paid, moved and drawn, and what is owed to whom."""

from indexer.views.logged import LOG, with_log

_PAYMENTS = f"""
select t.work_id, t.recording_id, t.token, t.payer, t.amount, t.received, t.payment_reference,
    s.license_id, t.paid_at, {LOG}
from {{chain}}.payments t
left join {{chain}}.logs l using (block_number, log_index)
left join {{chain}}.licenses s on s.license_id = t.payment_reference and s.work_id = t.work_id
"""

# What of a descendant's gross money an ancestor may claim now. div() cuts towards zero and is exact; `/` is not.
_DUES = """
select e.recording_id, d.work_id as descendant_id, e.ancestor_id, e.ancestor_recording_id, d.token, e.ppm,
    div(d.received * e.ppm, 1000000)::numeric(78,0) as entitled,
    coalesce(m.moved, 0)::numeric(78,0) as moved,
    (div(d.received * e.ppm, 1000000) - coalesce(m.moved, 0))::numeric(78,0) as amount
from {chain}.royalty_entries e
join {chain}.accounts d on d.recording_id = e.recording_id
left join {chain}.moved m on m.descendant_id = d.work_id and m.ancestor_id = e.ancestor_id and m.token = d.token
"""

# Each holder of a share ``p`` with the works it draws from: the slots, then the titles' remainder by who holds it.
_SHARES = """
select s.recording_id, null::bytea as own_id, false as is_title, s.account, s.slot, s.ppm from {chain}.slots s
union all
select set_byte(t.work_id, 27, 0), t.work_id, true, t.holder, 255, null::integer from {chain}.titles t
union all
select r.recording_id, null, true, r.creator, 255, null from {chain}.recordings r
where not exists (select from {chain}.titles t where t.work_id = r.recording_id)
"""

# The income of each work of the share's recording after every claim and settlement that is due. A recording's title
# draws for the stems without title as well.
_INCOMES = """
select i.work_id, i.token, sum(i.amount) as income
from (
    select a.work_id, a.token, a.income + div(a.received * (1000000 - r.stack_ppm), 1000000) - a.own_moved as amount
    from {chain}.accounts a join {chain}.recordings r on r.recording_id = a.recording_id
    where a.recording_id = p.recording_id
    union all
    select e.ancestor_id, d.token, div(d.received * e.ppm, 1000000) - coalesce(m.moved, 0)
    from {chain}.royalty_entries e
    join {chain}.accounts d on d.recording_id = e.recording_id
    left join {chain}.moved m
        on m.descendant_id = d.work_id and m.ancestor_id = e.ancestor_id and m.token = d.token
    where e.ancestor_recording_id = p.recording_id
) i
where not p.is_title
    or i.work_id = p.own_id
    or (
        coalesce(p.own_id, p.recording_id) = p.recording_id
        and (
            i.work_id = p.recording_id
            or not exists (select from {chain}.titles t where t.work_id = i.work_id)
        )
    )
group by i.work_id, i.token
"""

_OWED = f"""
select p.recording_id, i.work_id, i.token, p.account, p.slot::smallint as slot,
    (div(i.income * coalesce(p.ppm, 1000000 - q.slots_ppm), 1000000) - coalesce(d.drawn, 0))::numeric(78,0) as amount
from ({_SHARES}) p
cross join lateral ({_INCOMES}) i
cross join lateral (
    select coalesce(sum(s.ppm), 0) as slots_ppm from {{chain}}.slots s where s.recording_id = p.recording_id
) q
left join {{chain}}.draws d on d.work_id = i.work_id and d.token = i.token and d.slot = p.slot
"""

VIEWS = {
    "payments": _PAYMENTS,
    "claims": with_log("claims", "descendant_id", "ancestor_id", "token", "amount", "moved", "income", "claimed_at"),
    "settlements": with_log("settlements", "work_id", "token", "amount", "own_moved", "income", "settled_at"),
    "withdrawals": with_log("withdrawals", "work_id", "token", "to_account", "slot", "amount", "drawn", "withdrawn_at"),
    "accounts": with_log(
        "accounts", "work_id", "recording_id", "token", "received", "own_moved", "income", "title_drawn"
    ),
    "moved": with_log("moved", "descendant_id", "ancestor_id", "token", "moved"),
    "draws": with_log("draws", "work_id", "token", "slot", "drawn"),
    "receivers": with_log("receivers", "work_id", "receiver"),
    "tokens": with_log("tokens", "token", "accepted"),
    "fees": with_log("fees", "token", "credited", "drawn"),
    "protocol": with_log("protocol", "coalesce(t.fee_ppm, 0) as fee_ppm", "fee_recipient"),
    "withdrawal_nonces": with_log("withdrawal_nonces", "account", "nonce", "used_at"),
    "dues": _DUES,
    "owed": _OWED,
}
