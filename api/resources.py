"""What one API process holds open, from start to stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from api.answers import AnswerStore
from api.catalog.live import Feed
from api.identity import sign_in
from api.identity.sign_in import Site
from api.identity.tokens import TokenIssuer
from api.ingestion.queue import UploadQueue
from api.notifications import UPLOADS_CHANNEL, Notifications
from api.signatures import SignatureCheck, signature_check
from stemma.catalog.words import FEED_CHANNEL
from stemma.chain.deployments import Deployment, load_deployment
from stemma.chain.intents import SigningDomain
from stemma.chain.rpc import JsonRpc
from stemma.database.engine import create_engine
from stemma.settings import Settings, SettingsInvalid
from stemma.storage import Storage, open_storage

# Planning a page of the catalog takes longer than reading it: a statement that comes again keeps its plan.
_READER_OPTIONS = (
    "-c default_transaction_read_only=on -c statement_timeout=8s -c jit=off"
    " -c plan_cache_mode=force_generic_plan -c enable_mergejoin=off -c random_page_cost=1.1"
    " -c max_parallel_workers_per_gather=0"
)
_KEPT_PLANS = 32
"""Per connection; the plan of a page takes a megabyte of the server's memory."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Connections and keys of an API process; handlers get them through `api.dependencies` and `api.reading`.

    ``reader`` reads the catalog; its statements are stopped after a while, whoever asks. ``engine`` is for the rest.
    """

    settings: Settings
    engine: AsyncEngine
    reader: AsyncEngine
    storage: Storage
    redis: Redis
    rpc: JsonRpc
    issuer: TokenIssuer
    notifications: Notifications
    feed: Feed
    answers: AnswerStore
    queue: UploadQueue

    @property
    def site(self) -> Site:
        """The site that logins are bound to."""
        return Site(origin=self.settings.public_url.rstrip("/"), chain_id=self.settings.chain_id)

    def deployment(self) -> Deployment:
        """The contracts' addresses, read again until they are there, so that the API may start before they are.

        Raises:
            stemma.chain.errors.DeploymentMissing: the contracts are not deployed yet.
        """
        return load_deployment(self.settings.deployments_dir, self.settings.chain_id)

    def signing_domain(self) -> SigningDomain:
        """The EIP-712 domain of the registry. Raises DeploymentMissing."""
        return self.deployment().signing_domain

    def signature_check(self) -> SignatureCheck:
        """How to ask whether an account signed something."""
        return signature_check(self.rpc)


def require_settings(settings: Settings) -> None:
    """Refuse to start without what the API cannot do without.

    Raises:
        SettingsInvalid: a setting is missing.
    """
    settings.require_database_url()
    if settings.jwt_private_key_file is None:
        raise SettingsInvalid("JWT_PRIVATE_KEY_FILE names the key that signs access tokens; it is not set")
    if not settings.public_url:
        raise SettingsInvalid("PUBLIC_URL is the origin that logins are bound to; it is not set")


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open what an API process needs. Nothing is connected yet: what is not up is reported by `/readyz`.

    Raises:
        SettingsInvalid: as `require_settings`.
        OSError: the key file cannot be read.
    """
    require_settings(settings)
    assert settings.jwt_private_key_file is not None
    async with AsyncExitStack() as stack:
        engine = create_engine(settings.require_database_url(), application_name="stemma-api")
        stack.push_async_callback(engine.dispose)
        reader = create_engine(
            settings.require_database_url(),
            application_name="stemma-api-reader",
            options=_READER_OPTIONS,
            kept_plans=_KEPT_PLANS,
        )
        stack.push_async_callback(reader.dispose)
        storage = await stack.enter_async_context(open_storage(settings))
        redis = Redis.from_url(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        rpc = await stack.enter_async_context(JsonRpc(settings.rpc_urls))
        notifications = await stack.enter_async_context(
            Notifications.listening(settings.require_database_url(), (UPLOADS_CHANNEL, FEED_CHANNEL))
        )
        feed = await stack.enter_async_context(Feed.following(reader, notifications))
        answers = stack.enter_context(AnswerStore.listening(notifications))
        queue = UploadQueue(settings.redis_url)
        stack.push_async_callback(queue.aclose)
        warming = asyncio.create_task(asyncio.to_thread(sign_in.warm_up))
        stack.push_async_callback(asyncio.wait, [warming])
        issuer = TokenIssuer.from_file(settings.jwt_private_key_file, issuer=settings.public_url.rstrip("/"))
        yield Resources(
            settings=settings,
            engine=engine,
            reader=reader,
            storage=storage,
            redis=redis,
            rpc=rpc,
            issuer=issuer,
            notifications=notifications,
            feed=feed,
            answers=answers,
            queue=queue,
        )
