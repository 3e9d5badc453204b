"""The entities of the GraphQL schema: each view of the catalog, what names its rows, and how rows lead to others.

Columns are not repeated here; the schema takes them from `stemma.catalog.views`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, and_, func

from stemma.catalog import views

Keys = tuple[ColumnElement[Any], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class On:
    """When a row of one belongs to a row of another. ``keys``: what of both is equal then, if that says it all."""

    condition: Callable[[FromClause, FromClause], ColumnElement[bool]]
    keys: Callable[[FromClause, FromClause], Keys] | None

    @property
    def turned(self) -> "On":
        """The same from the other side."""
        condition, keys = self.condition, self.keys
        return On(
            lambda mine, theirs: condition(theirs, mine),
            None if keys is None else lambda mine, theirs: keys(theirs, mine)[::-1],
        )


STEM_KINDS = {"recording": 0, "vocals": 1, "drums": 2, "bass": 3, "guitar": 4, "piano": 5, "other": 6}
LICENSE_KINDS = {"STREAM": 0, "PERSONAL": 1, "REMIX": 2, "SYNC": 3, "COMMERCIAL": 4}


@dataclass(frozen=True, slots=True)
class Relation:
    """A field that leads to rows of another view: to one of them, or to many."""

    name: str
    target: str
    is_many: bool
    on: On
    """Between a row of this entity and one of the target: (mine, theirs)."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A view as a GraphQL type. ``one`` and ``many`` are its root fields; ``key`` names a row, and so makes its id."""

    view: Table
    type_name: str
    one: str
    many: str
    key: tuple[str, ...]
    kinds: Mapping[str, int] | None = None

    @property
    def name(self) -> str:
        """The view's name, as a plain string."""
        return f"{self.view.name}"

    def key_of(self, source: FromClause) -> list[ColumnElement[Any]]:
        """The columns that name a row."""
        return [source.c[name] for name in self.key]


@dataclass(frozen=True, slots=True)
class _Link:
    child: str
    to_parent: str
    parent: str
    to_children: str
    on: On
    is_one: bool = False


def _same(child: str, parent: str | None = None) -> On:
    return On(
        lambda mine, theirs: mine.c[child] == theirs.c[parent or child],
        lambda mine, theirs: (mine.c[child], theirs.c[parent or child]),
    )


def _works_of_recording(child: str) -> On:
    """A work belongs to the recording that it is, or is a stem of; a range, so that an index on works serves."""
    return On(
        lambda mine, theirs: and_(
            mine.c[child] >= theirs.c.recording_id, mine.c[child] <= func.set_byte(theirs.c.recording_id, 27, 6)
        ),
        lambda mine, theirs: (func.set_byte(mine.c[child], 27, 0), theirs.c.recording_id),
    )


def _recording_of_work(child: str) -> On:
    return On(lambda mine, theirs: theirs.c.recording_id == func.set_byte(mine.c[child], 27, 0), None)


def _entity(view: Table, type_name: str, *key: str, many: str = "", kinds: Mapping[str, int] | None = None) -> Entity:
    one = type_name[0].lower() + type_name[1:]
    return Entity(view, type_name, one, many or f"{one}s", key, kinds)


_PLACE = ("block_number", "log_index")

ENTITIES: dict[str, Entity] = {
    entity.name: entity
    for entity in (
        _entity(views.recordings, "Recording", "recording_id"),
        _entity(views.stems, "Stem", "stem_id", kinds=STEM_KINDS),
        _entity(views.titles, "Title", "work_id"),
        _entity(views.transfers, "Transfer", *_PLACE),
        _entity(views.separations, "Separation", "recording_id", "version"),
        _entity(views.parents, "Parent", "recording_id", "parent_id"),
        _entity(views.royalty_entries, "RoyaltyEntry", "recording_id", "ancestor_id", many="royaltyEntries"),
        _entity(views.slots, "Slot", "recording_id", "slot"),
        _entity(views.payouts, "Payout", "creator"),
        _entity(views.terms, "Terms", "terms_id", many="terms_collection", kinds=LICENSE_KINDS),
        _entity(views.attachments, "Attachment", "work_id", "terms_id", kinds=LICENSE_KINDS),
        _entity(views.offer_uses, "OfferUse", "license_id"),
        _entity(views.offer_nonces, "OfferNonce", "seller", "nonce"),
        _entity(views.seller_epochs, "SellerEpoch", "seller"),
        _entity(views.delegations, "Delegation", "holder", "signer", "work_id", "terms_id", "seller_epoch"),
        _entity(views.licenses, "License", "license_id", kinds=LICENSE_KINDS),
        _entity(
            views.exclusivities,
            "Exclusivity",
            *("recording_id", "kind", "work_id"),
            many="exclusivities",
            kinds=LICENSE_KINDS,
        ),
        _entity(views.payments, "Payment", *_PLACE),
        _entity(views.claims, "Claim", *_PLACE),
        _entity(views.settlements, "Settlement", *_PLACE),
        _entity(views.withdrawals, "Withdrawal", *_PLACE),
        _entity(views.accounts, "Account", "work_id", "token"),
        _entity(views.grants, "Grant", "work_id", "terms_id"),
        _entity(views.protocol, "Protocol", *_PLACE, many="protocol_collection"),
        _entity(views.withdrawal_nonces, "WithdrawalNonce", "account", "nonce"),
        _entity(views.commitments, "Commitment", "commitment"),
        _entity(views.dues, "Due", "descendant_id", "ancestor_id", "token"),
        _entity(views.moved, "Moved", "descendant_id", "ancestor_id", "token", many="moved_collection"),
        _entity(views.draws, "Draw", "work_id", "token", "slot"),
        _entity(views.receivers, "Receiver", "work_id"),
        _entity(views.tokens, "Token", "token"),
        _entity(views.fees, "Fee", "token"),
        _entity(views.vault_balances, "VaultBalance", "owner", "token"),
        _entity(views.sessions, "Session", "session_id"),
        _entity(views.session_purchases, "SessionPurchase", "license_id"),
        _entity(views.flags, "Flag", *_PLACE),
        _entity(views.roles, "Role", "role", "account"),
        _entity(views.attestors, "Attestor", "attestor"),
        _entity(views.batches, "Batch", "root", many="batches"),
        _entity(views.owed, "Owed", "work_id", "token", "account", "slot", many="owed_collection"),
        _entity(views.feed, "Change", "seq"),
        _entity(views.logs, "Log", *_PLACE),
    )
}

