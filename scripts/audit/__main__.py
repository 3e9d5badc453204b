"""`make audit`: run every tool, write docs/security/audit-report.md, and fail if anything is unexplained."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from scripts.audit import forge, halmos, report, slither
from scripts.audit.tools import ROOT, Outcome, ToolFailed, say

STEPS: tuple[tuple[str, Callable[[], Outcome]], ...] = (
    ("forge: fuzzing and random acts", forge.test),
    ("slither: 102 detectors", slither.check),
    ("halmos: proofs", halmos.prove),
)


def main() -> int:
    """The exit status: 0 when nothing is unexplained, 2 when a tool could not do its work."""
    start = time.monotonic()
    try:
        say("compiling the contracts and their tests, for all tools")
        forge.build()
        outcomes = [_step(number, title, act) for number, (title, act) in enumerate(STEPS, 1)]
    except ToolFailed as failure:
        say(str(failure))
        return 2
    path = report.write(outcomes)
    unexplained = [finding for outcome in outcomes for finding in outcome.unexplained]
    for finding in unexplained:
        say(f"UNEXPLAINED {finding}")
    say(f"{path.relative_to(ROOT)} written; {len(unexplained) or 'nothing'} unexplained")
    say(f"done in {time.monotonic() - start:.0f} s")
    return 1 if unexplained else 0


def _step(number: int, title: str, act: Callable[[], Outcome]) -> Outcome:
    say(f"[{number}/{len(STEPS)}] {title} …")
    start = time.monotonic()
    outcome = act()
    verdict = f"; {len(outcome.unexplained)} UNEXPLAINED" if outcome.unexplained else ""
    say(f"[{number}/{len(STEPS)}] {outcome.summary}{verdict} ({time.monotonic() - start:.0f} s)")
    return outcome


if __name__ == "__main__":
    sys.exit(main())
