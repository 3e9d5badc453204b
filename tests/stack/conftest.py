"""What the stack's own tests share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.home import remove_home


@pytest.fixture
def home() -> Iterator[Path]:
    """A home folder of this test that the account of Postgres can reach."""
    folder = Path(tempfile.mkdtemp(prefix="stemma-home-"))
    folder.chmod(0o711)
    yield folder
    if (folder / "lock").exists():
        remove_home(folder)
    else:
        shutil.rmtree(folder)
