"""The demo's bars and its closing table."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from stack.demo.journey import STAGES, Journey


@contextmanager
def stage_bars(console: Console) -> Iterator[Callable[[str, int], None]]:
    """Show one bar per stage; yields the function that reports (stage, percent of that stage)."""
    columns = (TextColumn("{task.description:<18}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(stage: str, percent: int) -> None:
            if stage not in STAGES:
                return
            for earlier in STAGES[: STAGES.index(stage)]:
                if earlier in tasks:
                    bars.update(tasks[earlier], completed=100)
                    bars.stop_task(tasks[earlier])
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=100)
            bars.update(tasks[stage], completed=100 if stage == STAGES[-1] else percent)

        advance(STAGES[0], 0)
        yield advance


def print_report(console: Console, journey: Journey) -> None:
    """Print the recording and its six stems, each identifier whole and on a line of its own, then the seconds."""
    recording = journey.recording
    console.print(f"\n[bold]{recording['title']}[/] by {recording['artist']}")
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    names = {
        "SHA-256": recording["contentHash"],
        "manifest": recording["separation"]["manifestCid"],
    }
    _add_work(table, "recording", recording, names)
    for stem in recording["stems"]:
        _add_work(table, stem["kind"], stem, {"SHA-256": stem["sha256"], "CID": stem["cid"]})
    console.print(table)
    console.print(f"Model: {recording['modelVersion']}")
    if journey.seconds:
        console.print("Seconds per stage:")
        spent = Table.grid(padding=(0, 2))
        for stage, seconds in (*journey.seconds.items(), ("in all", sum(journey.seconds.values()))):
            spent.add_row(stage, f"{seconds:.1f}")
        console.print(spent)
    if journey.si_sdr_gain_db is not None:
        console.print(f"SI-SDR gain over the mix, mean of six stems: {journey.si_sdr_gain_db:.1f} dB")


def _add_work(table: Table, heading: str, work: Mapping[str, Any], names: Mapping[str, str]) -> None:
    table.add_row(f"[bold not dim]{heading}[/]", "")
    for label, value in {"workId": work["workId"], **names, "tx": work["tx"], "block": str(work["block"])}.items():
        table.add_row(label, value)
