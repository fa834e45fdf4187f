"""Check the docs, and write them as HTML.

``--check`` runs every Python snippet of README.md and docs/*.md (one namespace a page, top to bottom),
follows every internal link, and compares every shell command with what there is. A page that says
``<!-- needs: cluster -->`` gets the names ``cluster`` (a `LocalCluster`) and ``config`` (for
``aerospike.client``). A snippet fenced as ``python no-run`` is only compiled;
``no-types`` keeps it from the type checkers, as it needs a package that the tests do not install.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import re
import shlex
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


class Snippet(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    options: str
    code: str

    @property
    def where(self) -> str:
        """Page and line, as an editor takes them."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Return every page."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def snippets(page: Path) -> Iterator[Snippet]:
    """Yield a page's fenced blocks."""
    text = page.read_text()
    for found in FENCE.finditer(text):
        line = text[: found.start()].count("\n") + 2
        yield Snippet(page, line, found[1], found[2].strip(), found[3])


def check_python(page: Path) -> Iterator[str]:
    """Run a page's Python; yield what went wrong."""
    blocks = [one for one in snippets(page) if one.language == "python"]
    if not blocks:
        return
    with contextlib.ExitStack() as stack:
        names: dict[str, Any] = {"__name__": "__docs__"}
        if "<!-- needs: cluster -->" in page.read_text():
            from aerospike_resilience.testing import LocalCluster

            cluster = stack.enter_context(LocalCluster(nodes=3, replication_factor=2))
            cluster.wait_until_stable()
            names |= {"cluster": cluster, "config": {"hosts": cluster.hosts}}
        stack.enter_context(contextlib.chdir(stack.enter_context(tempfile.TemporaryDirectory())))
        for block in blocks:
            try:
                code = compile(
                    "\n" * (block.line - 1) + block.code,
                    str(page),
                    "exec",
                    flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,  # as in the prompts of asyncio and IPython
                )
                if "no-run" not in block.options:
                    with contextlib.redirect_stdout(io.StringIO()):
                        exec(code, names)
            except Exception:  # noqa: BLE001 - reported, with all the others
                yield f"{block.where}: {traceback.format_exc(limit=-2)}"
                return


def check_links(page: Path) -> Iterator[str]:
    """Yield internal links of a page that lead nowhere."""
    for found in LINK.finditer(page.read_text()):
        target = (found[1] or found[2]).partition("#")[0]
        if not target or re.match(r"[a-z]+:", target):
            continue
        if not (page.parent / target).exists():
            yield f"{page.relative_to(ROOT)}: the link to {target} leads nowhere"


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
        for looking in (check_links, check_commands, check_python)
        for problem in looking(page)
    ]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    total = sum(1 for page in pages() for block in snippets(page) if block.language == "python")
    print(f"docs: {len(pages())} pages, {total} Python snippets run, {len(problems)} problems")
    return len(problems)


def build(out: Path) -> None:
    """Write every page as HTML."""
    import markdown

    out.mkdir(parents=True, exist_ok=True)
    for page in pages():
        text = page.read_text().replace(".md)", ".html)").replace("](docs/", "](")
        body = markdown.markdown(text, extensions=["fenced_code", "tables", "toc"])
        title = text.partition("\n")[0].lstrip("# ")
        name = "index" if page.name == "README.md" else page.stem
        (out / f"{name}.html").write_text(TEMPLATE.format(title=title, body=body))
    for picture in (ROOT / "docs").glob("*.png"):
        (out / picture.name).write_bytes(picture.read_bytes())
    print(f"docs: {len(pages())} pages written to {out.relative_to(ROOT)}")


TEMPLATE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.6 system-ui,sans-serif;max-width:54rem;margin:2rem auto;padding:0 1rem}}
img{{max-width:100%}}pre,code{{background:#f4f4f4}}pre{{padding:.8rem;overflow:auto}}
table{{border-collapse:collapse}}td,th{{border:1px solid #ddd;padding:.3rem .6rem;text-align:left}}</style>
<body>{body}</body></html>
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only check, write nothing")
    wrong = check()
    if not parser.parse_args().check:
        build(ROOT / "build" / "docs")
    sys.exit(1 if wrong else 0)
