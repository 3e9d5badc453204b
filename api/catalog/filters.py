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
    Subquery,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)

from api.catalog.cursors import Place
from stemma.catalog.views import attachments, parents, recordings, search, separations, terms
from stemma.works import Kind

NEAR = 4_000
"""So many recordings are looked at one by one before the indexes are asked."""

COMMON = 100
"""What so many of the newest `NEAR` recordings fulfil is common: by relevance the best of those are found."""

RANKED = 5_000
"""So many recordings are ranked at most, the newest that an index finds."""

_SOMEWHAT_ALIKE = "0.4"
"""What an index finds by shared trigrams is at least about so similar; from 0.6 on it looks alike."""

_SHORTEST_PART = 3
"""Shorter words have too few trigrams to be found by."""


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
    is_exact: bool = False
    """Only what has the very ``words``, or else what looks like them as well."""

    @property
    def is_on_sale(self) -> bool:
        """Whether it narrows by what is on sale."""
        return self.license_kind is not None or self.max_price is not None or self.token is not None

    @property
    def is_choosing(self) -> bool:
        """Whether few or many recordings may fulfil it, which nobody knows before."""
        return self.needs_search or self.is_on_sale or self.ancestor is not None or self.model is not None

    @property
    def is_near_worthwhile(self) -> bool:
        """Whether many recordings may fulfil it, so that the first of them are likely to be near."""
        is_of_few = self.ancestor is not None or self.artist is not None
        return (self.needs_search or self.is_on_sale or self.model is not None) and not is_of_few

    @property
    def has_more_than_model(self) -> bool:
        """Whether something else than the model narrows it, so that the model can be looked up for each."""
        return self.creator is not None or self.needs_search or self.is_on_sale or self.ancestor is not None

    @property
    def has_look_alikes(self) -> bool:
        """Whether something can look like the words without having them."""
        return self.words is not None and len(self.words) >= _SHORTEST_PART

    @property
    def needs_search(self) -> bool:
        """Whether it narrows by what stands in documents."""
        of_text = any(each is not None for each in (self.words, self.tag, self.key, self.artist))
        return of_text or not self.bpm.is_open or not self.duration_ms.is_open


def any_of(found: Select[Any]) -> ColumnElement[Any]:
    """Any of the bytes that a statement finds: found first and once, then looked up."""
    others = found.subquery()
    whole = select(func.array_agg(others.c[0])).scalar_subquery()
    return func.any(cast(whole, ARRAY(LargeBinary)))


def behind(place: Place | None) -> dict[str, Any]:
    """Return the parameters of a statement that is told to begin behind a place."""
    return {} if place is None else {"block": place.block_number, "log": place.log_index, "rank": place.rank}


def page(
    wanted: Filter, columns: Sequence[ColumnElement[Any]], *, is_behind: bool, limit: int, is_near: bool
) -> Select[Any]:
    """Return the statement of one page: columns of `recordings`, and ``rank``; best first, or newest first.

    Args:
        wanted: which recordings.
        columns: of `recordings`.
        is_behind: it takes the parameters that `behind` makes.
        limit: recordings at most.
        is_near: look only at the first `NEAR` recordings behind the place. What many recordings fulfil is found among
            them soon; what only few do is found by the indexes, which for many would have to be read and sorted whole.
            By relevance: look at the newest ones wherever the place is, and find nothing of what is not `COMMON`.
    """
    if not wanted.is_choosing:
        return _narrowed(wanted, recordings, columns, is_behind=is_behind, limit=limit)
    if wanted.by_relevance:
        found = (_best_near if is_near else _best)(wanted, is_behind=is_behind, limit=limit)
    elif is_near:
        found = _found_near(wanted, is_behind=is_behind, limit=limit)
    else:
        source = search if wanted.needs_search else recordings
        found = _narrowed(wanted, source, [source.c.recording_id], is_behind=is_behind, limit=limit)
    chosen = found.cte("chosen")
    rank = select(chosen.c.rank).where(chosen.c.recording_id == recordings.c.recording_id).correlate(recordings)
    statement = select(*columns, rank.scalar_subquery().label("rank"))
    return statement.where(recordings.c.recording_id == any_of(select(chosen.c.recording_id)))


def _found_near(wanted: Filter, *, is_behind: bool, limit: int) -> Select[Any]:
    """The first of the recordings next to the place that fulfil the conditions; it stops when there are enough."""
    near = _near(is_behind=is_behind)
    rank: ColumnElement[Any] = literal_column("0.0::float8").label("rank")
    whole = select(near.c.recording_id, rank)
    if wanted.needs_search:
        whole = whole.where(exists(_looked_up(wanted, near, literal_column("1"))))
    else:
        whole = whole.where(*_conditions(wanted, near, is_near=True))
    return _ordered(whole, near, is_behind=False, rank=None).limit(_known(limit))


