"""The Python of the docs as modules that a type checker can read: one for each page."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

GIVEN = """\
from typing import Any

from aerospike_resilience.testing import LocalCluster

def given() -> Any: ...


cluster: LocalCluster = given()
config: dict[str, Any] = given()
key: tuple[str, str, int | str] = given()
host: str = given()
port: int = given()
seeds: str = given()
policy: Any = given()
users: Any = given()
"""
"""What the application has around a snippet."""


def docs() -> Any:
    """Return docs/build.py, which knows the pages and their snippets."""
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def modules() -> Iterator[tuple[str, str, list[str]]]:
    """Yield of each page its name, its Python as one module, and the snippets that are not whole enough.

    A snippet is whole if every name that it reads is bound: by itself, by one before it on the page, by
    Python, or by `GIVEN`.
    """
    build = docs()
    for page in build.pages():
        bound = {*dir(builtins), *names(GIVEN, ast.Store)}
        text, partial = GIVEN, []
        for block in build.snippets(page):
            if block.language != "python" or "no-types" in block.options:
                continue  # no-types: it needs a package that the tests do not install
            missing = names(block.code, ast.Load) - names(block.code, ast.Store) - bound
            if missing:
                partial.append(f"{block.where}: {', '.join(sorted(missing))}")
                continue
            bound |= names(block.code, ast.Store)
            text += f"\n# {block.where}\n{as_statements(block.code)}"
        if text != GIVEN or partial:
            yield module_name(page), text, partial


def module_name(page: Path) -> str:
    """Return a page's place as the name of a module: ``docs_recipes_fastapi``."""
    place = page.relative_to(ROOT).with_suffix("")
    return "_".join(place.parts).replace("-", "_").lower()


def as_statements(code: str) -> str:
    """Return a snippet as it is, or as the body of a coroutine function where it awaits something."""
    try:
        compile(code, "snippet", "exec")
    except SyntaxError:
        return f"async def awaited() -> None:\n{textwrap.indent(code, '    ')}"
    return code


def names(code: str, context: type[ast.expr_context]) -> set[str]:
    """Return the names that a snippet reads or binds, anywhere in it."""
    tree = compile(code, "snippet", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=kind) if isinstance(kind, context):
                found.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)) if context is ast.Store:
                found.add(name)
            case ast.Import(names=imported) | ast.ImportFrom(names=imported) if (
                context is ast.Store
            ):
                found |= {(one.asname or one.name).partition(".")[0] for one in imported}
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ) if context is ast.Store:
                found.add(name)
            case ast.arg(arg=name) | ast.ExceptHandler(name=str(name)) if context is ast.Store:
                found.add(name)
    return found
