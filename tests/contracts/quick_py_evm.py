"""py-evm in less time: what it looks up and takes apart again and again is kept, and the least of its instructions,
those that only move words about the stack or jump, are done where the code is read.

Nothing is left out. Whatever such an instruction cannot do, for want of gas or of words, or into a place that is no
JUMPDEST, is given to py-evm, which fails it as ever.
"""

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any

import pytest
import trie.hexary
from eth.exceptions import FullStack, InsufficientStack
from eth.vm.code_stream import CodeStream
from eth.vm.computation import BaseComputation
from eth.vm.opcode import _FastOpcode
from eth.vm.opcode_values import DUP1, DUP16, JUMP, JUMPDEST, JUMPI, POP, PUSH0, PUSH1, PUSH32, STOP, SWAP1, SWAP16
from eth.vm.stack import Stack
from trie import HexaryTrie

_STACK_LIMIT = 1024
_KEPT = 1 << 17


# -------------------------------------------------------------- instructions

Words = list[int | bytes]
Move = Callable[[Words], int]
"""Changes the stack; where the code goes on, or _NOWHERE when nothing was changed."""
Step = tuple[int, int, int, Move]
"""What it costs, how many words there must be at least and at most, and what it does."""

_NOWHERE = -1


class _QuickCode(CodeStream):
    """Does the least instructions itself, and gives the others to whoever runs the code."""

    __slots__ = ("_meter", "_steps", "_words")

    def __init__(self, code: bytes, computation: Any) -> None:
        super().__init__(code)
        self._words: Words = computation._stack.values
        self._meter = computation._gas_meter
        self._steps = _steps(code)

    def __iter__(self) -> Iterator[int]:
        code, words, meter, steps = self._raw_code_bytes, self._words, self._meter, self._steps
        while (place := self.program_counter) < len(code):
            step = steps[place]
            if step is not None:
                gas, least, most, move = step
                if gas <= meter.gas_remaining and least <= len(words) <= most:
                    after = move(words)
                    if after != _NOWHERE:
                        meter.gas_remaining -= gas
                        self.program_counter = after
                        continue
            self.program_counter = place + 1
            yield code[place]
        yield STOP


def _with_quick_code(build: Any) -> Any:
    def initialize(computation: Any, state: Any, message: Any, context: Any) -> None:
        build(computation, state, message, context)
        computation.code = _QuickCode(message.code, computation)

    return initialize


@cache
def _steps(code: bytes) -> list[Step | None]:
    """By the place in the code; None where py-evm has to do it."""
    steps: list[Step | None] = [None] * len(code)
    destinations: set[int] = set()
    place = 0
    while place < len(code):
        opcode, after = code[place], place + 1
        if PUSH0 <= opcode <= PUSH32:
            after += opcode - PUSH0
            word = int.from_bytes(code[place + 1 : after].ljust(opcode - PUSH0, b"\0"))
            steps[place] = (3 if opcode >= PUSH1 else 2, 0, _STACK_LIMIT - 1, _push(word, after))
        elif DUP1 <= opcode <= DUP16:
            depth = opcode - DUP1 + 1
            steps[place] = 3, depth, _STACK_LIMIT - 1, _dup(depth, after)
        elif SWAP1 <= opcode <= SWAP16:
            depth = opcode - SWAP1 + 2
            steps[place] = 3, depth, _STACK_LIMIT, _swap(depth, after)
        elif opcode == JUMPDEST:
            destinations.add(place)
        steps[place] = steps[place] or _other_step(opcode, after, destinations)
        place = after
    return steps


def _other_step(opcode: int, after: int, destinations: set[int]) -> Step | None:
    if opcode == JUMPDEST:
        return 1, 0, _STACK_LIMIT, lambda words: after
    if opcode == POP:
        return 2, 1, _STACK_LIMIT, _pop(after)
    if opcode == JUMP:
        return 8, 1, _STACK_LIMIT, _jump(destinations)
    if opcode == JUMPI:
        return 10, 2, _STACK_LIMIT, _jump_if(destinations, after)
    return None


def _push(word: int, after: int) -> Move:
    def move(words: Words) -> int:
        words.append(word)
        return after

    return move


def _dup(depth: int, after: int) -> Move:
    def move(words: Words) -> int:
        words.append(words[-depth])
        return after

    return move


