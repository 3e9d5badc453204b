"""Bodies of rights and money. Amounts are decimal strings in base units, shares parts per million."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from api.catalog.queries import LicenseKind
from api.catalog.schemas import Address, AsOf, Body, OnChain
from stemma.documents import Hash32, WorkIdHex

Amount = str
Slot = int | Literal["title"]


class _Page(Body):
    as_of: AsOf
    next: str | None


class TermsView(OnChain):
    """Machine-readable conditions, named by the hash of their content."""

    terms_id: Hash32
    kind: LicenseKind
    token: Address = Field(description="What licenses are paid in; zero: the native coin")
    transferable: bool
    exclusive: bool
    commercial_use: bool
    attribution: bool
    territory: int = Field(description="UN M.49; 1: the world")
    max_grants: int = Field(description="Per work, for ever; 0: without limit")
    remix_ppm: int = Field(description="Of REMIX terms: the work's share of a remix' revenue")
    duration: int = Field(description="Seconds; 0: for ever")
    legal_digest: Hash32
    published_at: datetime


class TermsDetails(TermsView):
    """Terms, with how true this is."""

    as_of: AsOf


class TermsPage(_Page):
    """Terms, newest first."""

    items: list[TermsView]


class AttachmentView(OnChain):
    """A standing price for one work under terms; it can be bought at while ``active``."""

    work_id: WorkIdHex
    terms_id: Hash32
    kind: LicenseKind
    holder: Address
    price: Amount
    token: Address
    active: bool
    title_epoch_work: WorkIdHex
    title_epoch_count: int
    attached_at: datetime


class AttachmentPage(_Page):
    """Attachments, newest first."""

    items: list[AttachmentView]


class LicenseView(OnChain):
    """A grant: an immutable snapshot. ``holder`` holds it now, ``licensee`` was given it."""

    license_id: Hash32
    work_id: WorkIdHex
    recording_id: WorkIdHex
    kind: LicenseKind
    terms_id: Hash32
    licensee: Address
    holder: Address
    seller: Address
    payer: Address
    price: Amount
    fee: Amount
    token: Address
    coverage: int = Field(description="Bit k: kind k of the recording's works, bit 0 the recording itself")
    version: int
    granted_at: datetime
    expires_at: datetime | None = Field(description="First second at which it is no longer valid; null: never")
    transferable: bool
    remix_ppm: int
    remix_id: WorkIdHex | None = Field(description="The remix that consumed it")
    session_id: Hash32 | None


class LicenseDetails(LicenseView):
    """A license with its terms. ``valid``: not expired at the block's time."""

    as_of: AsOf
    valid: bool
    terms: TermsView | None


class LicensePage(_Page):
    """Licenses, newest first."""

    items: list[LicenseView]


class PaymentView(OnChain):
    """Money paid in, net of the protocol's fee."""

    work_id: WorkIdHex
    recording_id: WorkIdHex
    token: Address
    payer: Address
    amount: Amount
    received: Amount = Field(description="The work's total afterwards")
    payment_reference: Hash32
    license_id: Hash32 | None
    paid_at: datetime


class PaymentPage(_Page):
    """Payments, newest first."""

    items: list[PaymentView]


class TransferView(OnChain):
    """A title's change of hands; a mint comes from the zero address."""

    work_id: WorkIdHex
    from_account: Address
    to_account: Address
    transferred_at: datetime


class TransferPage(_Page):
    """Transfers of titles, newest first."""

    items: list[TransferView]


class SessionView(OnChain):
    """A budget that the chain enforces. What was given at its opening is null if it was closed before."""

    session_id: Hash32
    owner: Address
    agent: Address | None
    token: Address | None
    cap: Amount | None
    per_license_cap: Amount | None
    per_period_cap: Amount | None
    period: Amount | None = Field(description="Seconds")
    kinds: int | None = Field(description="Bit k: kind k of licenses")
    expires_at: datetime | None
    salt: Hash32 | None
    spent: Amount
    left: Amount | None = Field(description="Of the cap; 0 once it is closed")
    period_window: int | None
    window_spent: Amount | None
    closed: bool
    opened_at: datetime | None


class PurchaseView(OnChain):
    """What a session bought."""

    license_id: Hash32
    work_id: WorkIdHex
    price: Amount
    spent: Amount
    purchased_at: datetime


class SessionDetails(SessionView):
    """A session with what it bought, newest first, at most 100."""

    as_of: AsOf
    purchases: list[PurchaseView]


class SessionPage(_Page):
    """Sessions, newest first."""

    items: list[SessionView]


