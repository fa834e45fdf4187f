"""The site of the docs, where it does more than its generator."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parent.parent


def _load(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


website, hooks = _load("website"), _load("website_hooks")


def _page(place: str):
    return SimpleNamespace(file=SimpleNamespace(src_uri=place))


def _shown(markdown: str, place: str = "index.md") -> str:
    return hooks.on_page_markdown(markdown, page=_page(place))


@pytest.mark.parametrize(
    ("place", "link", "expected"),
    [
        ("index.md", "docs/errors.md#conflicts", "errors.md#conflicts"),
        ("index.md", "CONTRIBUTING.md", "contributing.md"),
        ("contributing.md", "README.md", "index.md"),
        ("errors.md", "retries.md", "retries.md"),
        ("errors.md", "../examples/script.py", "files/examples/script.py"),
        ("lint/AR001.md", "../../policies/latency.yaml", "../files/policies/latency.yaml"),
        ("lint/AR001.md", "../policies.md", "../policies.md"),
        ("errors.md", "https://example.com/a.md", "https://example.com/a.md"),
        ("errors.md", "#conflicts", "#conflicts"),
    ],
)
def test_a_link_of_the_repository_leads_to_the_same_page_of_the_site(place, link, expected):
    assert _shown(f"see [it]({link})", place) == f"see [it]({expected})"


def test_code_is_left_as_it_is_but_for_what_follows_its_language():
    text = "```python no-run\nx = [y](docs/errors.md)\n```\nand `[y](docs/errors.md)`"

    assert _shown(text) == text.replace("python no-run", "python")


def test_a_page_that_no_menu_names_is_found_among_the_guides():
    nav = [{"Guides": ["policies.md"]}, {"Lint": ["lint/index.md", "lint/*.md"]}]
    nav = hooks.on_config(SimpleNamespace(nav=nav, copyright="")).nav
    guides, lint = nav[0]["Guides"], nav[1]["Lint"]

    assert guides[0] == "policies.md"
    assert "errors.md" in guides
    assert guides.count("policies.md") == 1
    assert lint[:2] == ["lint/index.md", "lint/AR001.md"]
    assert not any("*" in page or page.startswith("lint/") for page in guides)


def test_what_a_browser_would_load_from_elsewhere_and_lost_pictures_are_found(tmp_path):
    (tmp_path / "page.html").write_text(
        '<script src="https://unpkg.com/x"></script><link rel="stylesheet" href="//fonts.com/y">'
        '<img src="gone.svg"><a href="https://example.com">a link is followed by hand</a>'
    )
    (tmp_path / "page.css").write_text('@import "https://example.com/z.css";')

    found = website.problems(tmp_path)

    assert len(found) == 4
    assert any("gone.svg" in line for line in found)


def test_each_version_is_in_the_menu_and_the_newest_is_shown_first(tmp_path):
    for version in ("0.9.0", "0.10.0"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "index.html").touch()

    assert website.write_versions(tmp_path) == ["0.10.0", "0.9.0"]

    menu = json.loads((tmp_path / "versions.json").read_text())
    assert menu[0] == {"version": "0.10.0", "title": "0.10.0", "aliases": ["latest"]}
    assert "url=0.10.0/index.html" in (tmp_path / "index.html").read_text()


def test_every_page_that_the_menu_names_is_there():
    named = re.findall(r"[\w/.*-]+\.md", (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2])

    at_root = {place: ROOT / name for name, place in hooks.AT_ROOT.items()}
    missing = [
        name
        for name in named
        if "*" not in name and not at_root.get(name, ROOT / "docs" / name).exists()
    ]
    assert missing == []
