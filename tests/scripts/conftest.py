"""The compiler as it is installed."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def solc() -> Path:
    done = subprocess.run(
        ["node", ROOT / "scripts" / "install_solc.mjs"], capture_output=True, text=True, check=True, cwd="/"
    )
    return Path(done.stdout.strip())
