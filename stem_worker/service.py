"""The worker process from start to stop."""

import asyncio
import signal
import time

import structlog
from anyio import to_thread

from stem_worker.attestation import Attestor
from stem_worker.consumer import SeparationHandler
from stem_worker.engine import Engine
from stem_worker.errors import ModelUnavailable
from stem_worker.job import Workshop
from stem_worker.model_repository import ModelRepository
from stem_worker.workspace import Workspaces
from stemma.audio.probe import AudioLimits
from stemma.chain.deployments import deployment_when_there, load_deployment
from stemma.messaging.consumer import consume
from stemma.messaging.endpoint import PubsubEndpoint
from stemma.messaging.events import SeparationRequest
from stemma.messaging.names import STEM_SEPARATE_WORKER
from stemma.messaging.publisher import Publisher
from stemma.messaging.topology import ensure_topology
from stemma.settings import Settings
from stemma.storage import open_storage

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0

log = structlog.get_logger("worker")


async def serve(settings: Settings, attestor_key: str) -> None:
    """Separate what comes until SIGTERM or SIGINT; a job that is at work then is given back at once."""
    serving = asyncio.create_task(_serve(settings, attestor_key))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        log.info("stopped")


async def _serve(settings: Settings, attestor_key: str) -> None:
    workspaces = Workspaces()
    if left := workspaces.sweep():
        log.info("removed what killed workers left", folders=left)
    endpoint = PubsubEndpoint.from_settings(settings)
    engine, _, _ = await asyncio.gather(
        _engine(settings), deployment_when_there(settings.deployments_dir, settings.chain_id), ensure_topology(endpoint)
    )

    async with open_storage(settings) as storage, Publisher(endpoint) as publisher:

        def workshop() -> Workshop:
            # Read for each job, so that a new deployment needs no new worker.
            deployment = load_deployment(settings.deployments_dir, settings.chain_id)
            return Workshop(
                engine=engine,
                storage=storage,
                attestor=Attestor(attestor_key, deployment.signing_domain),
                limits=AudioLimits(max_seconds=settings.upload_max_seconds),
                workspaces=workspaces,
            )

        log.info("ready", model=engine.model.version, device=str(engine.device), attestor=workshop().attestor.address)
        handler = SeparationHandler(workshop, publisher)
        await consume(endpoint, STEM_SEPARATE_WORKER, handler, accepts=[SeparationRequest])


async def _engine(settings: Settings) -> Engine:
    """Load the model; wait where the settings insist on one that cannot be had yet."""
    repository = ModelRepository(settings.stem_model_repo)
    pause = FIRST_PAUSE_SECONDS
    while True:
        began = time.monotonic()
        try:
            model = await to_thread.run_sync(repository.load, settings.stem_model)
        except ModelUnavailable as error:
            log.error("waiting for the model", wanted=settings.stem_model, reason=error.detail, seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            continue
        log.info("model ready", model=model.version, seconds=round(time.monotonic() - began, 2))
        return Engine(model, threads=settings.worker_threads, device=_device())


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
