"""The contracts with one rule broken at a time: each must be caught, or the machines prove nothing.

`python -m tests.contract_machines.mutants` compiles each mutant, runs its machine until it fails, prints the table,
and writes it to docs/security/mutants.md. The last line is one JSON object; the exit status is 1 when one survived. A
run that was interrupted goes on: what was caught is kept in .build, while contracts and machines stay as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from hypothesis.errors import HypothesisException

from tests.contract_machines.compiler import CACHE, ROOT, Sources, compiled
from tests.contract_machines.running import MACHINES, prepared, run
from tests.contract_machines.world import CONTRACTS

TABLE = ROOT / "docs" / "security" / "mutants.md"

EXAMPLES = 400
STEPS = 80


@dataclass(frozen=True)
class Mutant:
    """One misreading of design.md: in ``path`` the passage ``old`` reads ``new``. ``machine`` has to catch it."""

    misreading: str
    machine: str
    contract: str
    path: str
    old: str
    new: str

    def sources(self) -> Sources:
        """Raises ValueError when the passage is not there, once."""
        return Sources.of_repository().replacing(f"contracts/{self.path}", self.old, self.new)


SPLITTER, MANAGER, REGISTRY = "RoyaltySplitter", "LicenseManager", "StemRegistry"

MUTANTS = (
    # ---- money
    Mutant(
        "a claim counts as received by the ancestor",
        "money",
        SPLITTER,
        "RoyaltySplitter.sol",
        "_moved[descendant][ancestor][token] = moved;",
        "_moved[descendant][ancestor][token] = moved;\n        _accounts[ancestor][token].received += amount;",
    ),
    Mutant(
        "a settlement takes the ancestors' share too",
        "money",
        SPLITTER,
        "RoyaltySplitter.sol",
        "Ledger.WHOLE_PPM - registry.stackOf(work)",
        "Ledger.WHOLE_PPM - 0 * registry.stackOf(work)",
    ),
    Mutant(
        "draws are not counted per slot",
        "money",
        SPLITTER,
        "RoyaltySplitter.sol",
        "slots[slot] = drawn;",
        "slots[0] = drawn;",
    ),
    Mutant(
        "draws are counted per recording",
        "money",
        SPLITTER,
        "RoyaltySplitter.sol",
        "storage slots = _drawn[work][token];",
        "storage slots = _drawn[WorkId.recordingOf(work)][token];",
    ),
    Mutant(
        "entitlements round up",
        "money",
        SPLITTER,
        "libraries/Ledger.sol",
        "return uint128(uint256(total) * ppm / WHOLE_PPM);",
        "return uint128((uint256(total) * ppm + WHOLE_PPM - 1) / WHOLE_PPM);",
    ),
    Mutant(
        "the title draws the whole income",
        "money",
        SPLITTER,
        "royalties/Slots.sol",
        "return Ledger.WHOLE_PPM - _slotsPpm[recordingId];",
        "return Ledger.WHOLE_PPM - 0 * _slotsPpm[recordingId];",
    ),
    Mutant(
        "fees are no liability",
        "licenses",
        SPLITTER,
        "RoyaltySplitter.sol",
        "_book(token, price);",
        "_book(token, price - fee);",
    ),
    Mutant(
        "withdrawals do not lower liabilities",
        "money",
        SPLITTER,
        "royalties/TokenLedger.sol",
        "_tokens[token].paidOut += uint120(amount);",
        "_tokens[token].paidOut += 0;",
    ),
    Mutant(
        "a signed withdrawal may be used again",
        "money",
        SPLITTER,
        "RoyaltySplitter.sol",
        "_nonces[account].set(nonce);",
        "",
    ),
    Mutant(
        "who owns one work's slot draws all works'",
        "money",
        SPLITTER,
        "RoyaltySplitter.sol",
        "            _checkOwner(work, slot, account);\n            amount += _draw",
        "            if (amount == 0) _checkOwner(work, slot, account);\n            amount += _draw",
    ),
    Mutant(
        "a stopped token stops withdrawals",
        "disputes",
        SPLITTER,
        "royalties/TokenLedger.sol",
        "require(to != address(this), TransferFailed(token, to, amount));",
        "require(to != address(this) && _tokens[token].accepted, TransferFailed(token, to, amount));",
    ),
    Mutant(
        "Claimed tells the amount in place of the total",
        "money",
        SPLITTER,
        "RoyaltySplitter.sol",
        "            moved: moved,\n            income: income",
        "            moved: amount,\n            income: income",
    ),
    Mutant(
        "the end of a token's acceptance is not logged",
        "disputes",
        SPLITTER,
        "royalties/TokenLedger.sol",
        "emit TokenStopped(token);",
        "",
    ),
    # ---- flags
    Mutant(
        "a flag stops claims",
        "disputes",
        SPLITTER,
        "RoyaltySplitter.sol",
        "require(registry.isEntry(descendant, ancestor, ppm, proof), InvalidProof(descendant, ancestor, ppm));",
        "require(registry.isEntry(descendant, ancestor, ppm, proof), InvalidProof(descendant, ancestor, ppm));\n"
        "        _checkFlag(ancestor);",
    ),
    Mutant(
        "a flag covers withdrawals of single works only",
        "disputes",
        SPLITTER,
        "RoyaltySplitter.sol",
        "        _checkFlag(recordingId);\n        for (uint8 kind = 0;",
        "        for (uint8 kind = 0;",
    ),
    Mutant(
        "lifting a flag takes it off the count",
        "disputes",
        "Disputes",
        "Disputes.sol",
        "current.until = until;",
        "current.until = until;\n        current.count -= 1;",
    ),
    Mutant(
        "the count clears 90 days after a flag began",
        "disputes",
        "Disputes",
        "Disputes.sol",
        "uint64 clearAt = last.until + CLEAR_AFTER;",
        "uint64 clearAt = last.until + CLEAR_AFTER - MAX_DURATION;",
    ),
    # ---- ancestry
    Mutant(
        "the cap looks at the parents' shares alone",
        "ancestry",
        REGISTRY,
        "registry/Ancestry.sol",
        "require(stackPpm <= RoyaltyTable.MAX_STACK_PPM,",
        "require(RoyaltyTable.sumOf(parents) <= RoyaltyTable.MAX_STACK_PPM,",
    ),
    Mutant(
        "equal ancestors do not sum",
        "ancestry",
        REGISTRY,
        "libraries/RoyaltyTable.sol",
        "work > other ? y : x + ppmOf(y);",
        "work > other ? y : ppmOf(x) > ppmOf(y) ? x : y;",
    ),
    Mutant(
        "a remix may be registered in the block of its commitment",
        "ancestry",
        REGISTRY,
        "StemRegistry.sol",
        "require(madeInBlock < block.number,",
        "require(madeInBlock <= block.number,",
    ),
    Mutant(
        "a batch counts for recordings that came after it",
        "ancestry",
        REGISTRY,
        "StemRegistry.sol",
        "recording.registeredBlock < batch.anchoredBlock,",
        "recording.registeredBlock != batch.anchoredBlock,",
    ),
    Mutant(
        "an attestor alone makes a later version",
        "ancestry",
        REGISTRY,
        "StemRegistry.sol",
        "_checkHolder(recordingId, separation, holderSignature);",
        "holderSignature;",
    ),
    Mutant(
        "a license is consumed by anyone's remix",
        "ancestry",
        "Licenses",
        "Licenses.sol",
        "require(snapshot.owner == creator,",
        "require(snapshot.owner == creator || true,",
    ),
    Mutant(
        "a license is consumed again",
        "ancestry",
        "Licenses",
        "Licenses.sol",
        "require(consumption.remix == 0,",
        "require(consumption.remix == 0 || true,",
    ),
    # ---- licenses
    Mutant(
        "a consumed license changes hands",
        "licenses",
        "Licenses",
        "Licenses.sol",
        "require(snapshot.transferable && _consumptions[licenseId].remix == 0,",
        "require(snapshot.transferable,",
    ),
    Mutant(
        "a sale of the title leaves attached prices standing",
        "licenses",
        MANAGER,
        "licensing/Attachments.sol",
        "listing.epoch == uint40(titleEpoch),",
        "listing.epoch == uint40(titleEpoch) || true,",
    ),
    Mutant(
        "a sale of the title leaves offers standing",
        "licenses",
        MANAGER,
        "LicenseManager.sol",
        "offer.titleEpoch == standing.titleEpoch,",
        "offer.titleEpoch >> 32 == standing.titleEpoch >> 32,",
    ),
    Mutant(
        "a title's transfer is not counted",
        "licenses",
        "IPNFT",
        "IPNFT.sol",
        "if (from != address(0)) ++_titles[uint224(tokenId)].transfers;",
        "if (from != address(0) && from != to) ++_titles[uint224(tokenId)].transfers;",
    ),
    Mutant(
        "an offer's uses are not counted",
        "licenses",
        MANAGER,
        "licensing/Sellers.sol",
        "        _setUsed(offer.seller, offer.nonce, used);\n",
        "",
    ),
    Mutant(
        "raising the epoch does not cancel offers",
        "licenses",
        MANAGER,
        "licensing/Sellers.sol",
        "require(offer.sellerEpoch == epoch,",
        "require(offer.sellerEpoch <= epoch,",
    ),
    Mutant(
        "a delegate sells below its floor",
        "licenses",
        MANAGER,
        "licensing/Sellers.sol",
        "require(offer.price >= delegation.floorPrice,",
        "require(offer.price >= delegation.floorPrice / 2,",
    ),
    Mutant(
        "an exclusive license of a stem does not meet the recording's",
        "licenses",
        MANAGER,
        "libraries/Exclusivities.sol",
        "stemUntil > until && (coverage >> kind) & 1 != 0",
        "stemUntil > until && coverage == (1 << kind)",
    ),
    Mutant(
        "a recording's license covers titled stems",
        "licenses",
        "IPNFT",
        "IPNFT.sol",
        "return kind == 0 ? ALL_WORKS & ~mintedStems(work) : _bit(kind);",
        "return kind == 0 ? ALL_WORKS : _bit(kind);",
    ),
    Mutant(
        "a work grants one license more than its terms allow",
        "licenses",
        MANAGER,
        "licensing/Attachments.sol",
        "_listings[work][termsId].granted < maxGrants",
        "_listings[work][termsId].granted <= maxGrants",
    ),
    # ---- sessions
    Mutant(
        "the cap does not count the purchase itself",
        "sessions",
        "SessionVault",
        "SessionVault.sol",
        "require(spent <= session.cap,",
        "require(state.spent <= session.cap,",
    ),
    Mutant(
        "a window does not begin anew",
        "sessions",
        "SessionVault",
        "SessionVault.sol",
        "uint256 windowSpent = window == state.window ? state.windowSpent + price : price;",
        "uint256 windowSpent = window >= state.window ? state.windowSpent + price : price;",
    ),
    Mutant(
        "a closed session opens again",
        "sessions",
        "SessionVault",
        "SessionVault.sol",
        "(state.open, state.closed) = (false, true);",
        "(state.open, state.closed) = (false, !state.open);",
    ),
    Mutant(
        "the agent buys after the session's end",
        "sessions",
        "SessionVault",
        "SessionVault.sol",
        "UnknownSession(sessionId));\n        require(block.timestamp <= session.expiry,",
        "UnknownSession(sessionId));\n        require(block.timestamp <= session.expiry + 1,",
    ),
    Mutant(
        "SessionPurchased leaves out the owner's balance",
        "sessions",
        "SessionVault",
        "SessionVault.sol",
        "            balance: balance\n        });\n    }\n\n    /// @dev No sum",
        "            balance: 0\n        });\n    }\n\n    /// @dev No sum",
    ),
)


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: the machine's finding, or None if it survived, after so many steps."""

    misreading: str
    machine: str
    finding: str | None
    steps: int
    seconds: float


