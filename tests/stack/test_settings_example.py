"""`.env.example` and the settings say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from stemma.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
OF_OTHERS = {
    *("STEMMA_HOME", "INDEXER_DATABASE_PASSWORD", "API_DATABASE_PASSWORD"),  # the stack's
    # the deployment's
    *("DEPLOYER_PRIVATE_KEY", "CONTRACTS_ADMIN", "GUARDIAN", "ATTESTORS", "ARBITERS", "FEE_RECIPIENT"),
    *("POSTGRES_PASSWORD", "WEIGHTS_DIR", "TORCH_BACKEND"),  # the compose files'
    "GOOGLE_APPLICATION_CREDENTIALS",  # Google's libraries'
}
"""Not read by the settings of the processes."""

READ_FROM_THE_ENVIRONMENT = re.compile(r"(?:os\.environ(?:\.get\(|\[)|_one\(|_several\()\"([A-Z0-9_]+)\"")
OF_EVERY_SYSTEM = {"PATH"}

SETTING = re.compile(r"#?([A-Z][A-Z0-9_]*)=(.*)")


def example() -> dict[str, tuple[str, str]]:
    """The settings of the file: name -> (value, the comment above it, which settings in a row share)."""
    found: dict[str, tuple[str, str]] = {}
    comment = ""
    is_complete = False
    for line in (ROOT / ".env.example").read_text().splitlines():
        if match := SETTING.fullmatch(line):
            found[match[1]] = (match[2], comment)
            is_complete = True
            continue
        if is_complete or line.startswith("# ---"):
            comment, is_complete = "", False
        comment += line.removeprefix("#")
    return found


def test_every_setting_is_explained_and_no_other() -> None:
    assert set(example()) - OF_OTHERS == {name.upper() for name in Settings.model_fields}
    for name, (_, comment) in example().items():
        assert len(comment) > 20, f"{name} is not explained"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_simple_defaults_are_named(name: str) -> None:
    default = Settings.model_fields[name].default
    if default is PydanticUndefined or not isinstance(default, str | int) or default in ("", 0):
        return
    value, comment = example()[name.upper()]
    shown = str(default).lower() if isinstance(default, bool) else str(default)
    assert shown in f"{value} {comment}", f"the default of {name.upper()} is {shown}"


def test_the_examples_are_valid_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, (value, _) in example().items():
        if value:
            monkeypatch.setenv(name, value)
    Settings(_env_file=None)  # type: ignore[call-arg]


def test_what_a_script_reads_from_the_environment_is_explained() -> None:
    files = [file for room in ("scripts", "stack") for file in (ROOT / room).rglob("*.py")]
    read = {name for file in files for name in READ_FROM_THE_ENVIRONMENT.findall(file.read_text())}
    assert {"DEPLOYER_PRIVATE_KEY", "GUARDIAN", "ARBITERS"} <= read
    assert read - OF_EVERY_SYSTEM <= set(example())
