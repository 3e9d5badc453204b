"""What a given setting changes, and what the operator is told when one is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stack.anvil_node import development_key
from stack.deploy import contracts_in_place, refuse_to_deploy
from stack.errors import SettingMissing
from stack.parts import PORT_NAMES, Parts, stack_environment

PORTS = {name: 50000 + index for index, name in enumerate(PORT_NAMES)}
KEYS = {"RELAYER_PRIVATE_KEY": development_key(1), "ATTESTOR_PRIVATE_KEY": development_key(2)}


def parts(home: Path, **given: str) -> Parts:
    return Parts(home, given)


def test_nothing_given_embeds_everything(tmp_path: Path) -> None:
    nothing = parts(tmp_path)
    assert nothing.embeds_postgres
    assert nothing.embeds_redis
    assert nothing.embeds_anvil
    assert nothing.embeds_pubsub
    environment = stack_environment(nothing, PORTS, KEYS)
    assert environment["PUBLIC_URL"] == f"http://127.0.0.1:{PORTS['api']}"
    assert environment["RPC_URLS"] == f"http://127.0.0.1:{PORTS['anvil']}"
    assert environment["CHAIN_ID"] == "31337"
    assert environment["DEPLOYMENTS_DIR"] == str(tmp_path / "deployments")
    assert environment["STORAGE_URL"] == (tmp_path / "storage").as_uri()
    assert KEYS.items() <= environment.items()


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ("DATABASE_URL", "postgres"),
        ("REDIS_URL", "redis"),
        ("RPC_URLS", "anvil"),
        ("PUBSUB_EMULATOR_HOST", "pubsub"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "pubsub"),
    ],
)
def test_one_setting_replaces_one_part(tmp_path: Path, setting: str, part: str) -> None:
    given = parts(tmp_path, **{setting: "given"})
    embedded = {name for name in ("postgres", "redis", "anvil", "pubsub") if getattr(given, f"embeds_{name}")}
    assert embedded == {"postgres", "redis", "anvil", "pubsub"} - {part}


def test_the_environment_outranks_the_file_and_empty_means_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("REDIS_URL=redis://of-the-file\nSTEM_MODEL=auto\nRPC_URLS=\n")
    monkeypatch.setenv("STEM_MODEL", "demucs-tiny-synth")
    for name in ("REDIS_URL", "RPC_URLS"):
        monkeypatch.delenv(name, raising=False)
    read = Parts.read(tmp_path, file)
    assert read.given["REDIS_URL"] == "redis://of-the-file"
    assert read.given["STEM_MODEL"] == "demucs-tiny-synth"
    assert read.embeds_anvil


def test_another_chain_needs_keys_of_its_own(tmp_path: Path) -> None:
    mainnet = parts(tmp_path, RPC_URLS="https://rpc.example.org", CHAIN_ID="1", ATTESTOR_PRIVATE_KEY="0x1")
    with pytest.raises(SettingMissing, match="chain 1, so set RELAYER_PRIVATE_KEY as well"):
        stack_environment(mainnet, PORTS, KEYS)
    own = parts(tmp_path, RPC_URLS="x", CHAIN_ID="1", ATTESTOR_PRIVATE_KEY="0x1", RELAYER_PRIVATE_KEY="0x2")
    environment = stack_environment(own, PORTS, KEYS)
    assert environment["RELAYER_PRIVATE_KEY"] == "0x2"
    assert environment["DEPLOYMENTS_DIR"].endswith("/deployments")


def test_contracts_are_in_place_only_where_the_chain_has_exactly_their_code(deployed: Any, tmp_path: Path) -> None:
    url, folder = deployed.node.url, deployed.deployments_dir
    assert contracts_in_place(url, folder, 31337)
    assert not contracts_in_place(url, tmp_path / "elsewhere", 31337)
    file = folder / "31337.json"
    text = file.read_text()
    digest = text.split('"sourceDigest": "', 1)[1].split('"', 1)[0]
    other = digest[:-1] + ("0" if digest[-1] != "0" else "1")
    file.write_text(text.replace(digest, other))
    assert not contracts_in_place(url, folder, 31337)
    file.write_text(text)
    address = text.split('"address": "', 1)[1].split('"', 1)[0]
    deployed.node.rpc("anvil_setCode", address, "0x00")
    assert not contracts_in_place(url, folder, 31337)
    assert "docs/development.md" in str(refuse_to_deploy(folder, 1))
