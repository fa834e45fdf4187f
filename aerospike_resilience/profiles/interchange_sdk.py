"""Policies to and from the configuration file of the SDK (``AEROSPIKE_SDK_CONFIG_URL``).

Two differences matter. In the SDK a child's value overrides its parent's, however specific the parent's
scope is. Here the more specific scope wins, in whichever file it is. So the import merges parents into
their children. And the SDK treats every write as not idempotent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ..model.operation import Kind, Operation, Shape
from .interchange import (
    Case,
    Exported,
    Fields,
    Imported,
    Left,
    inside,
    left_of_policy,
    left_of_sections,
    settings,
    strange,
)
from .interchange_sdk_words import BLOCKS, CASES, SPELLINGS, SYSTEM, WEAKER, WORDS, Sort
from .profile import Profile

ROOT: Final = "DEFAULT"
ROOT_NAME: Final = "sdk-default"
"""The profile that the SDK's root behavior becomes; `default` is a shipped profile."""


def export(profile: Profile, name: str | None = None) -> Exported:
    """Return a profile as a behavior of the SDK, with its connection settings.

    Args:
        profile: the profile.
        name: the behavior's name; None for the profile's.
    """
    sources: dict[str, Case] = {
        "availability_mode_reads": (_operation("get"), False, False),
        "consistency_mode_reads": (_operation("get"), False, True),
        "batch_reads": (_operation("batch_read"), False, False),
        "query": (_operation("query"), False, False),
        "non_retryable_writes": (_operation("put"), False, False),
        "batch_writes": (_operation("batch_write"), False, False),
        "system_txn_verify": (_operation("commit", "txn_verify"), False, True),
        "system_txn_roll": (_operation("commit", "txn_roll"), False, True),
    }
    behavior: dict[str, Any] = {}
    for block, case in sources.items():
        found = {field: one.value for field, one in settings(profile, case).items()}
        known = BLOCKS[block][1]
        if fields := {w.theirs: w.export(found[w.ours]) for w in known if w.ours in found}:
            behavior[block] = fields
    data: dict[str, Any] = {}
    system, left = _export_system(profile)
    if system:
        data["system"] = {ROOT: system}
    data["behaviors"] = {name or profile.name: {"parent": ROOT, **behavior}}
    said = left_of_policy(profile, _said(profile, _our_words(behavior)), _why)
    return Exported(data, (*left, *said, *left_of_sections(profile)))


def take(data: Mapping[str, Any], name: str) -> Imported:
    """Return the SDK's file as policy files, one for each behavior.

    Args:
        data: the file's contents.
        name: the name of the profile if the file has no behaviors.
    """
    left = list(strange(data, ("system", "behaviors"), ""))
    connection = _take_system(inside(data, "system", "", left), left)
    given = inside(data, "behaviors", "", left)
    behaviors = {str(key): value for key, value in given.items()}
    if ROOT in behaviors and ROOT.lower() in behaviors:
        left.append(Left(f"behaviors.{ROOT}", "stands twice, by both its names; one was taken"))
    blocks = {str(key): _take_blocks(behaviors, key, left) for key in behaviors}
    parents = {_root(key): _parent(behaviors, key, left) for key in blocks}
    blocks = {_root(key): found for key, found in blocks.items()}
    files = {}
    for key in blocks:
        chain = list(_chain(key, parents, left))
        policy = _merged([blocks[one] for one in chain], key, left)
        files[ROOT_NAME if key == ROOT else key] = _file(connection, policy)
    return Imported(files or {name: _file(connection, {})}, tuple(dict.fromkeys(left)))


def _operation(name: str, family: str = "") -> Operation:
    return next(
        operation
        for operation, _strong, _blocks in CASES
        if (operation.name, operation.family) == (name, family)
    )


