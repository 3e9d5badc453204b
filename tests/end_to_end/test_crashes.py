"""Whatever is killed, and whatever the chain takes back: one commit, and a catalog that is right."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stack.demo.artist import Artist
from stack.running import RunningStack
from tests.end_to_end.chain import Chain
from tests.end_to_end.journeys import end_of, upload_signed

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]


async def assert_committed_once(artist: Artist, chain: Chain, upload: dict[str, object]) -> None:
    """The upload's recording is on chain once, and the catalog shows that very log."""
    [registered] = chain.registrations(str(upload["recordingId"]))
    recording = await artist.work(str(upload["recordingId"]))
    assert recording is not None
    assert recording["tx"] == registered["transactionHash"]
    assert recording["block"] == int(registered["blockNumber"], 16)
    assert recording["blockHash"] == registered["blockHash"]
    assert len({stem["workId"] for stem in recording["stems"]}) == 6


async def stage_reached(artist: Artist, upload: dict[str, object], stage: str, percent: int = 0) -> None:
    async for progress in artist.follow(str(upload["uploadId"])):
        if progress.stage == stage and progress.percent >= percent:
            return
        assert progress.stage != "failed", progress.error
    raise AssertionError(f"the upload ended without {stage} at {percent} %")


async def test_a_worker_killed_in_the_middle_of_a_separation(
    stack: RunningStack, artist: Artist, chain: Chain, new_song: Callable[[float], Path]
) -> None:
    upload = await upload_signed(artist, new_song(24))
    await stage_reached(artist, upload, "separating", percent=10)
    stack.kill("worker")

    assert (await end_of(artist, str(upload["uploadId"]))).stage == "indexed"
    await assert_committed_once(artist, chain, upload)


async def test_api_jobs_killed_between_sending_and_noting(
    stack: RunningStack, artist: Artist, chain: Chain, new_song: Callable[[float], Path]
) -> None:
    chain.call("evm_setAutomine", False)
    try:
        upload = await upload_signed(artist, new_song(3))
        await pending_transaction(chain)
        for _ in range(2):
            stack.wait_for_restart("api-jobs", stack.kill("api-jobs"))
    finally:
        chain.call("evm_mine")
        chain.call("evm_setAutomine", True)

    assert (await end_of(artist, str(upload["uploadId"]))).stage == "indexed"
    await assert_committed_once(artist, chain, upload)


async def test_an_indexer_killed_again_and_again(
    stack: RunningStack, artist: Artist, chain: Chain, new_song: Callable[[float], Path]
) -> None:
    uploads = [await upload_signed(artist, new_song(3)) for _ in range(3)]
    for _ in range(4):
        stack.wait_for_restart("indexer", stack.kill("indexer"))
        await asyncio.sleep(0.7)

    for upload in uploads:
        assert (await end_of(artist, str(upload["uploadId"]))).stage == "indexed"
        await assert_committed_once(artist, chain, upload)


async def test_a_reorg_of_three_blocks_takes_the_commit_away(
    stack: RunningStack, artist: Artist, chain: Chain, new_song: Callable[[float], Path]
) -> None:
    upload = await upload_signed(artist, new_song(3))
    assert (await end_of(artist, str(upload["uploadId"]))).stage == "indexed"
    first = await artist.work(str(upload["recordingId"]))
    assert first is not None
    chain.call("anvil_mine", "0x2")

    chain.call("anvil_reorg", 3, [])

    await shown_in_another_block(artist, str(upload["recordingId"]), first["blockHash"])
    await assert_committed_once(artist, chain, upload)


async def pending_transaction(chain: Chain) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = chain.call("txpool_status")
        assert isinstance(status, dict)
        if int(status["pending"], 16) > 0:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("no transaction was sent within a minute")


async def shown_in_another_block(artist: Artist, recording_id: str, orphaned: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        recording = await artist.work(recording_id)
        if recording is not None and recording["blockHash"] != orphaned:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the recording did not come back within a minute")
