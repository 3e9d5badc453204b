"""`stemma exec` where no stack runs; beside one, `tests/end_to_end/test_up.py` runs it."""

from pathlib import Path

from click.testing import CliRunner

from stemma.command import main


def test_without_a_stack_it_says_how_to_start_one(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["exec", "--home", str(tmp_path), "indexer", "stemma", "indexer", "status"])
    assert done.exit_code == 1
    assert f"no stack runs on {tmp_path}: start it with `make up`" in done.output
