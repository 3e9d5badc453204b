"""Derives the tables of contracts that are not ours anew from the raw logs that are kept, without the node.

There is one schema and no views to swap, so it is done in place, in one transaction: readers see the old rows until it
ends, the indexer waits for it, and what others were granted stays granted.
"""

from collections.abc import Sequence

from psycopg.sql import SQL, Identifier

from indexer.connections import connect
from indexer.derived import Derived
from indexer.errors import Stop
from indexer.foreign import ADVICE, Foreign
from indexer.kept_logs import kept_batches
from indexer.projection import Router
from indexer.rebuild import chosen_tables, derive

_CURSOR = "select block_number, history_block, contracts from cursor"


async def rebuild_foreign(foreign: Foreign, tables: Sequence[str] = ()) -> int:
    """Derive tables (by default all) from the kept logs; return how many logs there were.

    Raises:
        Stop: there is nothing to rebuild from, a table is unknown, the contracts are others, or a projection failed;
            nothing was changed.
        SchemaMissing: the engine has not run yet.
    """
    config, router = foreign.config, Router(foreign.contracts, foreign.projections)
    async with connect(config.database_url, config.database_schema, "rebuild") as db:
        derived = Derived(db, router, only=chosen_tables(foreign.projections, tables), advice=ADVICE)
        await derived.open()
        async with db.transaction():
            await db.execute("lock table cursor in exclusive mode")
            cursor = await (await db.execute(_CURSOR)).fetchone()
            if cursor is None:
                raise Stop("nothing is indexed yet, so there is nothing to rebuild from")
            number, history, contracts = cursor
            if contracts != router.addresses_by_name:
                raise Stop(f"the index was made from the contracts {contracts}, not {router.addresses_by_name}")
            for name in derived.table_names:
                await db.execute(SQL("delete from {}").format(Identifier(name)))
            kept = kept_batches(db, config.database_schema, above=-1, last=number, journaled_from=history + 1)
            return await derive(derived, db, kept)
