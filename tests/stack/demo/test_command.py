"""What `stemma demo --json` prints when something fails."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from stack.demo import command as demo
from stack.demo.artist import ApiRefusal
from stack.demo.journey import UploadFailed
from stack.ports import free_ports


def test_a_silent_api_is_told_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEMMA_HOME", str(tmp_path))
    [port] = free_ports(1)
    origin = f"http://127.0.0.1:{port}"
    result = CliRunner(mix_stderr=False).invoke(demo.command, ["--json", "--api", origin])
    assert result.exit_code == 1
    told = json.loads(result.stdout.splitlines()[-1])
    assert told["error"]["code"] == "api_silent"
    assert origin in told["error"]["detail"]


@pytest.mark.parametrize(
    "failure",
    [
        UploadFailed("audio_unreadable", "the file is not audio"),
        ApiRefusal({"code": "audio_unreadable", "title": "Not audio", "detail": "the file is not audio"}),
    ],
    ids=["refused later", "refused at once"],
)
def test_a_refused_song_is_told_with_its_own_code(
    failure: click.ClickException, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> None:
        raise failure

    monkeypatch.setattr(demo, "_push_through", refused)
    result = CliRunner(mix_stderr=False).invoke(demo.command, ["--json", "--api", "http://127.0.0.1:1"])
    assert result.exit_code == 1
    expected = {"error": {"code": "audio_unreadable", "detail": "the file is not audio"}}
    assert json.loads(result.stdout.splitlines()[-1]) == expected
    assert "audio_unreadable" in result.stderr
    silent = CliRunner(mix_stderr=False).invoke(demo.command, ["--api", "http://127.0.0.1:1"])
    assert "{" not in silent.stdout