def _swap(depth: int, after: int) -> Move:
    def move(words: Words) -> int:
        words[-1], words[-depth] = words[-depth], words[-1]
        return after

    return move


def _pop(after: int) -> Move:
    def move(words: Words) -> int:
        words.pop()
        return after

    return move


def _jump(destinations: set[int]) -> Move:
    def move(words: Words) -> int:
        destination = _number(words[-1])
        if destination not in destinations:
            return _NOWHERE
        words.pop()
        return destination

    return move


def _jump_if(destinations: set[int], after: int) -> Move:
    def move(words: Words) -> int:
        if not _number(words[-2]):
            del words[-2:]
            return after
        destination = _number(words[-1])
        if destination not in destinations:
            return _NOWHERE
        del words[-2:]
        return destination

    return move


def _number(word: int | bytes) -> int:
    return word if isinstance(word, int) else int.from_bytes(word)


def _pop_numbers(stack: Stack, count: int) -> tuple[int, ...]:
    if count > len(stack.values):
        raise InsufficientStack(f"{count} words are wanted of {len(stack.values)}")
    numbers = tuple([_number(word) for word in stack.values[: -count - 1 : -1]])
    del stack.values[-count:]
    return numbers


def _push_word(stack: Stack, word: int | bytes) -> None:
    if len(stack.values) >= _STACK_LIMIT:
        raise FullStack(f"there are {_STACK_LIMIT} words")
    stack.values.append(word)


def _extending_at_need(extend: Any) -> Any:
    """Memory that is there already costs nothing."""

    def extend_memory(computation: Any, start: int, size: int) -> None:
        if start + size > len(computation._memory._bytes):
            extend(computation, start, size)

    return extend_memory


def _run(opcode: _FastOpcode, computation: Any) -> Any:
    """Pay for an instruction without three calls on the way, and do it."""
    meter = computation._gas_meter
    if opcode.gas_cost > meter.gas_remaining:
        computation.consume_gas(opcode.gas_cost, opcode.mnemonic)  # raises
    meter.gas_remaining -= opcode.gas_cost
    return opcode.logic_fn(computation)


# -------------------------------------------------------------- tries


def _kept_by_root(get: Any) -> Any:
    """What is under a key hangs on the root's hash alone."""
    kept: dict[tuple[bytes, bytes], bytes] = {}

    def get_once(self: HexaryTrie, key: bytes) -> bytes:
        at = self.root_hash, key
        if at not in kept:
            if len(kept) == _KEPT:
                kept.clear()
            kept[at] = get(self, key)
        return kept[at]

    return get_once


def _kept_by_encoding(decode: Any) -> Any:
    @lru_cache(_KEPT)
    def decoded(encoding: bytes) -> Any:
        return decode(encoding)

    def decode_once(encoding: Any) -> Any:
        """A node's lists are changed in place by whoever gets them."""
        return _copy(decoded(encoding)) if isinstance(encoding, bytes) else decode(encoding)

    return decode_once


def _copy(node: Any) -> Any:
    return [_copy(part) for part in node] if isinstance(node, list) else node


# -------------------------------------------------------------- both ways

_QUICK: tuple[tuple[Any, str, Any], ...] = (
    (BaseComputation, "__init__", _with_quick_code(BaseComputation.__init__)),
    (BaseComputation, "extend_memory", _extending_at_need(BaseComputation.extend_memory)),
    (_FastOpcode, "__call__", _run),
    (Stack, "pop_ints", _pop_numbers),
    (Stack, "push_int", _push_word),
    (Stack, "push_bytes", _push_word),
    (HexaryTrie, "get", _kept_by_root(HexaryTrie.get)),
    (trie.hexary, "bytes_to_nibbles", lru_cache(_KEPT)(trie.hexary.bytes_to_nibbles)),
    (trie.hexary, "decode_node", _kept_by_encoding(trie.hexary.decode_node)),
)
_PLAIN = tuple((owner, name, getattr(owner, name)) for owner, name, _ in _QUICK)


def quicken_py_evm(monkeypatch: pytest.MonkeyPatch) -> None:
    """For as long as the patches stand."""
    for patch in _QUICK:
        monkeypatch.setattr(*patch)


def leave_py_evm_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """To hold the one against the other."""
    for patch in _PLAIN:
        monkeypatch.setattr(*patch)
