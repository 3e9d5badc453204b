"""The demo's song: always the same first one, and no song is made only to find that it was sent before."""

from __future__ import annotations

from pathlib import Path

from stack.demo.song import synthesized_songs
from stem_worker.synth.song import DEMO_SEED


def test_the_first_song_is_the_held_out_one_and_a_later_one_comes_behind_the_known(tmp_path: Path) -> None:
    first = next(synthesized_songs(tmp_path, []))
    again = next(synthesized_songs(tmp_path, ["My own song"]))
    assert first.content_hash == again.content_hash
    assert first.path.name == f"song-{DEMO_SEED}.wav"

    ninth = next(synthesized_songs(tmp_path, ["Held-out song 8", "Held-out song 3", "Held-out song of mine"]))
    assert ninth.title == "Held-out song 9"
    assert ninth.path.name == f"song-{DEMO_SEED + 8}.wav"
    assert len(list(tmp_path.iterdir())) == 2
