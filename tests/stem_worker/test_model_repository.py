"""Weights are found, fetched, hashed in full before anything of them is interpreted, and never half there."""

import hashlib
import io
import pickle
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import structlog
import torch
from demucs.htdemucs import HTDemucs
from safetensors.torch import save

from stem_worker import model_repository
from stem_worker.engine import Engine
from stem_worker.errors import ModelUnavailable, WeightsRefused
from stem_worker.model_repository import TINY_FOLDER, ModelRepository
from stem_worker.training.recipe import SOURCES, Recipe
from stem_worker.training.train import new_model
from stem_worker.weights import HTDEMUCS_6S, PublishedModel, WeightsFile, load_folder

CLOSED = "http://127.0.0.1:9/"


@pytest.fixture(scope="module")
def pickled() -> bytes:
    """A checkpoint as demucs writes them, for the small architecture."""
    network = new_model(Recipe())
    state = {name: tensor.half() for name, tensor in network.state_dict().items()}
    kwargs = {"sources": list(SOURCES), **Recipe().architecture}
    file = io.BytesIO()
    torch.save({"klass": HTDemucs, "args": (), "kwargs": kwargs, "state": state}, file)
    return file.getvalue()


def published(data: bytes, url: str = CLOSED, kind: str = "pickle") -> PublishedModel:
    file = WeightsFile(
        name="abc.th",
        sha256=hashlib.sha256(data).digest(),
        max_bytes=4_000_000,
        url=url,
        format="pickle" if kind == "pickle" else "safetensors",
    )
    return PublishedModel(
        name="big", version="demucs-big", files=(file,), sources=SOURCES, arguments=Recipe().architecture
    )


@dataclass
class Server:
    """A web server that answers with `data`, and counts."""

    data: bytes = b""
    status: int = 200
    cut_at: int | None = None
    asked: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(state.data)))
            self.end_headers()
            self.wfile.write(state.data[: state.cut_at])

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_port}/abc.th"
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield state
    http.shutdown()
    http.server_close()


def test_weights_in_the_folder_are_taken(tmp_path: Path, pickled: bytes) -> None:
    (tmp_path / "abc.th").write_bytes(pickled)
    model = ModelRepository(tmp_path, published(pickled)).load("htdemucs_6s")
    assert model.version == "demucs-big"
    assert model.weights_sha256 == hashlib.sha256(pickled).digest()
    stems = Engine(model).separate(np.zeros((2, 1000), dtype=np.float32))
    assert set(stems) == set(SOURCES)


def test_safetensors_are_loaded_strictly(tmp_path: Path) -> None:
    state = {name: tensor.contiguous() for name, tensor in new_model(Recipe()).state_dict().items()}
    data = save(state)
    (tmp_path / "abc.th").write_bytes(data)
    assert ModelRepository(tmp_path, published(data, kind="safetensors")).load("htdemucs_6s").version == "demucs-big"
    data = save(dict(list(state.items())[:-1]))
    (tmp_path / "abc.th").write_bytes(data)
    with pytest.raises(ModelUnavailable, match="does not fit the architecture"):
        ModelRepository(tmp_path, published(data, kind="safetensors")).load("htdemucs_6s")


