"""What the stack tells the person at the terminal, in the same shape as the lines of its programs."""

from __future__ import annotations

import sys


def notice(text: str) -> None:
    """Print one line on standard error, at once."""
    sys.stderr.write(f"stemma: {text}\n")
    sys.stderr.flush()
