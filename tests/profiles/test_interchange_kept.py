"""What both sides can say goes from one to the other and back, and what is lost is said."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from aerospike_resilience.clients import adapter_named, every_operation
from aerospike_resilience.model.operation import Kind, Operation, Shape
from aerospike_resilience.profiles import interchange_c, interchange_sdk
from aerospike_resilience.profiles.layers import Layer
from aerospike_resilience.profiles.profile import Profile
from aerospike_resilience.profiles.source import PolicySource


def profile(data: dict, name: str = "made") -> Profile:
    return Profile(name, "", {}, (Layer([PolicySource("made.yaml", data)]),))


SORTS = {
    "read point": Operation("get", Kind.READ, Shape.POINT),
    "read batch": Operation("batch_read", Kind.READ, Shape.BATCH),
    "read query": Operation("query", Kind.READ, Shape.QUERY),
    "write_non_retryable point": Operation("put", Kind.WRITE, Shape.POINT),
    "write_non_retryable batch": Operation("batch_write", Kind.WRITE, Shape.BATCH),
}


# ----- what either file may say, with every value that the other side knows too

_ms = st.integers(0, 60_000)
_flag = st.booleans()
_replica = st.sampled_from(["MASTER", "MASTER_PROLES", "SEQUENCE", "PREFER_RACK", "RANDOM"])
_base = {
    **dict.fromkeys(
        ("connect_timeout", "socket_timeout", "total_timeout", "sleep_between_retries"), _ms
    ),
    "timeout_delay": st.sampled_from([0, 3000]),
    "max_retries": st.integers(0, 100),
    "replica": _replica,
}
_modes = {
    "read_mode_ap": st.sampled_from(["ONE", "ALL"]),
    "read_mode_sc": st.sampled_from(["SESSION", "LINEARIZE", "ALLOW_REPLICA", "ALLOW_UNAVAILABLE"]),
}
_rows = {"send_key": _flag, "durable_delete": _flag}
_batch = {
    "max_concurrent_threads": st.sampled_from([0, 1]),
    **dict.fromkeys(("allow_inline", "allow_inline_ssd", "respond_all_keys"), _flag),
}


def some(fields: dict) -> st.SearchStrategy:
    return st.fixed_dictionaries({}, optional=fields)


def filled(fields: dict) -> st.SearchStrategy:
    return some(fields).filter(bool)


C_FILES = some(
    {
        "static": st.fixed_dictionaries(
            {
                "client": filled(
                    {
                        "max_connections_per_node": st.integers(1, 1000),
                        "min_connections_per_node": st.integers(0, 1000),
                    }
                )
            }
        ),
        "dynamic": filled(
            {
                "client": filled(
                    {
                        "timeout": _ms,
                        "login_timeout": _ms,
                        "max_error_rate": st.integers(0, 10_000),
                        "error_rate_window": st.integers(0, 100),
                        "tend_interval": st.integers(250, 5000),
                        "max_socket_idle": st.integers(0, 59),
                        "fail_if_not_connected": _flag,
                        "use_service_alternative": _flag,
                        "rack_aware": _flag,
                        "rack_ids": st.lists(st.integers(0, 9), min_size=1, max_size=3),
                        "app_id": st.sampled_from(["checkout", "search"]),
                    }
                ),
                "read": filled({**_base, **_modes}),
                "write": filled({**_base, **_rows}),
                "query": filled(
                    {
                        **_base,
                        "info_timeout": _ms,
                        "expected_duration": st.sampled_from(["LONG", "SHORT", "LONG_RELAX_AP"]),
                    }
                ),
                "scan": filled(_base),
                "batch_read": filled({**_base, **_modes, **_batch}),
                "batch_write": filled({**_base, **_batch, **_rows}),
                "batch_udf": filled(_rows),
                "batch_delete": filled(_rows),
                "txn_verify": filled({**_base, **_modes, **_batch}),
                "txn_roll": filled({**_base, **_batch}),
            }
        ),
    }
)


@settings(max_examples=150, deadline=None)
@given(file=C_FILES)
def test_the_c_clients_file_comes_back_as_it_went_in(file):
    taken = interchange_c.take({"version": "1.0.0", **file}, "made")
    back = interchange_c.export(profile(taken.files["made"]))

    assert taken.left == ()
    assert back.data == {"version": "1.0.0", **file}


_our_fields = some(
    {
        "total_timeout": st.integers(0, 9),
        "socket_timeout": st.integers(0, 9),
        "max_retries": st.integers(0, 9),
        "replica": st.sampled_from(["sequence", "master", "any"]),
        "durable_delete": _flag,
        "ttl": st.sampled_from([5, "never"]),
    }
)
OUR_FILES = st.fixed_dictionaries(
    {
        "policy": some(
            dict.fromkeys(
                (
                    *("all", "reads", "reads_ap", "reads_sc", "reads_point", "reads_batch"),
                    *("reads_query", "writes", "writes_sc", "writes_retryable"),
                    *("writes_non_retryable", "writes_point", "writes_batch", "writes_query"),
                    *("system_txn_verify", "system_txn_roll"),
                ),
                _our_fields,
            )
        ),
        "operations": some(dict.fromkeys(("get", "scan", "batch_remove"), _our_fields)),
        "sets": some({"test.s": some({"reads": _our_fields})}),
    }
)

COMMIT = [Operation("commit", Kind.TXN, Shape.CLUSTER, f"txn_{one}") for one in ("verify", "roll")]
ADAPTER = adapter_named("aerospike")


def cells(found: Profile, names: tuple[str, ...]):
    """Every field in force for every sort of operation: its key in the file, and its value."""
    operations = [every_operation(ADAPTER)[name] for name in names] + COMMIT
    for operation in operations:
        for retryable in (True, False):
            for strong in (True, False):
                for field, one in found.settings(
                    operation, retryable=retryable, strong=strong
                ).items():
                    yield (operation.name, operation.family, retryable, strong, field), one


def assert_kept(before: Profile, after: Profile, left: tuple, names: tuple[str, ...]) -> None:
    """What holds before holds after, unless it was said that it does not."""
    said = {one.key for one in left}
    there = {cell: one.value for cell, one in cells(after, names)}
    for cell, one in cells(before, names):
        assert there.get(cell) == one.value or one.key in said, (cell, one)
    for path in before.leaves():
        assert path[0] != "sets" or ".".join(path) in said


@settings(max_examples=150, deadline=None)
@given(file=OUR_FILES)
def test_a_profile_keeps_through_the_c_clients_file_all_that_is_not_said_to_be_lost(file):
    before = profile(file)
    sent = interchange_c.export(before)
    taken = interchange_c.take(sent.data, "made")

    assert taken.left == ()
    names = ("get", "exists", "put", "increment", "query", "scan", "batch_read", "batch_write")
    after = profile(taken.files["made"])
    assert_kept(before, after, sent.left, (*names, "batch_remove", "batch_apply"))


@settings(max_examples=150, deadline=None)
@given(file=OUR_FILES)
def test_a_profile_keeps_through_the_sdks_file_all_that_is_not_said_to_be_lost(file):
    del file["operations"]
    before = profile(file)
    sent = interchange_sdk.export(before)
    taken = interchange_sdk.take(sent.data, "made")

    assert taken.left == ()
    after = profile(taken.files["made"])
    assert_kept(before, after, sent.left, ("get", "put", "query", "batch_read", "batch_write"))


_behavior_fields = {
    "abandon_call_after": st.sampled_from(["0ms", "250ms", "2000ms"]),
    "maximum_number_of_call_attempts": st.integers(1, 9),
    "replica_order": _replica,
}
_blocks = {
    **dict.fromkeys(
        (
            *("all_operations", "availability_mode_reads", "consistency_mode_reads"),
            *("batch_reads", "batch_writes", "query", "non_retryable_writes"),
            *("system_txn_verify", "system_txn_roll"),
        ),
        some(_behavior_fields),
    )
}


@settings(max_examples=150, deadline=None)
@given(parent=some(_blocks), child=some(_blocks))
def test_a_behavior_resolves_as_in_the_sdk_unless_it_is_said_that_it_does_not(parent, child):
    """In the SDK a child's word is stronger than its parent's, however special the parent's."""
    taken = interchange_sdk.take(
        {"behaviors": {"base": parent, "mine": {"parent": "base", **child}}}, "x"
    )
    found = profile(taken.files["mine"])
    said = {one.key for one in taken.left}

    for (shape, kind, mode), order in SDK_ORDER.items():
        expected: dict = {}
        for behavior in (parent, child):
            for block in order:
                expected |= behavior.get(block, {})
        family = mode if kind is Kind.TXN else ""
        operation = Operation("one", kind, shape, family)
        ours = found.settings(operation, retryable=False, strong=mode == "sc")
        for theirs, field, convert in (
            ("abandon_call_after", "total_timeout", lambda value: int(value[:-2])),
            ("maximum_number_of_call_attempts", "max_retries", lambda value: value - 1),
        ):
            want = convert(expected[theirs]) if theirs in expected else None
            have = ours[field].value if field in ours else None
            assert want == have or f"behaviors.mine.{field}" in said


