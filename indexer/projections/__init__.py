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
