"""Reading the catalog as of a block of the past, with the very statements that read it now.

Every view of `catalog` has a twin in `catalog_at`, which shows what it showed after the block that the transaction
names. `read_as_of` names the block and turns the connection's selectables of `stemma.catalog.views` to the twins::

    async with engine.connect() as connection:
        await read_as_of(connection, 1_234_567)
        await connection.execute(select(recordings))      # as of block 1,234,567

What came from files (titles, artists, tags) is content of a digest and has no past: a row shows the document that its
digest names, once it is there.
"""

from http import HTTPStatus

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from stemma.catalog.words import AT_BLOCK
from stemma.errors import AppError

PAST = {"catalog": "catalog_at"}
"""Schema translation of a connection, or of one statement, that reads the past."""

_NAME_BLOCK = f"select set_config('{AT_BLOCK}', :block, true)"
_WINDOW = "select history_block, block_number from catalog.head"


class BlockOutOfReach(AppError):
    """The catalog cannot be read as of a block: too old, or not indexed yet. ``extra`` names the blocks that can be."""

    code = "block_out_of_reach"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The catalog cannot be read as of that block"


async def read_as_of(connection: AsyncConnection, block: int) -> None:
    """Let this connection read the catalog as of a block, until its transaction ends and it is given back.

    The transaction reads one snapshot (REPEATABLE READ), so that neither a reorg nor a new block comes between two of
    its statements: this must be the transaction's first. Statements in text must name `catalog_at` themselves.

    Raises:
        BlockOutOfReach: older than the journal reaches (``oldestBlock``), or newer than the index (``newestBlock``).
    """
    await connection.execute(text("set transaction isolation level repeatable read"))
    window = (await connection.execute(text(_WINDOW))).first()
    if window is None:
        raise BlockOutOfReach(f"block {block} is not indexed yet, nor is any other")
    oldest, newest = window
    if not oldest <= block <= newest:
        reason = (
            f"older than the oldest block that can still be read, {oldest}"
            if block < oldest
            else f"newer than the newest indexed block, {newest}"
        )
        raise BlockOutOfReach(
            f"block {block} is {reason}; ask for a block from {oldest} to {newest}",
            oldestBlock=oldest,
            newestBlock=newest,
        )
    await connection.execute(text(_NAME_BLOCK), {"block": str(block)})
    await connection.execution_options(schema_translate_map=PAST)
