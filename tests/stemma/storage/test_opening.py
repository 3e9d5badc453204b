"""From URLs to places, and what goes where."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, ClassVar

import httpx
import pytest
from google.cloud import storage as google_storage
from google.cloud.storage.retry import DEFAULT_RETRY

from stack.ports import free_ports
from stemma.cid import identify
from stemma.storage import Corrupt, NotFound, StorageMisconfigured, Unavailable, gcs, open_storage, open_storage_at
from stemma.storage.staging import StagedFile, sweep

if TYPE_CHECKING:
    from tests.stemma.storage.conftest import Place

pytestmark = pytest.mark.anyio

EMPTY_DIRECTORY = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"


@pytest.mark.parametrize(
    "url",
    ["", "/srv/stemma", "file://relative/folder", "s3://bucket", "gs://", "ipfs+http://127.0.0.1:5001", "ipfs+ftp://x"],
)
def test_urls_that_cannot_hold_private_files_are_refused(url: str) -> None:
    with pytest.raises(StorageMisconfigured):
        open_storage_at(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:5001", "ipfs+http://", "ipfs://127.0.0.1:5001"])
def test_public_urls_of_no_known_place_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(StorageMisconfigured):
        open_storage_at(f"file://{tmp_path}", url)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageMisconfigured):
        open_storage_at(f"file://{tmp_path}/file")


async def test_settings_open_a_storage_in_a_folder_with_spaces(tmp_path: Path) -> None:
    settings = SimpleNamespace(storage_url=f"file://{tmp_path}/a%20folder", public_storage_url="")
    async with open_storage(settings) as storage:
        await storage.put(b"stem", private=False)
    assert len(list((tmp_path / "a folder" / "public" / "files").glob("*/*"))) == 1


async def test_private_files_stay_private_in_one_place(local_place: Place) -> None:
    async with local_place.open() as storage:
        blob = await storage.put(b"an original", private=True)
        assert (await storage.stat(blob.cid)).private
        assert await storage.put(b"an original", private=False) == blob
        assert not (await storage.stat(blob.cid)).private
        await storage.delete(blob.cid, private=True)
        assert await storage.read_verified(blob.cid, 100) == b"an original"
        await storage.delete(blob.cid, private=False)
        with pytest.raises(NotFound):
            await storage.stat(blob.cid)


async def test_private_files_never_reach_ipfs(ipfs_place: Place) -> None:
    rpc = ipfs_place.public_storage_url.removeprefix("ipfs+") + "/api/v0/"
    async with ipfs_place.open() as storage:
        secret = await storage.put(b"an original", private=True)
        public = await storage.put(b"a manifest", private=False)
        assert await storage.read_verified(secret.cid, 100) == b"an original"
        assert await storage.read_verified(public.cid, 100) == b"a manifest"
        assert (await storage.stat(secret.cid)).private
        assert not (await storage.stat(public.cid)).private
    async with httpx.AsyncClient(base_url=rpc) as node:
        assert (await node.post("block/get", params={"arg": str(public.cid)})).content == b"a manifest"
        assert (await node.post("block/get", params={"arg": str(secret.cid)})).status_code == 500


async def test_private_files_are_read_while_ipfs_is_away(tmp_path: Path) -> None:
    [nobody] = free_ports(1)
    async with open_storage_at(f"file://{tmp_path}", f"ipfs+http://127.0.0.1:{nobody}") as storage:
        blob = await storage.put(b"an original", private=True)
        assert await storage.read_verified(blob.cid, 100) == b"an original"
        assert (await storage.stat(blob.cid)).private
        with pytest.raises(Unavailable):
            await storage.put(b"a manifest", private=False)
        with pytest.raises(Unavailable):
            await storage.read(identify(b"a manifest").cid)


async def test_a_gcs_that_is_away_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    [nobody] = free_ports(1)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{nobody}")
    monkeypatch.setattr(gcs, "_RETRY", DEFAULT_RETRY.with_timeout(0.2))
    async with open_storage_at("gs://bucket") as storage:
        with pytest.raises(Unavailable):
            await storage.put(b"stem", private=True)
        with pytest.raises(Unavailable):
            await storage.stat(identify(b"stem").cid)


async def test_a_bucket_that_does_not_exist_is_unavailable(gcs_server: str) -> None:
    async with open_storage_at("gs://no-such-bucket") as storage:
        with pytest.raises(Unavailable):
            await storage.put(b"stem", private=True)


async def test_an_upload_that_lost_the_race_overwrites_nothing(
    gcs_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = google_storage.Client().bucket(gcs_place.storage_url.split("/")[2])
    name = f"some/where/private/files/{identify(b'stem').cid}"

    async def not_yet(_self: gcs.GcsBackend, _target: object) -> bool:
        return False

    async with gcs_place.open() as storage:
        await storage.put(b"stem", private=True)
        before = bucket.get_blob(name).generation
        monkeypatch.setattr(gcs.GcsBackend, "_exists", not_yet)
        await storage.put(b"stem", private=True)
    assert bucket.get_blob(name).generation == before


async def test_a_folder_that_was_taken_away_is_unavailable(local_place: Place, tmp_path: Path) -> None:
    async with local_place.open() as storage:
        (tmp_path / "store").rename(tmp_path / "gone")
        with pytest.raises(Unavailable):
            await storage.put(b"stem", private=True)


class _OtherProfile(BaseHTTPRequestHandler):
    """A node whose import settings give other CIDs."""

    asked: ClassVar[list[str]] = []
    answer: ClassVar[bytes] = b'{"Name":"file","Hash":"%s","Size":"4"}\n' % EMPTY_DIRECTORY.encode()

    def do_POST(self) -> None:
        self.asked.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def other_node() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _OtherProfile) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"ipfs+http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def test_a_node_that_gives_another_cid_is_refused_and_its_pin_taken_away(other_node: str, tmp_path: Path) -> None:
    async with open_storage_at(f"file://{tmp_path}", other_node) as storage:
        with pytest.raises(Corrupt):
            await storage.put(b"stem", private=False)
    assert "pin/rm" in _OtherProfile.asked[-1]
    assert EMPTY_DIRECTORY in _OtherProfile.asked[-1]


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'{"Size":"4"}'])
async def test_a_node_that_speaks_something_else_is_unavailable(
    other_node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(_OtherProfile, "answer", answer)
    async with open_storage_at(f"file://{tmp_path}", other_node) as storage:
        with pytest.raises((Unavailable, Corrupt)):
            await storage.put(b"stem", private=False)
        with pytest.raises(Unavailable):
            await storage.stat(identify(b"stem").cid)


def test_a_sweep_spares_files_whose_owner_lives(tmp_path: Path) -> None:
    (tmp_path / "leftover").write_text("half a song")
    with StagedFile(tmp_path) as file:
        file.write(b"half")
        assert sweep(tmp_path) == 1
        assert list(tmp_path.iterdir()) == [file.path]
    assert list(tmp_path.iterdir()) == []
