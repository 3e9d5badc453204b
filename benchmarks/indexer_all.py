"""All claims about the indexer: runs one program per claim, one after the other, and merges what they print.

Usage: `make bench-indexer`; the last line is one JSON object.
"""

import json
import subprocess
import sys
from pathlib import Path

PROGRAMS = ("indexer_backfill.py", "indexer_rebuild.py", "indexer_rollback.py")


def main() -> None:
    """Run, merge, print."""
    figures: dict[str, float] = {}
    for name in PROGRAMS:
        command = [sys.executable, str(Path(__file__).with_name(name))]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        print(name, done.stdout.strip(), flush=True)
        figures |= json.loads(done.stdout.splitlines()[-1])
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
