"""`stemma up`: the whole stack in the foreground, on embedded parts where no real ones are given."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import click

from stack.home import ROOT, locked_home
from stack.ledger import Ledger, start_guardian
from stack.log_stream import LogStream
from stack.options import HOME
from stack.parts import Parts
from stack.programs import Plan, plan_stack
from stack.supervisor import Supervisor


@click.command("up")
@HOME
@click.option(
    "--env-file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=ROOT / ".env",
    help="File of settings; the environment outranks it.",
)
@click.option("--until-stdin-ends", is_flag=True, hidden=True, help="Stop when standard input ends.")
def command(home: Path, env_file: Path, until_stdin_ends: bool) -> None:
    """Run the whole stack in the foreground until Ctrl-C."""
    home = home.absolute()
    with locked_home(home):
        asyncio.run(run(home, lambda: plan_stack(Parts.read(home, env_file)), until_stdin_ends=until_stdin_ends))


async def run(home: Path, lay_out: Callable[[], Plan], *, until_stdin_ends: bool = False) -> None:
    """Run a plan until a signal, the end of the terminal or (when asked) the end of standard input.

    The caller holds the lock of `home`. `lay_out` is called once what an earlier stack left running is stopped.

    :raises StackError: a program did not become ready; everything is stopped again.
    """
    began = time.monotonic()
    stop = asyncio.Event()
    log = LogStream(on_gone=stop.set)
    ledger = Ledger(home / "run")
    for entry in await asyncio.to_thread(ledger.sweep):
        log.say(f"stopped {entry.name} (process {entry.pid}), left over from a stack that was killed")
    # A killed stack leaves it, and who waits for this one must not be misled.
    (home / "run" / "ready.json").unlink(missing_ok=True)
    plan = await asyncio.to_thread(lay_out)
    async with _supervised(log, ledger, plan) as supervisor:
        _stop_on_signals(stop, until_stdin_ends)
        starting = asyncio.create_task(_start(supervisor, plan, log, began))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            starting.cancel()
        try:
            await asyncio.gather(starting, return_exceptions=stop.is_set())
            await stopping
        finally:
            stopping.cancel()
        log.say("stopping")
    log.say("stopped")


async def _start(supervisor: Supervisor, plan: Plan, log: LogStream, began: float) -> None:
    for program in plan.servers:
        await supervisor.start(program)
    # It waits for the servers itself, and loads what it needs meanwhile.
    await supervisor.start(plan.prepare, once=True)
    await asyncio.gather(*(supervisor.ready(program) for program in plan.servers))
    await supervisor.finished(plan.prepare)
    for program in plan.services:
        await supervisor.start(program)
    await asyncio.gather(*(supervisor.ready(program) for program in plan.services))
    plan.note_ready()
    log.say(f"ready after {time.monotonic() - began:.1f} s")
    for label, url in plan.urls.items():
        log.say(f"  {label:<9} {url}")
    log.say("Ctrl-C stops everything; the data stays in " + str(plan.home))


@asynccontextmanager
async def _supervised(log: LogStream, ledger: Ledger, plan: Plan) -> AsyncIterator[Supervisor]:
    guardian = start_guardian(ledger.folder)
    supervisor = Supervisor(log, ledger)
    await supervisor.open()
    keeping = asyncio.create_task(plan.chain_keeper.run()) if plan.chain_keeper else None
    try:
        yield supervisor
    finally:
        plan.note_stopping()
        await supervisor.stop([plan.prepare.name, *(program.name for program in plan.services)])
        if keeping is not None and plan.chain_keeper is not None:
            keeping.cancel()
            await plan.chain_keeper.save_if_up()
        await supervisor.close()
        assert guardian.stdin is not None
        guardian.stdin.close()
        await asyncio.to_thread(guardian.wait)


def _stop_on_signals(stop: asyncio.Event, until_stdin_ends: bool) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_ends:
        loop.add_reader(sys.stdin.fileno(), lambda: stop.set() if not os.read(sys.stdin.fileno(), 1024) else None)
