"""What a given setting changes, and what the operator is told when one is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stack.anvil_node import AnvilNode, development_key
from stack.databases import API_LOGIN, INDEXER_LOGIN, LOGINS, Database
from stack.deploy import contracts_in_place, refuse_to_deploy
from stack.errors import SettingMissing, SettingWrong, WrongChain
from stack.home import ROOT
from stack.keys import ensure_login_passwords
from stack.parts import PORT_NAMES, SERVICES, Parts, api_origin, process_environment, stack_environment
from stack.prepare import prepare_contracts

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
    database = Database.of("postgresql://x/y", dict.fromkeys(LOGINS, "z"))
    for name in SERVICES:
        urls = process_environment(name, environment, database, PORTS)["RPC_URLS"].split(",")
        heads = [f"ws://127.0.0.1:{PORTS['anvil']}"] if name == "indexer" else []
        assert urls == [environment["RPC_URLS"], *heads]
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
    monkeypatch.setenv("REDIS_URL", "")
    monkeypatch.delenv("RPC_URLS", raising=False)
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


def test_a_chain_id_needs_a_node_and_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(SettingMissing, match="CHAIN_ID is 1 and the embedded chain is 31337, so set RPC_URLS"):
        stack_environment(parts(tmp_path, CHAIN_ID="1"), PORTS, KEYS)
    with pytest.raises(SettingWrong, match="'mainnet', which is no chain id"):
        stack_environment(parts(tmp_path, CHAIN_ID="mainnet", RPC_URLS="x"), PORTS, KEYS)


def test_development_keys_are_not_used_where_the_node_is_on_another_chain(anvil: AnvilNode, tmp_path: Path) -> None:
    anvil.rpc("anvil_setChainId", 8453)
    with pytest.raises(WrongChain, match="on chain 8453, but CHAIN_ID says 31337"):
        prepare_contracts(parts(tmp_path, RPC_URLS=anvil.url, DEPLOYMENTS_DIR=str(tmp_path)))
    assert anvil.block_number() == 0


def test_relative_paths_mean_the_checkout_whatever_folder_a_process_works_in(tmp_path: Path) -> None:
    given = parts(tmp_path, STEM_MODEL_REPO="weights", JWT_PRIVATE_KEY_FILE="/etc/jwt.pem", DEPLOYMENTS_DIR="d")
    environment = stack_environment(given, PORTS, KEYS)
    assert environment["STEM_MODEL_REPO"] == str(ROOT / "weights")
    assert environment["DEPLOYMENTS_DIR"] == str(ROOT / "d")
    assert environment["JWT_PRIVATE_KEY_FILE"] == "/etc/jwt.pem"


@pytest.mark.parametrize(
    ("host", "origin"),
    [("0.0.0.0", "http://127.0.0.1:9"), ("10.0.0.7", "http://10.0.0.7:9"), ("::1", "http://[::1]:9")],
)
def test_the_api_is_asked_where_it_listens(tmp_path: Path, host: str, origin: str) -> None:
    environment = stack_environment(parts(tmp_path, API_HOST=host, API_PORT="9"), PORTS, KEYS)
    assert environment["API_HOST"] == host
    assert environment["PUBLIC_URL"] == api_origin(host, "9") == origin


def test_every_process_has_a_metrics_port_of_its_own_or_none(tmp_path: Path) -> None:
    database = Database.of("postgresql://admin@db/stemma", dict.fromkeys(LOGINS, "x"))

    def metrics(**given: str) -> list[str]:
        shared = stack_environment(parts(tmp_path, **given), PORTS, KEYS)
        return [process_environment(name, shared, database, PORTS)["METRICS_PORT"] for name in SERVICES]

    assert len(set(metrics(METRICS_PORT="9464"))) == len(SERVICES)
    assert set(metrics(METRICS_PORT="0")) == {"0"}


def test_no_service_gets_what_only_the_preparation_needs(tmp_path: Path) -> None:
    database = Database.of("postgresql://admin@db/stemma", dict.fromkeys(LOGINS, "x"))
    of_prepare = {"DEPLOYER_PRIVATE_KEY": "0x3", "INDEXER_DATABASE_PASSWORD": "0x4", "API_DATABASE_PASSWORD": "0x5"}
    shared = stack_environment(parts(tmp_path, **of_prepare), PORTS, KEYS)
    for name in SERVICES:
        assert not set(of_prepare.values()) & set(process_environment(name, shared, database, PORTS).values())


def test_passwords_of_the_logins_are_the_given_ones_or_made_once(tmp_path: Path) -> None:
    given = {"INDEXER_DATABASE_PASSWORD": "one", "API_DATABASE_PASSWORD": "two"}
    assert ensure_login_passwords(tmp_path, given) == {INDEXER_LOGIN: "one", API_LOGIN: "two"}
    assert not (tmp_path / "secrets").exists()
    with pytest.raises(SettingMissing, match="INDEXER_DATABASE_PASSWORD"):
        ensure_login_passwords(tmp_path, {"API_DATABASE_PASSWORD": "two"})
    assert ensure_login_passwords(tmp_path, {}) == ensure_login_passwords(tmp_path, {})


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
    file.write_text(text[: len(text) // 2])
    assert not contracts_in_place(url, folder, 31337), "half a file"
    file.write_text(text)
    address = text.split('"address": "', 1)[1].split('"', 1)[0]
    deployed.node.rpc("anvil_setCode", address, "0x00")
    assert not contracts_in_place(url, folder, 31337)
    assert "docs/development.md" in str(refuse_to_deploy(folder, 1))