def _our_words(behavior: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return a behavior's blocks under our names, durations in milliseconds."""
    return {
        block: {w.ours: _plain(w.take(fields[w.theirs])) for w in known if w.theirs in fields}
        for block, (_scope, known) in BLOCKS.items()
        if isinstance(fields := behavior.get(block), Mapping)
    }


def _plain(value: Any) -> Any:
    return int(value[:-2]) if isinstance(value, str) and value.endswith("ms") else value


def _resolve(blocks: Mapping[str, Fields], case: Sort) -> Fields:
    """Return one behavior's values for an operation, as the SDK resolves them."""
    operation, strong, special = case
    found: dict[str, Any] = {}
    mode = "consistency_mode_reads" if strong else "availability_mode_reads"
    reads = (mode,) if operation.kind is Kind.READ else ()
    for block in ("all_operations", *reads, *special):
        found |= blocks.get(block, {})
    return found


def _said(profile: Profile, blocks: Mapping[str, Fields]) -> Iterator[tuple[Case, Fields]]:
    for case in CASES:
        operation, strong, _special = case
        for retryable in (False, True) if operation.kind is Kind.WRITE else (False,):
            yield (operation, retryable, strong), _resolve(blocks, case)
    known = {operation.name for operation, _strong, _blocks in CASES}
    for name in (*profile.operation_names(), "info"):
        if name not in known:
            kind = Kind.INFO if name.startswith("info") else Kind.ADMIN
            yield (Operation(name, kind, Shape.CLUSTER), False, False), {}


def _why(case: Case, field: str) -> str:
    operation, retryable, strong = case
    if operation.kind in (Kind.INFO, Kind.ADMIN):
        return "that file does not tell operations by name, and has none for commands"
    known = BLOCKS[f"system_{operation.family}"][1] if operation.family else WORDS
    if not any(word.ours == field for word in known):
        return f"that file format has no {field}"
    if retryable:
        return "the SDK takes every write for one that must not be sent again"
    if strong and operation.shape is not Shape.POINT:
        return "that file does not tell strongly consistent namespaces from others here"
    if strong and operation.kind is Kind.WRITE:
        return "that file does not tell strongly consistent namespaces from others for writes"
    return f"that file format has no block for {operation.name} alone"


def _export_system(profile: Profile) -> tuple[dict[str, Any], list[Left]]:
    given = {
        path[1]
        for path, value in profile.leaves().items()
        if path[0] == "connection" and value is not None
    }
    resolved = profile.connection.model_dump(by_alias=True)
    system = {
        section: fields
        for section, known in SYSTEM.items()
        if (fields := {w.theirs: w.export(resolved[w.ours]) for w in known if w.ours in given})
    }
    known_here = {word.ours for known in SYSTEM.values() for word in known}
    left = [
        Left(f"connection.{key}", "that file format has no such setting")
        for key in sorted(given - known_here)
    ]
    return system, left


def _take_system(system: Mapping[str, Any], left: list[Left]) -> dict[str, Any]:
    connection: dict[str, Any] = {}
    for cluster in system:
        if cluster != ROOT:
            why = "a profile is for one cluster; import it by itself, under DEFAULT"
            left.append(Left(f"system.{cluster}", why))
    sections = inside(system, ROOT, "system", left)
    for section in sections:
        path = f"system.{ROOT}.{section}"
        if section in ("metrics", "transactions"):
            left.append(Left(path, "is the SDK's own; keep it in the SDK's file"))
            continue
        if section not in SYSTEM:
            left.append(Left(path, "a policy file has nothing like it"))
            continue
        known = {word.theirs: word for word in SYSTEM[section]}
        given = inside(sections, section, f"system.{ROOT}", left)
        left += strange(given, known, path)
        connection |= {known[k].ours: known[k].take(given[k]) for k in given if k in known}
    return connection


def _take_blocks(
    behaviors: Mapping[str, Any], name: str, left: list[Left]
) -> dict[str, dict[str, Any]]:
    """Return a behavior's blocks under our names; append keys without one to `left`."""
    behavior = inside(behaviors, name, "behaviors", left)
    path = f"behaviors.{name}"
    left += strange(behavior, (*BLOCKS, "retryable_writes", "parent", "name"), path)
    if "retryable_writes" in behavior:
        why = "the SDK never uses it; use writes_retryable in the policy file if it is meant"
        left.append(Left(f"{path}.retryable_writes", why))
    found = {}
    for block, (_scope, known_words) in BLOCKS.items():
        known = {word.theirs: word for word in known_words}
        given = {
            SPELLINGS.get(key, key): value
            for key, value in inside(behavior, block, path, left).items()
        }
        left += strange(given, known, f"{path}.{block}")
        if fields := {known[k].ours: known[k].take(given[k]) for k in given if k in known}:
            found[block] = fields
    return found


def _root(name: str) -> str:
    return ROOT if name in (ROOT, ROOT.lower()) else name


def _parent(behaviors: Mapping[str, Any], name: str, left: list[Left]) -> str | None:
    behavior = behaviors[name]
    if _root(name) == ROOT or not isinstance(behavior, Mapping):
        return None
    parent = behavior.get("parent", ROOT)
    if not isinstance(parent, str):
        left.append(Left(f"behaviors.{name}.parent", f"a name is needed here, not {parent!r}"))
        return None
    return _root(parent)


def _chain(name: str, parents: Mapping[str, str | None], left: list[Left]) -> Iterable[str]:
    """Return a behavior's chain, the root first."""
    chain = [name]
    while (parent := parents.get(chain[-1])) is not None:
        if parent in chain:
            left.append(Left(f"behaviors.{name}.parent", "the chain of parents has no end"))
            break
        if parent not in parents:
            if parent != ROOT:
                why = f"{parent} is no part of the file; its values are not carried over"
                left.append(Left(f"behaviors.{chain[-1]}.parent", why))
            break
        chain.append(parent)
    return reversed(chain)


def _merged(
    chain: list[dict[str, dict[str, Any]]], name: str, left: list[Left]
) -> dict[str, dict[str, Any]]:
    """Merge behaviors, parents first: a child's value replaces its parents', however specific."""
    found: dict[str, dict[str, Any]] = {}
    for child in chain:
        for block in BLOCKS:
            for field, value in child.get(block, {}).items():
                for special, weaker in WEAKER.items():
                    if block in weaker and field not in child.get(special, {}):
                        found.get(special, {}).pop(field, None)
                found.setdefault(block, {})[field] = value
    for case in CASES:
        true: dict[str, Any] = {}
        for one in chain:
            true |= _resolve(one, case)
        merged = _resolve(found, case)
        for field in sorted(true.keys() | merged.keys()):
            if true.get(field) != merged.get(field):
                had, has = true.get(field), merged.get(field)
                why = f"{case[0].name} would have {had} by its parents, and has {has}"
                left.append(Left(f"behaviors.{name}.{field}", why))
    return found


def _file(connection: Mapping[str, Any], blocks: Mapping[str, Fields]) -> dict[str, Any]:
    file: dict[str, Any] = {"version": 1}
    if connection:
        file["connection"] = dict(connection)
    policy = {BLOCKS[block][0]: dict(fields) for block, fields in blocks.items() if fields}
    for scope in ("system_txn_verify", "system_txn_roll"):
        # Here `all` does not apply to transactions; in the SDK it does.
        known = {word.ours for word in BLOCKS[scope][1]}
        said = {key: value for key, value in policy.get("all", {}).items() if key in known}
        if said or scope in policy:
            policy[scope] = {**said, **policy.get(scope, {})}
    if policy:
        file["policy"] = policy
    return file
