"""mypy and pyright accept what the docs show, and what tests/typing/api.py does with the public names."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.typing.documented import ROOT, modules

pytestmark = pytest.mark.timeout(400)

API = ROOT / "tests" / "typing" / "api.py"


@functools.cache
def pages() -> tuple[dict[str, str], list[str]]:
    """Return the Python of each page as one module, and the places of snippets that are not whole."""
    found = list(modules())
    texts = {name: text for name, text, _ in found}
    return texts, [place for _, _, partial in found for place in partial]


def mypy(folder: Path, *files: Path) -> list[str]:
    """Return what ``mypy --strict`` complains of."""
    config = ("--strict", "--config-file", str(ROOT / "pyproject.toml"))
    cache = ("--cache-dir", str(ROOT / ".mypy_cache"))  # what `make check` has seen is known there
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *config, *cache, *map(str, files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=380,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "error:" in line]


def pyright(folder: Path, *files: Path) -> list[str]:
    """Return what pyright complains of. The files are in the folder."""
    settings = {
        "include": [file.name for file in files],
        "extraPaths": [str(ROOT)],
        "pythonVersion": "3.11",
        "typeCheckingMode": "standard",
        "reportMissingModuleSource": False,
    }
    project = ("--project", str(folder), "--pythonpath", sys.executable)
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", *project],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=380,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [
        f"{Path(one['file']).name}:{one['range']['start']['line'] + 1}: {one['message']}"
        for one in json.loads(done.stdout)["generalDiagnostics"]
        if one["severity"] == "error"
    ]


Checker = Callable[..., list[str]]

CHECKERS = pytest.mark.parametrize("check", [mypy, pyright], ids=lambda check: check.__name__)


def written(folder: Path, texts: dict[str, str]) -> list[Path]:
    files = [folder / f"{name}.py" for name in texts]
    for file in files:
        file.write_text(texts[file.stem])
    return files


WRONG = """\
import aerospike
from aerospike_resilience import FallbackClient, resilience, resilient
client = resilient(aerospike.client({}), name=3)
client.resilience.snapshot()
resilience(client).snapshoot()
resilient(client, listeners=3)
"""


@CHECKERS
def test_the_docs_and_every_public_name_pass_the_type_checkers_which_do_look(
    check: Checker, tmp_path: Path
) -> None:
    # In one run, as a type checker spends its time on the packages and not on these files.
    texts = {**pages()[0], "api": API.read_text(), "wrong": WRONG}
    told = check(tmp_path, *written(tmp_path, texts))

    of_wrong = [line for line in told if Path(line.split(":")[0]).name == "wrong.py"]
    assert [line for line in told if line not in of_wrong] == []
    assert {int(line.split(":")[1]) for line in of_wrong} == {3, 4, 5, 6}


def test_every_python_snippet_of_the_docs_is_whole_enough_to_be_checked() -> None:
    texts, partial = pages()

    assert partial == []
    assert len(texts) >= 9
