"""What the docs say is run."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from aerospike_resilience.telemetry import registry

ROOT = Path(__file__).parent.parent


def _load(path: Path):
    spec = importlib.util.spec_from_file_location("docs_build", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = _load(ROOT / "docs" / "build.py")


@pytest.mark.parametrize("page", build.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_and_snippet_of_a_page_holds(page):
    problems = [
        *build.check_commands(page),
        *build.check_python(page),
    ]

    assert problems == []


SHORT = {
    "make demo": ["demo", "--seconds", "0.3", "--rate", "200", "--variants", "resilient"],
    "make test": None,  # this very run
}
"""How each command of the README is run here; one that is not listed fails the test."""


@pytest.mark.parametrize("command", [command for _, command in build.commands(ROOT / "README.md")])
def test_every_command_of_the_readme_is_run(command, tmp_path):
    arguments = SHORT[command]
    if arguments is None:
        return
    subprocess.run(
        [sys.executable, "-c", "from aerospike_resilience.cli import main; main()", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )

    assert (tmp_path / "build" / "demo.png").exists()


def test_every_extra_that_a_page_installs_is_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {
        extra
        for page in build.pages()
        for extras in re.findall(r"aerospike-resilience\[([\w,-]+)\]", page.read_text())
        for extra in extras.split(",")
    }

    assert len(named) > 5
    assert named - set(project["optional-dependencies"]) == set()


def test_what_a_code_host_reads_is_valid_and_names_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    forms = [
        yaml.safe_load(path.read_text())
        for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yaml")
    ]

    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert len(forms) == 3
    assert all({"name", "description", "body"} <= set(form) for form in forms)


def test_commands_and_files_of_a_page_run_in_its_order(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- runs: commands -->\n```sh\npip install 'nothing'\n```\n"
        "```yaml file=a/b.yaml\nx: 1\n```\n```sh\ngrep -q 'x: 1' a/b.yaml\n```\n"
        "```python\nfrom pathlib import Path\nassert Path('a/b.yaml').exists()\n```\n"
    )

    assert list(build.check_python(page)) == []
    page.write_text(page.read_text().replace("grep -q", "grep -qv"))
    assert "grep -qv" in next(build.check_python(page))


def test_make_demo_is_the_demo_command():
    makefile = (ROOT / "Makefile").read_text()

    assert "$(BIN)/aerospike-resilience demo" in makefile


def test_ci_runs_the_two_commands_of_the_contributing_page():
    script = (ROOT / ".ci" / "run").read_text()

    assert "make check\nmake test\nmake docs\n" in script


def test_a_broken_snippet_or_command_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "ROOT", tmp_path)
    (tmp_path / "Makefile").write_text("test:\n")
    page = tmp_path / "page.md"
    page.write_text("```python\n1 / 0\n```\n\n```sh\nmake haste\n```\n")

    assert "ZeroDivisionError" in next(build.check_python(page))
    assert "no target 'haste'" in next(build.check_commands(page))


def test_every_attribute_of_a_span_is_on_its_page():
    room = ROOT / "aerospike_resilience" / "telemetry"
    code = "".join((room / name).read_text() for name in ("spans.py", "targets.py"))
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()

    words = {name: value for name, value in vars(registry).items() if isinstance(value, str)}
    named = {words[name] for name in re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b", code) if name in words}
    assert len(named) > 10
    assert {name for name in named if f"`{name}`" not in page} == set()


def test_the_tables_are_what_the_code_says():
    tables = _load(ROOT / "docs" / "tables.py")

    for page in tables.PAGES:
        assert page.read_text() == tables.written(page.read_text()), "run python docs/tables.py"


def test_a_get_passes_few_files_and_every_room_says_what_it_is_for():
    house = _load(ROOT / "docs" / "house.py")

    assert 4 < len(house.way()) <= 11
    assert [line for line in house.rooms().splitlines() if line.endswith("|  |")] == []