def _best_near(wanted: Filter, *, is_behind: bool, limit: int) -> Select[Any]:
    """The best of the newest recordings, if what is wanted is `COMMON` among them."""
    near = _near(is_behind=False)
    ranked = _looked_up(wanted, near, _rank(wanted.words or "", search).label("rank")).lateral("ranked")
    common = select(*near.c, ranked.c.rank).join_from(near, ranked, true()).cte("common")
    count = select(func.count()).select_from(common).scalar_subquery()
    whole = select(common.c.recording_id, common.c.rank).where(count >= literal_column(str(COMMON)))
    return _ordered(whole, common, is_behind=is_behind, rank=common.c.rank).limit(_known(limit))


def somewhat_alike(words: str) -> Select[Any]:
    """The statement that counts the newest recordings that an index on letters would find, matching or not."""
    near = _near(is_behind=False)
    letters = select(search.c.letters).where(search.c.recording_id == near.c.recording_id).correlate(near)
    likeness = func.word_similarity(_plain(words), letters.offset(literal_column("0")).scalar_subquery())
    return select(func.count()).select_from(near).where(likeness >= literal_column(_SOMEWHAT_ALIKE))


def _best(wanted: Filter, *, is_behind: bool, limit: int) -> Select[Any]:
    """The best of the recordings that the indexes find, or of the newest `RANKED` of them."""
    place = [search.c[name] for name in ("recording_id", "block_number", "log_index")]
    found = select(*place, _rank(wanted.words or "", search).label("rank")).where(*_conditions(wanted, search))
    some = _ordered(found, search, is_behind=False, rank=None).limit(_known(RANKED)).subquery("some")
    whole = select(some.c.recording_id, some.c.rank)
    return _ordered(whole, some, is_behind=is_behind, rank=some.c.rank).limit(_known(limit))


def _near(*, is_behind: bool) -> Subquery:
    """The first recordings behind the place, or the newest."""
    place = ("recording_id", "block_number", "log_index")
    columns = [recordings.c[name] for name in (*place, "creator", "registered_at", "parent_count")]
    newest = _ordered(select(*columns), recordings, is_behind=is_behind, rank=None)
    return newest.limit(_known(NEAR)).subquery("near")


def _looked_up(wanted: Filter, near: Subquery, column: ColumnElement[Any]) -> Select[Any]:
    """What a near recording has in a column if it fulfils the conditions."""
    found: Select[Any] = select(column).where(
        search.c.recording_id == near.c.recording_id, *_conditions(wanted, search, is_near=True)
    )
    # OFFSET 0 keeps Postgres from joining what is to be looked up one by one.
    return found.correlate(near).offset(literal_column("0"))


def _narrowed(
    wanted: Filter, source: FromClause, columns: Sequence[ColumnElement[Any]], *, is_behind: bool, limit: int
) -> Select[Any]:
    """The first recordings that fulfil the conditions, the newest first; ``rank`` is 0."""
    label: ColumnElement[Any] = literal_column("0.0::float8").label("rank")
    statement = select(*columns, label).where(*_conditions(wanted, source))
    return _ordered(statement, source, is_behind=is_behind, rank=None).limit(_known(limit))


def _ordered(
    statement: Select[Any], source: FromClause, *, is_behind: bool, rank: ColumnElement[Any] | None
) -> Select[Any]:
    """The newest first, or the best, from behind a place if there is one."""
    place: list[ColumnElement[Any]] = [source.c.block_number, source.c.log_index]
    known: list[ColumnElement[Any]] = [bindparam("block", type_=BigInteger), bindparam("log", type_=Integer)]
    if rank is not None:
        place.insert(0, rank)
        known.insert(0, bindparam("rank", type_=Float(53)))
    if is_behind:
        statement = statement.where(tuple_(*place) < tuple_(*known))
    return statement.order_by(*(column.desc() for column in place))


def _known(number: int) -> ColumnElement[int]:
    """A number that the planner sees: for a limit that it does not know it would plan to read a tenth of everything."""
    return bindparam(None, number, Integer, literal_execute=True, unique=True)


def _conditions(wanted: Filter, source: FromClause, *, is_near: bool = False) -> Iterator[ColumnElement[bool]]:
    if wanted.creator is not None:
        yield source.c.creator == wanted.creator
    if wanted.artist is not None:
        yield func.lower(source.c.artist) == wanted.artist.lower()
    if wanted.model is not None:
        yield _of_recording(source, recordings.c.model) == wanted.model
        if not is_near and not wanted.has_more_than_model:  # of a model that few or none have, not all are to be asked
            yield _is_among(source, select(separations.c.recording_id).where(separations.c.model == wanted.model))
    yield from _time_conditions(wanted, source)
    if wanted.is_remix is not None:
        yield source.c.parent_count > 0 if wanted.is_remix else source.c.parent_count == 0
    if wanted.kinds:  # a separation has all six
        yield _of_recording(source, recordings.c.stems_root).is_not(None)
    if wanted.ancestor is not None:
        yield _is_among(source, _descendants(wanted.ancestor))
    is_of_few = wanted.creator is not None or wanted.ancestor is not None
    if wanted.is_on_sale and (is_near or is_of_few):
        yield _has_on_sale(wanted, source)
    elif wanted.is_on_sale:
        yield _is_among(source, _on_sale(wanted))
    yield from _document_conditions(wanted, source)


