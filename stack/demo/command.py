"""`stemma demo`: the stack up, one song through it, a table of what came of it."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import httpx
from rich.console import Console

from stack.errors import StackError
from stemma.errors import AppError

if TYPE_CHECKING:
    from stack.demo.artist import Artist
    from stack.demo.journey import Journey
    from stack.demo.song import DemoSong


@click.command("demo")
@click.argument("song", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object as the last line of standard output, also of what fails.",
)
@click.option("--api", "origin", metavar="URL", help="Use the API that runs there, and no stack of this machine.")
def command(song: Path | None, as_json: bool, origin: str | None) -> None:
    """Push SONG (WAV, FLAC, MP3, OGG, M4A), or a synthesized one, through the main job."""
    from stack.demo.report import print_report

    console = Console(file=sys.stderr if as_json else sys.stdout)
    with _telling_failures(as_json):
        with _api(origin, console) as url:
            try:
                journey = asyncio.run(_push_through(url, song, console))
            except httpx.TransportError as error:
                raise ApiSilent(f"the API at {url} does not answer: {error}") from error
            print_report(console, journey)
        if as_json:
            click.echo(json.dumps(journey.as_json()))


class ApiSilent(StackError):
    """The API does not answer."""

    code = "api_silent"
    title = "The API does not answer"


@contextmanager
def _telling_failures(as_json: bool) -> Iterator[None]:
    """Print what failed as one JSON object, too: ``{"error": {"code": …, "detail": …}}``."""
    from stack.demo.artist import ApiRefusal
    from stack.demo.journey import UploadFailed

    try:
        yield
    except (ApiRefusal, UploadFailed, AppError) as error:
        if as_json:
            click.echo(json.dumps({"error": {"code": error.code, "detail": error.detail}}))
        raise


@contextmanager
def _api(origin: str | None, console: Console) -> Iterator[str]:
    """Yield the origin of an API: the given one, or that of a stack that runs for the length of the block."""
    from stack.home import ROOT, default_home
    from stack.running import running_stack

    if origin is not None:
        yield origin
        return
    home = default_home()
    console.print("Starting the stack, or joining the one that runs …")
    if not (home / "deployments").exists():
        console.print("The first start also compiles the contracts, which takes a minute or more.")
    with running_stack(home, env_file=ROOT / ".env", join=True) as stack:
        console.print(f"The API is at {stack.api_url}; the log is {home / 'up.log'}")
        yield stack.api_url
    if not stack.is_joined:
        console.print("The stack is stopped again, its data is kept; `make up` keeps it running.")


async def _push_through(api_url: str, file: Path | None, console: Console) -> Journey:
    from stack.demo.artist import Artist
    from stack.demo.journey import Journey, known_recording, travel
    from stack.demo.report import stage_bars
    from stack.home import default_home
    from stack.keys import ensure_artist_key

    artist = Artist.at(api_url, ensure_artist_key(default_home()))
    with tempfile.TemporaryDirectory(prefix="stemma-demo-") as folder:
        try:
            _, song = await asyncio.gather(artist.sign_in(), _choose(artist, file, Path(folder)))
            known = await known_recording(artist, song)
            if known is not None:
                console.print("This song is registered already; this is what the catalog says of it.")
                return Journey(known)
            console.print(f"Song: [bold]{song.title}[/] by {song.artist}, signed by {artist.address}")
            with stage_bars(console) as advance:
                return await travel(artist, song, advance)
        finally:
            await artist.close()


async def _choose(artist: Artist, file: Path | None, folder: Path) -> DemoSong:
    """Return the song of a file, or the first synthesized one that the catalog does not know yet."""
    from stack.demo.journey import known_recording
    from stack.demo.song import brought_song, synthesized_songs

    if file is not None:
        return brought_song(file)
    songs = synthesized_songs(folder, await artist.titles())
    while True:
        song = await asyncio.to_thread(next, songs)
        if await known_recording(artist, song) is None:
            return song
