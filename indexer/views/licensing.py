"""Terms, what is on sale under them, and the licenses."""

from indexer.views.logged import LOG, with_log

# An attachment ends when its work's title epoch does: by a transfer, a mint to another account, a stem's own mint.
_ATTACHMENTS = f"""
select t.work_id, t.terms_id, t.holder, t.title_epoch_work, t.title_epoch_count, t.price, s.token, s.kind,
    t.attached
        and t.title_epoch_work = case when own.work_id is null then set_byte(t.work_id, 27, 0) else t.work_id end
        and t.title_epoch_count = coalesce(own.transfers, whole.transfers, 0) as active,
    t.attached_at, {LOG}
from {{chain}}.attachments t
left join {{chain}}.logs l using (block_number, log_index)
join {{chain}}.terms s on s.terms_id = t.terms_id
left join {{chain}}.titles own on own.work_id = t.work_id
left join {{chain}}.titles whole on whole.work_id = set_byte(t.work_id, 27, 0)
"""

_DELEGATIONS = f"""
select t.holder, t.signer, t.work_id, t.terms_id, t.seller_epoch, t.floor_price, t.expires_at, t.revoked,
    not t.revoked and t.seller_epoch = coalesce(e.epoch, 0) as active, {LOG}
from {{chain}}.delegations t
left join {{chain}}.logs l using (block_number, log_index)
left join {{chain}}.seller_epochs e on e.seller = t.holder
"""

_LICENSES = f"""
select t.license_id, t.work_id, t.recording_id, t.licensee, t.holder, t.terms_id, t.kind, t.coverage, t.version,
    t.granted_at, t.expires_at, t.remix_ppm, t.transferable, t.remix_id, s.token, t.price, t.fee, t.payer, t.seller,
    t.session_id, {LOG}
from {{chain}}.licenses t
left join {{chain}}.logs l using (block_number, log_index)
join {{chain}}.terms s on s.terms_id = t.terms_id
"""

VIEWS = {
    "terms": with_log(
        "terms",
        *("terms_id", "kind", "token", "transferable", "exclusive", "commercial_use", "attribution", "territory"),
        *("max_grants", "remix_ppm", "duration", "legal_digest", "published_at"),
    ),
    "attachments": _ATTACHMENTS,
    "grants": with_log("grants", "work_id", "terms_id", "granted"),
    "offer_uses": with_log("offer_uses", "license_id", "seller", "offer_digest", "nonce", "used"),
    "offer_nonces": with_log("offer_nonces", "seller", "nonce", "coalesce(t.used, 0) as used", "cancelled"),
    "seller_epochs": with_log("seller_epochs", "seller", "epoch"),
    "delegations": _DELEGATIONS,
    "licenses": _LICENSES,
    "exclusivities": with_log("exclusivities", "recording_id", "kind", "work_id", "coverage", "until"),
}
