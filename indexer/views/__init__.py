"""The queries of the views of `catalog`, by name: all that readers see. One file per subject.

A query names the chain schema ``{chain}``, so that the same text reads any generation, and any generation's past.
`stemma.catalog.views` declares the same views for readers; a test holds the two together. Columns are only ever added
at a view's end: the views are replaced in place, under the readers' feet.
"""

from indexer.views import licensing, money, oversight, progress, recordings, rights, search, sessions

VIEWS = (
    progress.VIEWS
    | recordings.VIEWS
    | rights.VIEWS
    | licensing.VIEWS
    | money.VIEWS
    | sessions.VIEWS
    | oversight.VIEWS
    | search.VIEWS
)
