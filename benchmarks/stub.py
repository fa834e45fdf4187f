"""A client that does nothing, with the methods of the C client that the benches call."""

from __future__ import annotations

from typing import Any

from aerospike.exception import RecordNotFound

KEY = ("test", "demo", 1)
RECORD = (KEY, {"gen": 1, "ttl": 0}, {"n": 1})


class Stub:
    """Answers at once: `exists` that there is no record."""

    def get(self, key: Any, policy: Any = None) -> Any:
        return RECORD

    def put(self, key: Any, bins: Any, meta: Any = None, policy: Any = None) -> int:
        return 0

    def operate(self, key: Any, list: Any, meta: Any = None, policy: Any = None) -> Any:  # noqa: A002
        return RECORD

    def exists(self, key: Any, policy: Any = None) -> Any:
        raise RecordNotFound(2, "AEROSPIKE_ERR_RECORD_NOT_FOUND")

    def is_connected(self) -> bool:
        return False

    def get_node_names(self) -> list[dict[str, Any]]:
        return []

    def get_key_partition_id(self, namespace: str, set_name: str, key: Any) -> int:
        return 1
