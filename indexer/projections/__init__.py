"""The projections of our contracts: one file per subject, each a few plain functions."""

from indexer.projection import Projections
from indexer.projections import (
    ancestry,
    batches,
    disputes,
    ledger,
    licenses,
    registry,
    roles,
    sellers,
    separations,
    sessions,
    slots,
    stems,
    terms,
    titles,
    treasury,
)

STEMMA = Projections(
    registry.projections,
    ancestry.projections,
    separations.projections,
    stems.projections,
    batches.projections,
    titles.projections,
    slots.projections,
    terms.projections,
    sellers.projections,
    licenses.projections,
    ledger.projections,
    treasury.projections,
    sessions.projections,
    disputes.projections,
    roles.projections,
)

RAW_ONLY = {
    ("IPNFT", "Approval"): "who may move a title is the wallet's to ask; a move is told",
    ("IPNFT", "ApprovalForAll"): "as Approval",
    ("IPNFT", "MetadataUpdate"): "VersionAdopted tells it",
    ("IPNFT", "BatchMetadataUpdate"): "ERC-4906 declares it; never emitted",
    ("Licenses", "Approval"): "as a title's",
    ("Licenses", "ApprovalForAll"): "as a title's",
    ("Roles", "CallScheduled"): "what waits in the timelock is no fact of the catalog; what it grants is told",
    ("Roles", "CallSalt"): "as CallScheduled",
    ("Roles", "CallExecuted"): "as CallScheduled",
    ("Roles", "Cancelled"): "as CallScheduled",
    ("Roles", "MinDelayChange"): "at the deployment only: the delay is fixed",
    ("Roles", "RoleAdminChanged"): "OpenZeppelin declares it; never emitted",
    **{
        (contract, "EIP712DomainChanged"): "ERC-5267 declares it; never emitted"
        for contract in ("StemRegistry", "IPNFT", "RoyaltySplitter", "LicenseManager", "SessionVault")
    },
}
"""The events that are kept as raw logs alone, and why: every other event of our contracts has a projection."""
