"""The IPFS emulator over HTTP, as its own process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from stack.ipfs.program import ipfs_program
from stack.ports import free_ports
from stack.program import RunningProgram
from stemma.cid import cumulative_size, identify

PROFILE = {"cid-version": "1", "raw-leaves": "true"}
SONG = bytes(range(256)) * 4000


class Node:
    """A client of the RPC."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/api/v0/")

    def post(self, command: str, **params: str) -> httpx.Response:
        return self._client.post(command, params=params)

    def add(self, data: bytes, **params: str) -> httpx.Response:
        return self._client.post("add", params=PROFILE | params, files={"file": ("song.wav", data)})

    def put_block(self, data: bytes, **params: str) -> httpx.Response:
        return self._client.post("block/put", params=params, files={"data": ("block", data)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("node")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    [port] = free_ports(1)
    with RunningProgram.start(ipfs_program(folder, port)):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def node(server: str) -> Node:
    node = Node(server)
    for cid in node.post("pin/ls").json()["Keys"]:
        node.post("pin/rm", arg=cid)
    node.post("repo/gc")
    return node


def test_version(node: Node) -> None:
    assert node.post("version").json()["Version"] == "0.8.0"


def test_only_post_is_answered_as_kubo_does(server: str) -> None:
    assert httpx.get(f"{server}/api/v0/version").status_code == 405


@pytest.mark.parametrize("size", [0, 5, 262_144, 262_145, len(SONG)])
def test_add_and_cat(node: Node, size: int) -> None:
    data = SONG[:size]
    answer = node.add(data)
    assert answer.headers["X-Chunked-Output"] == "1"
    [line] = answer.text.splitlines()
    cid = str(identify(data).cid)
    assert json.loads(line) == {"Name": "song.wav", "Hash": cid, "Size": str(cumulative_size(size))}
    assert node.post("cat", arg=cid).content == data
    assert node.post("cat", arg=f"/ipfs/{cid}").content == data
    assert node.post("pin/ls", arg=cid, type="recursive").json() == {"Keys": {cid: {"Type": "recursive"}}}


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 1), (262_143, 2), (262_144, 300_000), (900_000, 900_000), (9**9, 1)]
)
def test_cat_of_a_part(node: Node, offset: int, length: int) -> None:
    node.add(SONG)
    part = node.post("cat", arg=str(identify(SONG).cid), offset=str(offset), length=str(length))
    assert part.content == SONG[offset : offset + length]


def test_blocks(node: Node) -> None:
    cid = str(identify(b"block").cid)
    assert node.put_block(b"block").json() == {"Key": cid, "Size": 5}
    assert node.post("block/get", arg=cid).content == b"block"
    assert node.post("block/stat", arg=cid).json() == {"Key": cid, "Size": 5}


def test_a_missing_block_is_named(node: Node) -> None:
    cid = str(identify(b"never added").cid)
    for command in ("cat", "block/get", "block/stat", "pin/add"):
        answer = node.post(command, arg=cid)
        assert answer.status_code == 500
        message = f"block was not found locally (offline): ipld: could not find {cid}"
        assert answer.json() == {"Message": message, "Code": 0, "Type": "error"}


def test_pins_hold_blocks_and_collection_drops_the_others(node: Node) -> None:
    song, other = str(identify(SONG).cid), str(identify(b"other").cid)
    node.add(SONG)
    node.add(b"other", pin="false")
    dropped = [json.loads(line)["Key"]["/"] for line in node.post("repo/gc").text.splitlines()]
    assert dropped == [other]
    assert node.post("cat", arg=song).content == SONG
    assert node.post("pin/rm", arg=song).json() == {"Pins": [song]}
    assert "not pinned" in node.post("pin/rm", arg=song).json()["Message"]
    assert "is not pinned" in node.post("pin/ls", arg=song).json()["Message"]
    node.post("repo/gc")
    assert node.post("cat", arg=song).status_code == 500


def test_a_tree_with_a_missing_leaf_cannot_be_pinned(node: Node, folder: Path) -> None:
    node.add(SONG, pin="false")
    [leaf] = folder.glob(f"blocks/*/{identify(SONG[262_144:524_288]).cid}")
    leaf.unlink()
    assert node.post("pin/add", arg=str(identify(SONG).cid)).status_code == 500
    assert node.post("pin/ls").json() == {"Keys": {}}


@pytest.mark.parametrize(
    "params", [{"cid-version": "0"}, {"raw-leaves": "false"}, {"chunker": "size-1048576"}, {"trickle": "true"}]
)
def test_other_profiles_are_refused(node: Node, params: dict[str, str]) -> None:
    assert node.add(b"song", **params).status_code == 500


@pytest.mark.parametrize("command", ["cat", "block/get", "pin/add", "pin/rm"])
@pytest.mark.parametrize("params", [{}, {"arg": "no-cid"}, {"arg": "../../etc/passwd"}])
def test_bad_arguments_are_refused(node: Node, command: str, params: dict[str, str]) -> None:
    answer = node.post(command, **params)
    assert (answer.status_code, answer.json()["Type"]) == (500, "error")


def test_bad_bodies_and_numbers_are_refused(node: Node) -> None:
    assert node.post("add", **PROFILE).status_code == 500
    assert node.post("block/put").status_code == 500
    assert node.put_block(b"no node", **{"cid-codec": "dag-pb"}).status_code == 500
    assert node.put_block(b"block", **{"cid-codec": "dag-cbor"}).status_code == 500
    node.add(b"song")
    assert node.post("cat", arg=str(identify(b"song").cid), offset="-1").status_code == 500


def test_a_restart_keeps_blocks_and_pins(tmp_path: Path) -> None:
    [port] = free_ports(1)
    program = ipfs_program(tmp_path, port)
    url = f"http://127.0.0.1:{port}"
    cid = str(identify(SONG).cid)
    with RunningProgram.start(program) as running:
        Node(url).add(SONG)
        running.kill()
    with RunningProgram.start(program) as running:
        assert Node(url).post("cat", arg=cid).content == SONG
        assert cid in Node(url).post("pin/ls").json()["Keys"]
        running.stop()
        assert running.process.returncode == 0
