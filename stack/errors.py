"""What can go wrong with the embedded stack, each with a sentence that says what to do."""

from __future__ import annotations

from typing import ClassVar

from stemma.errors import AppError


class StackError(AppError):
    """Base of every error of the embedded stack."""

    code: ClassVar[str] = "stack_error"
    title: ClassVar[str] = "The embedded stack cannot run"


class ProgramDied(StackError):
    """A program ended that should run on."""

    def __init__(self, name: str, status: int | None) -> None:
        super().__init__(f"{name} ended by itself with status {status}")
        self.name = name


class ProgramFailed(StackError):
    """A program that does one thing and ends has failed."""

    def __init__(self, name: str, status: int | None) -> None:
        super().__init__(f"{name} failed with status {status}; its lines above say why")
        self.name = name


class ProgramNotReady(StackError):
    """A program runs but did not become ready in time."""

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(f"{name} was not ready after {seconds:g} seconds")
        self.name = name


class BinaryMissing(StackError):
    """The binary of a server is not installed."""

    def __init__(self, name: str, remedy: str) -> None:
        super().__init__(f"{name} was not found: {remedy}")
        self.name = name


class DataFolderUnusable(StackError):
    """A server's data folder cannot be used by this account."""


class AlreadyRunning(StackError):
    """Another stack runs on the same home folder."""

    def __init__(self, home: str, pid: int | None) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(
            f"a stack is already running on {home} ({holder}); stop it first, or give this one another STEMMA_HOME"
        )
        self.pid = pid


class SettingMissing(StackError):
    """A part was replaced by a real one that needs more settings."""

    def __init__(self, names: list[str], because: str) -> None:
        super().__init__(f"{because}, so set {' and '.join(names)} as well (see .env.example)")


class SettingWrong(StackError):
    """A setting has a value that cannot be used."""


class WrongChain(StackError):
    """The node is on another chain than `CHAIN_ID` says."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"the node of RPC_URLS is on chain {found}, but CHAIN_ID says {expected}")


class ContractsMissing(StackError):
    """The contracts are not on the given chain."""