def test_weights_are_fetched_once_and_kept(tmp_path: Path, server: Server, pickled: bytes) -> None:
    server.data = pickled
    for _ in range(2):
        assert ModelRepository(tmp_path / "new", published(pickled, server.url)).load("auto").version == "demucs-big"
    assert server.asked == ["/abc.th"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["abc.th"]


class Trap:
    """Unpickled, it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("place", ["folder", "server"])
def test_a_hostile_pickle_is_never_opened(tmp_path: Path, server: Server, pickled: bytes, place: str) -> None:
    mark, folder = tmp_path / "opened", tmp_path / "models"
    folder.mkdir()
    hostile = pickle.dumps({"klass": Trap(mark)})
    if place == "folder":
        (folder / "abc.th").write_bytes(hostile)
    else:
        server.data = hostile
    with pytest.raises(ModelUnavailable, match="has SHA-256"):
        ModelRepository(folder, published(pickled, server.url)).load("htdemucs_6s")
    assert not mark.exists()
    pickle.loads(hostile)
    assert mark.exists(), "the trap itself must work"


def test_the_first_eight_digits_of_the_hash_are_not_enough(tmp_path: Path, pickled: bytes) -> None:
    wanted = published(pickled)
    digest = wanted.files[0].sha256
    forged = replace(wanted, files=(replace(wanted.files[0], sha256=digest[:31] + bytes([digest[31] ^ 1])),))
    (tmp_path / "abc.th").write_bytes(pickled)
    with pytest.raises(ModelUnavailable):
        ModelRepository(tmp_path, forged).load("htdemucs_6s")


@pytest.mark.parametrize("fault", ["cut", "missing", "long"])
def test_a_failed_fetch_leaves_nothing(tmp_path: Path, server: Server, pickled: bytes, fault: str) -> None:
    server.data = pickled
    if fault == "cut":
        server.cut_at = len(pickled) // 2
    elif fault == "missing":
        server.status = 404
    else:
        server.data = pickled + bytes(5_000_000)
    with pytest.raises(ModelUnavailable):
        ModelRepository(tmp_path, published(pickled, server.url)).load("htdemucs_6s")
    assert list(tmp_path.iterdir()) == []


def test_auto_falls_back_loudly_and_under_the_small_models_own_name(tmp_path: Path, pickled: bytes) -> None:
    with structlog.testing.capture_logs() as lines:
        model = ModelRepository(tmp_path, published(pickled)).load("auto")
    assert model.version == "demucs-tiny-synth"
    warnings = [line["event"] for line in lines if line["log_level"] == "warning"]
    assert any("SEPARATING WITH THE SMALL MODEL demucs-tiny-synth" in line for line in warnings)


def test_insisting_on_the_published_model_does_not_fall_back(tmp_path: Path, pickled: bytes) -> None:
    with pytest.raises(ModelUnavailable, match=r"abc\.th"):
        ModelRepository(tmp_path, published(pickled)).load("htdemucs_6s")


def test_the_small_model_asks_nobody(tmp_path: Path, server: Server, pickled: bytes) -> None:
    model = ModelRepository(tmp_path, published(pickled, server.url)).load("demucs-tiny-synth")
    assert (model.version, server.asked) == ("demucs-tiny-synth", [])


def test_without_a_folder_nothing_is_fetched(server: Server, pickled: bytes) -> None:
    assert ModelRepository(None, published(pickled, server.url)).load("auto").version == "demucs-tiny-synth"
    assert server.asked == []


def test_a_host_that_does_not_answer_is_given_up_soon(
    tmp_path: Path, pickled: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setattr(model_repository, "CONNECT_SECONDS", 0.3)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for other in waiting:
            other.setblocking(False)
            other.connect_ex(address)
        began = time.monotonic()
        repository = ModelRepository(tmp_path, published(pickled, f"http://127.0.0.1:{address[1]}/"))
        assert repository.load("auto").version == "demucs-tiny-synth"
        assert time.monotonic() - began < 10
        for other in waiting:
            other.close()


def test_the_committed_weights_are_checked_too(tmp_path: Path) -> None:
    for file in TINY_FOLDER.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert load_folder(tmp_path).version == "demucs-tiny-synth"
    weights = tmp_path / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(WeightsRefused):
        load_folder(tmp_path)


def test_the_large_architecture_is_the_published_one() -> None:
    with torch.device("meta"):
        network = HTDemucs(sources=list(HTDEMUCS_6S.sources), **HTDEMUCS_6S.arguments)
    assert sum(parameter.numel() for parameter in network.parameters()) == 27_414_996
    assert int(network.segment * network.samplerate) == 343_980
    assert HTDEMUCS_6S.version == "demucs-htdemucs-6s"
    assert HTDEMUCS_6S.files[0].name.split("-")[1] == HTDEMUCS_6S.files[0].sha256.hex()[:8] + ".th"
