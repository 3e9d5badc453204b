"""The mutants still are what they say, and the cheapest of them is caught. `make mutants` runs them all."""

import pytest

from tests.contract_machines.misreadings import MUTANTS, Mutant
from tests.contract_machines.mutants import TABLE, try_mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.misreading)
def test_the_passage_that_a_mutant_changes_is_there(mutant: Mutant) -> None:
    assert mutant.sources().digest


@pytest.mark.timeout(600)
def test_a_mutant_is_caught() -> None:
    [mutant] = [mutant for mutant in MUTANTS if mutant.misreading == "lifting a flag takes it off the count"]
    assert try_mutant(mutant).finding is not None


def test_the_table_of_mutants_is_of_those_that_are_run() -> None:
    rows = [line.strip("| ").split(" | ") for line in TABLE.read_text().splitlines() if line.startswith("| ")]
    assert rows[1:] == [[mutant.misreading, mutant.machine, "caught"] for mutant in MUTANTS]
