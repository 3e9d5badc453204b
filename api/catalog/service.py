"""The rules of reading: what may be seen, and by whom."""

import re
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.catalog import cursors, presentation, repository
from api.catalog.errors import CatalogNotReady, FileUnavailable, MetadataPending, NotRightsHolder, WorkNotFound
from api.catalog.filters import Filter
from api.catalog.schemas import AsOf, RecordingDetails, RecordingView, StemDetails, StemView
from api.identity.accounts import Account
from api.identity.errors import TokenMissing
from stemma import works
from stemma.cid import DAG_PB, Cid
from stemma.documents import SeparationManifest
from stemma.storage import Stat, Storage
from stemma.works import Kind, WorkId

METADATA_MAX_BYTES = 256 * 1024
FLAC = "audio/flac"
_AUDIO_TYPE = re.compile(r"audio/[A-Za-z0-9.+-]{1,60}")
"""What a manifest may call a preview: its word becomes a header, and must not make a page of a file."""

_UNKNOWN_TYPE = "application/octet-stream"
_UNDEFINED_TABLE = "42P01"
_INVALID_SCHEMA = "3F000"

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A stored file that the caller may have. ``is_public`` decides whether shared caches may keep it."""

    stat: Stat
    media_type: str
    is_public: bool
    name: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page of recordings, each as `RecordingView` describes it, ready to be encoded."""

    as_of: AsOf
    items: list[dict[str, Any]]
    next: str | None


async def page(connection: AsyncConnection, wanted: Filter, *, cursor: str | None, limit: int) -> Page:
    """Return one page of recordings, newest first or, if that is wanted, best first.

    Raises:
        CursorInvalid: not a cursor of ours.
        CatalogNotReady: there is no index yet.
    """
    after = cursors.decode(cursor, is_ranked=wanted.by_relevance) if cursor else None
    rows = await repository.page(connection, wanted, after=after, limit=limit + 1)
    if not rows:
        raise CatalogNotReady("the index has not seen a block yet")
    found = [row for row in rows if row.recording_id is not None]
    following = None
    if len(found) > limit:
        last = found[limit - 1]
        rank = last.rank if wanted.by_relevance else None
        following = cursors.encode(cursors.Place(last.block_number, last.log_index, rank))
    return Page(
        as_of=presentation.as_of(rows[0]),
        items=presentation.recordings(found[:limit]),
        next=following,
    )


async def work(connection: AsyncConnection, work_id: WorkId) -> RecordingDetails | StemDetails:
    """Return a recording or a stem. Raises WorkNotFound and CatalogNotReady."""
    recording = await recording_of(connection, work_id)
    if works.kind_byte(work_id) == Kind.RECORDING:
        return recording
    stem = _stem_of(recording, work_id)
    return StemDetails(**dict(stem), as_of=recording.as_of, recording=_brief(recording))


async def recording_of(connection: AsyncConnection, work_id: WorkId) -> RecordingDetails:
    """Return the recording of a work. Raises WorkNotFound and CatalogNotReady."""
    if works.kind_byte(work_id) > Kind.OTHER:
        raise WorkNotFound("the last byte of a work's id is 00 for a recording and 01 to 06 for its stems")
    row = await repository.recording(connection, works.to_bytes(works.recording_of(work_id)))
    if row is None:
        raise CatalogNotReady("the index has not seen a block yet")
    if row.recording_id is None:
        raise WorkNotFound(f"the catalog has no recording {works.to_hex(works.recording_of(work_id))}")
    return presentation.recording_details(row)


async def preview(recording: RecordingDetails, storage: Storage, work_id: WorkId) -> OfferedFile:
    """Return the preview of a work, which is public under either release policy.

    Raises:
        WorkNotFound: it is a stem, and the recording has no separation.
        MetadataPending: the manifest, which names the preview, is not fetched yet.
        FileUnavailable: the manifest is invalid, or names a file that is not public.
        stemma.storage.NotFound: the file is not in storage.
    """
    manifest = _manifest(recording)
    kind = works.kind_byte(work_id)
    if kind == Kind.RECORDING:
        audio = manifest.preview
    else:
        label = _stem_of(recording, work_id).kind.value
        audio = next(stem.preview for stem in manifest.stems if stem.kind == label)
    stat = await storage.stat(Cid.parse(audio.cid))
    if stat.private:  # a manifest is an attestor's word; it cannot make private files public
        raise FileUnavailable("the manifest names a file that is not public")
    media_type = audio.media_type if _AUDIO_TYPE.fullmatch(audio.media_type) else _UNKNOWN_TYPE
    return OfferedFile(stat, media_type, is_public=True, name=f"{works.to_hex(work_id)}-preview")