def try_mutant(mutant: Mutant, examples: int = EXAMPLES) -> Verdict:
    """Run a mutant's machine until it fails."""
    start = time.monotonic()
    whole = compiled(Sources.of_repository(), CONTRACTS)
    artifacts = whole | compiled(mutant.sources(), [mutant.contract])
    finding, steps = None, 0
    try:
        with prepared(mutant.machine, artifacts) as (machine, world):
            before = world.acts
            try:
                run(machine, examples=examples, steps=STEPS, shrinks=False)
            except (AssertionError, HypothesisException) as error:
                finding = str(error).split("\n", 1)[0]
            steps = world.acts - before
    except AssertionError as error:
        finding = str(error).split("\n", 1)[0]  # already while the family was registered
    return Verdict(mutant.misreading, mutant.machine, finding, steps, time.monotonic() - start)


def verdict_on(mutant: Mutant) -> Verdict:
    """What became of a mutant, in an earlier run if it was caught there, or else in this one."""
    kept = CACHE / "verdicts" / f"{_key(mutant)}.json"
    if kept.exists():
        return Verdict(**json.loads(kept.read_text()))
    verdict = try_mutant(mutant)
    if verdict.finding is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(asdict(verdict)))
    return verdict


def _key(mutant: Mutant) -> str:
    """Stands for all that a verdict hangs on: the mutant's sources, its machine's code and the effort."""
    others = {Path(__file__).parent / "machines" / f"{name}.py" for name in MACHINES if name != mutant.machine}
    digest = hashlib.sha256(f"{mutant.sources().digest} {mutant.machine} {EXAMPLES} {STEPS}".encode())
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        if not file.name.startswith("test_") and file not in {Path(__file__), *others}:
            digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:24]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="mutants whose misreading holds this")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if not options.only or options.only in mutant.misreading]
    compiled(Sources.of_repository(), CONTRACTS)
    verdicts = []
    with ProcessPoolExecutor(options.processes) as pool:
        for verdict in pool.map(verdict_on, chosen):
            verdicts.append(verdict)
            print(row(verdict), flush=True)
    survivors = sum(verdict.finding is None for verdict in verdicts)
    if len(chosen) == len(MUTANTS):
        TABLE.write_text(table(verdicts))
    print(json.dumps({"mutants": len(chosen), "caught": len(chosen) - survivors, "survived": survivors}))
    sys.exit(1 if survivors else 0)


def table(verdicts: Sequence[Verdict]) -> str:
    """What is committed: without steps and words of findings, which differ from run to run."""
    lines = [
        "# The mutants",
        "",
        "Written by `make mutants`; do not edit. The contracts with one rule broken at a time, and the state machine",
        "that has to notice it on a real chain.",
        "",
        "| broken rule | machine | |",
        "|---|---|---|",
    ]
    for verdict in verdicts:
        lines.append(
            f"| {verdict.misreading} | {verdict.machine} | {'SURVIVED' if verdict.finding is None else 'caught'} |"
        )
    return "\n".join(lines) + "\n"


def row(verdict: Verdict) -> str:
    """A line of the table that is printed."""
    finding = "SURVIVED" if verdict.finding is None else _shortened(verdict.finding)
    return f"{verdict.misreading:62} {verdict.machine:9} {verdict.steps:6} steps {verdict.seconds:5.0f} s  {finding}"


def _shortened(finding: str, width: int = 110) -> str:
    return finding if len(finding) <= width else f"{finding[: width // 2]} … {finding[-width // 2 :]}"


if __name__ == "__main__":
    main()