def _time_conditions(wanted: Filter, source: FromClause) -> Iterator[ColumnElement[bool]]:
    """The time of registration, and between which blocks that was: pages go by block, and blocks by time."""
    time = recordings.c.registered_at
    if wanted.since is not None:
        yield source.c.registered_at >= wanted.since
        yield source.c.block_number >= _first_block(time >= wanted.since, time.asc())
    if wanted.until is not None:
        yield source.c.registered_at < wanted.until
        yield source.c.block_number <= _first_block(time < wanted.until, time.desc())


def _first_block(condition: ColumnElement[bool], order: ColumnElement[Any]) -> ColumnElement[int]:
    found = select(recordings.c.block_number).where(condition).order_by(order).limit(_known(1))
    return found.correlate(None).scalar_subquery()


def _of_recording(source: FromClause, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column of `recordings`; beside `search` it is looked up row by row, in the order of the page."""
    if column.name in source.c:
        same: ColumnElement[Any] = source.c[column.name]
        return same
    own = recordings.alias("own")
    found = select(own.c[column.name]).where(own.c.recording_id == source.c.recording_id)
    return found.correlate(source).scalar_subquery()


def _is_among(source: FromClause, found: Select[Any]) -> ColumnElement[bool]:
    """Whether a recording is among others. They are found first: the views are too deep to be joined in any order."""
    return source.c.recording_id == any_of(found)


def _document_conditions(wanted: Filter, source: FromClause) -> Iterator[ColumnElement[bool]]:
    if wanted.words is not None:
        yield _has_words(wanted.words, source, is_exact=wanted.is_exact)
    if wanted.tag is not None:
        yield source.c.tags.contains([wanted.tag.lower()])
    if wanted.key is not None:
        yield source.c.musical_key == wanted.key
    for name, within in (("bpm", wanted.bpm), ("duration_ms", wanted.duration_ms)):
        if within.low is not None:
            yield source.c[name] >= within.low
        if within.high is not None:
            yield source.c[name] <= within.high


def _has_words(words: str, source: FromClause, *, is_exact: bool) -> ColumnElement[bool]:
    """Whether a recording has all the words, or something that looks much like them."""
    whole: ColumnElement[bool] = source.c.words.op("@@", is_comparison=True)(_query(words))
    if is_exact:
        return whole
    return or_(whole, _plain(words).op("<%", is_comparison=True)(source.c.letters))


def _rank(words: str, source: FromClause) -> ColumnElement[Any]:
    alike = func.word_similarity(_plain(words), source.c.letters)
    return cast(func.ts_rank(source.c.words, _query(words)) + alike, Float(53))


def _query(words: str) -> ColumnElement[Any]:
    return _once(func.websearch_to_tsquery(literal_column("'simple'::regconfig"), func.catalog.plain(words)))


def _plain(words: str) -> ColumnElement[Any]:
    return _once(func.catalog.plain(words))


def _once(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """A value that is made once for a statement, and not for every row it is compared with."""
    return select(value).scalar_subquery()


def _has_on_sale(wanted: Filter, source: FromClause) -> ColumnElement[bool]:
    """Whether a work of a recording is on sale, looked up for that recording alone."""
    works = [func.set_byte(source.c.recording_id, literal_column("27"), literal_column(str(int(k)))) for k in Kind]
    own = _on_sale(wanted).where(attachments.c.work_id.in_(works))  # a range would look to the planner like many
    return exists(own.correlate(source).offset(literal_column("0")))


def _on_sale(wanted: Filter) -> Select[Any]:
    """The recordings of which a work is on sale.

    By its terms, which are found first: there are few, and the index of prices begins with them.
    """
    statement = select(func.set_byte(attachments.c.work_id, literal_column("27"), literal_column("0"))).where(
        attachments.c.active
    )
    if wanted.max_price is not None:
        statement = statement.where(attachments.c.price <= wanted.max_price)
    if wanted.license_kind is None and wanted.token is None:
        return statement
    found = select(terms.c.terms_id)
    if wanted.license_kind is not None:
        found = found.where(terms.c.kind == wanted.license_kind)
    if wanted.token is not None:
        found = found.where(terms.c.token == wanted.token)
    return statement.where(attachments.c.terms_id == any_of(found))


def _descendants(ancestor: bytes) -> Select[Any]:
    """All recordings that were made from a work, and from what was made from it."""
    first = parents.c.parent_recording_id if ancestor[-1] == 0 else parents.c.parent_id
    found = select(parents.c.recording_id).where(first == ancestor).cte("descendants", recursive=True)
    later = parents.alias("later")
    found = found.union(select(later.c.recording_id).join(found, later.c.parent_recording_id == found.c.recording_id))
    return select(found.c.recording_id)