async def audio(recording: RecordingDetails, storage: Storage, work_id: WorkId, caller: Account | None) -> OfferedFile:
    """Return the FLAC of a stem: for everybody under the policy `open`, else for its rights holder.

    Raises:
        WorkNotFound: it is a stem, and the recording has no separation.
        FileUnavailable: the work is a recording; originals are never given out.
        TokenMissing: the policy is `licensed`, and nobody is signed in.
        NotRightsHolder: the caller does not hold the rights.
        stemma.storage.NotFound: the file is not in storage.
    """
    if works.kind_byte(work_id) == Kind.RECORDING:
        raise FileUnavailable("originals are private; ask for one of the recording's stems")
    stem = _stem_of(recording, work_id)
    is_open = recording.release_policy == "open"
    if not is_open:
        _require_holder(stem, recording.as_of.chain_id, caller)
    stat = await storage.stat(Cid.parse(stem.cid))
    if is_open and stat.private:
        _require_holder(stem, recording.as_of.chain_id, caller)
    return OfferedFile(stat, FLAC, is_public=is_open and not stat.private, name=f"{works.to_hex(work_id)}.flac")


async def metadata(recording: RecordingDetails, storage: Storage, work_id: WorkId) -> OfferedFile:
    """Return the token metadata of a work, the very file that its committed directory names.

    Raises:
        FileUnavailable: the recording has no separation yet, or the directory names a file that is not public.
        stemma.storage.NotFound: the directory or the file is not in storage.
    """
    if recording.separation is None:
        raise FileUnavailable("the recording has no separation yet")
    name = f"{works.kind_byte(work_id)}.json"
    directory = Cid.parse(recording.separation.metadata_cid)
    assert directory.codec == DAG_PB
    stat = await storage.stat(await storage.resolve(directory, name))
    if stat.private or stat.size > METADATA_MAX_BYTES:
        raise FileUnavailable("the metadata directory names a file that cannot be given out")
    return OfferedFile(stat, "application/json", is_public=True, name=f"{works.to_hex(work_id)}.json")


async def holds_recording(connection: AsyncConnection, recording_id: bytes) -> bool:
    """Whether the catalog has a recording; false while there is no catalog."""
    try:
        async with connection.begin_nested():
            return await _read(repository.holds(connection, recording_id))
    except CatalogNotReady:
        return False


async def registering_blocks(connection: AsyncConnection, recording_ids: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return recording -> hash of the block that registered it, as the catalog has it. Raises CatalogNotReady."""
    return await _read(repository.block_hashes(connection, recording_ids))


async def _read(answer: Awaitable[_Answer]) -> _Answer:
    """Await a query; views that the indexer has not made yet are a state, not a defect."""
    try:
        return await answer
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) in (_UNDEFINED_TABLE, _INVALID_SCHEMA):
            raise CatalogNotReady("the index is being set up") from error
        raise


def _require_holder(stem: StemView, chain_id: int, caller: Account | None) -> None:
    if caller is None:
        raise TokenMissing("this stem is licensed; sign in as its rights holder")
    if (caller.chain_id, caller.checksum_address) != (chain_id, stem.rights_holder):
        raise NotRightsHolder(f"the rights to this stem are held by {stem.rights_holder}")


def _stem_of(recording: RecordingDetails, work_id: WorkId) -> StemView:
    wanted = works.to_hex(work_id)
    for stem in recording.stems:
        if stem.work_id == wanted:
            return stem
    raise WorkNotFound("the recording has no separation yet")


def _brief(recording: RecordingDetails) -> RecordingView:
    members = {name: getattr(recording, name) for name in RecordingView.model_fields}
    return RecordingView(**members)


def _manifest(recording: RecordingDetails) -> SeparationManifest:
    if recording.manifest is None:
        if recording.metadata == "invalid":
            raise FileUnavailable("the recording's manifest is invalid")
        raise MetadataPending("the recording's manifest is not fetched yet; ask again shortly")
    return SeparationManifest.model_validate(recording.manifest)
