"""What an operator reads when the settings are wrong."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from stack.ports import free_ports
from stemma.command import main
from stemma.settings import get_settings


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The output of `stemma indexer …` with a DATABASE_URL."""
    monkeypatch.chdir(tmp_path)

    def run(database_url: str, *arguments: str) -> str:
        monkeypatch.setenv("DATABASE_URL", database_url)
        get_settings.cache_clear()
        done = CliRunner().invoke(main, ["indexer", *arguments])
        assert (done.exit_code, "Traceback" in done.output) == (1, False), done.output
        return done.output

    yield run
    get_settings.cache_clear()


@pytest.mark.parametrize("command", [("status",), ("migrate",), ("run",), ("publish", "--generation", "1")])
def test_a_database_that_nobody_named(said, command: tuple[str, ...]) -> None:
    assert "DATABASE_URL is not set" in said("", *command)


def test_a_database_that_does_not_answer(said) -> None:
    (port,) = free_ports(1)
    assert "the database does not answer" in said(f"postgresql://a:b@127.0.0.1:{port}/c", "status")
