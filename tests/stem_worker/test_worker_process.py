"""The real process on the real emulator: messages in, messages out, whatever is killed in between."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from stem_worker.consumer import SeparationHandler
from stem_worker.job import Workshop
from stem_worker.synth import SynthSong
from stemma.chain.abi import CONTRACTS
from stemma.chain.deployments import ContractDeployment, Deployment, deployment_file
from stemma.cid import Cid
from stemma.messaging.consumer import consume
from stemma.messaging.delivery import Delivery
from stemma.messaging.endpoint import PubsubEndpoint
from stemma.messaging.envelope import Envelope
from stemma.messaging.events import SeparationFailure, SeparationProgress, SeparationRequest, SeparationResult
from stemma.messaging.names import STEM_DLQ_API_JOBS, STEM_RESULTS_API_JOBS, STEM_SEPARATE
from stemma.messaging.publisher import Publisher
from stemma.messaging.topology import ensure_topology
from stemma.messaging.tracing import TraceContext
from stemma.storage import open_storage_at
from tests import warm_start
from tests.stem_worker.orders import Requests, wav

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
warm_start.load("stem_worker.command", "stem_worker.service", "stemma.metrics", "stemma.logging")


def write_deployment(folder: Path) -> None:
    folder.mkdir()
    contract = ContractDeployment(
        address="0x5FbDB2315678afecb367f032d93F642f64180aa3",
        first_block=1,
        tx_hash="0x" + "00" * 32,
        code_hash="0x" + "00" * 32,
        source_name="contracts/StemRegistry.sol:StemRegistry",
        compiler="0.8.37",
        constructor_arguments="0x",
        standard_json_input="none.json",
        abi=[],
    )
    deployment = Deployment(
        chain_id=31337,
        version=1,
        from_block=1,
        to_block=None,
        source_digest="0x" + "00" * 32,
        factory=contract.address,
        deployer=contract.address,
        admin=contract.address,
        tokens={},
        contracts=dict.fromkeys(CONTRACTS, contract),
    )
    deployment_file(folder, 31337).write_text(deployment.model_dump_json(by_alias=True))


@dataclass
class Results:
    """What api-jobs would have received."""

    progress: list[SeparationProgress] = field(default_factory=list)
    results: list[SeparationResult] = field(default_factory=list)
    failures: list[SeparationFailure] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, delivery: Delivery) -> None:
        payload = delivery.envelope.payload
        self.envelopes.append(delivery.envelope)
        match payload:
            case SeparationProgress():
                self.progress.append(payload)
            case SeparationResult():
                self.results.append(payload)
            case SeparationFailure():
                self.failures.append(payload)
        async with self.news:
            self.news.notify_all()

    async def until(self, condition, seconds: float = 90) -> None:
        async with asyncio.timeout(seconds):
            async with self.news:
                await self.news.wait_for(lambda: condition(self))


@dataclass
class House:
    """Storage, messages and the environment of workers."""

    endpoint: PubsubEndpoint
    requests: Requests
    environment: dict[str, str]
    folder: Path
    started: list[warm_start.Process] = field(default_factory=list)

    def start_worker(self) -> warm_start.Process:
        log = self.folder / f"worker-{len(self.started)}.log"
        process = warm_start.start("worker", environment=self.environment, log=log, folder=self.folder)
        self.started.append(process)
        return process

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("worker-*.log")))

    def wait_for_line(self, text: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while text not in self.logs():
            assert time.monotonic() < end, self.logs()
            time.sleep(0.1)

    async def ask(self, data: bytes, **changes: object) -> SeparationRequest:
        request = await self.requests.about(data, **changes)
        await self.publish(request)
        return request

    async def publish(self, request: SeparationRequest) -> None:
        async with Publisher(self.endpoint) as publisher:
            await publisher.publish(STEM_SEPARATE, Envelope.of(request, producer="test"))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Results]:
        heard = Results()
        kinds = [SeparationProgress, SeparationResult, SeparationFailure]
        tasks = [
            asyncio.create_task(consume(self.endpoint, name, heard.take, accepts=kinds, max_messages=20))
            for name in (STEM_RESULTS_API_JOBS, STEM_DLQ_API_JOBS)
        ]
        try:
            yield heard
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def house(pubsub: str, pubsub_project: str, tmp_path: Path) -> AsyncIterator[House]:
    endpoint = PubsubEndpoint(pubsub_project, pubsub)
    await ensure_topology(endpoint)
    write_deployment(tmp_path / "deployments")
    storage_url = f"file://{tmp_path}/storage"
    (tmp_path / "tmp").mkdir()
    environment = {
        **os.environ,
        "DATABASE_URL": "postgresql://unused",
        "PUBSUB_EMULATOR_HOST": pubsub,
        "PUBSUB_PROJECT": pubsub_project,
        "STORAGE_URL": storage_url,
        "DEPLOYMENTS_DIR": str(tmp_path / "deployments"),
        "ATTESTOR_PRIVATE_KEY": KEY,
        "STEM_MODEL": "demucs-tiny-synth",
        "WORKER_THREADS": "1",
        "TMPDIR": str(tmp_path / "tmp"),
    }
    async with open_storage_at(storage_url) as storage:
        made = House(endpoint, Requests(storage), environment, tmp_path)
        yield made
        for process in made.started:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture(scope="module")
def long_song(song: SynthSong) -> bytes:
    """Several seconds of work."""
    return wav(np.tile(song.mix, (1, 2)))


async def test_a_worker_waits_for_the_deployment_works_and_stops_cleanly(house: House, song: SynthSong) -> None:
    """It is given a song, a text, and a song that is gone."""
    deployment, aside = deployment_file(house.folder / "deployments", 31337), house.folder / "aside"
    deployment.rename(aside)
    async with house.listening() as heard:
        worker = house.start_worker()
        await asyncio.to_thread(house.wait_for_line, "waiting for the deployment")
        aside.rename(deployment)
        text = await house.ask(b"This is not audio.\n" * 50)
        gone = await house.requests.about(wav(song.mix[:, :90_000]))
        await house.requests.storage.delete(Cid.parse(gone.source.cid), private=True)
        await house.publish(gone)
        good = await house.ask(wav(song.mix))
        await heard.until(lambda seen: len(seen.results) == 1 and len(seen.failures) == 2)

    [result] = heard.results
    assert result.job_id == good.job_id
    failures = {failure.job_id: failure for failure in heard.failures}
    refused, missing = failures[text.job_id], failures[gone.job_id]
    assert (refused.code, refused.permanent, refused.attempts) == ("audio_unreadable", True, 1)
    assert (missing.code, missing.permanent, missing.attempts) == ("file_not_found", False, 3)
    assert "ffmpeg says" in refused.detail
    assert gone.source.cid not in missing.detail, "what is wrong in the house stays in its logs"

    mine = [news for news in heard.progress if news.job_id == good.job_id]
    assert mine
    assert {news.stage for news in mine} <= {"decode", "separate", "encode", "store"}
    assert len({envelope.event_id for envelope in heard.envelopes}) == len(heard.envelopes)
    assert "ready" in house.logs()
    worker.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(worker.wait, 15) == 0


async def in_the_middle(heard: Results, job_id: UUID) -> None:
    heard.progress.clear()
    await heard.until(
        lambda seen: any(n.job_id == job_id and n.stage == "separate" and 5 < n.percent < 70 for n in seen.progress)
    )


async def test_sigterm_and_kill_9_in_the_middle_of_a_separation(house: House, long_song: bytes) -> None:
    scratch = house.folder / "tmp" / f"stemma-worker-{os.getuid()}"
    async with house.listening() as heard:
        stopped = house.start_worker()
        request = await house.ask(long_song)
        await in_the_middle(heard, request.job_id)
        began = time.monotonic()
        stopped.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(stopped.wait, 15) == 0
        assert time.monotonic() - began < 5
        assert "stopped" in house.logs()
        assert list(scratch.iterdir()) == []

        killed = house.start_worker()
        await in_the_middle(heard, request.job_id)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert len(list(scratch.iterdir())) == 1

        house.start_worker()
        await heard.until(lambda seen: seen.results, seconds=120)
        await asyncio.sleep(1)  # a second result would come now

    assert [result.job_id for result in heard.results] == [request.job_id]
    assert heard.failures == []
    assert list(scratch.iterdir()) == []
    for stem in heard.results[0].stems:
        await house.requests.storage.stat(Cid.parse(stem.cid))


async def test_a_song_that_no_worker_survives_is_given_up_untried(house: House, song: SynthSong) -> None:
    request = await house.requests.about(wav(song.mix))

    def workshop() -> Workshop:
        raise AssertionError("it must not be tried again")

    async with house.listening() as heard, Publisher(house.endpoint) as publisher:
        delivery = Delivery(
            envelope=Envelope.of(request, producer="test"),
            attempt=4,
            message_id="1",
            published_at=datetime.now(UTC),
            attributes={},
            trace=TraceContext.start(),
            dead_letter=None,
        )
        await SeparationHandler(workshop, publisher)(delivery)
        await heard.until(lambda seen: seen.failures)

    [failure] = heard.failures
    assert (failure.job_id, failure.code, failure.attempts) == (request.job_id, "worker_lost", 4)
    assert not failure.permanent


async def test_a_worker_without_a_key_says_so(house: House) -> None:
    del house.environment["ATTESTOR_PRIVATE_KEY"]
    worker = house.start_worker()
    assert await asyncio.to_thread(worker.wait, 60) == 1
    assert "ATTESTOR_PRIVATE_KEY is not set" in house.logs()
