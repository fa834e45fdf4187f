"""The twins of sync and async make the same decisions: their code is the same, but for `await`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import aerospike_resilience

ROOT = Path(aerospike_resilience.__file__).parent
ROOMS = ("interceptors", "runtime")

DIFFERENT = {
    # A blocking client has no cancellation to outlive, and no future to shield.
    ("attempt.py", "end"),
    # A stream keeps its permits in both; only an awaited call can outlive its cancellation.
    ("orphaned_calls.py", "link"),
    ("per_node.py", "link"),
    # Only an awaited call can be left at its deadline.
    ("deadline.py", "link"),
    # A blocking call belongs to a thread, an awaited one to a task.
    ("recorder.py", "_keep"),
    # An awaited call that a task goes on with has no frame of a fused method that shows the way.
    ("first_attempts.py", "resume"),
    # Waiting for a permit and sleeping are what threads and tasks do in different ways.
    ("semaphore.py", "wait"),
    ("closing.py", "sleep"),
    # One asks each link for its blocking way, the other for its awaited one.
    ("chain.py", "link"),
}
"""Twins that differ for a reason, by file and name."""


def functions(path: Path) -> Iterator[tuple[str, str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function of a file: what it belongs to, its name, and itself."""

    def walk(node: ast.AST, owner: str) -> Iterator[tuple[str, str, ast.AST]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield owner, child.name, child
            elif isinstance(child, ast.ClassDef):
                yield from walk(child, child.name)

    yield from walk(ast.parse(path.read_text()), "")


class Blocking(ast.NodeTransformer):
    """Turns the code of an awaited twin into that of the one that blocks."""

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self.visit(node.value)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        plain = ast.FunctionDef(
            **{name: getattr(node, name, None) for name in ast.FunctionDef._fields}
        )
        return self.visit_FunctionDef(plain)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.name = node.name.removesuffix("_async")
        node.returns = None
        for argument in node.args.args:
            argument.annotation = None
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        node.attr = node.attr.removesuffix("_async")
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = node.id.removesuffix("_async").replace("asynccontextmanager", "contextmanager")
        return node


def code(function: ast.AST) -> str:
    return ast.dump(Blocking().visit(function), include_attributes=False)


def twins() -> Iterator[tuple[Path, str, str]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            found = {(owner, name) for owner, name, _ in functions(path)}
            for owner, name in sorted(found):
                if (owner, f"{name}_async") in found:
                    yield path, owner, name


ALL = list(twins())


@pytest.mark.parametrize(
    ("path", "owner", "name"),
    [pytest.param(*one, id=f"{one[0].name}:{one[1]}.{one[2]}") for one in ALL],
)
def test_the_awaited_twin_is_the_blocking_one_with_await(path: Path, owner: str, name: str):
    found = {(o, n): node for o, n, node in functions(path)}
    blocking, awaited = code(found[owner, name]), code(found[owner, f"{name}_async"])

    assert (blocking != awaited) == ((path.name, name) in DIFFERENT)


def test_every_exception_to_the_rule_is_needed():
    assert {(path.name, name) for path, _, name in ALL} >= DIFFERENT
    assert len(ALL) > 12
