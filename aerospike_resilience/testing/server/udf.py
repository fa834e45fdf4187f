"""User-defined functions: what they do to a record, and what a node answers.

Where there is no Lua, every function fails, as one does in a module that the server cannot load.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from . import commands
from .errors import ERR_PARAMETER, ERR_RECORD_TOO_BIG, ERR_UDF_EXECUTION, OK, OpError
from .lua import Lua, LuaError
from .records import Clock, Record
from .wire import (
    FIELD_DIGEST,
    FIELD_KEY,
    FIELD_UDF_ARGUMENTS,
    FIELD_UDF_FUNCTION,
    FIELD_UDF_PACKAGE,
    OP_READ,
    STRING,
    Bin,
    Request,
    encode_op,
)

if TYPE_CHECKING:
    from .metadata import Metadata

_SUCCESS: Final = b"SUCCESS"
_FAILURE: Final = b"FAILURE"
_FOREVER: Final = 0xFFFFFFFF


class Functions:
    """The functions that a node can run.

    Args:
        path: The directory that has the package lupa; empty if there is none.
        metadata: Where the modules are.
    """

    def __init__(self, path: str, metadata: Metadata) -> None:
        self._path = path
        self._metadata = metadata
        self._lua: Lua | None = None

    @property
    def lua(self) -> Lua | None:
        """The interpreter, which starts when it is first needed."""
        if self._lua is None and self._path:
            self._lua = Lua(self._path)
        return self._lua

    def syntax_error(self, name: str, content: bytes) -> str:
        """Return what the server answers to a module that Lua cannot read; empty if it can."""
        message = self.lua.check(name, content) if self.lua else None
        if message is None:
            return ""
        _, line, text = re.split(rb":(\d+): ", message, maxsplit=1)
        shown = base64.b64encode(text).decode()
        return f"error=compile_error;file={name};line={line.decode()};message={shown}"

    def apply(
        self, request: Request, record: Record | None, clock: Clock, rules: commands.Rules
    ) -> commands.Outcome:
        """Apply the function that a request names to a record."""
        fields = request.fields
        digest = fields[FIELD_DIGEST]
        modules = self._metadata.all("udf")
        if self.lua is None:
            content = modules.get(fields[FIELD_UDF_PACKAGE].decode("latin-1") + ".lua")
            known = content is None or fields.get(FIELD_UDF_FUNCTION, b"") in content
            return _failed("UDF: Execution Error 1" if known else "function not found", record)
        place = (digest, request.set_name)
        try:
            done = self.lua.apply(modules, _call(request), record, place, clock)
        except LuaError as error:
            return _failed(str(error), record)
        if done.result[0]:
            ops = encode_op(OP_READ, _SUCCESS, done.result)
        else:
            ops = encode_op(OP_READ, _SUCCESS, None)
        if not done.changed:
            out = commands.Outcome(OK, ops=ops, op_count=1)
            if record is not None:
                out.generation, out.void_time = record.generation, record.void_time
            return out
        if not done.exists or not done.bins:
            if rules.durable:
                commands.check_durability(request, rules)
            return commands.Outcome(OK, changed=record is not None, ops=ops, op_count=1)
        if len(done.bins) > commands.MAX_BINS:
            raise OpError(ERR_PARAMETER)
        ttl = request.ttl if done.ttl is None else done.ttl & _FOREVER
        key = fields.get(FIELD_KEY) or (record.key if record else None)
        stored = Record(
            digest,
            request.set_name if record is None else record.set_name,
            None if done.drop_key else key,
            done.bins,
            record.generation % 0xFFFF + 1 if record else 1,
            commands.void_time(ttl, record, clock, rules),
            clock.now_us(),
        )
        if stored.size > rules.max_record_size:
            raise OpError(ERR_RECORD_TOO_BIG)
        return commands.Outcome(
            OK,
            stored,
            changed=True,
            generation=stored.generation,
            void_time=stored.void_time,
            ops=ops,
            op_count=1,
        )

    def aggregate(self, request: Request, records: Iterable[Record], clock: Clock) -> list[Bin]:
        """Run records through the stream that a request names.

        Raises:
            LuaError: The function failed, or there is no Lua.
        """
        if self.lua is None:
            raise LuaError("UDF: Execution Error 1")
        return self.lua.aggregate(self._metadata.all("udf"), _call(request), records, clock)


def success(value: Bin) -> bytes:
    """Return the op that carries a value of a stream."""
    return encode_op(OP_READ, _SUCCESS, value)


def failure(text: str) -> bytes:
    """Return the op that carries the text of an error."""
    return encode_op(OP_READ, _FAILURE, (STRING, text.encode()))


def _call(request: Request) -> tuple[bytes, bytes, bytes]:
    fields = request.fields
    return (
        fields.get(FIELD_UDF_PACKAGE, b""),
        fields.get(FIELD_UDF_FUNCTION, b""),
        fields.get(FIELD_UDF_ARGUMENTS, b""),
    )


def _failed(text: str, record: Record | None) -> commands.Outcome:
    out = commands.failed(ERR_UDF_EXECUTION, record)
    out.ops, out.op_count = failure(text), 1
    return out
