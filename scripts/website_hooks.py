"""Hooks of the site's build: pages that are not in docs/, links into the repository, API pages.

The Markdown of the repository is written for a code host. Here it is fitted to the site: README.md becomes
the home page, a link to a file outside docs/ leads to a copy of it, and a table of API names is followed by
what their docstrings say.
"""

from __future__ import annotations

import importlib
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
AT_ROOT = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
}
"""Pages at the root of the repository, and their place on the site."""

LINK = re.compile(r"(?P<head>\]\()(?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?(?P<tail>\))")
FENCE = re.compile(r"^(```+)([\w-]+)([^\n`]*)$", re.MULTILINE)
CODE = re.compile(r"^(```+).*?^\1[ ]*$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
API = re.compile(r"<!-- table: api_(\w+) -->.*?<!-- /table -->", re.DOTALL)
ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill in the pages that `nav` names by their folder, and add all others under "Guides"."""
    own = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    left = sorted(own - set(re.findall(r"[\w/.-]+\.md", str(config.nav))))
    _fill(config.nav or [], left)
    (guides,) = [one["Guides"] for one in config.nav or [] if "Guides" in one]
    guides += left
    config.copyright = f"Version {version()}. Apache License 2.0."
    return config


def _fill(entries: list[Any], left: list[str]) -> None:
    """Replace each ``folder/*.md`` by the folder's pages, and take them from what is left."""
    for index, entry in reversed([*enumerate(entries)]):
        if isinstance(entry, dict):
            for inner in entry.values():
                if isinstance(inner, list):
                    _fill(inner, left)
        elif entry.endswith("/*.md"):
            found = [page for page in left if Path(page).parent == Path(entry).parent]
            entries[index : index + 1] = found
            left[:] = [page for page in left if page not in found]


def version() -> str:
    """Return the project's version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages at the root of the repository, and every file outside docs/ that a page links."""
    from mkdocs.structure.files import File

    for name, place in AT_ROOT.items():
        if (ROOT / name).exists():
            files.append(File.generated(config, place, abs_src_path=str(ROOT / name)))
    for path in sorted({target for source in _sources() for target in _outside(source)}):
        place = f"files/{path.relative_to(ROOT)}"
        files.append(File.generated(config, place, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Fit a page to the site."""
    place = page.file.src_uri
    source = next((ROOT / name for name, at in AT_ROOT.items() if at == place), DOCS / place)

    def link(found: re.Match[str]) -> str:
        target = _site_place(source, found["target"])
        if target is None:
            return found[0]
        relative = os.path.relpath(target, Path(place).parent)
        return f"{found['head']}{relative}{found['anchor'] or ''}{found['tail']}"

    text = _outside_code(markdown, lambda part: LINK.sub(link, part))
    text = FENCE.sub(_fence, text)
    return API.sub(_documented, text)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Load the worker of the search from the site itself."""
    return _own_worker(output, page.file.src_uri)


def on_post_template(output_content: str, template_name: str, **_: Any) -> str:
    """The same for pages that are not of Markdown."""
    return _own_worker(output_content, template_name)


def _own_worker(html: str, place: str) -> str:
    here = os.path.relpath("assets/frame-worker.js", Path(place).parent)
    return html.replace("https://unpkg.com/iframe-worker/shim", here)


def _sources() -> list[Path]:
    at_root = [ROOT / name for name in AT_ROOT if (ROOT / name).exists()]
    return [*at_root, *DOCS.rglob("*.md")]


def _outside_code(text: str, change: Any) -> str:
    """Apply `change` to what is neither a fenced block nor inline code."""
    parts, end = [], 0
    for code in CODE.finditer(text):
        parts += [change(text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, change(text[end:])])


def _resolved(source: Path, target: str) -> Path | None:
    """Return the file of the repository that a link leads to; None if it leads elsewhere."""
    if re.match(r"[a-z]+:|/", target):
        return None
    path = (source.parent / target).resolve()
    return path if path.is_relative_to(ROOT) else None


def _outside(source: Path) -> list[Path]:
    """Return the files that a page links which are not of the site."""
    targets: list[str] = []
    _outside_code(source.read_text(), lambda part: targets.extend(LINK.findall(part)) or part)
    paths = [_resolved(source, found[1]) for found in targets]
    return [
        path
        for path in paths
        if path and path.is_file() and not path.is_relative_to(DOCS) and _root_page(path) is None
    ]


def _root_page(path: Path) -> str | None:
    return AT_ROOT.get(path.name) if path.parent == ROOT else None


def _site_place(source: Path, target: str) -> str | None:
    """Return where on the site a link leads; None where it need not be changed."""
    path = _resolved(source, target)
    if path is None:
        return None
    if (place := _root_page(path)) is not None:
        return place
    if path.is_relative_to(DOCS):
        return str(path.relative_to(DOCS))
    return f"files/{path.relative_to(ROOT)}"


def _fence(found: re.Match[str]) -> str:
    """Return the head of a fenced block without options for docs/build.py, but with its file's name."""
    file = re.search(r"file=(\S+)", found[3])
    return f'{found[1]}{found[2]} title="{file[1]}"' if file else f"{found[1]}{found[2]}"


def _documented(table: re.Match[str]) -> str:
    """Return an API table with its names' docstrings."""
    names = ROW.findall(table[0])
    return "\n\n".join([table[0], *(f"::: {_home(name)}" for name in names)])


def _home(name: str) -> str:
    """Return where a public name is defined."""
    for package in ("aerospike_resilience", "aerospike_resilience.testing"):
        module = importlib.import_module(package)
        if name in module.__all__:
            found = getattr(module, name)
            home = getattr(found, "__module__", None)
            homes = getattr(module, "_HOME_OF", {})
            if name in homes:
                return f"{package}{homes[name]}.{name}"
            return f"{home or package}.{name}"
    raise LookupError(f"{name} is not public")
