"""The mutants: the contracts with one rule of design.md broken at a time."""

from __future__ import annotations

from dataclasses import dataclass

from tests.contract_machines.compiler import Sources


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
