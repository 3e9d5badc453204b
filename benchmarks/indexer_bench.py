"""What the benchmarks of the indexer share: a replayed chain, an embedded Postgres, the example's projections."""

import asyncio
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from replay_node import ADDRESS

from indexer.foreign import Foreign, load, make_schema
from stack.ports import free_ports
from stack.postgres import prepare_postgres
from stack.program import RunningProgram
from stemma.garbage import relax_for_batches

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "erc721"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a job took: wall seconds, CPU seconds of this process and of Postgres."""

    seconds: float
    client_cpu: float
    postgres_cpu: float


@dataclass(frozen=True, slots=True)
class Bench:
    """A database server of this run alone."""

    folder: Path
    database_url: str
    postgres_pid: int

    def foreign(self, node_url: str, schema: str, *, journal_blocks: int = 0) -> Foreign:
        """The example on the replayed chain, in a schema of its own, which is made."""
        text = (EXAMPLE / "indexer.toml").read_text().replace("0x5FbDB2315678afecb367f032d93F642f64180aa3", "")
        text = text.replace('address = ""', f'address = "0x{ADDRESS.hex()}"').replace('"erc721" ', f'"{schema}" ')
        for name in ("transfers.py", "erc721.json"):
            shutil.copy(EXAMPLE / name, self.folder / name)
        path = self.folder / f"{schema}.toml"
        path.write_text(f"journal_blocks = {journal_blocks}\n{text}")
        foreign = load(path, {"DATABASE_URL": self.database_url, "RPC_URLS": node_url})
        asyncio.run(make_schema(foreign))
        return foreign

    @contextmanager
    def on_one_cpu(self) -> Iterator[None]:
        """This process and what Postgres starts from now on share one CPU, as if the machine had no other.

        Two hyperthreads of a core slow each other down, so that the same work counts as more CPU seconds.
        """
        free = os.sched_getaffinity(0)
        try:
            self._keep_to({min(free)})
            yield
        finally:
            self._keep_to(free)

    def _keep_to(self, cpus: set[int]) -> None:
        os.sched_setaffinity(0, cpus)
        # As its own user: in a container, root may not do it to somebody else's process.
        owner = Path(f"/proc/{self.postgres_pid}").stat().st_uid
        keep = [
            "taskset",
            "--all-tasks",
            "--cpu-list",
            "--pid",
            ",".join(map(str, sorted(cpus))),
            str(self.postgres_pid),
        ]
        subprocess.run(keep, user=owner, stdout=subprocess.DEVNULL, check=True)

    def measure(self, job: Awaitable[object]) -> Cost:
        """Run a job and say what it took."""
        before = time.process_time(), _cpu_seconds(self.postgres_pid)
        started = time.monotonic()
        asyncio.run(_awaited(job))
        seconds = time.monotonic() - started
        time.sleep(0.5)  # until Postgres has reaped the backend and counts its time
        return Cost(seconds, time.process_time() - before[0], _cpu_seconds(self.postgres_pid) - before[1])


@contextmanager
def benching() -> Iterator[Bench]:
    """Quiet logs, rare garbage collection as the command has it, and a durable embedded Postgres."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    relax_for_batches()
    home = Path(tempfile.mkdtemp(prefix="stemma-bench-"))
    home.chmod(0o711)
    server = prepare_postgres(home, free_ports(1)[0])
    try:
        with RunningProgram.start(server.program(), log=(home / "postgres.log").open("wb")) as postgres:
            yield Bench(home, server.url("postgres"), postgres.pid)
    finally:
        shutil.rmtree(home)


def report(**figures: float) -> None:
    """Print one JSON object as the last line."""
    print(json.dumps(figures))


def rss_mb() -> int:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children that have ended, from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(fields[position]) for position in (11, 12, 13, 14)) / 100


async def _awaited(job: Awaitable[object]) -> None:
    await job