def test_a_childs_word_replaces_its_parents_however_special():
    taken = interchange_sdk.take(
        {
            "behaviors": {
                "base": {"batch_reads": {"abandon_call_after": "5s"}},
                "mine": {"parent": "base", "all_operations": {"abandon_call_after": "250ms"}},
            }
        },
        "x",
    )

    assert taken.left == ()
    batch = profile(taken.files["mine"]).settings(SORTS["read batch"], retryable=True)
    assert batch["total_timeout"].value == 250


def test_what_no_scope_of_ours_can_say_is_said_to_be_lost():
    """Batches of strongly consistent namespaces would keep the parent's word, the others not."""
    taken = interchange_sdk.take(
        {
            "behaviors": {
                "base": {"batch_reads": {"abandon_call_after": "5s"}},
                "mine": {"parent": "base", "availability_mode_reads": {"abandon_call_after": "9s"}},
            }
        },
        "x",
    )

    assert [one.key for one in taken.left] == ["behaviors.mine.total_timeout"]
    assert "batch_read would have 5000ms by its parents, and has None" in taken.left[0].why


_AP, _SC = ("availability_mode_reads",), ("consistency_mode_reads",)
_W = ("non_retryable_writes",)
SDK_ORDER = {
    (Shape.POINT, Kind.READ, "ap"): ("all_operations", *_AP),
    (Shape.POINT, Kind.READ, "sc"): ("all_operations", *_SC),
    (Shape.BATCH, Kind.READ, "ap"): ("all_operations", *_AP, "batch_reads"),
    (Shape.BATCH, Kind.READ, "sc"): ("all_operations", *_SC, "batch_reads"),
    (Shape.QUERY, Kind.READ, "ap"): ("all_operations", *_AP, "query"),
    (Shape.POINT, Kind.WRITE, "ap"): ("all_operations", *_W),
    (Shape.BATCH, Kind.WRITE, "ap"): ("all_operations", *_W, "batch_writes"),
    (Shape.CLUSTER, Kind.TXN, "txn_verify"): ("all_operations", "system_txn_verify"),
    (Shape.CLUSTER, Kind.TXN, "txn_roll"): ("all_operations", "system_txn_roll"),
}
"""As the SDK's documentation has it, written down once more."""
