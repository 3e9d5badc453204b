"""The embedded chain outlives anvil: stopped, killed, restarted by the deployment's state."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from stack.anvil import answers_chain_id, anvil_program, anvil_url
from stack.anvil_node import AnvilNode
from stack.chain_keeper import ChainKeeper
from stack.ports import free_ports
from stack.program import RunningProgram
from stack.pubsub_program import stemma_command

SENDER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
# Deploys code that emits an event with the topic 1 and stops: PUSH1 1, PUSH1 0, PUSH1 0, LOG1, STOP.
EMITTER = "0x67" + "600160006000a100" + "60005260086018f3"


def send(node: AnvilNode, **fields: str) -> dict[str, Any]:
    transaction = node.rpc("eth_sendTransaction", {"from": SENDER, **fields})
    for _ in range(200):
        if receipt := node.rpc("eth_getTransactionReceipt", transaction):
            assert receipt["status"] == "0x1"
            return dict(receipt)
        time.sleep(0.01)
    raise AssertionError(f"{transaction} was not mined")


def all_of(node: AnvilNode) -> dict[str, Any]:
    blocks = [node.rpc("eth_getBlockByNumber", hex(number), True) for number in range(node.block_number() + 1)]
    transactions = [transaction["hash"] for block in blocks for transaction in block["transactions"]]
    return {
        "blocks": blocks,
        "receipts": [node.rpc("eth_getTransactionReceipt", transaction) for transaction in transactions],
        "logs": node.rpc("eth_getLogs", {"fromBlock": "0x0"}),
        "logsOfBlock": node.rpc("eth_getLogs", {"blockHash": blocks[2]["hash"]}),
        "nonce": node.rpc("eth_getTransactionCount", SENDER, "latest"),
        "finalized": node.rpc("eth_getBlockByNumber", "finalized", False)["hash"],
    }


def test_blocks_logs_and_receipts_outlive_anvil_and_reorgs_still_work(tmp_path: Path) -> None:
    [port] = free_ports(1)
    state = tmp_path / "state.json"
    node, keeper = AnvilNode(anvil_url(port)), ChainKeeper(anvil_url(port), state)
    with RunningProgram.start(anvil_program(state, port)):
        emitter = send(node, data=EMITTER)["contractAddress"]
        for _ in range(4):
            send(node, to=emitter)
        node.mine(2)
        keeper.save()
        before = all_of(node)
        assert len(before["logs"]) == 4
    with RunningProgram.start(anvil_program(state, port)):
        assert all_of(node) == before
        last = send(node, to=emitter)
        node.reorg(2)
        assert node.rpc("eth_getTransactionReceipt", last["transactionHash"]) is None
        keeper.save()
        after_reorg = all_of(node)
    with RunningProgram.start(anvil_program(state, port)):
        assert all_of(node) == after_reorg
        assert node.rpc("eth_getTransactionReceipt", last["transactionHash"]) is None


def test_the_chain_is_the_same_however_often_anvil_was_started(tmp_path: Path) -> None:
    [port] = free_ports(1)
    state = tmp_path / "state.json"
    node = AnvilNode(anvil_url(port))
    known: list[str] = []
    for _ in range(4):
        with RunningProgram.start(anvil_program(state, port)):
            hashes = [node.rpc("eth_getBlockByNumber", hex(number), False)["hash"] for number in range(len(known))]
            assert hashes == known
            time.sleep(1.01)  # the genesis block that this start made differs in its second
            node.mine(1)
            ChainKeeper(node.url, state).save()
            height = node.block_number()
            known = [node.rpc("eth_getBlockByNumber", hex(number), False)["hash"] for number in range(height + 1)]
    assert len(known) == 5


def test_kill_9_loses_at_most_what_came_after_the_last_save(tmp_path: Path) -> None:
    [port] = free_ports(1)
    state = tmp_path / "state.json"
    node, keeper = AnvilNode(anvil_url(port)), ChainKeeper(anvil_url(port), state)
    with RunningProgram.start(anvil_program(state, port)) as running:
        emitter = send(node, data=EMITTER)["contractAddress"]
        send(node, to=emitter)
        keeper.save()
        saved = all_of(node)
        send(node, to=emitter)
        running.kill()
    with RunningProgram.start(anvil_program(state, port)):
        assert all_of(node) == saved
        assert send(node, to=emitter)["blockNumber"] == hex(len(saved["blocks"]))


def test_nothing_is_written_while_nothing_happens(tmp_path: Path) -> None:
    [port] = free_ports(1)
    state = tmp_path / "state.json"
    node, keeper = AnvilNode(anvil_url(port)), ChainKeeper(anvil_url(port), state)
    with RunningProgram.start(anvil_program(state, port)):
        node.mine()
        keeper.save()
        written = state.stat().st_mtime_ns
        keeper.save()
        assert state.stat().st_mtime_ns == written
        node.mine()
        keeper.save()
        assert state.stat().st_mtime_ns > written


def children(pid: int) -> list[int]:
    """The processes that one has started: `proc(5)`, the fourth field of stat, behind the name in parentheses."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    return [child for child, parent in parents.items() if parent == pid]


@contextmanager
def command_running(state: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(stemma_command("anvil", "--port", str(port), "--state", str(state)))
    try:
        deadline = time.monotonic() + 30
        while not answers_chain_id(anvil_url(port)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_the_command_keeps_the_chain_and_stops_with_it(tmp_path: Path) -> None:
    [port] = free_ports(1)
    node = AnvilNode(anvil_url(port))
    with command_running(tmp_path / "state.json", port) as process:
        emitter = send(node, data=EMITTER)["contractAddress"]
        send(node, to=emitter)
        before = all_of(node)
    assert process.returncode == 0
    assert not answers_chain_id(node.url)
    with command_running(tmp_path / "state.json", port) as process:
        assert all_of(node) == before
        for child in children(process.pid):
            os.kill(child, signal.SIGKILL)
        assert process.wait(20) == 1
