"""What `make clean` removes, and what it never does."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.errors import AlreadyRunning, DataFolderUnusable
from stack.home import clean, locked_home


def test_the_stacks_own_folder_is_removed_also_behind_a_link(tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    for name in ("postgres", "redis", "secrets"):
        (home / name).mkdir(parents=True)
    (home / "ports.json").write_text("{}")
    link = tmp_path / ".stemma"
    link.symlink_to(home)
    clean(link)
    assert not home.exists()
    clean(tmp_path / "never made")


def test_a_folder_in_which_somebody_keeps_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{}")
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(DataFolderUnusable, match=r"also holds thesis\.tex"):
        clean(tmp_path)
    assert (tmp_path / "ports.json").exists()


def test_the_folder_of_a_running_stack_is_left_alone(tmp_path: Path) -> None:
    with locked_home(tmp_path), pytest.raises(AlreadyRunning):
        clean(tmp_path)
    assert (tmp_path / "lock").exists()
