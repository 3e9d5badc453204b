"""Warm processes end as others do, and with whoever started them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests import warm_start

ROOT = Path(__file__).resolve().parents[2]
# Waits for a deployment that never comes.
STARTER = """
import os, sys, time
from pathlib import Path
from tests import warm_start
environment = {**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x", "DEPLOYMENTS_DIR": sys.argv[1]}
print(warm_start.start("indexer", "run", environment=environment, log=Path(sys.argv[1], "log")).pid, flush=True)
time.sleep(60)
"""


def test_a_command_says_and_ends_as_it_does_cold() -> None:
    done = warm_start.run("nonsense", environment=os.environ)
    cold = subprocess.run(
        [Path(sys.executable).with_name("stemma"), "nonsense"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (cold.returncode, cold.stdout, cold.stderr)
    assert done.returncode == 2


def test_the_last_signal_may_come_too_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server has waited for the process, and not yet said so."""
    process = warm_start.start("--help", environment=os.environ, log=tmp_path / "log")
    assert process.wait() == 0
    monkeypatch.setattr(process, "poll", lambda: None)
    process.kill()


def test_a_module_that_is_not_there_is_not_forgotten_in_silence() -> None:
    with pytest.raises(ModuleNotFoundError):
        warm_start.load("stemma.nowhere")


def test_it_ends_with_a_run_that_is_killed(tmp_path: Path) -> None:
    with TemporaryDirectory() as left:  # by the run's server; a socket's path must be short
        starter = subprocess.Popen(
            [sys.executable, "-c", STARTER, tmp_path],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": ".", "TMPDIR": left},
            stdout=subprocess.PIPE,
        )
        with starter:
            assert starter.stdout is not None
            started = Path("/proc", starter.stdout.readline().decode().strip())
            until(lambda: "waiting for the deployment" in (tmp_path / "log").read_text())
            assert started.exists()
            starter.kill()
        until(lambda: not started.exists())


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
