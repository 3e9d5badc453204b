"""Reverts, exactly: the whole revert data of a simulated call, decoded by the contracts' own ABIs.

ape.reverts lets every failure pass that it cannot decode, which on some providers is most of them.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import ape
import pytest
from eth_abi.abi import decode
from eth_utils import keccak, to_checksum_address
from house import ORDER
from nodes import Message, Reverted, node


@contextmanager
def reverts(error: str, **arguments: Any) -> Iterator[None]:
    """What is simulated in the block must revert with exactly this custom error, and with these of its arguments."""
    with pytest.raises(Reverted) as caught:
        yield
    name, values = decode_error(caught.value.data)
    assert name == error
    assert {argument: values[argument] for argument in arguments} == arguments


@contextmanager
def reverts_silently() -> Iterator[None]:
    """What is simulated in the block must revert without a word."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.data == b""


def simulate(method, *arguments: Any, sender=None, **transaction: int) -> bytes:
    """Call a method as `sender`, with `value` or `gas`, and keep nothing. Raises Reverted."""
    message = Message(_address(sender), method.contract.address, bytes(method.encode_input(*arguments)), **transaction)
    return node().call(message)


def simulate_send(to: str, *, value: int, sender, data: bytes = b"") -> bytes:
    """Send native coin to an address and keep nothing. Raises Reverted."""
    return node().call(Message(_address(sender), to, data, value))


def simulate_deployment(container, *arguments: Any, sender) -> bytes:
    """Run a constructor and keep nothing. Raises Reverted."""
    code = container.contract_type.deployment_bytecode.to_bytes()
    return node().call(Message(_address(sender), None, code + container.constructor.encode_input(*arguments)))


def decode_error(data: bytes) -> tuple[str, dict[str, Any]]:
    """The custom error's name and arguments; addresses have their checksums.

    Contracts that share an error may call its arguments differently; each of the names has the value.
    """
    assert data[:4] in _errors(), f"no contract of this project has an error {data[:4].hex()}"
    abis = _errors()[data[:4]]
    values = decode([argument.type for argument in abis[0].inputs], data[4:])
    return abis[0].name, {
        argument.name: to_checksum_address(value) if argument.type == "address" else value
        for abi in abis
        for argument, value in zip(abi.inputs, values, strict=True)
    }


def _address(sender) -> str:
    return (sender or ape.accounts.test_accounts[0]).address


@cache
def _errors() -> dict[bytes, list[Any]]:
    errors = defaultdict(list)
    for contract in (*ORDER, "DeploymentFactory", "ContractWallet", "TestUSDC", "Receiver", "PlainToken"):
        for abi in getattr(ape.project, contract).contract_type.errors:
            errors[keccak(text=abi.selector)[:4]].append(abi)
    return dict(errors)
