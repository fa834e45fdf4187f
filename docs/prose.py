"""Check the language of the docs, and of the docstrings and messages of the library (`make check`).

A short list of our own, `RULES`, and the checks of proselint that fit technical text, `CHECKS`. Code is
left out. Add a rule where a review finds the same thing twice; keep the list short.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from proselint.checks import __register__
from proselint.registry import CheckRegistry
from proselint.tools import LintFile

ROOT: Final = Path(__file__).resolve().parent.parent

RULES: Final = {
    r"\b(?:is|are) told\b(?! apart)": "say who tells it, or: is logged, is reported",
    r"\bwords (?:on|of|about)\b": "options, settings, text",
    r"\b(?:lays?|laid) down\b": "releases",
    r"\bgives? up the ghost\b|\bno sooner\b|\bhenceforth\b|\bthereof\b|\bherein\b": "plain words",
    r"\b(?:utili[sz]e[sd]?|leverag(?:e[sd]?|ing)|facilitate[sd]?)\b": "use, help",
    r"\bin order to\b": "to",
    r"\bdue to the fact that\b": "because",
    r"\bplease note\b|\bnote that\b": "leave it out",
    r"\b(?:simply|obviously|of course|basically)\b": "leave it out",
    r"\b(?:seamless(?:ly)?|robust(?:ly)?|blazing(?:ly)?|powerful)\b": "what it does, measured",
    r"\b(?:and/or)\b": "and, or",
    r"\bthe user (?:can|may|must|should|has to|wants)\b": "you",
    r"\b([a-z]+) \1\b": "the word once",
    r"\b(?:Not|Neither) (?:does|do|is|are|has|have|will) (?:the|this|it|a|any)\b": "subject first",
    r"\bOnly then (?:does|do|is|are|will)\b": "subject first",
    r"\bmust needs\b|\bas it were\b|\bby no means\b": "plain words",
}
"""A pattern that a text should not have, and what to write instead."""

CHECKS: Final = {
    "archaism": True,
    "cliches": True,
    "malapropisms": True,
    "mixed_metaphors": True,
    "mondegreens": True,
    "needless_variants": True,
    "nonwords": True,
    "oxymorons": True,
    "redundancy": True,
}
"""The checks of proselint that are on."""

MIN_WORDS: Final = 3
"""Shorter texts are names and values."""

BLANKED: Final = re.compile(
    r"^(```+).*?^\1[ ]*$|`[^`\n]+`|<!--.*?-->|\]\([^)\n]*\)", re.MULTILINE | re.DOTALL
)
"""What is no prose: code, comments, the targets of links."""


def pages() -> Iterator[Path]:
    """Yield every page that people write."""
    yield from (ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))


def problems(name: str, text: str) -> Iterator[str]:
    """Yield what is wrong with a text, with its line."""
    prose = BLANKED.sub(lambda found: re.sub(r"[^\n]", "`", found[0]), text)
    for pattern, instead in RULES.items():
        for found in re.finditer(pattern, prose):
            line = prose[: found.start()].count("\n") + 1
            yield f"{name}:{line}: {found[0]!r}: {instead}"
    if not CheckRegistry().checks:
        CheckRegistry().register_many(__register__)
    for result in LintFile(name, prose).lint({"max_errors": 1000, "checks": CHECKS}):
        yield f"{name}:{result.pos[0]}: {result.check_result.message}"


def texts(module: Path) -> Iterator[tuple[int, str]]:
    """Yield the docstrings and the messages of a module: its texts that are long enough."""
    for node in ast.walk(ast.parse(module.read_text())):
        match node:
            case ast.Constant(value=str(text)) if len(text.split()) >= MIN_WORDS:
                yield node.lineno, text


def check() -> int:
    """Check everything; return how many things are wrong."""
    found = [
        one for page in pages() for one in problems(str(page.relative_to(ROOT)), page.read_text())
    ]
    for module in sorted((ROOT / "aerospike_resilience").rglob("*.py")):
        for line, text in texts(module):
            for pattern, instead in RULES.items():
                if match := re.search(pattern, BLANKED.sub(" ", text)):
                    place = f"{module.relative_to(ROOT)}:{line}"
                    found.append(f"{place}: {match[0]!r}: {instead}")
    for one in found:
        sys.stderr.write(f"{one}\n")
    print(f"prose: {len(found)} problems")
    return len(found)


if __name__ == "__main__":
    sys.exit(1 if check() else 0)
