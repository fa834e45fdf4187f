"""The operators in the lists that ``operate`` takes, for clients that number them."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType


def operators_in(operate_list: object) -> frozenset[int] | None:
    """Return the operators of an ``operate`` list; None if it is not one.

    Args:
        operate_list: one dict for each operator, with its number under ``op``.
    """
    if type(operate_list) is not list and not isinstance(operate_list, Iterable):
        return None
    try:
        return frozenset([item["op"] for item in operate_list])
    except (KeyError, TypeError):
        return None


def operators_of(operate_list: object) -> int | frozenset[int] | None:
    """Return the same as `operators_in`; the operator itself where the list has only one."""
    if type(operate_list) is list and len(operate_list) == 1:
        item = operate_list[0]
        if type(item) is dict and type(operator := item.get("op")) is int:
            return operator
    return operators_in(operate_list)


def numbers_named(module: ModuleType, prefixes: tuple[str, ...]) -> frozenset[int]:
    """Return the numbers of a module whose names begin with one of some prefixes."""
    return frozenset(number for name, number in vars(module).items() if name.startswith(prefixes))
