"""The text of a query for ``db.query.text``, with a ``?`` for every value.

Aerospike has no query language that all clients share. So the text is in the language of Aerospike's
command-line tool: ``SELECT name, age FROM test.people WHERE age BETWEEN ? AND ?``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

BuilderCalls: TypeAlias = Sequence[tuple[str, tuple[Any, ...]]]
"""The calls of a query's builder methods in order: method and positional arguments of each."""

BUILDERS: Final = frozenset(
    {"select", "where", "where_with_expr", "where_with_index_name", "apply", "add_ops"}
)
"""The builder methods that decide what a query asks for."""

_VALUES: Final = re.compile(r"'[^']*'|\"[^\"]*\"|(?<![\w.$])-?\d+(?:\.\d+)?")


def of_query(
    created_with: Sequence[Any],
    builder_calls: BuilderCalls,
    condition: Callable[[Sequence[Any]], str],
) -> str:
    """Return the text of the query or scan that an object makes.

    Args:
        created_with: the arguments the object was created with: the namespace, and the set if there is one.
        builder_calls: the calls of its builder methods.
        condition: turns a client's predicate into its text, without values.
    """
    bins: list[str] = []
    conditions: list[str] = []
    rest: list[str] = []
    for name, args in builder_calls:
        if name == "select":
            bins += [str(one) for one in args]
        elif name == "apply":
            rest.append(f"APPLY {'.'.join(str(one) for one in args[:2])}(?)")
        elif name == "add_ops":
            rest.append("OPERATE ?")
        else:
            found = (one for one in args if isinstance(one, tuple) and len(one) > 2)
            conditions += [condition(one) for one in found] or ["?"]
    return select(".".join(str(one) for one in created_with[:2] if one), bins, conditions, rest)


def select(
    source: str, bins: Sequence[str], conditions: Sequence[str], rest: Sequence[str] = ()
) -> str:
    """Return the text of a query.

    Args:
        source: the namespace, and the set if there is one, as ``namespace.set``.
        bins: the bins that are asked for; none for all of them.
        conditions: the conditions that hold for every record.
        rest: what the query does besides.
    """
    where = [f"WHERE {' AND '.join(conditions)}"] if conditions else []
    return " ".join([f"SELECT {', '.join(bins) or '*'} FROM {source}", *where, *rest])


def without_values(text: str) -> str:
    """Return a query that the application wrote with a ``?`` instead of every literal."""
    return _VALUES.sub("?", text)
