"""Policy fields of ``aerospike-py``: which family takes which, and the numbers behind the names.

The client has no policies in its configuration, so its own defaults are here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_BASE: Final = frozenset(
    "total_timeout socket_timeout max_retries sleep_between_retries timeout_delay "
    "filter_expression read_mode_ap read_touch_ttl_percent".split()
)
_RECORD: Final = frozenset("key exists gen commit_level durable_delete ttl".split())

FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "read": _BASE | {"replica"},
    "write": _BASE | _RECORD,
    "batch": _BASE
    | _RECORD
    | frozenset("allow_inline allow_inline_ssd respond_all_keys replica concurrency".split()),
    "query": _BASE
    | frozenset(
        "max_records records_per_second replica max_concurrent_nodes record_queue_size "
        "expected_duration include_bin_data partition_filter".split()
    ),
    "admin": frozenset({"timeout"}),
}
"""The keys each family takes, as the package's ``TypedDict`` policies list them."""

NUMBERS: Final[Mapping[str, Mapping[str, int]]] = {
    "replica": {"master": 0, "sequence": 1, "prefer_rack": 2},
    "key": {"digest": 0, "send": 1},
    "gen": {"ignore": 0, "eq": 1, "gt": 2},
    "exists": {
        "ignore": 0,
        "update_only": 1,
        "create_or_replace": 2,
        "replace_only": 3,
        "create_only": 4,
    },
    "commit_level": {"all": 0, "master": 1},
    "read_mode_ap": {"one": 0, "all": 1},
    "expected_duration": {"long": 0, "short": 1, "long_relax_ap": 2},
}
"""This client's numbers for the names in a policy file; they differ from the C client's."""

MASTER: Final = NUMBERS["replica"]["master"]
COMMIT_MASTER: Final = NUMBERS["commit_level"]["master"]

_TIMEOUTS: Final = {"total_timeout": 1000, "socket_timeout": 30_000, "max_retries": 2}

DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "read": {**_TIMEOUTS, "replica": NUMBERS["replica"]["sequence"]},
    "write": {**_TIMEOUTS, "max_retries": 0},
    "batch": {**_TIMEOUTS, "replica": NUMBERS["replica"]["sequence"]},
    "query": {"total_timeout": 0, "socket_timeout": 30_000, "max_retries": 5},
}
"""What holds where a call gives no policy."""


def native(family: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `settings` that the family takes, names turned into numbers.

    A name that this client has no number for is left out: it keeps its own behaviour.
    """
    accepted = FIELDS.get(family, frozenset())
    found = {}
    for name, value in settings.items():
        if name not in accepted:
            continue
        numbers = NUMBERS.get(name)
        if numbers is None:
            found[name] = value
        elif value in numbers:
            found[name] = numbers[value]
    return found
