"""The outages of docs/simulate.md happen as the page says, and each policy file cures its own."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from aerospike_resilience.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "simulate.md").read_text()


def outages() -> list[list[str]]:
    """Return the arguments of the page's commands that name one of the example's files."""
    lines = [line for line in PAGE.splitlines() if "examples/outages/" in line]
    return [shlex.split(line) for line in lines if line.startswith("aerospike-resilience policy")]


def test_the_page_has_the_three_outages():
    assert {Path(words[3]).stem for words in outages()} == {
        "retry_storm_cured",
        "overload_cured",
        "probes_cured",
    }


@pytest.mark.parametrize("words", outages(), ids=lambda words: Path(words[3]).stem)
def test_an_outage_goes_on_without_its_cure_and_ends_with_it(words, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)

    found = CliRunner().invoke(cli, [*words[1:], "--json", str(tmp_path / "out.json")])

    assert found.exit_code == 0, found.output
    (one,) = json.loads((tmp_path / "out.json").read_text())["faults"]
    outage, cured = one["results"]
    assert outage["recovered_after_s"] is None
    assert cured["recovered_after_s"] is not None
    figures = [one["phases"]["after"]["writes"] for one in (outage, cured)]
    assert figures[0]["error_share"] > 1.5 * figures[1]["error_share"]


def test_every_file_of_the_example_can_be_loaded():
    found = CliRunner().invoke(
        cli, ["policy", "check", *map(str, (ROOT / "examples" / "outages").glob("*.yaml"))]
    )

    assert found.exit_code == 0, found.output
