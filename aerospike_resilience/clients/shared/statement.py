"""The text of a query for ``db.query.text``: what is asked for, with a ``?`` for every value.

Aerospike has no query language that all clients share, so the text reads as its own command-line tool would
have it: ``SELECT name, age FROM test.people WHERE age BETWEEN ? AND ?``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

Built: TypeAlias = Sequence[tuple[str, tuple[Any, ...]]]
"""What a query's builders were given: method and positional arguments, in order."""

BUILDERS: Final = frozenset(
    {"select", "where", "where_with_expr", "where_with_index_name", "apply", "add_ops"}
)
"""The builders that say what a query asks for."""

_VALUES: Final = re.compile(r"'[^']*'|\"[^\"]*\"|(?<![\w.$])-?\d+(?:\.\d+)?")


def of_query(made: Sequence[Any], built: Built, condition: Callable[[Sequence[Any]], str]) -> str:
    """Return the text of a query or scan that was built.

    Args:
        made: what the object was made with: the namespace, and the set if there is one.
        built: what its builders were given.
        condition: from a client's predicate to its text, without values.
    """
    bins: list[str] = []
    conditions: list[str] = []
    rest: list[str] = []
    for name, args in built:
        if name == "select":
            bins += [str(one) for one in args]
        elif name == "apply":
            rest.append(f"APPLY {'.'.join(str(one) for one in args[:2])}(?)")
        elif name == "add_ops":
            rest.append("OPERATE ?")
        else:
            found = (one for one in args if isinstance(one, tuple) and len(one) > 2)
            conditions += [condition(one) for one in found] or ["?"]
    return select(".".join(str(one) for one in made[:2] if one), bins, conditions, rest)


def select(
    source: str, bins: Sequence[str], conditions: Sequence[str], rest: Sequence[str] = ()
) -> str:
    """Return the text of a query."""
    where = [f"WHERE {' AND '.join(conditions)}"] if conditions else []
    return " ".join([f"SELECT {', '.join(bins) or '*'} FROM {source}", *where, *rest])


def without_values(text: str) -> str:
    """Return a text of the application's own with a ``?`` for every literal."""
    return _VALUES.sub("?", text)
