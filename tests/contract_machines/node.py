"""An anvil of one's own, spoken to over one socket with many calls under way: a transaction costs a millisecond or two.

anvil mines only when told to, one block for each transaction, at the second that is given to it. Calls are written
without waiting for answers; the server works on them in the order in which they came.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from stack.anvil import anvil_binary
from stack.ports import LOOPBACK, free_ports
from stack.program import Program, RunningProgram

CHAIN_ID = 31337
GENESIS_TIME = 1_800_000_000
GAS = 16_700_000
"""Of each transaction; EIP-7825 allows 2^24."""

_MAX_UNDER_WAY = 48
_QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)


class NodeRefused(Exception):
    """The node answered a call with an error. ``data`` is what a reverted call returned."""

    def __init__(self, method: str, error: dict[str, Any]) -> None:
        super().__init__(f"{method}: {error.get('message')}")
        data = error.get("data")
        self.data = bytes.fromhex(data[2:]) if isinstance(data, str) and data.startswith("0x") else b""


Then = Callable[[Any], None]


class Node:
    """One connection to one anvil."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((LOOPBACK, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()
        self._under_way: deque[tuple[str, Then]] = deque()

    def post(self, method: str, params: list[Any], then: Then) -> None:
        """Begin a call; ``then`` gets its result, or NodeRefused, when ``drain`` or a full line comes to it."""
        self.make_room(1)
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        self._socket.sendall(
            b"POST / HTTP/1.1\r\nHost: anvil\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )
        self._under_way.append((method, then))

    def make_room(self, calls: int) -> None:
        """See to it that so many calls can begin without waiting for answers in between."""
        if len(self._under_way) + calls > _MAX_UNDER_WAY:
            self.drain()

    def drain(self) -> None:
        """Wait for all answers. Raises whatever a ``then`` raises; the calls after it are answered first."""
        failures: list[BaseException] = []
        while self._under_way:
            method, then = self._under_way.popleft()
            answer = self._read()
            try:
                then(NodeRefused(method, answer["error"]) if "error" in answer else answer["result"])
            except (AssertionError, NodeRefused) as failure:
                failures.append(failure)
        if failures:
            raise failures[0]

    def abandon(self) -> None:
        """Wait for all answers and look at none."""
        for _ in range(len(self._under_way)):
            self._under_way.popleft()
            self._read()

    def ask(self, method: str, *params: Any) -> Any:
        """The result of one call, after everything under way.

        Raises:
            NodeRefused: the answer is an error.
        """
        results: list[Any] = []
        self.post(method, list(params), results.append)
        self.drain()
        if isinstance(results[0], NodeRefused):
            raise results[0]
        return results[0]

    def close(self) -> None:
        self._socket.close()

    def _read(self) -> Any:
        head_end = self._fill_until_head()
        head = bytes(self._received[:head_end]).lower()
        _, _, length = head.partition(b"content-length:")
        end = head_end + 4 + int(length.split(b"\r\n", 1)[0])
        while len(self._received) < end:
            self._fill()
        body = bytes(self._received[head_end + 4 : end])
        del self._received[:end]
        return msgspec.json.decode(body)

    def _fill_until_head(self) -> int:
        while (at := self._received.find(b"\r\n\r\n")) < 0:
            self._fill()
        return at

    def _fill(self) -> None:
        if _QUICK_ACK is not None:
            # anvil leaves Nagle's algorithm on: without an acknowledgement at once each answer waits for 40 ms.
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        chunk = self._socket.recv(1 << 18)
        if not chunk:
            raise ConnectionError("anvil closed the connection")
        self._received += chunk


@contextmanager
def running_node() -> Iterator[Node]:
    """A fresh anvil for the length of a block."""
    [port] = free_ports(1)
    program = Program(
        name="anvil",
        argv=(
            str(anvil_binary()),
            *("--host", LOOPBACK),
            *("--port", str(port)),
            *("--chain-id", str(CHAIN_ID)),
            *("--hardfork", "osaka"),
            *("--timestamp", str(GENESIS_TIME)),
            *("--gas-limit", "120000000"),
            *("--block-base-fee-per-gas", "0"),
            *("--accounts", "1"),
            *("--order", "fifo"),
            *("--prune-history", "64"),
            *("--transaction-block-keeper", "64"),
            "--no-mining",
            "--auto-impersonate",
            "--silent",
        ),
        is_ready=lambda: _listens(port),
    )
    with RunningProgram.start(program):
        node = Node(port)
        try:
            yield node
        finally:
            node.close()


def _listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
