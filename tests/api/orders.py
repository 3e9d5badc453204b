"""Orders for the sender: valid registrations and separations, signed for real."""

import hashlib
import time
import uuid
from dataclasses import dataclass, replace

from eth_account import Account
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from api.tables import uploads
from api.transactions import service
from api.transactions.schemas import Order
from stemma import works
from stemma.chain.calls import register_and_commit
from stemma.chain.deployments import load_deployment
from stemma.chain.intents import (
    Registration,
    Separation,
    Stem,
    attestation_typed_data,
    model_hash,
    registration_typed_data,
    sign_typed_data,
)
from stemma.chain.merkle import stems_root
from stemma.cid import RAW
from stemma.works import STEM_KINDS
from tests.api.people import ARTIST_KEY, ATTESTOR_KEY
from tests.conftest import Deployed


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True)
class Song:
    """What a commit needs; ``creator_key`` signs the registration."""

    title: str
    creator_key: str = ARTIST_KEY
    attestor_key: str = ATTESTOR_KEY
    separation_seed: str = ""

    @property
    def content_hash(self) -> bytes:
        return digest(self.title)

    @property
    def recording_id(self) -> bytes:
        return works.to_bytes(works.recording_id(self.content_hash))


def order_of(song: Song, deployed: Deployed) -> Order:
    """The order of a song's one transaction on this chain."""
    deployment = load_deployment(deployed.deployments_dir, 31337)
    domain = deployment.signing_domain
    creator = Account.from_key(song.creator_key).address
    deadline = int(time.time()) + 3600
    registration = Registration(
        creator=creator,
        content_hash=song.content_hash,
        credits_digest=digest(f"{song.title} credits"),
        credits_codec=RAW,
        resale_royalty_ppm=0,
        deadline=deadline,
    )
    stems = [
        Stem(digest(f"{song.title}{song.separation_seed}{kind}"), digest(f"{song.title}{kind} cid"), RAW)
        for kind in STEM_KINDS
    ]
    separation = Separation(
        stems_root=stems_root(registration.recording_id, stems),
        model=model_hash("demucs-tiny-synth"),
        weights_hash=digest("weights"),
        manifest_digest=digest(f"{song.title} manifest"),
        manifest_codec=RAW,
        metadata_digest=digest(f"{song.title} metadata"),
    )
    attestation = attestation_typed_data(creator, song.content_hash, separation, deadline, domain)
    calldata = register_and_commit(
        registration=registration,
        creator_signature=sign_typed_data(song.creator_key, registration_typed_data(registration, domain)),
        stems=stems,
        separation=separation,
        attestation_deadline=deadline,
        attestor_signature=sign_typed_data(song.attestor_key, attestation),
    )
    return Order(
        job_id=uuid.uuid4(),
        chain_id=31337,
        recording_id=song.recording_id,
        creator=bytes.fromhex(creator[2:]),
        stems_root=separation.stems_root,
        to_address=bytes.fromhex(deployment.registry.address[2:]),
        calldata=calldata,
    )


async def submit(engine: AsyncEngine, order: Order) -> Order:
    """Order a transaction for a job of its own."""
    async with engine.begin() as connection:
        await connection.execute(
            insert(uploads).values(
                id=order.job_id,
                chain_id=order.chain_id,
                owner=order.creator,
                recording_id=order.recording_id,
                content_hash=digest(str(order.job_id)),
                file_cid="b",
                file_bytes=1,
                media_type="audio/wav",
                credits=b"{}",
                credits_cid="b",
                registration={},
                signature_due_at="2100-01-01T00:00:00Z",
                stage="submitting",
            )
        )
        await service.submit(connection, order)
    return order


def another_job(order: Order) -> Order:
    """The same commit for another job."""
    return replace(order, job_id=uuid.uuid4())
