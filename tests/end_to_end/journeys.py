"""What an artist does, shortened for tests."""

from __future__ import annotations

from pathlib import Path

from stack.demo.artist import Artist, Progress


async def upload_signed(artist: Artist, song: Path) -> dict[str, object]:
    """Upload a song and sign its registration."""
    upload = await artist.upload(song, title=f"Song {song.stem}", artist="A test", tags=[])
    await artist.sign(upload)
    return upload


async def end_of(artist: Artist, upload_id: str) -> Progress:
    """Follow an upload to its end."""
    return [progress async for progress in artist.follow(upload_id)][-1]
