"""A setting that cannot be used is named in one sentence, and its value is nobody's business."""

import subprocess
import sys
from pathlib import Path

import pytest

from stemma.settings import Settings, SettingsInvalid, get_settings

KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
ORDER = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()


@pytest.mark.parametrize("key", [KEY[2:], KEY[:-1], KEY + "0", "0x" + "0" * 64, ORDER, "0x" + "g" * 64])
def test_a_malformed_key_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("RELAYER_PRIVATE_KEY", key)
    with pytest.raises(SettingsInvalid) as refusal:
        get_settings()
    assert "RELAYER_PRIVATE_KEY" in refusal.value.detail
    assert key not in refusal.value.detail
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_a_good_key_is_taken_and_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAYER_PRIVATE_KEY", KEY)
    settings = get_settings()
    assert settings.relayer_private_key is not None
    assert settings.relayer_private_key.get_secret_value() == KEY
    assert KEY not in repr(settings)


def test_all_faults_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAIN_ID", "abc")
    monkeypatch.setenv("API_PORT", "70000")
    with pytest.raises(SettingsInvalid, match=r"CHAIN_ID: .*; API_PORT: .*\(see \.env\.example\)"):
        get_settings()


def test_an_empty_value_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPLOAD_MAX_BYTES", "")
    assert get_settings().upload_max_bytes == Settings.model_fields["upload_max_bytes"].default


@pytest.mark.parametrize("command", [["api"], ["api-jobs"], ["indexer", "run"], ["worker"]])
def test_every_command_ends_with_that_sentence(command: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("stemma"), *command],
        env={"CHAIN_ID": "abc"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: CHAIN_ID: ")
    assert "Traceback" not in done.stderr
