"""The IPFS emulator as a program of the stack."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx

from stack.ports import LOOPBACK
from stack.program import Program


def ipfs_url(port: int) -> str:
    """The PUBLIC_STORAGE_URL of the emulator on this port."""
    return f"ipfs+http://{LOOPBACK}:{port}"


def ipfs_program(folder: Path, port: int) -> Program:
    """An IPFS emulator with its blocks in ``folder``."""

    def is_ready() -> bool:
        try:
            answer = httpx.post(f"http://{LOOPBACK}:{port}/api/v0/version", timeout=1.0)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK

    options = ("--host", LOOPBACK, "--port", str(port), "--data", str(folder))
    return Program(name="ipfs", argv=(sys.executable, "-m", "stack.ipfs.command", *options), is_ready=is_ready)
