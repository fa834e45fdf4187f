"""The language of the docs is checked, but not their code."""

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


prose = _load(ROOT / "docs" / "prose.py")


@pytest.mark.parametrize(
    "text",
    [
        "It is told once in the log.",
        "The file is read in order to find it.",
        "It asks the the node.",
        "Neither does this apply.",
        "This is an added bonus.",  # of proselint
    ],
)
def test_a_text_that_reads_badly_is_found_with_its_line(text):
    (found,) = prose.problems("page.md", f"# Page\n\n{text}\n")

    assert found.startswith("page.md:3: ")


def test_code_comments_and_targets_of_links_are_no_prose():
    text = "`in order to`\n\n```python\nin_ = 'in order to'\n```\n<!-- in order to -->\n[x](in order to)"

    assert list(prose.problems("page.md", text)) == []


def test_docstrings_and_messages_of_a_module_are_read(tmp_path):
    module = tmp_path / "module.py"
    module.write_text('"""It does a thing."""\nraise ValueError("this is too long")\nx = "a b"\n')

    assert [line for line, _ in prose.texts(module)] == [1, 2]
