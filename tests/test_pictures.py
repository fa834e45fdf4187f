"""The charts of the docs are what the figures beside them say; every panel and alert has a screenshot."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from aerospike_resilience.telemetry.dashboard import ROWS
from aerospike_resilience.telemetry.rules import ALERTS

ROOT = Path(__file__).parent.parent


def _load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pictures = _load(ROOT / "docs" / "pictures.py")


@pytest.mark.parametrize("name", pictures.CHARTS)
def test_a_chart_is_drawn_from_its_figures_and_its_command_stands_beside_it(name):
    assert (pictures.FIGURES / f"{name}.svg").read_text() == pictures.drawn(name), "make pictures"

    page = (ROOT / "docs" / "pictures.md").read_text()
    command = pictures.COMMANDS[name].removeprefix("-m ")
    command = command.replace("aerospike_resilience demo", "aerospike-resilience demo")
    assert f"{command} --json docs/figures/{name}.json" in page
    assert f"](figures/{name}.svg)" in page


TITLES = [
    *(panel.title for row in ROWS.values() for panel in row),
    *(alert.name for alert in ALERTS),
]


@pytest.fixture(scope="module")
def page():
    """The module that writes the page of screenshots."""
    sys.path.insert(0, str(ROOT / "docs"))
    yield _load(ROOT / "docs" / "panels.py")
    sys.path.remove(str(ROOT / "docs"))


@pytest.mark.parametrize("title", TITLES)
def test_a_panel_or_alert_has_a_screenshot_of_one_trouble_and_says_what_to_do(page, title):
    troubles = [one for one, titles in page.TROUBLES.items() if title in titles]
    picture = ROOT / "docs" / "screens" / f"{page.slug(title)}.webp"

    assert len(troubles) == 1
    assert picture.read_bytes()[8:12] == b"WEBP", "make pictures ARGS=--screens"
    assert f"](screens/{picture.name})" in (ROOT / "docs" / "panels.md").read_text()
    assert title in page.ADVICE or any(title == alert.name and alert.action for alert in ALERTS)


def test_there_is_no_other_screenshot_and_all_are_small(page):
    files = list((ROOT / "docs" / "screens").iterdir())

    assert {file.stem for file in files} == {page.slug(title) for title in TITLES}
    assert sum(file.stat().st_size for file in files) < 1_500_000


def test_a_wrapped_client_that_fails_more_is_drawn_as_failing_more():
    cell = {"fault": "stall", "bare": {"calls": {"get": 100}, "failed": 1}}
    found = {"faults": [{**cell, "wrapped": {"calls": {"get": 100}, "failed": 50}}]}

    drawing = pictures.faults(found)

    assert ">1.0%<" in drawing
    assert ">50.0%<" in drawing
