"""What ape does over and over and tests of contracts do not need, left out to save their time.

The names are other packages' own, whose versions are pinned; one that is gone fails the run at its start.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from ape.api.accounts import TestAccountAPI
from ape.contracts.base import ContractCall, ContractMethodHandler, ContractTransaction
from ape_foundry.provider import FoundryProvider
from eth.estimators.gas import binary_gas_search
from eth_pydantic_types import HexBytes
from nodes import Anvil, Message, node
from quick_py_evm import quicken_py_evm

_DYNAMIC_FEE = 2


def start_plainly() -> None:
    """Let anvil, when it is started, keep neither the steps of transactions nor states long gone, and tell nothing."""
    whole = FoundryProvider.build_command

    def build_command(provider: FoundryProvider) -> list[str]:
        kept = [part for part in whole(provider) if part != "--steps-tracing"]
        return [*kept, "--prune-history", "64", "--silent"]

    FoundryProvider.build_command = build_command


def quicken(provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave it out, for as long as the patches stand."""
    # ape asks the chain for a contract's code before each call.
    monkeypatch.setattr(ContractMethodHandler, "_validate_is_contract", lambda handler: None)
    monkeypatch.setattr(ContractCall, "__call__", _call)
    monkeypatch.setattr(ContractTransaction, "__call__", _sending())
    chain = node()
    if isinstance(chain, Anvil):
        monkeypatch.setattr(provider.web3.provider, "_make_request", chain.post)
    else:
        quicken_py_evm(monkeypatch)
        monkeypatch.setattr(provider.evm_backend.chain, "gas_estimator", _estimated_roughly)


_estimated_roughly = partial(binary_gas_search, tolerance=500_000)
"""Each time that a search halves its bounds, a deployment runs again."""


def _call(method: ContractCall, *arguments: Any, sender: Any = None, **transaction: int) -> Any:
    caller = method.account_manager.test_accounts[0] if sender is None else sender
    return method._decode_returndata(HexBytes(node().call(_message(method, arguments, caller, transaction))))


def _sending() -> Callable[..., Any]:
    by_ape = ContractTransaction.__call__

    def send(method: ContractTransaction, *arguments: Any, sender: Any, **transaction: int) -> Any:
        if not isinstance(sender, TestAccountAPI):
            return by_ape(method, *arguments, sender=sender, **transaction)
        converted = method.conversion_manager.convert_method_args(method.abi, arguments)
        message = _message(method, converted, sender, transaction)
        receipt = node().send(message)
        sent = {"type": _DYNAMIC_FEE, "from": message.sender, "to": message.to, "data": message.data, "gas": 0}
        return method.provider.network.ecosystem.decode_receipt(
            {**receipt, **sent, "value": message.value, "gasPrice": receipt["effectiveGasPrice"]}
        )

    return send


def _message(method: Any, arguments: Any, sender: Any, transaction: dict[str, int]) -> Message:
    ecosystem = method.provider.network.ecosystem
    data = ecosystem.get_method_selector(method.abi) + ecosystem.encode_calldata(method.abi, *arguments)
    return Message(sender=sender.address, to=method.address, data=bytes(data), **transaction)
