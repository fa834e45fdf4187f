"""Private values: unique tokens, arguments made of them for every operation, and the search for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import aerospike_native as native
from aerospike import predicates
from aerospike_helpers.batch import records
from aerospike_helpers.operations import operations

from aerospike_resilience.model.operation import Operation

SET = "private"
TOKEN = re.compile(r"qzx\d{7}x|7731773177\d{8}|" + b"qzy".hex() + r"[0-9a-f]{14}|qzy\d{7}")
"""Texts, whole numbers, and bytes as they are and in hexadecimal."""


class Private:
    """Makes private values and counts them."""

    def __init__(self) -> None:
        self.made = 0

    def text(self) -> str:
        """Return a text that was never made before."""
        self.made += 1
        return f"qzx{self.made:07d}x"

    def number(self) -> int:
        """Return such a number."""
        self.made += 1
        return 773177317700000000 + self.made

    def data(self) -> bytes:
        """Return such bytes."""
        self.made += 1
        return b"qzy%07d" % self.made

    def texts(self, count: int) -> list[str]:
        """Return many texts."""
        self.made += count
        return [f"qzx{n:07d}x" for n in range(self.made - count + 1, self.made + 1)]

    def bins(self, values: int) -> dict[str, Any]:
        """Return the bins of a record with many private values."""
        return {
            "text": self.text(),
            "number": self.number(),
            "data": self.data(),
            "list": self.texts(values),
            "map": {self.text(): self.number()},
        }


def found_in(told: str) -> list[str]:
    """Return the private values in a text, each with what stands before it."""
    return [told[max(at.start() - 120, 0) : at.end()] for at in TOKEN.finditer(told)][:3]


NAMES = {
    **dict.fromkeys(("ns", "namespace"), "test"),
    **dict.fromkeys(("set", "set_name"), SET),
    **dict.fromkeys(("module", "server_path", "udf_name", "package_name"), "module"),
    **dict.fromkeys(("function", "function_name"), "function"),
    **dict.fromkeys(("bin", "bin_name"), "text"),
}
"""Arguments whose values spans and metrics name on purpose, and those that must fit the records."""


def every_call(
    client: Any, table: Iterable[Operation], key: Callable[[str], Any], private: Private
) -> Iterator[Callable[[], Any]]:
    """Yield a call of each blocking operation of a table, with private values wherever it takes one."""
    for operation in table:
        method = getattr(client, operation.attribute, None)
        if method is None or operation.awaited:
            continue
        given = {
            name: _value(name, operation, key, private)
            for name in operation.parameters
            if "policy" not in name and name not in ("meta", "serializer", "ctx", "before_nanos")
        }
        yield lambda method=method, given=given: _all_of(method(**given))


def _all_of(result: Any) -> Any:
    """Read a stream to its end."""
    return list(result) if hasattr(result, "__next__") else result


def _value(name: str, operation: Operation, key: Callable[[str], Any], private: Private) -> Any:
    if name in NAMES:
        return NAMES[name]
    c_client = isinstance(key(""), tuple)
    if name == "key":
        return key(private.text())
    if name == "keys":
        return [key(text) for text in private.texts(10)]
    if name == "bins":
        return private.bins(10) if operation.writes else ["text", private.text()]
    if name == "bins_list":
        return [private.bins(10) for _ in range(10)]
    if name == "batch_records":
        write = [operations.write("text", private.text())]
        return records.BatchRecords([records.Write(key(one), write) for one in private.texts(10)])
    if name in ("list", "ops", "operations"):
        if c_client:
            return [operations.append("text", private.text())]
        return [native.Operation.append("text", private.text())]
    if name == "predicate":
        return predicates.equals("text", private.text())
    if name == "statement":
        statement = native.Statement("test", SET)
        statement.filters = [native.Filter.equal("text", private.text())]
        return statement
    if name == "partition_filter":
        return native.PartitionFilter.all()
    if name in ("args", "roles", "privileges", "allowlist", "whitelist"):
        return [private.text(), private.number()]
    if name in ("offset", "read_quota", "write_quota", "job_id", "nanos"):
        return private.number()
    if name == "ael":
        return f"$.text == '{private.text()}' and $.number > {private.number()}"
    return private.text()
