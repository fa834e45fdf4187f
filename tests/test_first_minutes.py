"""What a newcomer meets who types make: what is installed, or what is missing, in one sentence."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pip
import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.timeout(
    300
)  # environments take long where other processes take both cores

NAMES = ["sh", "make", "cat", "cmp", "cp", "expand", "grep", "sed", "tail", "touch"]
"""The only programs on the PATH of these tests."""

BROKEN_BACKEND = """
def build_wheel(*_, **__):
    raise SystemExit("error: command 'gcc' failed: No such file or directory")
"""
"""What setuptools ends with where there is no C compiler."""


@pytest.fixture
def programs(tmp_path) -> Path:
    """A folder for the PATH, without any Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in NAMES:
        (folder / name).symlink_to(shutil.which(name))
    return folder


def _script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def python(tmp_path) -> str:
    """The running Python, whose environments come without pip: unpacking it takes seconds."""
    return _script(
        tmp_path / "python",
        f'[ "$2" = venv ] && set -- "$@" --without-pip\nexec {sys.executable} "$@"',
    )


@pytest.fixture
def borrowed_pip(tmp_path) -> str:
    """A PYTHONPATH with the running environment's pip."""
    folder = tmp_path / "borrowed"
    folder.mkdir()
    (folder / "pip").symlink_to(Path(pip.__file__).parent)
    return str(folder)


def _make(programs: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run make with nothing but the named programs, and an environment to fill beside them."""
    return subprocess.run(
        ["make", "--no-print-directory", "-C", str(ROOT), *arguments],
        env={
            "HOME": str(programs),
            "PATH": str(programs),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_RETRIES": "0",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence, which is the last but for make's own line."""
    assert done.returncode
    *_, sentence, _ = done.stderr.strip().splitlines()
    assert sentence.startswith("make: ")
    return sentence.removeprefix("make: ")


def _arguments(tmp_path: Path, lock: str = "nothing==1.0") -> list[str]:
    (tmp_path / "lock.txt").write_text(f"{lock} --hash=sha256:{'0' * 64}\n")
    return ["demo", f"VENV={tmp_path / 'venv'}", f"LOCK={tmp_path / 'lock.txt'}"]


def test_without_any_python_make_says_which_is_needed(programs, tmp_path):
    found = _complaint(_make(programs, *_arguments(tmp_path)))

    assert found.startswith("Python 3.11 or newer is needed, and none was found; install one")


def test_a_python_that_is_too_old_is_named(programs, tmp_path):
    old = 'case "$2" in *exit*) exit 1;; *) echo 3.8.18;; esac'
    path = _script(programs / "python3", old)

    assert "needed, and python3 is 3.8.18;" in _complaint(_make(programs, *_arguments(tmp_path)))
    asked = _complaint(_make(programs, *_arguments(tmp_path), f"PYTHON={path}"))
    assert asked == f"PYTHON={path} is Python 3.8.18; 3.11 or newer is needed."


def test_a_python_that_does_not_exist_is_named(programs, tmp_path):
    found = _complaint(_make(programs, *_arguments(tmp_path), "PYTHON=/nowhere/python3"))

    assert found == "PYTHON=/nowhere/python3 cannot be run; Python 3.11 or newer is needed."


def test_a_python_without_venv_is_told_how_to_get_it(programs, tmp_path):
    _script(
        programs / "python3.11",
        f'case "$2" in *ensurepip*) exit 1;; *) exec {sys.executable} "$@";; esac',
    )

    found = _complaint(_make(programs, *_arguments(tmp_path)))

    assert found.startswith("python3.11 comes without its module venv; install it")
    assert f"apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv" in found


def test_an_index_that_cannot_be_reached_is_told_from_a_broken_package(
    programs, tmp_path, python, borrowed_pip
):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]

    done = _make(
        programs,
        *_arguments(tmp_path),
        f"PYTHON={python}",
        PYTHONPATH=borrowed_pip,
        PIP_INDEX_URL=f"http://127.0.0.1:{port}/simple",
    )

    assert _complaint(done).startswith("the package index could not be reached")
    assert re.search(r"Installing what \S+lock\.txt lists .*: about a minute", done.stdout)


def test_a_missing_compiler_is_named(programs, tmp_path, python, borrowed_pip):
    archive = tmp_path / "needs-compiler-1.0.tar.gz"
    files = {
        "pyproject.toml": '[build-system]\nrequires=[]\nbuild-backend="backend"\nbackend-path=["."]\n'
        '[project]\nname="needs-compiler"\nversion="1.0"\n',
        "backend.py": BROKEN_BACKEND,
    }
    with tarfile.open(archive, "w:gz") as packed:
        for name, text in files.items():
            member = tarfile.TarInfo(f"needs-compiler-1.0/{name}")
            member.size = len(text)
            packed.addfile(member, io.BytesIO(text.encode()))
    arguments = _arguments(tmp_path)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (tmp_path / "lock.txt").write_text(f"needs-compiler==1.0 --hash=sha256:{digest}\n")

    done = _make(
        programs,
        *arguments,
        f"PYTHON={python}",
        PYTHONPATH=borrowed_pip,
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(tmp_path),
    )

    assert "could not be compiled; install a C compiler" in _complaint(done)


def test_a_second_make_installs_nothing_and_a_newer_lock_does(programs, tmp_path):
    arguments = ["--dry-run", *_arguments(tmp_path)]
    (tmp_path / "venv").mkdir()
    ready = tmp_path / "venv" / ".ready"
    later = time.time() + 60  # than pyproject.toml, whenever that was changed
    ready.touch()
    os.utime(ready, (later, later))

    assert "environment.sh" not in _make(programs, *arguments).stdout
    assert "environment.sh" in _make(programs, *arguments, "PYTHON=python3.99").stdout
    os.utime(tmp_path / "lock.txt", (later + 60, later + 60))
    assert "environment.sh" in _make(programs, *arguments).stdout


def test_make_help_lists_every_target(programs):
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, re.MULTILINE)

    listed = re.findall(r"^  make (\S+) +\S", _make(programs).stdout, re.MULTILINE)

    assert listed == targets
