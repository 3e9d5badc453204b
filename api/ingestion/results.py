"""From a worker's result to the transaction that commits it."""

import structlog
from eth_abi.exceptions import EncodingError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.ingestion import lifecycle, registrations, repository
from api.ingestion.errors import SeparationFailed
from api.ingestion.repository import Upload
from api.ingestion.states import Cause, Failure, Signal, Stage
from api.transactions import service as transactions
from api.transactions.schemas import Order
from stemma.chain.calls import register_and_commit
from stemma.chain.intents import Separation, Stem
from stemma.cid import Cid, CidError
from stemma.messaging.events import CommittedSeparation, ProcessedStem, SeparationResult
from stemma.storage import Storage
from stemma.works import STEM_KINDS

_log = structlog.get_logger(__name__)


async def take(connection: AsyncConnection, storage: Storage, result: SeparationResult) -> None:
    """Order the one transaction of a job. A result that comes again, late, or for another file changes nothing."""
    upload = await repository.get(connection, result.job_id)
    if upload is None or not _fits(upload, result):
        _log.error("a result that fits no upload was dropped", upload=str(result.job_id))
        return
    try:
        order = _order(upload, result) if upload.signature else None
    except (CidError, EncodingError) as error:
        failure = Failure(SeparationFailed.code, f"the worker's result cannot be committed: {error}")
        await lifecycle.report(connection, storage, upload.id, Signal(Cause.SEPARATION_FAILED, failure=failure))
        return
    change = await lifecycle.report(connection, storage, upload.id, Signal(Cause.PROCESSED))
    if order is None or not (change.moved and change.after.stage is Stage.SUBMITTING):
        return
    await repository.save_result(connection, upload.id, result.model_dump(mode="json", by_alias=True))
    await transactions.submit(connection, order)


def _fits(upload: Upload, result: SeparationResult) -> bool:
    kinds = {stem.kind for stem in result.stems}
    return (
        _bytes(result.content_hash) == upload.content_hash
        and _bytes(result.recording_id) == upload.recording_id
        and _bytes(result.creator) == upload.owner
        and len(kinds) == len(STEM_KINDS)
    )


def _order(upload: Upload, result: SeparationResult) -> Order:
    assert upload.signature is not None, "an upload is queued only once it is signed"
    stems = {stem.kind: stem for stem in result.stems}
    calldata = register_and_commit(
        registration=registrations.registration_of(upload.registration),
        creator_signature=upload.signature,
        stems=[_stem(stems[kind.label]) for kind in STEM_KINDS],  # type: ignore[index]
        separation=_separation(result.separation),
        attestation_deadline=result.attestation.deadline,
        attestor_signature=_bytes(result.attestation.signature),
    )
    return Order(
        job_id=upload.id,
        chain_id=upload.chain_id,
        recording_id=upload.recording_id,
        creator=upload.owner,
        stems_root=_bytes(result.separation.stems_root),
        to_address=_bytes(upload.registration["domain"]["verifyingContract"]),
        calldata=calldata,
    )


def _stem(stem: ProcessedStem) -> Stem:
    return Stem.of(_bytes(stem.sha256), Cid.parse(stem.cid))


def _separation(separation: CommittedSeparation) -> Separation:
    return Separation(
        stems_root=_bytes(separation.stems_root),
        model=_bytes(separation.model),
        weights_hash=_bytes(separation.weights_hash),
        manifest_digest=_bytes(separation.manifest_digest),
        manifest_codec=separation.manifest_codec,
        metadata_digest=_bytes(separation.metadata_digest),
        version=separation.version,
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
