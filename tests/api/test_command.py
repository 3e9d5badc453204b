"""What an operator reads when a setting of the API is missing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from stemma.command import main
from stemma.settings import get_settings

GIVEN = {
    "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c",
    "JWT_PRIVATE_KEY_FILE": "key.pem",
    "PUBLIC_URL": "http://localhost",
    "RELAYER_PRIVATE_KEY": "",
}


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("api", "DATABASE_URL"),
        ("api", "JWT_PRIVATE_KEY_FILE"),
        ("api", "PUBLIC_URL"),
        ("api-jobs", "RELAYER_PRIVATE_KEY"),
        ("api migrate", "DATABASE_URL"),
    ],
)
def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, command: str, missing: str) -> None:
    for name, value in {**GIVEN, missing: ""}.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, command.split())
    assert done.exit_code == 1, done.output
    assert done.output.startswith(f"Error: {missing} "), done.output
