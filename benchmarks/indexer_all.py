"""All claims about the indexer: runs one program per claim, one after the other, and merges what they print.

Usage: `make bench-indexer`; the last line is one JSON object.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = (
    "indexer_backfill.py",
    "indexer_rebuild.py",
    "indexer_mix.py",
    "indexer_rollback.py",
    "indexer_visible.py",
    "catalog_read.py",
)


def main() -> None:
    """Run, merge, print."""
    figures: dict[str, float] = {}
    for name in PROGRAMS:
        command = [sys.executable, str(Path(__file__).with_name(name))]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # the mix is the chain of the tests' simulation
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
        print(name, done.stdout.strip(), flush=True)
        figures |= json.loads(done.stdout.splitlines()[-1])
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
