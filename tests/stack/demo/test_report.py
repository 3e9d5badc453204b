"""What the demo prints: a bar for each stage, and everything about the recording and its six stems in full."""

from __future__ import annotations

import io
import json

from rich.console import Console

from stack.demo.journey import STAGES, Journey
from stack.demo.report import print_report, stage_bars

KINDS = ["vocals", "drums", "bass", "guitar", "piano", "other"]
TX = "0x" + "ab" * 32
RECORDING = {
    "workId": "0x" + "11" * 27 + "00",
    "title": "A song",
    "artist": "Somebody",
    "contentHash": "0x" + "22" * 32,
    "separation": {"manifestCid": "bafkreimanifest"},
    "modelVersion": "demucs-tiny-synth",
    "tx": TX,
    "block": 7,
    "stems": [
        {
            "workId": "0x" + "11" * 27 + f"0{number}",
            "kind": kind,
            "sha256": "0x" + f"{number}" * 64,
            "cid": f"bafybei{kind}",
            "tx": TX,
            "block": 7,
            "rightsHolder": "not for the demo",
        }
        for number, kind in enumerate(KINDS, 1)
    ],
}
SECONDS = {"received": 0.5, "separating": 12.25, "committed": 0.1}


def printed(width: int) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=width), out


def test_the_report_names_everything_in_full_however_narrow_the_terminal() -> None:
    for width in (60, 80, 200):
        console, out = printed(width)
        print_report(console, Journey(RECORDING, SECONDS, 11.69))
        text = "".join(line.strip() for line in out.getvalue().splitlines())
        for work in (RECORDING, *RECORDING["stems"]):  # type: ignore[misc]
            assert work["workId"] in text
        for stem in RECORDING["stems"]:  # type: ignore[attr-defined]
            assert stem["kind"] in text
            assert stem["sha256"] in text
            assert stem["cid"] in text
        assert text.count(TX) == 7
        assert RECORDING["contentHash"] in text  # type: ignore[operator]
        assert "separating  12.2" in out.getvalue()
        assert "in all      12.8" in out.getvalue()
        assert "11.7 dB" in out.getvalue()


def test_a_bar_for_each_stage_that_was_reached() -> None:
    console, out = printed(100)
    with stage_bars(console) as advance:
        for stage in STAGES[:-1]:
            advance(stage, 40)
        advance("failed", 0)
        advance(STAGES[-1], 0)
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines if "%" in line] == list(STAGES)
    assert all("100 %" in line for line in lines if "%" in line)


def test_the_json_has_exactly_the_agreed_members() -> None:
    result = json.loads(json.dumps(Journey(RECORDING, SECONDS, 11.69).as_json()))
    assert result.keys() == {"recordingId", "stems", "modelVersion", "siSdrGainDb", "seconds"}
    for stem, of_catalog in zip(result["stems"], RECORDING["stems"], strict=True):  # type: ignore[call-overload]
        assert stem == {name: of_catalog[name] for name in ("workId", "kind", "sha256", "cid", "tx", "block")}
    assert result["seconds"] == SECONDS
