"""A bar in the terminal while the indexer catches up; nothing anywhere else."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

SHOWN_FROM_BLOCKS = 200
"""Further behind than this the indexer catches up; nearer it follows, and its log says enough."""


class CatchUp:
    """Told of every commit; shows how far it is, and how fast."""

    def __init__(self, console: Console | None = None) -> None:
        """``console``: the terminal; by default standard error, if that is one."""
        self._console = console or Console(stderr=True)
        self._is_shown = self._console.is_terminal if console is None else True
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._logs = 0
        self._started = 0.0

    def applied(self, block: int, head: int, logs: int) -> None:
        """Note that the index is complete up to a block of a chain whose newest is ``head``; of so many new logs."""
        if not self._is_shown:
            return
        if self._progress is None:
            if head - block > SHOWN_FROM_BLOCKS:
                self._begin(block)
            return
        self._logs += logs
        speed = self._logs / max(time.monotonic() - self._started, 0.001)
        self._progress.update(self._task, completed=block, total=head, speed=f"{speed:,.0f} events/s")
        if block >= head:
            self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._progress:
            self._progress.stop()
            self._progress = None

    def _begin(self, block: int) -> None:
        self._logs, self._started = 0, time.monotonic()
        self._progress = Progress(
            TextColumn("catching up: block {task.completed} of {task.total}"),
            BarColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("", completed=block, total=None, speed="")
        self._progress.start()
