"""Choosing recordings: what a caller may look for, and the statement that finds them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Float,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)

from api.catalog.cursors import Place
from stemma.catalog.views import attachments, parents, recordings, search

_SHORTEST_PART = 3
"""Shorter pieces have no trigrams to be found by."""


@dataclass(frozen=True, slots=True)
class Range:
    """Inclusive at both ends; an end that is None is open."""

    low: int | None = None
    high: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it narrows nothing."""
        return self.low is None and self.high is None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which recordings are wanted; unset members do not narrow. ``since`` is inclusive, ``until`` is not.

    ``max_price`` is in base units of ``token`` (of any token if that is None) and narrows what is on sale, as
    ``license_kind`` does. ``ancestor`` is a work: the recording's descendants are wanted if it is a recording's id,
    else those made from that very stem and theirs. ``by_relevance`` orders by how well ``words`` are met.
    """

    creator: bytes | None = None
    artist: str | None = None
    model: bytes | None = None
    kinds: tuple[int, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    words: str | None = None
    by_relevance: bool = False
    tag: str | None = None
    bpm: Range = Range()
    duration_ms: Range = Range()
    key: str | None = None
    license_kind: int | None = None
    max_price: int | None = None
    token: bytes | None = None
    ancestor: bytes | None = None
    is_remix: bool | None = None

    @property
    def needs_search(self) -> bool:
        """Whether it narrows by what stands in documents."""
        of_text = self.words is not None or self.tag is not None or self.key is not None
        return of_text or not self.bpm.is_open or not self.duration_ms.is_open


def any_of(found: Select[Any]) -> ColumnElement[Any]:
    """Any of the bytes that a statement finds: found first and once, then looked up."""
    others = found.subquery()
    whole = select(func.array_agg(others.c[0])).scalar_subquery()
    return func.any(cast(whole, ARRAY(LargeBinary)))


def behind(place: Place | None) -> dict[str, Any]:
    """Return the parameters of a statement that is told to begin behind a place."""
    return {} if place is None else {"block": place.block_number, "log": place.log_index, "rank": place.rank}


def page(wanted: Filter, columns: Sequence[ColumnElement[Any]], *, is_behind: bool, limit: int) -> Select[Any]:
    """Return the statement of one page: columns of `recordings`, and ``rank``; best first, or newest first.

    ``is_behind``: it takes the parameters that `behind` makes.
    """
    if not wanted.needs_search:
        return _narrowed(wanted, recordings, columns, is_behind=is_behind, limit=limit)
    found = _narrowed(wanted, search, [search.c.recording_id], is_behind=is_behind, limit=limit).cte("chosen")
    rank = select(found.c.rank).where(found.c.recording_id == recordings.c.recording_id).correlate(recordings)
    statement = select(*columns, rank.scalar_subquery().label("rank"))
    return statement.where(recordings.c.recording_id == any_of(select(found.c.recording_id)))


def _narrowed(
    wanted: Filter, source: FromClause, columns: Sequence[ColumnElement[Any]], *, is_behind: bool, limit: int
) -> Select[Any]:
    """The first recordings that fulfil the conditions, with ``rank``, which is 0 unless that is what they go by."""
    rank = _rank(wanted.words, source) if wanted.by_relevance and wanted.words else literal_column("0.0::float8")
    place: list[ColumnElement[Any]] = [source.c.block_number, source.c.log_index]
    if wanted.by_relevance:
        place.insert(0, rank)
    statement = select(*columns, rank.label("rank")).where(*_conditions(wanted, source))
    if is_behind:
        known: list[ColumnElement[Any]] = [bindparam("block", type_=BigInteger), bindparam("log", type_=Integer)]
        if wanted.by_relevance:
            known.insert(0, bindparam("rank", type_=Float(53)))
        statement = statement.where(tuple_(*place) < tuple_(*known))
    # A limit that the planner does not know makes it plan to read a tenth of everything.
    known_limit = bindparam(None, limit, Integer, literal_execute=True, unique=True)
    return statement.order_by(*(column.desc() for column in place)).limit(known_limit)


def _conditions(wanted: Filter, source: FromClause) -> Iterator[ColumnElement[bool]]:
    if wanted.creator is not None:
        yield source.c.creator == wanted.creator
    if wanted.artist is not None:
        yield func.lower(source.c.artist) == wanted.artist.lower()
    if wanted.model is not None:
        yield _of_recording(source, recordings.c.model) == wanted.model
    if wanted.since is not None:
        yield source.c.registered_at >= wanted.since
    if wanted.until is not None:
        yield source.c.registered_at < wanted.until
    if wanted.is_remix is not None:
        yield source.c.parent_count > 0 if wanted.is_remix else source.c.parent_count == 0
    if wanted.kinds:  # a separation has all six
        yield _of_recording(source, recordings.c.stems_root).is_not(None)
    if wanted.ancestor is not None:
        yield _is_among(source, _descendants(wanted.ancestor))
    if wanted.license_kind is not None or wanted.max_price is not None or wanted.token is not None:
        yield _is_among(source, _on_sale(wanted))
    yield from _document_conditions(wanted, source)


def _of_recording(source: FromClause, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column of `recordings`; beside `search` it is looked up row by row, in the order of the page."""
    if source is recordings:
        return column
    own = recordings.alias("own")
    found = select(own.c[column.name]).where(own.c.recording_id == source.c.recording_id)
    return found.correlate(source).scalar_subquery()


