"""The projections of our contracts: one file per subject, each a few plain functions."""

from indexer.projection import Projections
from indexer.projections import attestors, registry, separations, slots, stems, titles

STEMMA = Projections(
    registry.projections,
    separations.projections,
    stems.projections,
    slots.projections,
    titles.projections,
    attestors.projections,
)
