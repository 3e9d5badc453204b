"""The stack's chain as a test looks at it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import httpx
from eth_utils import keccak

from stack.running import RunningStack

_REGISTERED = "RecordingRegistered(uint224,address,address,bytes32,bytes32,uint8,uint32)"


@dataclass(frozen=True, slots=True)
class Chain:
    """The stack's chain by JSON-RPC."""

    url: str
    registry: str

    def call(self, method: str, *params: object) -> object:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = httpx.post(self.url, json=body, timeout=30).json()
        assert "error" not in answer, answer
        return answer["result"]

    def registrations(self, recording_id: str) -> list[dict[str, str]]:
        """The RecordingRegistered logs of one recording."""
        topics = ["0x" + keccak(text=_REGISTERED).hex(), "0x" + recording_id[2:].rjust(64, "0")]
        found = self.call("eth_getLogs", {"address": self.registry, "fromBlock": "0x0", "topics": topics})
        assert isinstance(found, list)
        return found


def chain_of(stack: RunningStack) -> Chain:
    """The chain that a stack runs on."""
    environment = stack.environment("api")
    deployment = json.loads((Path(environment["DEPLOYMENTS_DIR"]) / "31337.json").read_text())
    return Chain(environment["RPC_URLS"], deployment["contracts"]["StemRegistry"]["address"])
