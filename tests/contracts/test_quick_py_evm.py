"""py-evm in less time is py-evm: any code ends alike, with the same gas, words and memory, or the same failure."""

from typing import Any

import pytest
from eth.vm.opcode_values import (
    ADD,
    DUP1,
    DUP16,
    GAS,
    JUMP,
    JUMPDEST,
    JUMPI,
    MSTORE,
    PC,
    POP,
    PUSH0,
    PUSH1,
    PUSH32,
    SWAP1,
    SWAP16,
)
from eth_tester.backends.pyevm.main import setup_tester_chain
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from quick_py_evm import leave_py_evm_as_it_is, quicken_py_evm

NOBODY = bytes(20)
instructions = st.one_of(
    st.sampled_from([ADD, GAS, JUMP, JUMPDEST, JUMPI, MSTORE, PC, POP, PUSH0]).map(lambda opcode: bytes([opcode])),
    st.integers(0, 24).map(lambda place: bytes([PUSH1, place])),
    st.integers(DUP1, DUP16).map(lambda opcode: bytes([opcode])),
    st.integers(SWAP1, SWAP16).map(lambda opcode: bytes([opcode])),
    st.integers(PUSH1, PUSH32).map(lambda opcode: bytes([opcode]) + bytes([JUMPDEST]) * (opcode - PUSH0)),
)
codes = st.tuples(st.lists(instructions, max_size=30), st.integers(0, 3)).map(
    lambda parts: b"".join(parts[0])[: -parts[1] or None]  # the last PUSH may want more bytes than there are
)


@pytest.fixture(scope="module")
def chain_of_its_own() -> Any:
    _, chain = setup_tester_chain(num_accounts=1)
    return chain


def run(chain: Any, code: bytes, gas: int, monkeypatch: pytest.MonkeyPatch, *, quick: bool) -> tuple[Any, ...]:
    with monkeypatch.context() as patch:
        (quicken_py_evm if quick else leave_py_evm_as_it_is)(patch)
        done = chain.get_vm().execute_bytecode(NOBODY, 0, gas, NOBODY, NOBODY, 0, b"", code)
    words = [word if isinstance(word, int) else int.from_bytes(word) for word in done._stack.values]
    failure = type(done.error) if done.is_error else None
    return failure, done.get_gas_remaining(), words, bytes(done._memory._bytes)


@given(code=codes, gas=st.integers(0, 400))
@example(bytes([PUSH0] * 1025), 10_000)  # more words than there may be
@example(bytes([PUSH1, 1, *[DUP1] * 1024]), 10_000)
@example(bytes([PUSH1, 4, JUMP, PUSH1, JUMPDEST]), 100)  # what looks like a JUMPDEST is a PUSH's word
@example(bytes([PUSH1, 1, PUSH1, 5, JUMPI, JUMPDEST]), 100)
@example(bytes([PUSH0, PUSH1, 99, JUMPI]), 100)  # jumps nowhere, if it jumped
@example(bytes([JUMPDEST, PUSH0, JUMP]), 60)  # runs out of gas
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_code_ends_alike(chain_of_its_own, monkeypatch, code, gas):
    plain = run(chain_of_its_own, code, gas, monkeypatch, quick=False)
    assert run(chain_of_its_own, code, gas, monkeypatch, quick=True) == plain
