"""How the stack treats its processes: their crashes, its own end by any way there is, and a second start."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis

from stack.errors import AlreadyRunning
from stack.home import locked_home
from stack.ledger import Ledger, birth
from stack.redis import redis_url

SMALL_STACK = Path(__file__).with_name("small_stack.py")
PROGRAMS = ("redis", "service", "stubborn")


class SmallStack:
    def __init__(self, home: Path, process: subprocess.Popen[bytes]) -> None:
        self.home = home
        self.process = process

    def log(self) -> str:
        return (self.home / "up.log").read_text()

    def pids(self) -> dict[str, int]:
        entries = {entry.name: entry.pid for entry in Ledger(self.home / "run").entries()}
        return {name: entries[name] for name in PROGRAMS} | {"child": int((self.home / "child.pid").read_text())}


@contextmanager
def small_stack(home: Path, **environment: str) -> Iterator[SmallStack]:
    with (home / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(SMALL_STACK), str(home)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    try:
        yield SmallStack(home, process)
    finally:
        process.terminate()
        process.wait(20)


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def wait_ready(stack: SmallStack) -> dict[str, int]:
    def is_ready() -> bool:
        assert stack.process.poll() is None, stack.log()
        return is_noted_ready(stack.home, stack.process.pid) and (stack.home / "child.pid").exists()

    until(is_ready)
    return stack.pids()


def is_noted_ready(home: Path, pid: int) -> bool:
    try:
        return bool(json.loads((home / "run" / "ready.json").read_text())["pid"] == pid)
    except FileNotFoundError:
        return False


def all_gone(pids: dict[str, int]) -> bool:
    return all(birth(pid) is None for pid in pids.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_within_seconds_even_the_stubborn(home: Path, number: int) -> None:
    with small_stack(home) as stack:
        pids = wait_ready(stack)
        began = time.monotonic()
        stack.process.send_signal(number)
        assert stack.process.wait(10) == 0
        assert time.monotonic() - began < 5
        assert all_gone(pids)
        assert "a last word" in stack.log()
        assert not (home / "run" / "ready.json").exists()


def test_kill_9_of_the_stack_leaves_no_orphan(home: Path) -> None:
    with small_stack(home) as stack:
        pids = wait_ready(stack)
        stack.process.kill()
        stack.process.wait()
        until(lambda: all_gone(pids))


def test_the_next_stack_clears_away_what_a_killed_stack_and_guardian_left(home: Path) -> None:
    with small_stack(home) as stack:
        pids = wait_ready(stack)
        guardian = child_running(stack.process.pid, "ledger.py")
        os.kill(guardian, signal.SIGKILL)
        stack.process.kill()
        stack.process.wait()
    assert not all_gone(pids)
    with small_stack(home) as stack:
        wait_ready(stack)
        assert all_gone(pids)
        assert "left over from a stack that was killed" in stack.log()


def test_the_end_of_the_terminal_stops_everything(home: Path) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CONTROLLED, str(SMALL_STACK), str(home)], stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    stack = SmallStack(home, process)
    until(lambda: drain(master) and is_noted_ready(home, process.pid) and (home / "child.pid").exists())
    pids = stack.pids()
    os.close(master)
    process.wait(15)
    until(lambda: all_gone(pids))


CONTROLLED = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def drain(descriptor: int) -> bool:
    os.set_blocking(descriptor, False)
    with suppress(BlockingIOError):
        os.read(descriptor, 65536)
    return True


def test_a_crashed_program_is_started_again_and_what_it_left_is_ended(home: Path) -> None:
    with small_stack(home) as stack:
        before = wait_ready(stack)
        os.kill(before["service"], signal.SIGKILL)
        until(lambda: "service ended with status -9; it is started again in 0.5 s" in stack.log())
        until(lambda: stack.log().count("serving") == 2)
        until(lambda: stack.pids()["service"] != before["service"])
        until(lambda: birth(before["child"]) is None)
        after = stack.pids()
        assert after["redis"] == before["redis"]


def test_a_program_that_crashes_again_and_again_is_started_ever_later(home: Path) -> None:
    with small_stack(home) as stack:
        wait_ready(stack)
        for delay in ("0.5", "1", "2"):
            until(lambda: running_pid(stack) is not None)
            os.kill(stack.pids()["service"], signal.SIGKILL)
            until(lambda delay=delay: f"it is started again in {delay} s" in stack.log())  # type: ignore[misc]


def running_pid(stack: SmallStack) -> int | None:
    entry = Ledger(stack.home / "run").find("service")
    return entry.pid if entry is not None and entry.is_alive() else None


def test_a_failed_preparation_stops_everything_and_says_why(home: Path) -> None:
    with small_stack(home, PREPARE="print('no database'); raise SystemExit(3)") as stack:
        assert stack.process.wait(15) == 1
        assert "no database" in stack.log()
        assert "prepare failed with status 3" in stack.log()
        assert Ledger(home / "run").entries() == []


def test_a_second_stack_on_the_same_home_is_refused(home: Path) -> None:
    with small_stack(home) as stack:
        wait_ready(stack)
        with pytest.raises(AlreadyRunning, match=f"already running on .* \\(process {stack.process.pid}\\)"):
            locked_home(home).__enter__()
        with small_stack_again(home) as second:
            assert second.wait(15) == 1


@contextmanager
def small_stack_again(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, str(SMALL_STACK), str(home)], stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def test_redis_keeps_its_data_from_one_stack_to_the_next_and_over_kill_9(home: Path) -> None:
    with small_stack(home) as stack:
        wait_ready(stack)
        ports = assign_ports_as_remembered(home)
        with redis.Redis.from_url(redis_url(ports["redis"])) as client:
            client.set("kept", "yes")
            time.sleep(1.2)  # the append-only file is synced every second
            os.kill(stack.pids()["redis"], signal.SIGKILL)
        until(lambda: "redis ended with status -9" in stack.log())
    with small_stack(home) as stack:
        wait_ready(stack)
        assert assign_ports_as_remembered(home) == ports
        with redis.Redis.from_url(redis_url(ports["redis"])) as client:
            assert client.get("kept") == b"yes"


def assign_ports_as_remembered(home: Path) -> dict[str, int]:
    content: dict[str, int] = json.loads((home / "ports.json").read_text())
    return content


def child_running(parent: int, program: str) -> int:
    import psutil

    [found] = [child for child in psutil.Process(parent).children() if program in " ".join(child.cmdline())]
    return int(found.pid)
