"""The keys under which a policy file names a namespace or one of its sets."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.wording import shown


def place_of(name: str) -> tuple[str, str] | None:
    """Return namespace and set (empty if none) of a key of ``sets``; None if the key is wrong.

    Neither name can contain a colon, so it separates them if the set's own name has dots.
    """
    namespace, mark, set_name = name.partition(":")
    if not mark:
        namespace, mark, set_name = name.partition(".")
        if "." in set_name:
            return None
    if not namespace or bool(mark) != bool(set_name) or ":" in set_name:
        return None
    return namespace, set_name


def not_a_set(name: object) -> str:
    """Return what is wrong with a name that `place_of` refuses."""
    return (
        f'a set is "namespace" or "namespace.set", not {shown(name)}; where dots are part of the set\'s '
        'own name, write "namespace:set"'
    )


def keys_for(namespace: str | None, set_name: str | None) -> Iterator[str]:
    """Yield the keys of ``sets`` that apply to a record's namespace and set, weakest first."""
    if namespace:
        yield namespace
        if set_name:
            yield f"{namespace}.{set_name}"
            yield f"{namespace}:{set_name}"
