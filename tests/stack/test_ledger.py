"""Noted processes are told from strangers that were given their number."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.ledger import Ledger, birth


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def note(folder: Path, pid: int, born: str) -> None:
    (folder / "redis.pid").write_text(f"{pid} {int(signal.SIGKILL)} {os.getpid()} {born}\n")


def test_a_number_that_became_somebody_elses_is_not_signaled(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    ledger = Ledger(tmp_path)
    born = birth(stranger.pid)
    assert born is not None
    boot, _, start = born.rpartition(":")
    for other in (f"{boot}:{int(start) - 1}", f"another-boot:{start}"):
        note(tmp_path, stranger.pid, other)
        assert ledger.sweep(grace=0.1) == []
        assert stranger.poll() is None
        assert ledger.entries() == []


def test_what_was_noted_is_stopped_and_half_a_note_is_no_harm(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    ledger = Ledger(tmp_path)
    ledger.add("sleeper", stranger.pid, signal.SIGTERM)
    (tmp_path / "half.pid").write_text("123 15")
    assert [entry.name for entry in ledger.sweep()] == ["sleeper"]
    assert stranger.wait(5) in (-signal.SIGTERM, -signal.SIGKILL)
