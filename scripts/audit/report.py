"""The committed report: what was looked at, by what, and what came of it. The same sources make the same report."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from scripts.audit.tools import ROOT, Outcome

REPORT = ROOT / "docs" / "security" / "audit-report.md"

HEADS = {
    "forge": ("test", "how often", "outcome"),
    "slither": ("impact", "detector", "where", "why it is accepted"),
    "halmos": ("property", "outcome"),
}


def write(outcomes: Sequence[Outcome]) -> Path:
    """Write the report, whatever the outcome; its path."""
    unexplained = [finding for outcome in outcomes for finding in outcome.unexplained]
    lines = [
        "# The audit's report",
        "",
        "Written by `make audit`; do not edit. [README.md](README.md) says what each tool covers.",
        "",
        f"Of the sources in `contracts/` with the digest `{sources_digest()}`.",
        "",
        "| tool | version | |",
        "|---|---|---|",
        *(f"| {outcome.tool} | {outcome.version} | {outcome.summary} |" for outcome in outcomes),
        "",
        f"**Unexplained: {len(unexplained) or 'nothing'}.**",
        *(f"- {finding}" for finding in unexplained),
    ]
    for outcome in outcomes:
        lines += ["", f"## {outcome.tool}", "", *_table(HEADS[outcome.tool], outcome.rows)]
    REPORT.write_text("\n".join(lines) + "\n")
    return REPORT


def sources_digest() -> str:
    """SHA-256 over paths and contents of the Solidity sources, development's excepted; the first 16 hex digits."""
    digest = hashlib.sha256()
    for file in sorted((ROOT / "contracts").rglob("*.sol")):
        path = file.relative_to(ROOT)
        if path.parts[1] != "dev":
            digest.update(str(path).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows)]
