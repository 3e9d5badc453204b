"""The small model, a song that it was not trained on, and real storage."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from stem_worker.engine import Engine
from stem_worker.model import StemModel
from stem_worker.model_repository import TINY_FOLDER
from stem_worker.synth import SynthSong, demo_song
from stem_worker.weights import load_folder
from stemma.storage import Storage, open_storage_at
from tests.stem_worker.orders import Requests


@pytest.fixture(scope="session")
def model() -> StemModel:
    return load_folder(TINY_FOLDER)


@pytest.fixture(scope="session")
def engine(model: StemModel) -> Engine:
    return Engine(model, threads=1)


@pytest.fixture(scope="session")
def song() -> SynthSong:
    return demo_song()


@pytest.fixture(scope="session")
def separated(engine: Engine, song: SynthSong) -> Mapping[str, npt.NDArray[np.float32]]:
    return engine.separate(song.mix)


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage_at(f"file://{tmp_path}/storage") as opened:
        yield opened


@pytest.fixture
def requests(storage: Storage) -> Requests:
    return Requests(storage)
