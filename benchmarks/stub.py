"""A client that does nothing, with the methods of the C client that the benches call."""

from __future__ import annotations

from typing import Any

KEY = ("test", "demo", 1)
RECORD = (KEY, {"gen": 1, "ttl": 0}, {"n": 1})


class Stub:
    """Answers at once."""

    def get(self, key: Any, policy: Any = None) -> Any:
        return RECORD

    def put(self, key: Any, bins: Any, meta: Any = None, policy: Any = None) -> int:
        return 0

    def is_connected(self) -> bool:
        return False

    def get_node_names(self) -> list[dict[str, Any]]:
        return []

    def get_key_partition_id(self, namespace: str, set_name: str, key: Any) -> int:
        return 1
