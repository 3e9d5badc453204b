"""The API in one screen, as the README shows it."""

from __future__ import annotations

import re

from api.app import create_app
from stemma.settings import Settings
from tests.conftest import ROOT

SCREEN = re.compile(r"The API in one screen.*?\n\n\|(.*?)\n\n", re.DOTALL)


def test_the_readme_shows_every_part_of_the_api() -> None:
    screen = SCREEN.search((ROOT / "README.md").read_text())
    assert screen is not None
    parts = {path.split("/")[1] for path in create_app(Settings(_env_file=None)).openapi()["paths"]}
    shown = {path.split("/")[1] for path in re.findall(r"/[a-z.][a-z.-]*", screen[0])}
    assert parts - shown - {"problems"} == set(), "not in the README"
    named = set(re.findall(r"`(?:(?:GET|POST) )?/([a-z.-]+)", screen[0]))
    assert named - parts - {"problems"} == set(), "no longer in the API"
