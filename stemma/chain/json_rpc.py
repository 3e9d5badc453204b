"""JSON-RPC 2.0 as Ethereum nodes speak it: the request, what the answer means, and a call for programs that just begin.

Services use the asynchronous client of ``stemma.chain.rpc``; what is here imports no HTTP library.
"""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from stemma.chain.errors import RpcRefused, RpcUnreachable


def request_of(method: str, params: tuple[Any, ...], number: int = 1) -> dict[str, Any]:
    """The request object."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


def result_of(method: str, status: int, content: bytes) -> Any:
    """The result in an answer, given its HTTP status and body.

    Raises:
        RpcRefused: it is a JSON-RPC error.
        RpcUnreachable: it is no JSON-RPC answer at all.
    """
    try:
        answer = json.loads(content)
    except ValueError as error:
        raise RpcUnreachable(f"{method}: HTTP {status} without JSON") from error
    if isinstance(answer, dict) and isinstance(refusal := answer.get("error"), dict):
        raise RpcRefused(method, int(refusal.get("code", 0)), str(refusal.get("message", "")), refusal.get("data"))
    if not isinstance(answer, dict) or "result" not in answer:
        raise RpcUnreachable(f"{method}: HTTP {status} without a JSON-RPC result")
    return answer["result"]


def call_blocking(url: str, method: str, *params: Any, timeout: float = 10.0) -> Any:
    """The result of one call to an http(s) endpoint.

    Raises:
        RpcRefused: the node answered with an error.
        RpcUnreachable: nothing there answers sensibly, or within ``timeout`` seconds.
    """
    if not url.startswith(("http://", "https://")):
        raise RpcUnreachable(f"{url} is no http endpoint")
    body = json.dumps(request_of(method, params)).encode()
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310
            return result_of(method, response.status, response.read())
    except urllib.error.HTTPError as error:
        return result_of(method, error.code, error.read())
    except (OSError, http.client.HTTPException) as error:
        raise RpcUnreachable(f"{method}: {error}") from error
