"""The stand-in for the native compiler: what py-solc-x and foundry ask of it."""

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = '// SPDX-License-Identifier: MIT\npragma solidity ^0.8.37;\nimport "{path}";\ncontract A is B {{}}\n'
IMPORTED = "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.37;\ncontract B {}\n"


def run(solc: Path, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([solc, *arguments], input=stdin, capture_output=True, text=True, check=False, cwd="/")


def standard_json(path: str) -> str:
    settings = {"outputSelection": {"*": {"*": ["abi"]}}}
    return json.dumps(
        {"language": "Solidity", "sources": {"A.sol": {"content": SOURCE.format(path=path)}}, "settings": settings}
    )


def test_named_by_the_pinned_version(solc):
    pinned = json.loads((ROOT / "package.json").read_text("utf-8"))["dependencies"]["solc"]
    assert solc == ROOT / ".build" / "solc" / f"solc-v{pinned}"
    done = run(solc, "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("solc, the solidity compiler commandline interface\nVersion: " + pinned + "+commit.")


@pytest.mark.parametrize("option", ["--base-path", "--include-path"])
def test_finds_imports(solc, tmp_path, option):
    (tmp_path / "B.sol").write_text(IMPORTED, "utf-8")
    done = run(solc, "--standard-json", "--allow-paths", ".", option, tmp_path, stdin=standard_json("B.sol"))
    assert done.returncode == 0
    assert json.loads(done.stdout)["contracts"]["A.sol"]["A"]["abi"] == []


def test_reads_a_file(solc, tmp_path):
    (tmp_path / "B.sol").write_text(IMPORTED, "utf-8")
    (tmp_path / "input.json").write_text(standard_json(str(tmp_path / "B.sol")), "utf-8")
    done = run(solc, "--standard-json", tmp_path / "input.json")
    assert "errors" not in json.loads(done.stdout)


def test_missing_import_is_the_compilers_error(solc):
    done = run(solc, "--standard-json", "-", stdin=standard_json("Nowhere.sol"))
    assert done.returncode == 0
    [error] = json.loads(done.stdout)["errors"]
    assert "File not found: Nowhere.sol" in error["formattedMessage"]


@pytest.mark.parametrize("arguments", [(), ("--combined-json", "abi"), ("--base-path",), ("A.sol",)])
def test_refuses_what_it_does_not_do(solc, arguments):
    done = run(solc, *arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("solc shim: ")
