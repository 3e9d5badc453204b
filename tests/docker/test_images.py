"""The Dockerfiles: what they copy is there, what they pin is what the project pins, and an image holds its service."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.docker.compose import BASE, GPU, ROOT, development, image_services, load
from tests.docker.dockerfiles import DEVELOPMENT, SERVICES, Stage, is_let_in, lineage, read
from tests.docker.imports import owners, third_parties

IMAGES = {"api": ["api"], "indexer": ["indexer"], "worker": ["stem_worker"]}
"""Each production image and the rooms in it beside the kernel."""

FORBIDDEN = ("stack", "contracts", "scripts", "tests", "benchmarks")
DOCKERFILES = pytest.mark.parametrize("dockerfile", [SERVICES, DEVELOPMENT], ids=lambda file: file.stem)


@DOCKERFILES
def test_every_source_is_there_and_let_in(dockerfile: Path) -> None:
    stages = read(dockerfile)
    for stage in stages.values():
        for origin, sources in stage.copied():
            assert origin in ("", *stages), f"{stage.name} copies from {origin}"
            for source in sources if not origin else ():
                assert (ROOT / source).exists(), f"{stage.name} copies {source}"
                assert is_let_in(dockerfile, source.rstrip("/")), f"{source} is kept out of the context"


@DOCKERFILES
def test_every_base_is_a_stage_or_pinned_by_an_exact_tag(dockerfile: Path) -> None:
    seen: set[str] = set()
    for stage in read(dockerfile).values():
        exact = re.fullmatch(r"[a-z]+:\d+\.\d+\.\d+-[a-z-]+", stage.base)
        assert stage.base in seen or stage.base == "scratch" or exact, f"{stage.name} begins with {stage.base}"
        seen.add(stage.name)


def test_every_target_of_the_compose_files_is_a_stage_that_runs_as_nobody_special() -> None:
    composed = load({**development(), "WEIGHTS_DIR": "/srv/weights"}, BASE, GPU)
    targets = {"worker"} | {service["build"]["target"] for service in image_services(composed).values()}
    assert targets == {"api", "indexer", "worker", "worker-with-weights", "development"}
    for service in image_services(composed).values():
        stages = read(ROOT / service["build"]["dockerfile"])
        users = [stage.all("USER") for stage in lineage(stages, service["build"]["target"])]
        last = next(of_stage[-1] for of_stage in users if of_stage)
        assert last == "10001:10001"


def test_every_mounted_folder_belongs_to_that_user() -> None:
    composed = load(development())
    for name, service in image_services(composed).items():
        stages = read(ROOT / service["build"]["dockerfile"])
        runs = " ".join(rest for stage in lineage(stages, service["build"]["target"]) for rest in stage.all("RUN"))
        [made] = re.findall(r"install --directory --owner stemma --group stemma --mode 0700 ([^&]*)", runs)
        for volume in service.get("volumes", []):
            place = volume if ":" not in volume else volume.split(":")[1]
            assert place in made.split(), f"{name} mounts {place}, which root would own"


def test_no_image_of_production_can_hold_what_is_for_development() -> None:
    for room in FORBIDDEN:
        assert not is_let_in(SERVICES, f"{room}/a.py")
    for path in (".env", "docker/development.env", "node_modules/solc/solc.js", ".git/config", ".stemma/ports.json"):
        assert not is_let_in(SERVICES, path)
        assert not is_let_in(DEVELOPMENT, path)
    copied = {
        source.rstrip("/")
        for name in (*IMAGES, "worker-with-weights")
        for stage in everything_in(read(SERVICES), name)
        for origin, sources in stage.copied()
        for source in sources
        if not origin
    }
    rooms = {source for source in copied if (ROOT / source).is_dir()}
    assert rooms == {"stemma", "api", "indexer", "stem_worker"}


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_the_kernel_and_its_own_room(image: str) -> None:
    rooms = {
        source.rstrip("/")
        for stage in everything_in(read(SERVICES), image)
        for origin, sources in stage.copied()
        for source in sources
        if not origin and (ROOT / source).is_dir()
    }
    assert rooms == {"stemma", *IMAGES[image]}


def everything_in(stages: dict[str, Stage], name: str) -> list[Stage]:
    """A stage, those it begins with, and those it copies from."""
    found = lineage(stages, name)
    for stage in found:
        found += [other for origin, _ in stage.copied() if origin for other in lineage(stages, origin)]
    return found


def test_pins_are_those_of_the_project() -> None:
    text = SERVICES.read_text() + DEVELOPMENT.read_text()
    setup = (ROOT / "scripts" / "setup.sh").read_text()
    pins = {
        "uv": re.findall(r"^UV_VERSION=(\S+)", setup, re.MULTILINE),
        "torch": re.findall(r'"torch==(\S+)"', (ROOT / "pyproject.toml").read_text()),
        "setuptools": re.findall(r"^setuptools==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE),
    }
    for package, [version] in pins.items():
        assert set(re.findall(rf"\b{package}==(\S+)", text)) == {version}, package
    assert set(re.findall(r"python:(\d+\.\d+)\.", text)) == {"3.11"}
    [engine] = re.findall(r">=(\d+)", json.loads((ROOT / "package.json").read_text())["engines"]["node"])
    assert set(re.findall(r"node:(\d+)\.", text)) == {engine}


def locked(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9][a-z0-9.-]*)(?:\[[^\]]*\])?==(\S+)", file.read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", sorted((ROOT / "docker").glob("*.lock")), ids=lambda file: file.stem)
def test_lock_files_of_images_agree_with_the_projects(lock: Path) -> None:
    assert locked(lock).items() <= locked(ROOT / "requirements.lock").items()
    assert lock.read_text().count("--hash=sha256:") > len(locked(lock))


@pytest.mark.parametrize("image", IMAGES)
def test_whatever_an_image_imports_is_in_its_lock_file(image: str) -> None:
    installed = locked(ROOT / "docker" / f"{image}.lock").keys() | ({"torch"} if image == "worker" else set())
    needed = third_parties(["stemma/command.py", *IMAGES[image]])
    assert len(needed) > 10
    for module, importers in needed.items():
        assert owners(module) & installed, f"{module}, imported by {sorted(importers)}, is not in docker/{image}.lock"


def test_images_leave_out_what_they_do_not_need() -> None:
    locks = {image: locked(ROOT / "docker" / f"{image}.lock").keys() for image in IMAGES}
    assert not {"fastapi", "sqlalchemy", "redis", "eth-ape"} & locks["worker"]
    assert not {"demucs", "numpy", "fastapi", "eth-ape"} & locks["indexer"]
    assert not {"demucs", "safetensors", "eth-ape"} & locks["api"]


@pytest.mark.parametrize("image", IMAGES)
def test_an_images_package_is_whole_and_works_without_the_other_rooms(image: str, tmp_path: Path) -> None:
    context = tmp_path / "context"
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (context / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, context / name)
    for room in ("stemma", *IMAGES[image]):
        shutil.copytree(ROOT / room, context / room, ignore=shutil.ignore_patterns("__pycache__"))
    # What pip asks of the project's build backend, without two processes of pip's own.
    build = f"from setuptools.build_meta import build_wheel; build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=context, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)

    for room in ("stemma", *IMAGES[image]):
        missing = files_of(context / room) - files_of(installed / room) - {"migrations/script.py.mako"}
        assert not missing, f"the package of {image} lacks {sorted(missing)} of {room}/"
    command = "from stemma.command import main; main(['--help'])"
    listed = run_isolated(installed, command)
    commands = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["stemma.commands"]
    expected = {name for name, place in commands.items() if place.partition(".")[0] in ("stemma", *IMAGES[image])}
    assert set(re.findall(r"^  ([a-z][a-z-]*)  ", listed.partition("Commands:")[2], re.MULTILINE)) == expected
    helps = f"for name in {sorted(expected)}: print(CliRunner().invoke(main, [name, '--help']).output)"
    helped = run_isolated(installed, f"from click.testing import CliRunner\nfrom stemma.command import main\n{helps}")
    assert helped.count("Usage: ") == len(expected)
    modules = [
        file.removesuffix(".py").replace("/", ".") for file in sorted(files_of(installed)) if ".dist-info" not in file
    ]
    skipped = ("__init__", "__main__", "migrations", "training")
    importable = [module for module in modules if module.isascii() and not any(part in module for part in skipped)]
    importable = [module for module in importable if (installed / (module.replace(".", "/") + ".py")).is_file()]
    assert "imported" in run_isolated(
        installed, f"import importlib\nfor m in {importable}: importlib.import_module(m)\nprint('imported')"
    )


def files_of(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc"}


def run_isolated(installed: Path, code: str) -> str:
    """Run code that sees the package as it is installed and the packages of others, but not this checkout."""
    places = [str(installed), sysconfig.get_path("purelib")]
    program = f"import sys; sys.path += {places!r}\n{code}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], cwd=installed, capture_output=True, text=True, check=False, env={}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
