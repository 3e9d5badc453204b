"""The demo's bars and its closing table."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
    """Print the recording, its six stems, and the seconds per stage."""
    recording = journey.recording
    table = Table(title=f"{recording['title']} by {recording['artist']}", title_justify="left", expand=False)
    for heading in ("kind", "workId", "SHA-256", "CID", "transaction", "block"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "block" else "left")
    table.add_row(
        "recording",
        recording["workId"],
        recording["contentHash"],
        recording["separation"]["manifestCid"],
        recording["tx"],
        str(recording["block"]),
    )
    for stem in recording["stems"]:
        table.add_row(*(str(stem[key]) for key in ("kind", "workId", "sha256", "cid", "tx", "block")))
    console.print(table)
    console.print(f"Model: {recording['modelVersion']}")
    if journey.seconds:
        spent = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in journey.seconds.items())
        console.print(f"Time: {spent}; {sum(journey.seconds.values()):.1f} s in all")
    if journey.si_sdr_gain_db is not None:
        console.print(f"SI-SDR gain over the mix, mean of six stems: {journey.si_sdr_gain_db:.1f} dB")