def _is_among(source: FromClause, found: Select[Any]) -> ColumnElement[bool]:
    """Whether a recording is among others. They are found first: the views are too deep to be joined in any order."""
    return source.c.recording_id == any_of(found)


def _document_conditions(wanted: Filter, source: FromClause) -> Iterator[ColumnElement[bool]]:
    if wanted.words is not None:
        yield _has_words(wanted.words, source)
    if wanted.tag is not None:
        yield source.c.tags.contains([wanted.tag.lower()])
    if wanted.key is not None:
        yield source.c.musical_key == wanted.key
    for name, within in (("bpm", wanted.bpm), ("duration_ms", wanted.duration_ms)):
        if within.low is not None:
            yield source.c[name] >= within.low
        if within.high is not None:
            yield source.c[name] <= within.high


def _has_words(words: str, source: FromClause) -> ColumnElement[bool]:
    """Whether a recording has all the words, or something that looks much like them."""
    whole: ColumnElement[bool] = source.c.words.op("@@", is_comparison=True)(_query(words))
    if len(words) < _SHORTEST_PART:
        return whole
    return or_(whole, _plain(words).op("<%", is_comparison=True)(source.c.letters))


def _rank(words: str, source: FromClause) -> ColumnElement[Any]:
    alike = func.word_similarity(_plain(words), source.c.letters)
    return cast(func.ts_rank(source.c.words, _query(words)) + alike, Float(53))


def _query(words: str) -> ColumnElement[Any]:
    return func.websearch_to_tsquery(literal_column("'simple'::regconfig"), _plain(words))


def _plain(words: str) -> ColumnElement[Any]:
    return func.catalog.plain(words)


def _on_sale(wanted: Filter) -> Select[Any]:
    statement = select(func.set_byte(attachments.c.work_id, literal_column("27"), literal_column("0"))).where(
        attachments.c.active
    )
    if wanted.license_kind is not None:
        statement = statement.where(attachments.c.kind == wanted.license_kind)
    if wanted.max_price is not None:
        statement = statement.where(attachments.c.price <= wanted.max_price)
    if wanted.token is not None:
        statement = statement.where(attachments.c.token == wanted.token)
    return statement


def _descendants(ancestor: bytes) -> Select[Any]:
    """All recordings that were made from a work, and from what was made from it."""
    first = parents.c.parent_recording_id if ancestor[-1] == 0 else parents.c.parent_id
    found = select(parents.c.recording_id).where(first == ancestor).cte("descendants", recursive=True)
    later = parents.alias("later")
    found = found.union(select(later.c.recording_id).join(found, later.c.parent_recording_id == found.c.recording_id))
    return select(found.c.recording_id)
