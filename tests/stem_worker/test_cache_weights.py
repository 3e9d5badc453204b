"""An operator's weights enter an image only if they are the published ones, to the last byte."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import save

from stem_worker.cache_weights import cache_weights
from stem_worker.errors import ModelUnavailable, WeightsRefused
from stem_worker.model_repository import ModelRepository
from stem_worker.training.recipe import SOURCES, Recipe
from stem_worker.training.train import new_model
from stem_worker.weights import HTDEMUCS_6S, PublishedModel, WeightsFile


@pytest.fixture(scope="module")
def weights() -> bytes:
    return save({name: tensor.contiguous() for name, tensor in new_model(Recipe()).state_dict().items()})


def published(data: bytes, max_bytes: int = 4_000_000) -> PublishedModel:
    files = [
        WeightsFile(name, hashlib.sha256(data).digest(), max_bytes, "http://127.0.0.1:9/", "safetensors")
        for name in ("first.th", "second.safetensors")
    ]
    return PublishedModel("big", "demucs-big", tuple(files), SOURCES, Recipe().architecture)


def test_good_weights_are_copied_and_are_what_the_worker_then_loads(tmp_path: Path, weights: bytes) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "second.safetensors").write_bytes(weights)
    (tmp_path / "given" / "notes.txt").write_text("not for the image")

    [copy] = cache_weights(tmp_path / "given", tmp_path / "image" / "models", published(weights))

    assert [path.name for path in copy.parent.iterdir()] == ["second.safetensors"]
    assert ModelRepository(copy.parent, published(weights)).load("htdemucs_6s").version == "demucs-big"


@pytest.mark.parametrize("fault", ["altered", "cut", "long", "another model"])
def test_other_weights_are_refused_and_nothing_is_written(tmp_path: Path, weights: bytes, fault: str) -> None:
    wanted = published(weights)
    given = {"altered": weights[:-1] + bytes([weights[-1] ^ 1]), "cut": weights[:-1]}.get(fault, weights)
    if fault == "long":
        wanted = published(weights, max_bytes=len(weights) - 1)
    if fault == "another model":
        given = save({"weight": new_model(Recipe()).state_dict().popitem()[1].contiguous()})
        wanted = published(given)
    (tmp_path / "first.th").write_bytes(given)

    with pytest.raises(WeightsRefused):
        cache_weights(tmp_path, tmp_path / "models", wanted)

    assert not (tmp_path / "models").exists()


def test_an_empty_folder_is_told_what_belongs_there(tmp_path: Path, weights: bytes) -> None:
    with pytest.raises(ModelUnavailable, match=r"put first\.th or second\.safetensors there"):
        cache_weights(tmp_path, tmp_path / "models", published(weights))


def test_the_command_that_the_image_runs_refuses_a_wrong_file(tmp_path: Path) -> None:
    name = HTDEMUCS_6S.files[0].name
    (tmp_path / name).write_bytes(b"not the weights")
    command = [sys.executable, "-m", "stem_worker.cache_weights", tmp_path, tmp_path / "models"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{name} has SHA-256 {hashlib.sha256(b'not the weights').hexdigest()}" in done.stderr
    assert not (tmp_path / "models").exists()
