"""A stack of real Redis and small programs, to see how the supervisor treats them: `python small_stack.py HOME`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from stack.home import locked_home
from stack.ports import assign_ports
from stack.program import Program
from stack.programs import Plan
from stack.redis import redis_program
from stack.up import run

SERVICE = """
import os, signal, subprocess, sys, time
def stop(*_):
    print("a last word", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
print("serving", os.getpid(), flush=True)
open("child.new", "w").write(str(child.pid))
os.rename("child.new", "child.pid")
while True:
    time.sleep(0.05)
"""

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("I stay", flush=True)
time.sleep(600)
"""


def small_plan(home: Path) -> Plan:
    [port] = assign_ports(home / "ports.json", ["redis"]).values()
    return Plan(
        home=home,
        servers=(redis_program(home / "redis", port),),
        prepare=python_program("prepare", home, os.environ.get("PREPARE", "print('prepared')")),
        services=(python_program("service", home, SERVICE), python_program("stubborn", home, STUBBORN)),
        urls={"API": "http://127.0.0.1:1"},
        environments={},
    )


def python_program(name: str, home: Path, code: str) -> Program:
    return Program(
        name=name,
        argv=(sys.executable, "-S", "-c", code),
        folder=home,
        is_ready=lambda: True,
        stop_signal=signal.SIGTERM,
        stop_seconds=1.0,
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with locked_home(folder):
        asyncio.run(run(folder, lambda: small_plan(folder)))
