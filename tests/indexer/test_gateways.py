"""Documents that are not in storage: from gateways, of which none is believed."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from indexer.gateways import Gateways
from stemma.cid import identify
from stemma.storage.errors import NotFound, Unavailable

pytestmark = pytest.mark.anyio

BODY = b'{"a":"document"}'
CID = identify(BODY).cid
LARGE = bytes(range(256)) * 3_000  # several chunks, so that its CID is that of a tree
LARGE_CID = identify(LARGE).cid


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server of many characters, each under its own path."""

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b"x" * 65_536)

    async def of_any(request: web.Request) -> web.StreamResponse:
        cid = request.match_info["cid"]
        match request.match_info["character"]:
            case "good":
                return web.Response(body={str(CID): BODY, str(LARGE_CID): LARGE}[cid])
            case "moved":
                raise web.HTTPFound(f"/good/{cid}")
            case "false":
                return web.Response(body=BODY + b" ")
            case "endless":
                return await endless(request)
            case "circle":
                raise web.HTTPFound(str(request.url))
        raise web.HTTPBadGateway

    app = web.Application()
    app.router.add_get("/{character}/{cid}", of_any)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


@pytest.mark.parametrize("order", [["good"], ["broken", "false", "endless", "circle", "moved"]])
async def test_the_first_gateway_that_has_the_very_bytes_gives_them(url, order) -> None:
    async with Gateways([f"{url}/{each}/" for each in order]) as gateways, asyncio.timeout(20):
        assert await gateways.read_verified(CID, 1_000_000) == BODY
        if order == ["good"]:
            assert await gateways.read_verified(LARGE_CID, 1_000_000) == LARGE


@pytest.mark.parametrize("character", ["broken", "false", "endless", "circle"])
async def test_a_gateway_that_misbehaves_is_only_of_no_use(url, character) -> None:
    async with Gateways([f"{url}/{character}", "http://127.0.0.1:1/"]) as gateways, asyncio.timeout(20):
        with pytest.raises(Unavailable, match=f"{character}.*127.0.0.1:1"):
            await gateways.read_verified(CID, 100_000)


async def test_a_file_that_is_longer_than_wanted_is_not_taken(url) -> None:
    async with Gateways([f"{url}/good"]) as gateways:
        with pytest.raises(Unavailable, match="more than 10 bytes"):
            await gateways.read_verified(CID, 10)


async def test_without_gateways_the_file_is_simply_not_there() -> None:
    async with Gateways([]) as gateways:
        with pytest.raises(NotFound, match="IPFS_GATEWAYS"):
            await gateways.read_verified(CID, 1_000)
