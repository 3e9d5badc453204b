"""Free loopback ports, chosen once and remembered in `ports.json`, so that URLs stay the same between runs."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Ask the kernel for `count` different free TCP ports on the loopback interface."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port with connections in TIME_WAIT is free, one with a listener is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def assign_ports(file: Path, names: Iterable[str]) -> dict[str, int]:
    """Give every name its port: the remembered one while it is free, otherwise a new one, remembered from now on.

    :param file: `ports.json`; written only when something changed, by rename, so that it is never half there.
    """
    remembered = _read(file)
    ports = {name: remembered[name] for name in names if name in remembered and is_free(remembered[name])}
    missing = [name for name in names if name not in ports]
    taken = set(ports.values()) | set(remembered.values())
    while missing:
        fresh = [port for port in free_ports(len(missing)) if port not in taken]
        taken.update(fresh)
        ports.update(zip(missing, fresh, strict=False))
        missing = missing[len(fresh) :]
    if remembered | ports != remembered:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}.new")
        draft.write_text(json.dumps(remembered | ports, indent=2, sort_keys=True) + "\n")
        draft.replace(file)
    return ports


def _read(file: Path) -> dict[str, int]:
    try:
        content = json.loads(file.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: port for name, port in content.items() if isinstance(port, int) and 0 < port < 65536}
