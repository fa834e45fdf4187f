"""Lua for UDF modules, by the package lupa where that is installed.

Lua and the node hand each other numbers and bytes: a module reaches no object of Python. `values.lua`
has the types of values, `run.lua` what a module may use.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final, NamedTuple, NoReturn

from ..records import Clock, Record
from ..wire import Bin

_HERE: Final = Path(__file__).parent
_LIMIT_S: Final = 0.5  # a node that computes longer misses heartbeats
_MEMORY: Final = 64 * 1024 * 1024


def _nothing(*_: object) -> NoReturn:
    raise AttributeError


class LuaError(Exception):
    """A function failed; the text is the server's."""


class Applied(NamedTuple):
    """What a function did with a record.

    Attributes:
        result: What it returned, as a bin; the type is 0 for nothing.
        changed: Whether it changed the record.
        exists: Whether there is a record now.
        ttl: The time to live it asked for.
        drop_key: Whether the record forgets its key.
        bins: The bins now.
    """

    result: Bin
    changed: bool
    exists: bool
    ttl: int | None
    drop_key: bool
    bins: dict[bytes, Bin]


class Lua:
    """An interpreter with the modules of a cluster.

    Args:
        path: The directory that has the package lupa.
    """

    def __init__(self, path: str) -> None:
        sys.path.append(path)
        try:
            lupa: Any = importlib.import_module("lupa.lua54")
        finally:
            sys.path.remove(path)
        self._new: Callable[[], Any] = partial(
            lupa.LuaRuntime,
            encoding=None,
            register_eval=False,
            register_builtins=False,
            attribute_filter=_nothing,
            max_memory=_MEMORY,
        )
        self._errors = (lupa.LuaError, lupa.LuaMemoryError)
        self._modules: dict[str, bytes] = {}
        self._start()

    def _start(self) -> None:
        runtime = self._new()
        values = runtime.execute((_HERE / "values.lua").read_bytes())
        parts = runtime.execute((_HERE / "run.lua").read_bytes(), values, monotonic)
        self._define, self._check, self._begin, self._sequence, self._apply, self._aggregate = parts
        for name, content in self._modules.items():
            self._define(name.removesuffix(".lua").encode(), content)

    def check(self, name: str, content: bytes) -> bytes | None:
        """Return what is wrong with the syntax of a module, None if nothing is."""
        message: bytes | None = self._check(name.encode(), content)
        return message

    def _use(self, modules: Mapping[str, bytes]) -> None:
        if modules != self._modules:
            self._modules = dict(modules)
            self._start()

    def _record(self, record: Record | None, digest: bytes, set_name: bytes, clock: Clock) -> Any:
        now_s = clock.now_s()
        if record is None:
            _, make = self._begin(False, 0, 0, 0, set_name, digest, 0)  # noqa: FBT003
            return make
        add, make = self._begin(
            *(True, record.generation, max(record.void_time - now_s, 0), record.last_update_ms),
            *(record.set_name, digest, record.size),
            *((record.key[0], record.key[1:]) if record.key else ()),
        )
        for name, (particle, data) in record.bins.items():
            add(name, particle, data)
        return make

    def apply(
        self,
        modules: Mapping[str, bytes],
        call: tuple[bytes, bytes, bytes],
        record: Record | None,
        place: tuple[bytes, bytes],
        clock: Clock,
    ) -> Applied:
        """Apply a function to a record.

        Args:
            modules: All modules.
            call: The package, the function and its arguments.
            record: The record; None if there is none.
            place: Its digest and its set.
            clock: The node's clock.

        Raises:
            LuaError: The function failed.
        """
        self._use(modules)
        make = self._record(record, *place, clock)
        particle, data, changed, exists, ttl, drop_key, *rest = self._run(self._apply, call, make)
        bins = {rest[n]: (rest[n + 1], rest[n + 2]) for n in range(0, len(rest), 3)}
        return Applied((particle, data), changed, exists, ttl, drop_key, bins)

    def aggregate(
        self,
        modules: Mapping[str, bytes],
        call: tuple[bytes, bytes, bytes],
        records: Iterable[Record],
        clock: Clock,
    ) -> list[Bin]:
        """Run records through the stream that a function makes, as far as a node does it.

        Raises:
            LuaError: The function failed.
        """
        self._use(modules)
        push, pull = self._sequence()
        for record in records:
            push(self._record(record, record.digest, record.set_name, clock))
        found = self._run(self._aggregate, call, pull)
        return [(found[n], found[n + 1]) for n in range(0, len(found), 2)]

    def _run(self, function: Any, call: tuple[bytes, bytes, bytes], source: Any) -> tuple[Any, ...]:
        try:
            answer = function(*call, _LIMIT_S, source)
        except self._errors:
            self._start()
            raise LuaError("UDF: Execution Error 1") from None
        worked, *rest = answer if isinstance(answer, tuple) else (answer,)
        if not worked:
            raise LuaError(rest[1].decode("utf-8", "replace"))
        return tuple(rest)
