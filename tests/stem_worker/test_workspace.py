"""Scratch folders go away with their job, or after a kill with the next start."""

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stem_worker.errors import WorkspaceRefused
from stem_worker.workspace import Workspaces


def test_a_folder_lives_as_long_as_its_job(tmp_path: Path) -> None:
    workspaces = Workspaces(tmp_path)
    with workspaces.folder() as folder:
        (folder / "x").write_text("x")
        assert workspaces.sweep() == 0
        assert folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_job_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="broken"), Workspaces(tmp_path).folder():
        raise RuntimeError("broken")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from stem_worker.workspace import Workspaces\n"
        "with Workspaces(Path(sys.argv[1])).folder() as f:\n"
        "    (f / 'big').write_bytes(bytes(1000)); print('here', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"here\n"
    assert Workspaces(tmp_path).sweep() == 0
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert Workspaces(tmp_path).sweep() == 1
    assert list(tmp_path.iterdir()) == []


def test_a_stray_file_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "stray").write_text("x")
    assert Workspaces(tmp_path).sweep() == 0


def test_a_root_that_others_prepared_is_refused_and_an_open_one_is_closed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(WorkspaceRefused):
        Workspaces(tmp_path / "link")
    (tmp_path / "open").mkdir(mode=0o777)
    assert stat.S_IMODE(Workspaces(tmp_path / "open").root.stat().st_mode) == 0o700