_LINKS = (
    _Link("stems", "recording", "recordings", "stems", _same("recording_id")),
    _Link("titles", "recording", "recordings", "titles", _works_of_recording("work_id")),
    _Link("titles", "stem", "stems", "title", _same("work_id", "stem_id"), is_one=True),
    _Link("transfers", "recording", "recordings", "transfers", _works_of_recording("work_id")),
    _Link("transfers", "title", "titles", "transferLogs", _same("work_id")),
    _Link("separations", "recording", "recordings", "separations", _same("recording_id")),
    _Link("parents", "recording", "recordings", "parents", _same("recording_id")),
    _Link("parents", "parent", "recordings", "children", _same("parent_recording_id", "recording_id")),
    _Link("parents", "license", "licenses", "consumptions", _same("license_id")),
    _Link("royalty_entries", "recording", "recordings", "royaltyEntries", _same("recording_id")),
    _Link(
        "royalty_entries",
        "ancestor",
        "recordings",
        "entriesOfDescendants",
        _same("ancestor_recording_id", "recording_id"),
    ),
    _Link("slots", "recording", "recordings", "slots", _same("recording_id")),
    _Link("attachments", "recording", "recordings", "attachments", _works_of_recording("work_id")),
    _Link("attachments", "terms", "terms", "attachments", _same("terms_id")),
    _Link("licenses", "recording", "recordings", "licenses", _same("recording_id")),
    _Link("licenses", "terms", "terms", "licenses", _same("terms_id")),
    _Link("licenses", "remix", "recordings", "consumedLicenses", _same("remix_id", "recording_id")),
    _Link("licenses", "session", "sessions", "licenses", _same("session_id")),
    _Link("offer_uses", "license", "licenses", "offerUse", _same("license_id"), is_one=True),
    _Link("exclusivities", "recording", "recordings", "exclusivities", _same("recording_id")),
    _Link("payments", "recording", "recordings", "payments", _same("recording_id")),
    _Link("payments", "license", "licenses", "payments", _same("license_id")),
    _Link("claims", "descendant", "recordings", "claimsByAncestors", _works_of_recording("descendant_id")),
    _Link("claims", "ancestor", "recordings", "claims", _works_of_recording("ancestor_id")),
    _Link("settlements", "recording", "recordings", "settlements", _works_of_recording("work_id")),
    _Link("withdrawals", "recording", "recordings", "withdrawals", _works_of_recording("work_id")),
    _Link("accounts", "recording", "recordings", "accounts", _same("recording_id")),
    _Link("receivers", "recording", "recordings", "receivers", _works_of_recording("work_id")),
    _Link("owed", "recording", "recordings", "owed", _same("recording_id")),
    _Link("dues", "descendant", "recordings", "dues", _same("recording_id")),
    _Link("dues", "ancestor", "recordings", "duesOfDescendants", _same("ancestor_recording_id", "recording_id")),
    _Link("session_purchases", "session", "sessions", "purchases", _same("session_id")),
    _Link("session_purchases", "license", "licenses", "sessionPurchase", _same("license_id"), is_one=True),
    _Link("flags", "recording", "recordings", "flags", _same("recording_id")),
)


def _relations() -> dict[str, dict[str, Relation]]:
    found: dict[str, dict[str, Relation]] = {name: {} for name in ENTITIES}
    for link in _LINKS:
        # The recording of a work is looked up by its key; the range serves the other direction.
        up = link.on
        if link.parent == "recordings" and "recording_id" not in ENTITIES[link.child].view.c:
            [work] = [name for name in (f"{link.to_parent}_id", "work_id") if name in ENTITIES[link.child].view.c][:1]
            up = _recording_of_work(work)
        found[link.child][link.to_parent] = Relation(link.to_parent, link.parent, False, up)
        down = Relation(link.to_children, link.child, not link.is_one, link.on.turned)
        found[link.parent][link.to_children] = down
    return found


NOT_ENTITIES = ("head", "search")
"""`_meta` tells the head; `search` is there to choose recordings by."""

RELATIONS = _relations()
"""view -> field -> relation."""
