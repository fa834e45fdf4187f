"""The charts of the docs are what the figures beside them say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

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


def test_a_wrapped_client_that_fails_more_is_drawn_as_failing_more():
    cell = {"fault": "stall", "bare": {"calls": {"get": 100}, "failed": 1}}
    found = {"faults": [{**cell, "wrapped": {"calls": {"get": 100}, "failed": 50}}]}

    drawing = pictures.faults(found)

    assert ">1.0%<" in drawing
    assert ">50.0%<" in drawing
