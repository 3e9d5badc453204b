"""What can go wrong between a service and the chain."""

from http import HTTPStatus
from typing import Any, ClassVar

from stemma.errors import AppError


class ChainError(AppError):
    """Base of the errors of this package."""

    code: ClassVar[str] = "chain_error"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_GATEWAY
    title: ClassVar[str] = "The chain gave no usable answer"


class DeploymentMissing(ChainError):
    """There is no deployments file for the chain, or it cannot be read."""

    code: ClassVar[str] = "deployment_missing"
    status: ClassVar[HTTPStatus] = HTTPStatus.SERVICE_UNAVAILABLE
    title: ClassVar[str] = "The contracts' addresses are not known"


class RpcUnreachable(ChainError):
    """No endpoint answered, or what answered is no JSON-RPC node. The same call may succeed later."""

    code: ClassVar[str] = "rpc_unreachable"
    status: ClassVar[HTTPStatus] = HTTPStatus.SERVICE_UNAVAILABLE
    title: ClassVar[str] = "No Ethereum node answers"


class RpcRefused(ChainError):
    """The node answered with a JSON-RPC error: ``number`` is its code, ``data`` the revert data where there is any."""

    code: ClassVar[str] = "rpc_refused"
    title: ClassVar[str] = "The Ethereum node refused the call"

    def __init__(self, method: str, number: int, message: str, data: Any = None) -> None:
        super().__init__(f"{method}: {message} ({number})")
        self.method = method
        self.number = number
        self.message = message
        self.data = data

    @property
    def revert_data(self) -> bytes | None:
        """What the contract reverted with, where the node passes it on (as hex, or as hex within an object)."""
        data = self.data.get("data") if isinstance(self.data, dict) else self.data
        if not isinstance(data, str) or not data.startswith("0x"):
            return None
        try:
            return bytes.fromhex(data[2:])
        except ValueError:
            return None
