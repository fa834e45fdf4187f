"""Check what the docs say: run every snippet, and compare every command with what there is.

Every Python snippet of README.md and docs/ runs: one namespace a page, top to bottom, in its own folder.

- A page that says ``<!-- needs: cluster -->`` gets the names ``cluster`` (a `LocalCluster`) and ``config``
  (for ``aerospike.client``).
- A page that says ``<!-- runs: commands -->`` has its shell commands run too, but for installations.
- A snippet fenced as ``python no-run`` is only compiled; ``no-types`` keeps it from the type checkers, as
  it needs a package that the tests do not install.
- A snippet with ``file=NAME`` is written to that file.

Links, anchors and pictures are checked where the site is built (`make docs`).
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Snippet(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    options: str
    code: str

    @property
    def file(self) -> str:
        """The file that the block is written to; empty if it is none."""
        found = re.search(r"file=(\S+)", self.options)
        return found[1] if found else ""

    @property
    def where(self) -> str:
        """Page and line, as an editor takes them."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Return every page."""
    at_root = sorted(ROOT.glob("*.md"))
    return [*at_root, *sorted((ROOT / "docs").rglob("*.md"))]


def snippets(page: Path) -> Iterator[Snippet]:
    """Yield a page's fenced blocks."""
    text = page.read_text()
    for found in FENCE.finditer(text):
        line = text[: found.start()].count("\n") + 2
        yield Snippet(page, line, found[1], found[2].strip(), found[3])


def check_python(page: Path) -> Iterator[str]:
    """Run a page's snippets; yield what went wrong."""
    text = page.read_text()
    with_commands = "<!-- runs: commands -->" in text
    blocks = [
        one
        for one in snippets(page)
        if one.language == "python" or one.file or (one.language == "sh" and with_commands)
    ]
    if not blocks:
        return
    with contextlib.ExitStack() as stack:
        names: dict[str, Any] = {"__name__": "__docs__"}
        if "<!-- needs: cluster -->" in text:
            from aerospike_resilience.testing import LocalCluster

            cluster = stack.enter_context(LocalCluster(nodes=3, replication_factor=2))
            cluster.wait_until_stable()
            names |= {"cluster": cluster, "config": {"hosts": cluster.hosts}}
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(contextlib.chdir(folder))
        for block in blocks:
            try:
                if block.file:
                    Path(block.file).parent.mkdir(parents=True, exist_ok=True)
                    Path(block.file).write_text(block.code)
                elif block.language == "sh":
                    run_commands(block.code)
                else:
                    run_python(block, names)
            except Exception:  # noqa: BLE001 - reported, with all the others
                yield f"{block.where}: {traceback.format_exc(limit=-2)}"
                return


def run_python(block: Snippet, names: dict[str, Any]) -> None:
    """Run a Python snippet in the page's namespace."""
    code = compile(
        "\n" * (block.line - 1) + block.code,
        str(block.page),
        "exec",
        flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,  # as in the prompts of asyncio and IPython
    )
    if "no-run" not in block.options:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, names)


INSTALLING = ("pip install", "python -m venv", ". .venv/bin/activate")
"""Commands that are not run: tests/test_packaging.py installs what is built."""


def run_commands(text: str) -> None:
    """Run shell commands: this repository's own in this process, all others with this Python."""
    from aerospike_resilience.cli.main import cli

    for line in text.splitlines():
        words = shlex.split(line)
        if not words or line.startswith(INSTALLING):
            continue
        if words[0] == "aerospike-resilience":
            said = io.StringIO()
            try:
                with contextlib.redirect_stdout(said):
                    code = cli.main(words[1:], standalone_mode=False)
            except SystemExit as ended:
                code = ended.code
            output = said.getvalue()
        else:
            python = [sys.executable, "-m"] if words[0] == "pytest" else []
            done = subprocess.run(
                [*python, *words],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                check=False,
            )
            code, output = done.returncode, done.stdout + done.stderr
        differs = words[1:3] == ["policy", "diff"] and code == 1
        if code and not differs:
            raise RuntimeError(f"{line}\n{output}")


def commands(page: Path) -> Iterator[tuple[str, str]]:
    """Yield every shell command of a page, with its place."""
    for block in snippets(page):
        if block.language in ("sh", "console"):
            for number, line in enumerate(block.code.splitlines()):
                command = line.removeprefix("$ ").partition("  #")[0].strip()
                if command and not command.startswith("#"):
                    yield f"{page.relative_to(ROOT)}:{block.line + number}", command


def check_commands(page: Path) -> Iterator[str]:
    """Yield shell commands of a page that do not exist."""
    from aerospike_resilience.cli.main import COMMANDS

    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for where, command in commands(page):
        words = [word for word in shlex.split(command) if "=" not in word]
        match words:
            case ["make", target, *_] if target not in targets:
                yield f"{where}: the Makefile has no target {target!r}"
            case ["aerospike-resilience", name, *_] if not name.startswith("-"):
                if name not in COMMANDS:
                    yield f"{where}: there is no command {name!r}"


def check() -> int:
    """Check every page; return how many things are wrong."""
    problems = [
        problem
        for page in pages()
        for looking in (check_commands, check_python)
        for problem in looking(page)
    ]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    total = sum(1 for page in pages() for block in snippets(page) if block.language == "python")
    print(f"docs: {len(pages())} pages, {total} Python snippets run, {len(problems)} problems")
    return len(problems)


if __name__ == "__main__":
    sys.exit(1 if check() else 0)
