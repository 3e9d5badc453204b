"""What docs/security/ says of the tests is so: those that it names are there."""

import re
from collections.abc import Iterator

import pytest

from tests.contract_machines.compiler import ROOT
from tests.contract_machines.running import MACHINES

CLAIMS = (ROOT / "docs" / "security" / "claims.md").read_text()
FOLDERS = (ROOT, ROOT / "tests" / "contracts")


def named_tests() -> Iterator[str]:
    """Tests as the page names them; `::Name` alone goes on in the file before it."""
    file = ""
    for name in re.findall(r"`((?:[\w/]*test_\w+\.py)?(?:::\w+)*)`", CLAIMS):
        if not name:
            continue
        path, *places = name.split("::")
        file = path or file
        yield "::".join([file, *places])


@pytest.mark.parametrize("name", dict.fromkeys(named_tests()))
def test_a_test_that_is_named_is_there(name: str) -> None:
    path, *places = name.split("::")
    [file] = [folder / path for folder in FOLDERS if (folder / path).is_file()]
    text = file.read_text()
    for place in places:
        assert re.search(rf"^ *(class|def) {place}\b", text, re.MULTILINE), f"{file} has no {place}"


def test_a_machine_that_is_named_is_there() -> None:
    named = set(re.findall(r"machine `(\w+)`", CLAIMS))
    assert named
    assert named <= MACHINES.keys()
