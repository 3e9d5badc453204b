"""Query parameters of rights and money, and the conditions that they are."""

from collections.abc import Iterator, Mapping

from pydantic import Field
from sqlalchemy import ColumnElement, Table

from api.catalog.queries import AddressText, BaseUnits, Hash32Text, LicenseKind, PageQuery, WorkIdText, raw
from api.rights import repository
from stemma.catalog import views

Conditions = list[ColumnElement[bool]]


class TermsQuery(PageQuery):
    """Which terms."""

    kind: LicenseKind | None = None
    token: AddressText | None = None

    def conditions(self) -> Conditions:
        """As the repository takes them."""
        return [*_equal(views.terms, {"token": self.token}), *_of_kind(views.terms, self.kind)]


class AttachmentQuery(PageQuery):
    """Which attachments. ``active`` is true unless it is said otherwise."""

    work: WorkIdText | None = Field(default=None, description="A stem; or a recording and its stems")
    terms: Hash32Text | None = None
    holder: AddressText | None = None
    kind: LicenseKind | None = None
    token: AddressText | None = None
    max_price: BaseUnits | None = Field(default=None, description="In base units")
    active: bool = True

    def conditions(self) -> Conditions:
        """As the repository takes them."""
        view = views.attachments
        found = [view.c.active.is_(self.active), *_of_work(view, self.work), *_of_kind(view, self.kind)]
        found += _equal(view, {"terms_id": self.terms, "holder": self.holder, "token": self.token})
        if self.max_price is not None:
            found.append(view.c.price <= int(self.max_price))
        return found


class LicenseQuery(PageQuery):
    """Which licenses."""

    work: WorkIdText | None = Field(default=None, description="A stem; or a recording and its stems")
    kind: LicenseKind | None = None
    terms: Hash32Text | None = None
    licensee: AddressText | None = Field(default=None, description="Who was given it")
    holder: AddressText | None = Field(default=None, description="Who holds it now")
    seller: AddressText | None = None
    payer: AddressText | None = None
    session: Hash32Text | None = None
    remix: WorkIdText | None = Field(default=None, description="The remix that consumed it")

    def conditions(self) -> Conditions:
        """As the repository takes them."""
        view = views.licenses
        found = [*_of_work(view, self.work), *_of_kind(view, self.kind)]
        accounts = {"licensee": self.licensee, "holder": self.holder, "seller": self.seller, "payer": self.payer}
        ids = {"terms_id": self.terms, "session_id": self.session, "remix_id": self.remix}
        return [*found, *_equal(view, accounts | ids)]


class PaymentQuery(PageQuery):
    """Which payments."""

    work: WorkIdText | None = Field(default=None, description="A stem; or a recording and its stems")
    token: AddressText | None = None
    payer: AddressText | None = None
    license: Hash32Text | None = None
    reference: Hash32Text | None = None

    def conditions(self) -> Conditions:
        """As the repository takes them."""
        view = views.payments
        wanted = {"token": self.token, "payer": self.payer, "license_id": self.license}
        return [*_of_work(view, self.work), *_equal(view, wanted | {"payment_reference": self.reference})]


class TransferQuery(PageQuery):
    """Which transfers of titles."""

    work: WorkIdText | None = Field(default=None, description="A stem; or a recording and its stems")
    from_account: AddressText | None = Field(default=None, description="Who gave it away; zero: the mints")
    to_account: AddressText | None = Field(default=None, description="Who received it")

    def conditions(self) -> Conditions:
        """As the repository takes them."""
        view = views.transfers
        accounts = {"from_account": self.from_account, "to_account": self.to_account}
        return [*_of_work(view, self.work), *_equal(view, accounts)]


class SessionQuery(PageQuery):
    """Which sessions."""

    owner: AddressText | None = None
    agent: AddressText | None = None
    closed: bool | None = None

    def conditions(self) -> Conditions:
        """As the repository takes them."""
        view = views.sessions
        found = _equal(view, {"owner": self.owner, "agent": self.agent})
        return [*found, *([] if self.closed is None else [view.c.closed.is_(self.closed)])]


class FlagQuery(PageQuery):
    """Which flags."""

    recording: WorkIdText | None = None
    arbiter: AddressText | None = None

    def conditions(self) -> Conditions:
        """As the repository takes them."""
        return list(_equal(views.flags, {"recording_id": self.recording, "arbiter": self.arbiter}))


def _equal(view: Table, wanted: Mapping[str, str | None]) -> Iterator[ColumnElement[bool]]:
    for name, value in wanted.items():
        if value is not None:
            yield view.c[name] == raw(value)


def _of_work(view: Table, work: str | None) -> Iterator[ColumnElement[bool]]:
    if work is not None:
        yield repository.of_work(view, bytes.fromhex(work[2:]))


def _of_kind(view: Table, kind: LicenseKind | None) -> Iterator[ColumnElement[bool]]:
    if kind is not None:
        yield view.c.kind == kind.number