class FlagView(OnChain):
    """A flag on a disputed recording and its stems. ``active``: neither over nor lifted at the block's time."""

    recording_id: WorkIdHex
    arbiter: Address
    until: datetime
    count: int
    reason: Hash32
    lifted_at: datetime | None
    active: bool


class FlagPage(_Page):
    """Flags, newest first."""

    items: list[FlagView]


# ---- ancestry ----------------------------------------------------------------------------------------------------


class LineageNode(Body):
    """A recording of the graph. ``distance``: steps from the one that was asked for, below 0 for ancestors."""

    work_id: WorkIdHex
    distance: int
    title: str | None
    artist: str | None
    creator: Address
    rights_holder: Address
    registered_at: datetime
    parent_count: int
    stack_ppm: int
    flagged_until: datetime | None


class LineageEdge(OnChain):
    """``child`` was made from ``parent_work``, which is ``parent`` or a stem of it, and consumed the license."""

    child: WorkIdHex
    parent: WorkIdHex
    parent_work: WorkIdHex
    license_id: Hash32
    ppm: int


class Lineage(Body):
    """The family tree around a recording. ``truncated``: there is more within the depth than is shown."""

    as_of: AsOf
    work_id: WorkIdHex
    recording_id: WorkIdHex
    depth: int
    truncated: bool
    nodes: list[LineageNode]
    edges: list[LineageEdge]


# ---- royalties ---------------------------------------------------------------------------------------------------


class EntryView(Body):
    """What one ancestor gets of the recording's and its stems' revenue."""

    ancestor_id: WorkIdHex
    ancestor_recording_id: WorkIdHex
    ppm: int


class AccountView(Body):
    """The ledger of one work in one token."""

    work_id: WorkIdHex
    token: Address
    received: Amount
    own_moved: Amount
    income: Amount
    title_drawn: Amount


class DueView(Body):
    """What an ancestor may claim of a work now, by anybody's transaction."""

    descendant_id: WorkIdHex
    ancestor_id: WorkIdHex
    token: Address
    ppm: int
    entitled: Amount
    moved: Amount
    amount: Amount


class OwedView(Body):
    """What an account may draw of a work once every claim and settlement that is due has been made."""

    work_id: WorkIdHex
    token: Address
    account: Address
    slot: Slot = Field(description="0 to 15, or `title` for the rights holder's share")
    amount: Amount


class RemixRoom(Body):
    """What a license for a remix may still ask for."""

    ppm: int = Field(description="The most that a REMIX license of this recording's works may be worth")
    ancestors: int = Field(description="How many more ancestors a remix may have")


class Royalties(Body):
    """The royalty table with its root, what is owed to whom, and the room left for a remix."""

    as_of: AsOf
    work_id: WorkIdHex
    recording_id: WorkIdHex
    root: Hash32 | None = Field(description="As on chain; null while the table is empty")
    stack_ppm: int
    own_ppm: int
    entries: list[EntryView]
    remix_room: RemixRoom
    accounts: list[AccountView]
    dues: list[DueView]
    owed: list[OwedView]
    flagged_until: datetime | None


class Call(Body):
    """A transaction, ready to be sent by anybody."""

    to: Address
    function: str
    arguments: list[Any]
    data: str
    value: Amount = "0"


class ClaimCall(DueView):
    """What is due in one token, and the transaction that moves it."""

    call: Call | None = Field(description="Null while the contracts' addresses are not known")


class RoyaltyProof(Body):
    """That an ancestor has an entry in the table whose root is on chain: siblings, lowest first."""

    as_of: AsOf
    work_id: WorkIdHex
    recording_id: WorkIdHex
    ancestor_id: WorkIdHex
    ppm: int
    entry: Hash32 = Field(description="The word ancestor << 32 | ppm, whose keccak is the leaf")
    proof: list[Hash32]
    root: Hash32
    claims: list[ClaimCall]


# ---- artists -----------------------------------------------------------------------------------------------------


class TokenAmount(Body):
    """An amount of one token."""

    token: Address
    amount: Amount


class Artist(Body):
    """An account by what it made, holds and sells. ``names``: what its newest recordings call it."""

    as_of: AsOf
    address: Address
    names: list[str]
    recordings: int
    remixes: int
    titles: int
    licenses_held: int
    licenses_sold: int
    on_sale: int
    payout: Address | None
    owed: list[TokenAmount]
    links: dict[str, str]


class Protocol(Body):
    """What the protocol takes, in what, and how far it is."""

    as_of: AsOf
    fee_ppm: int
    fee_recipient: Address | None
    tokens: list["TokenView"]


class TokenView(Body):
    """A token that was ever accepted. ``accepted``: new payments may come in it."""

    token: Address
    accepted: bool
