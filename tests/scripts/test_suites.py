"""`make test` runs every folder of tests."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = {"contracts", "forge"}
"""By ape on both chains; by `make audit`."""


def test_every_folder_with_tests_belongs_to_a_suite_that_is_run() -> None:
    makefile = (ROOT / "Makefile").read_text()
    [named] = re.findall(r"^SUITES := (.*)$", makefile, re.MULTILINE)
    suites = dict(re.findall(r"^tests-([a-z-]+) := (.*)$", makefile, re.MULTILINE))
    assert suites.keys() == set(named.split())
    run = {folder for paths in suites.values() for folder in re.findall(r"tests/([a-z_]+)", paths)}
    held = {file.relative_to(ROOT / "tests").parts[0] for file in (ROOT / "tests").rglob("test_*.py")}
    assert held - ELSEWHERE == run
