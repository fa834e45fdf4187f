"""Info commands about secondary indexes.

The checks, their order and their texts are those of the server's public source, which reads the old form
(`ns=`, `indexdata=bin,type`) as well. A definition has one name: creating it again under another name
renames the index.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from . import expressions, indexes
from .cdt import context
from .errors import OpError
from .metadata import Index
from .operate import MAX_BIN_NAME

if TYPE_CHECKING:
    from .node import Node

Args = dict[str, str]

_KINDS: Final = ("numeric", "string", "blob", "geo2dsphere")
_COLLECTIONS: Final = ("default", "list", "mapkeys", "mapvalues")
_QUOTED_KINDS: Final = ", ".join(f"'{each}'" for each in _KINDS)
_QUOTED_COLLECTIONS: Final = ", ".join(f"'{each}'" for each in _COLLECTIONS)
_ALL_PERCENT: Final = 100
_NO_NAMESPACE: Final = "ERROR:20:namespace not found on node"
_MAX_NAME: Final = 63
_SET_INDEX: Final = "set"


class _RefusedCommandError(Exception):
    """A command is refused; its text is the answer."""


def _refuse(text: str) -> _RefusedCommandError:
    return _RefusedCommandError(f"ERROR:4:{text}")


def _namespace(args: Args) -> str | None:
    return args.get("namespace", args.get("ns"))


def _required(name: str, value: str | None) -> str:
    if not value:
        raise _refuse(f"missing '{name}'")
    if len(value) > _MAX_NAME:
        raise _refuse(f"bad '{name}'")
    return value


def create(node: Node, args: Args) -> str:
    """Create or rename an index."""
    try:
        index = _index(args)
    except _RefusedCommandError as refused:
        return str(refused)
    if index.namespace not in node.settings.namespaces:
        return "ok"
    store = node.metadata_store
    values = tuple(index)
    for other in store.indexes():
        if other.namespace != index.namespace or _definition(other) == _definition(index):
            continue
        if other.name == index.name:
            return "ERROR:200:'indexname' already exists with different definition"
    key = f"{index.namespace}|{index.name}"
    if store.get("index", key) is None:
        for other in store.indexes():
            if other.namespace == index.namespace and _definition(other) == _definition(index):
                store.set("index", f"{other.namespace}|{other.name}", None)
        store.set("index", key, values)
    return "ok"


def _definition(index: Index) -> tuple[str | None, ...]:
    return index._replace(name="")


def _index(args: Args) -> Index:
    namespace = _required("namespace", _namespace(args))
    name = _required("indexname", args.get("indexname"))
    set_name = args.get("set") or None
    if set_name is not None:
        _required("set", set_name)
    collection = args.get("indextype", "default").lower()
    if collection == _SET_INDEX:
        for other in ("context", "indexdata", "type", "bin", "exp"):
            if other in args:
                raise _refuse(f"{other} parameter is not supported for set index")
        _required("set", set_name)
        return Index(namespace, set_name, name, "", "", collection)
    way = args.get("context") or None
    if way is not None:
        _check_context(way)
    if collection not in _COLLECTIONS:
        raise _refuse(f"bad 'indextype' - must be one of {_QUOTED_COLLECTIONS}")
    bin_name, kind, expression = _what(args)
    if expression is not None and way is not None:
        raise _refuse("both 'context' and 'exp' are specified")
    if collection == "mapkeys" and kind == "geo2dsphere":
        raise _refuse(
            "bad 'indexdata' bin type for 'indextype' 'mapkeys' - "
            "must be one of 'numeric', 'string', 'blob'"
        )
    return Index(namespace, set_name, name, bin_name, kind, collection, way, expression)


def _what(args: Args) -> tuple[str, str, str | None]:
    """Return the bin, the type and the expression that a command names, in its new or its old form."""
    old, kind = args.get("indexdata"), args.get("type")
    if not old and not kind:
        raise _refuse("both 'indexdata' and 'type' are missing")
    if old and kind:
        raise _refuse("both 'indexdata' and 'type' are specified")
    if old:
        bin_name, comma, kind = old.partition(",")
        if not comma:
            raise _refuse("'indexdata' missing bin type")
        if not bin_name:
            raise _refuse("'indexdata' missing bin name")
        if len(bin_name) > MAX_BIN_NAME:
            raise _refuse("'indexdata' bin name too long")
        if kind.lower() not in _KINDS:
            raise _refuse(f"bad 'indexdata' bin type - must be one of {_QUOTED_KINDS}")
        return bin_name, kind.lower(), None
    kind = (kind or "").lower()
    if kind not in _KINDS:
        raise _refuse(f"bad 'type' - must be one of {_QUOTED_KINDS}")
    bin_name, expression = args.get("bin") or "", args.get("exp") or None
    if bin_name and expression:
        raise _refuse("both 'bin' and 'exp' are specified")
    if not bin_name and not expression:
        raise _refuse("both 'bin' and 'exp' are missing")
    if len(bin_name) > MAX_BIN_NAME:
        raise _refuse("bad 'bin'")
    if expression is not None:
        _check_expression(expression)
    return bin_name, kind, expression


def _check_context(way: str) -> None:
    try:
        steps = context.parse(base64.b64decode(way, validate=True))
    except binascii.Error:
        raise _refuse("'context' invalid base64") from None
    except OpError:
        raise _refuse("'context' invalid cdt context") from None
    if any(step.create for step in steps):
        raise _refuse("'context' invalid cdt context")


def _check_expression(expression: str) -> None:
    try:
        expressions.build(base64.b64decode(expression, validate=True))
    except binascii.Error:
        raise _refuse("'exp' invalid base64") from None
    except OpError:
        raise _refuse("'exp' invalid expression") from None


def delete(node: Node, args: Args) -> str:
    """Remove an index."""
    try:
        name = _required("indexname", args.get("indexname"))
        key = f"{_required('namespace', _namespace(args))}|{name}"
    except _RefusedCommandError as refused:
        return str(refused)
    if node.metadata_store.get("index", key) is not None:
        node.metadata_store.set("index", key, None)
    return "ok"


def exists(node: Node, args: Args) -> str:
    """Tell whether there is an index."""
    try:
        name = _required("indexname", args.get("indexname"))
        namespace = _required("namespace", _namespace(args))
    except _RefusedCommandError as refused:
        return str(refused)
    if namespace not in node.settings.namespaces:
        return _NO_NAMESPACE
    return (
        "true" if node.metadata_store.get("index", f"{namespace}|{name}") is not None else "false"
    )


def listing(node: Node, args: Args) -> str:
    """Return the indexes."""
    if "path" in args:
        namespace, _, name = args["path"].partition("/")
        if name:
            return stat(node, {"namespace": namespace, "indexname": name})
    else:
        namespace = _namespace(args) or ""
        if namespace and namespace not in node.settings.namespaces:
            return _NO_NAMESPACE
    return ";".join(
        f"ns={index.namespace}:indexname={index.name}:set={index.set_name or 'NULL'}:"
        f"bin={index.bin_name or 'null'}:type={index.kind}:indextype={index.collection}:"
        f"context={index.context or 'null'}:exp={index.expression or 'null'}:"
        f"state={'RW' if node.metadata_store.built(index) == _ALL_PERCENT else 'WO'}"
        for index in node.metadata_store.indexes()
        if not namespace or index.namespace == namespace
    )


def stat(node: Node, args: Args) -> str:
    """Return the figures of an index."""
    namespace = _namespace(args)
    if namespace not in node.settings.namespaces:
        return _NO_NAMESPACE
    for index in node.metadata_store.indexes():
        if (index.namespace, index.name) == (namespace, args.get("indexname")):
            store = node.stores[namespace.encode()]
            entries = indexes.entries(index, store)
            return (
                f"entries={entries};used_bytes=16777216;"
                "entries_per_bval=0;entries_per_rec=0;"
                f"load_pct={node.metadata_store.built(index)};load_time=0;stat_gc_recs=0"
            )
    return "ERROR:201:no index"
