"""JSON-RPC against a real node, and against servers that are none."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from structlog.testing import capture_logs

from stemma.chain.errors import RpcRefused, RpcUnreachable
from stemma.chain.json_rpc import call_blocking, result_of
from stemma.chain.rpc import JsonRpc

pytestmark = pytest.mark.anyio

NOT_NODES = {
    "html": (200, b"<html>Welcome</html>"),
    "bad gateway": (502, b"upstream is gone"),
    "list": (200, b"[]"),
    "other json": (200, b'{"status": "ok"}'),
    "rate limit": (429, b'{"message": "slow down"}'),
    "rate limit in JSON-RPC": (429, b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "slow down"}}'),
    "overload in JSON-RPC": (503, b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "not now"}}'),
    "error of another shape": (200, b'{"error": {"code": null}}'),
    "error and result": (200, b'{"error": "failed", "result": "0x1"}'),
    "deep": (200, b"[" * 100_000),
}
NOBODY = "http://127.0.0.1:1"


class _Answering(BaseHTTPRequestHandler):
    answer: tuple[int, bytes]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output quiet."""


@pytest.fixture(params=NOT_NODES)
def not_a_node(request: pytest.FixtureRequest) -> Iterator[str]:
    handler = type("Handler", (_Answering,), {"answer": NOT_NODES[request.param]})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def test_calls(anvil):
    async with JsonRpc(anvil.url) as rpc:
        assert await rpc.call("eth_chainId") == "0x7a69"
        assert await rpc.call("eth_getCode", "0x" + "11" * 20, "latest") == "0x"
    assert call_blocking(anvil.url, "eth_chainId") == "0x7a69"


async def test_refusal_is_an_answer(anvil):
    """A node's error is not tried again elsewhere, and keeps its code."""
    async with JsonRpc([anvil.url, NOBODY]) as rpc:
        with pytest.raises(RpcRefused) as caught:
            await rpc.call("eth_noSuchMethod")
    assert caught.value.number == -32601
    with pytest.raises(RpcRefused, match="eth_noSuchMethod"):
        call_blocking(anvil.url, "eth_noSuchMethod")


async def test_next_endpoint(anvil, not_a_node):
    async with JsonRpc([NOBODY, not_a_node, anvil.url]) as rpc:
        assert await rpc.call("eth_chainId") == "0x7a69"


async def test_failover_is_logged(anvil, not_a_node):
    """Whoever runs an endpoint that fails must be able to see it, though its callers do not."""
    with capture_logs() as logs:
        async with JsonRpc([not_a_node, anvil.url]) as rpc:
            await rpc.call("eth_chainId")
    [entry] = logs
    assert (entry["event"], entry["log_level"]) == ("rpc.endpoint_failed", "warning")
    assert (entry["host"], entry["method"]) == ("127.0.0.1", "eth_chainId")
    assert entry["reason"]


async def test_error_status_with_an_answer_is_a_refusal():
    """Some nodes tell errors with HTTP 400 or 500: the body counts."""
    body = b'{"jsonrpc": "2.0", "id": 1, "error": {"code": 3, "message": "execution reverted", "data": "0x2a"}}'
    for status in (400, 500):
        with pytest.raises(RpcRefused) as caught:
            result_of("eth_call", status, body)
        assert caught.value.revert_data == b"\x2a"


async def test_no_node(not_a_node):
    async with JsonRpc([NOBODY, not_a_node]) as rpc:
        with pytest.raises(RpcUnreachable, match="eth_chainId"):
            await rpc.call("eth_chainId")
    for url in (NOBODY, not_a_node, "file:///etc/passwd"):
        with pytest.raises(RpcUnreachable):
            call_blocking(url, "eth_chainId")


async def test_revert_data(anvil):
    """PUSH1 42, PUSH0, MSTORE, PUSH1 32, PUSH0, REVERT."""
    async with JsonRpc(anvil.url) as rpc:
        with pytest.raises(RpcRefused) as caught:
            await rpc.call("eth_call", {"data": "0x602a5f5260205ffd"}, "latest")
    assert caught.value.revert_data == (42).to_bytes(32, "big")


@pytest.mark.parametrize("data", [None, "", "no hex", "0xzz", {"data": 5}, 7])
def test_no_revert_data(data):
    assert RpcRefused("eth_call", 3, "execution reverted", data).revert_data is None


def test_revert_data_within_an_object():
    assert RpcRefused("eth_call", 3, "execution reverted", {"data": "0x2a"}).revert_data == b"\x2a"


def test_needs_an_endpoint():
    with pytest.raises(ValueError, match="needs an endpoint"):
        JsonRpc([])
