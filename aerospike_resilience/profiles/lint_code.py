"""Lint of an application's code: finds calls such as ``deadline(200)``, which means 200 seconds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .lint import Finding
from .names import from_here

DEADLINE: Final = "AR040"
"""The finding's id. A policy file cannot ignore it: write the number with a unit instead."""

LONG_S: Final = 10
"""Seconds from which on a bare number was perhaps meant in milliseconds."""

_PACKAGE: Final = "aerospike_resilience"


def examine_code(path: Path) -> list[Finding]:
    """Return where a file, or those in a directory, give ``deadline()`` a bare number of 10 or more.

    Files that this interpreter cannot parse are skipped.
    """
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [finding for file in files for finding in _in_file(file)]


def _in_file(path: Path) -> Iterator[Finding]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    functions, modules = _names(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not _is_deadline(node.func, functions, modules):
            continue
        given = [*node.args, *(one.value for one in node.keywords if one.arg == "seconds")]
        number = given[0].value if given and isinstance(given[0], ast.Constant) else None
        if isinstance(number, bool) or not isinstance(number, int | float) or number < LONG_S:
            continue
        where = from_here(path)
        yield Finding(
            DEADLINE,
            "warning",
            "",
            f"{where}:{node.lineno}",
            f"deadline({number}) is {number:g} seconds; were milliseconds meant?",
            f'deadline("{number:g}ms"), or deadline("{number:g}s") to say that it is meant so',
            str(path),
            node.lineno,
        )


def _names(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Return the names of `deadline` and of the package in a file."""
    functions, modules = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in (_PACKAGE, f"{_PACKAGE}.ambient"):
            functions |= {one.asname or one.name for one in node.names if one.name == "deadline"}
        elif isinstance(node, ast.Import):
            modules |= {one.asname or one.name for one in node.names if one.name == _PACKAGE}
    return functions, modules


def _is_deadline(called: ast.expr, functions: set[str], modules: set[str]) -> bool:
    if isinstance(called, ast.Name):
        return called.id in functions
    return (
        isinstance(called, ast.Attribute)
        and called.attr == "deadline"
        and isinstance(called.value, ast.Name)
        and called.value.id in modules
    )
