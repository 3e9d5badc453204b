"""JSON-RPC 2.0 as Ethereum nodes speak it: the request, what the answer means, and a call for programs that just begin.

Services use the asynchronous client of ``stemma.chain.rpc``; what is here imports no HTTP library.
"""

import http.client
import json
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any

from stemma.chain.errors import RpcRefused, RpcUnreachable

# What stands in front of a node says "not now" by these, whatever is in the body: another endpoint may answer.
_NOT_NOW = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


def request_of(method: str, params: tuple[Any, ...], number: int = 1) -> dict[str, Any]:
    """The request object."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


def result_of(method: str, status: int, content: bytes) -> Any:
    """The result in an answer, given its HTTP status and body.

    Raises:
        RpcRefused: it is a JSON-RPC error.
        RpcUnreachable: it is no JSON-RPC answer at all, or the endpoint is too busy for one.
    """
    if status in _NOT_NOW:
        raise RpcUnreachable(f"{method}: HTTP {status}")
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RpcUnreachable(f"{method}: HTTP {status} without JSON") from error
    match answer:
        case {"error": {"code": int(number), "message": str(message), **more}}:
            raise RpcRefused(method, number, message, more.get("data"))
    if not isinstance(answer, dict) or "result" not in answer or answer.get("error") is not None:
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
