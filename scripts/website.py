"""Build the site of the docs (`make docs`): strictly, and beside the versions that were built before.

    python scripts/website.py [--out build/docs]

The site of this version is written to ``<out>/<version>/``, with ``<out>/versions.json`` for the menu of
versions and ``<out>/index.html``, which leads to the newest. Older versions' folders stay. It fails on
a broken link, anchor or picture, and on anything that a browser would load from elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*?\bsrc=[\"'](?:https?:)?//[^\"']+"
    r"|<link\b[^>]*?\bhref=[\"'](?:https?:)?//[^\"']+"
    r"|url\(['\"]?(?:https?:)?//[^)]+|@import\s+['\"](?:https?:)?//[^'\"]+"
)
"""What makes a browser load something from another site."""
PICTURE = re.compile(r"<img\b[^>]*?\bsrc=[\"']([^\"':]+)[\"']")
START = """<!doctype html><html lang="en"><meta charset="utf-8"><title>aerospike-resilience</title>
<meta http-equiv="refresh" content="0; url={version}/index.html">
<a href="{version}/index.html">aerospike-resilience {version}</a></html>
"""


def problems(site: Path) -> list[str]:
    """Return what a browser would load from elsewhere, and pictures that are not there."""
    found = []
    for path in sorted(site.rglob("*")):
        if path.suffix not in (".html", ".css"):
            continue
        text, name = path.read_text(), path.relative_to(site)
        found += [f"{name} loads from elsewhere: {one[0]}" for one in LOADED.finditer(text)]
        if path.suffix == ".html":
            pictures = [one.partition("#")[0] for one in PICTURE.findall(text)]
            found += [
                f"{name} shows {one}, which is not there"
                for one in pictures
                if not (path.parent / one).exists()
            ]
    return found


def rank(version: str) -> tuple[int, ...]:
    """Rank a version for sorting."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


def write_versions(out: Path) -> list[str]:
    """Write the menu of versions and the page that leads to the newest; return the versions."""
    built = [path.parent.name for path in out.glob("*/index.html")]
    versions = sorted(built, key=rank, reverse=True)
    menu = [{"version": one, "title": one, "aliases": []} for one in versions]
    menu[0]["aliases"] = ["latest"]
    (out / "versions.json").write_text(json.dumps(menu, indent=1) + "\n")
    (out / "index.html").write_text(START.format(version=versions[0]))
    return versions


def main() -> None:
    """Build, check, and write the menu of versions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "docs")
    out: Path = parser.parse_args().out.resolve()
    sys.path.insert(0, str(ROOT / "scripts"))
    from website_hooks import version

    site = out / version()
    # Not --quiet: mkdocs counts only the warnings that it prints.
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout)
    if found := problems(site):
        raise SystemExit("\n".join(found))
    versions = write_versions(out)
    print(f"docs: {len(list(site.rglob('*.html')))} pages in {site}; versions: {versions}")


if __name__ == "__main__":
    main()
