"""What ape, web3 and py-evm do over and over and tests of contracts do not need, left out to save their time.

The names are other packages' own, whose versions are pinned; one that is gone fails the run at its start.
"""

from collections.abc import Callable
from functools import cache
from http.client import HTTPConnection
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import ape_ethereum.provider
import pytest
from ape.contracts.base import ContractMethodHandler
from eth.vm.code_stream import CodeStream
from web3 import HTTPProvider


def quicken(provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave it out, for as long as the patches stand."""
    # It traces each transaction, on py-evm by doing it again, for what contracts print. These print nothing.
    monkeypatch.setattr(ape_ethereum.provider, "_post_send_transaction", lambda transaction, receipt: None)
    # It asks the chain for a contract's code before each call.
    monkeypatch.setattr(ContractMethodHandler, "_validate_is_contract", lambda handler: None)
    monkeypatch.setattr(CodeStream, "__init__", _with_known_positions)
    node = provider.web3.provider
    if isinstance(node, HTTPProvider):
        monkeypatch.setattr(node, "_make_request", _directly(node.endpoint_uri))


def _directly(endpoint: str) -> Callable[[str, bytes], bytes]:
    """Posts over one connection, without a search for proxies, cookies and redirects around each request."""
    url = urlsplit(endpoint)
    connection = HTTPConnection(url.hostname or "", url.port, timeout=120)
    taken = Lock()

    def post(method: str, request: bytes) -> bytes:
        with taken:
            connection.request("POST", "/", request, {"Content-Type": "application/json"})
            return connection.getresponse().read()

    return post


_build = CodeStream.__init__


def _with_known_positions(stream: CodeStream, code: bytes) -> None:
    """Where a code can be jumped to is the same in every call of it."""
    _build(stream, code)
    stream.invalid_positions, stream.valid_positions = _positions(code)


@cache
def _positions(code: bytes) -> tuple[set[int], set[int]]:
    return set(), set()
