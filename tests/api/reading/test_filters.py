"""Each filter of the catalog finds what the tables say, all of it and nothing else, in the order of the chain."""

import httpx
import psycopg
import pytest

from tests.api.reading.conftest import Large

pytestmark = pytest.mark.anyio

_ROWS = """
select r.recording_id, r.creator, c.artist, c.tags, c.title, s.bpm, s.musical_key, s.duration_ms, s.model_version,
    r.registered_at, r.parent_count, r.block_number, r.log_index,
    exists (
        select from chain_1.attachments a join chain_1.terms t using (terms_id)
        where a.work_id = r.recording_id and a.attached and t.kind = {kind} and a.price <= {price}
        and a.title_epoch_count = coalesce((select transfers from chain_1.titles i where i.work_id = a.work_id), 0)
    ) as on_sale,
    r.recording_id in (
        with recursive made as (
            select recording_id from chain_1.parents where parent_recording_id = {parent}
            union select p.recording_id from chain_1.parents p join made m on m.recording_id = p.parent_recording_id
        ) select recording_id from made
    ) as made_from
from chain_1.recordings r
join content.credits c on c.digest = r.credits_digest
join content.separations s on s.recording_id = r.recording_id
"""
CASES = {
    "the newest": ("", "true"),
    "of an address": ("artist=<creator>", "creator = <creator>"),
    "of a name in any case": ("artist=ARTIST%2017", "artist = 'Artist 17'"),
    "of a tag": ("tag=tag7", "'tag7' = any (tags)"),
    "of a tempo": ("bpmMin=96&bpmMax=97", "bpm between 96 and 97"),
    "of a tempo at least": ("bpmMin=178", "bpm >= 178"),
    "of a key": ("key=A%20minor", "musical_key = 'A minor'"),
    "of a duration": ("durationMinMs=120000&durationMaxMs=121000", "duration_ms between 120000 and 121000"),
    "of a model": ("model=demucs-htdemucs-6s", "model_version = 'demucs-htdemucs-6s'"),
    "of a model that nobody has": ("model=nope", "false"),
    "of a time": (
        "from=2026-01-01T00:10:00Z&to=2026-01-01T00:10:10Z",
        "registered_at >= '2026-01-01 00:10:00Z' and registered_at < '2026-01-01 00:10:10Z'",
    ),
    "remixes": ("remix=true", "parent_count > 0"),
    "tracks": ("remix=false", "parent_count = 0"),
    "made from": ("ancestor=<parent>", "made_from"),
    "on sale, near the newest": ("licenseKind=remix", "on_sale"),
    "on sale for a price": ("licenseKind=remix&maxPrice=1000041", "on_sale"),
    "on sale for less than anybody asks": ("licenseKind=remix&maxPrice=999999", "on_sale"),
    "on sale by an address": ("licenseKind=stream&artist=<seller>", "on_sale and creator = <seller>"),
    "words": ("q=cafe", "title like 'Café %'"),
    "of several": (
        "tag=tag6&key=E%20minor&bpmMax=100&remix=false",
        "'tag6' = any (tags) and musical_key = 'E minor' and bpm <= 100 and parent_count = 0",
    ),
}


@pytest.mark.parametrize(("query", "condition"), CASES.values(), ids=CASES)
async def test_a_filter_finds_what_the_tables_say(large: Large, query: str, condition: str) -> None:
    for name, value in large.names.items():
        query = query.replace(f"<{name}>", value)
        condition = condition.replace(f"<{name}>", f"'\\x{value[2:]}'::bytea")
    kind = 2 if "remix" in query else 0
    price = next((part.split("=")[1] for part in query.split("&") if part.startswith("maxPrice")), str(10**18))
    rows = _ROWS.format(kind=kind, price=price, parent=f"'\\x{large.names['parent'][2:]}'::bytea")
    text = f"select recording_id from ({rows}) r where {condition} order by block_number desc, log_index desc limit 70"
    with psycopg.connect(large.admin_url) as connection:
        wanted = [f"0x{bytes(row[0]).hex()}" for row in connection.execute(text)]  # type: ignore[call-overload]
    assert await walked(large.http, query) == wanted


async def walked(http: httpx.AsyncClient, query: str) -> list[str]:
    """The first seventy, in two pages."""
    first = (await http.get(f"/catalog?limit=40&{query}")).json()
    found = [item["workId"] for item in first["items"]]
    if first["next"] is not None:
        second = (await http.get(f"/catalog?limit=30&{query}&cursor={first['next']}")).json()
        found += [item["workId"] for item in second["items"]]
    return found
