"""The line that runs when Python starts: it remembers, and instruments the first client's package."""

from __future__ import annotations

import json

import pytest

from aerospike_resilience.clients import PACKAGES
from tests.installed import PTH, imports_in, installed

THE_LINE = f"exec({PTH!r})\n"


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    return installed(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def imported(python):
    return imports_in(python)


# ----- a process that uses no client


def test_a_process_that_uses_no_client_only_remembers(imported):
    bare, asked = imported(""), imported("", AEROSPIKE_RESILIENCE_PROFILE="latency")

    assert asked - bare == {"_aerospike_resilience_startup"}
    assert not any("aerospike_resilience" in name for name in bare)


def test_what_is_remembered_for_is_every_package_that_has_clients():
    import _aerospike_resilience_startup as startup

    assert set(startup.CLIENTS) == set(PACKAGES)


# ----- the first client's package

PROFILE_OF_A_CLIENT = """
client = aerospike.client({"hosts": [("127.0.0.1", int(sys.argv[1]))]})
print(client.resilience.profile.name if hasattr(client, "resilience") else "bare")
client.close()
"""

WAYS_TO_IMPORT = {
    "as usual": "import aerospike",
    "a name of it": "from aerospike import client; import aerospike",
    "a part of it": "import aerospike.exception",
    "by name": "import importlib; aerospike = importlib.import_module('aerospike')",
    "in a thread": """
import threading
thread = threading.Thread(target=__import__, args=("aerospike",)); thread.start(); thread.join()
import aerospike
""",
    "after other finders came": """
class Other:
    def find_spec(self, *_arguments): return None
sys.meta_path.insert(0, Other()); sys.meta_path.append(Other())
import aerospike
""",
    "after it was looked for": """
import importlib.util
assert importlib.util.find_spec("aerospike") is not None
import aerospike
""",
    "after another client's": "import aerospike_py, aerospike",
    "after the package": "import aerospike_resilience, aerospike",
    "in a forked child": """
import os
if child := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
import aerospike
""",
}


@pytest.mark.parametrize("way", WAYS_TO_IMPORT)
def test_a_client_is_wrapped_however_its_package_is_imported(healthy, python, way):
    port = str(healthy.hosts[0][1])
    code = f"import sys\n{WAYS_TO_IMPORT[way]}\n{PROFILE_OF_A_CLIENT}"

    found = python(code, port, AEROSPIKE_RESILIENCE_PROFILE="batch")

    assert (found.stdout.strip(), found.stderr) == ("batch", "")


def test_a_package_that_was_imported_before_is_instrumented_at_once(healthy, python):
    code = (
        "import aerospike, os, sys\nos.environ['AEROSPIKE_RESILIENCE_PROFILE'] = 'batch'\n"
        f"{THE_LINE}{PROFILE_OF_A_CLIENT}"
    )

    found = python(code, str(healthy.hosts[0][1]))

    assert found.stdout.strip() == "batch"


def test_the_line_may_run_twice(healthy, python):
    """As it does where a virtual environment sees the system's packages, and both have this one."""
    code = (
        f"{THE_LINE}{THE_LINE}import sys\n"
        "print([type(finder).__module__ for finder in sys.meta_path].count("
        "'_aerospike_resilience_startup'))\n"
        f"import aerospike\n{THE_LINE}{PROFILE_OF_A_CLIENT}"
    )

    found = python(code, str(healthy.hosts[0][1]), AEROSPIKE_RESILIENCE_PROFILE="batch")

    assert found.stdout.split() == ["1", "batch"]


def test_two_threads_that_import_clients_at_once_find_both_instrumented(healthy, python):
    code = """
import sys, threading
both = threading.Barrier(2)
def load(name):
    both.wait()
    __import__(name)
threads = [threading.Thread(target=load, args=(name,)) for name in ("aerospike", "aerospike_py")]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
import aerospike, aerospike_py
hosts = [("127.0.0.1", int(sys.argv[1]))]
for client in (aerospike.client({"hosts": hosts}), aerospike_py.client({"hosts": hosts}).connect()):
    print(hasattr(client, "resilience"))
    client.close()
"""
    found = python(code, str(healthy.hosts[0][1]), AEROSPIKE_RESILIENCE_PROFILE="latency")

    assert found.stdout.split() == ["True", "True"]


@pytest.mark.parametrize(
    ("said", "profile"),
    [("instrument('durable')", "durable"), ("uninstrument()", "bare")],
)
def test_what_the_application_says_itself_wins_over_what_was_remembered(
    healthy, python, said, profile
):
    code = (
        f"{THE_LINE}import sys, aerospike_resilience\naerospike_resilience.{said}\n"
        f"import aerospike\n{PROFILE_OF_A_CLIENT}"
    )

    found = python(code, str(healthy.hosts[0][1]), AEROSPIKE_RESILIENCE_PROFILE="batch")

    assert found.stdout.strip() == profile


def test_what_counts_is_the_environment_that_python_started_with(healthy, python):
    code = (
        f"import os, sys\nos.environ['AEROSPIKE_RESILIENCE_PROFILE'] = 'durable'\n"
        f"import aerospike\n{PROFILE_OF_A_CLIENT}"
    )

    found = python(code, str(healthy.hosts[0][1]), AEROSPIKE_RESILIENCE_PROFILE="batch")

    assert found.stdout.strip() == "batch"


def test_an_import_that_was_interrupted_is_tried_again(healthy, python):
    code = f"""
import sys, aerospike_resilience.instrument
instrument = sys.modules["aerospike_resilience.instrument"]
right = instrument.from_startup
def interrupted(environ):
    instrument.from_startup = right
    raise KeyboardInterrupt
instrument.from_startup = interrupted
try:
    import aerospike
except KeyboardInterrupt:
    print("interrupted")
import aerospike
{PROFILE_OF_A_CLIENT}"""

    found = python(code, str(healthy.hosts[0][1]), AEROSPIKE_RESILIENCE_PROFILE="batch")

    assert found.stdout.split() == ["interrupted", "batch"]


MISTAKES = {
    "a profile there is not": {"AEROSPIKE_RESILIENCE_PROFILE": "latnecy"},
    "a directory there is not": {
        "AEROSPIKE_RESILIENCE_PROFILE": "mine",
        "AEROSPIKE_RESILIENCE_POLICIES": "/nonexistent",
    },
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_on_standard_error_at_once_and_in_the_log_with_the_first_client(
    healthy, python, mistake
):
    code = """
import aerospike, logging, sys
logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(name)s %(message)s")
for _ in range(2):
    aerospike.client({"hosts": [("127.0.0.1", int(sys.argv[1]))]}).close()
"""
    name = MISTAKES[mistake]["AEROSPIKE_RESILIENCE_PROFILE"]

    found = python(code, str(healthy.hosts[0][1]), **MISTAKES[mistake])

    assert name in found.stderr
    assert "'observe' is in force instead" in found.stderr
    lines = [
        line for line in found.stdout.splitlines() if f"profile {name!r} cannot be used" in line
    ]
    assert len(lines) == 2  # for each of the clients
    for line in lines:
        assert line.startswith("ERROR aerospike_resilience.profiles.audit client ")


def test_a_broken_file_is_replaced_by_its_parent_and_the_snapshot_says_so(
    healthy, python, tmp_path
):
    (tmp_path / "mine.yaml").write_text("version: 1\nextends: batch\nnonsense: 1\n")
    code = """
import aerospike, json, sys
client = aerospike.client({"hosts": [("127.0.0.1", int(sys.argv[1]))]})
client.put(("test", "startup", 1), {"n": 1})
print(json.dumps(client.resilience.snapshot()))
client.close()
"""

    found = python(
        code,
        str(healthy.hosts[0][1]),
        AEROSPIKE_RESILIENCE_PROFILE="mine",
        AEROSPIKE_RESILIENCE_POLICIES=str(tmp_path),
    )

    assert "AEROSPIKE_RESILIENCE_PROFILE=mine: 'batch' is in force instead: " in found.stderr
    assert "nonsense" in found.stderr
    state = json.loads(found.stdout)
    assert (state["profile"]["name"], state["profile"]["in_force"]) == ("mine", "batch")
    assert "nonsense" in state["profile"]["reload_error"]
    assert state["changes"][0]["outcome"] == "refused"


def test_a_package_that_cannot_be_imported_is_a_warning_and_the_client_stays_bare(healthy, python):
    code = (
        f"import logging, sys\nsys.modules['aerospike_resilience'] = None\n"
        "logging.basicConfig(stream=sys.stdout, format='%(levelname)s %(message)s')\n"
        f"import aerospike\n{PROFILE_OF_A_CLIENT}"
    )

    found = python(code, str(healthy.hosts[0][1]), AEROSPIKE_RESILIENCE_PROFILE="latency")

    assert found.stdout.startswith(
        "WARNING AEROSPIKE_RESILIENCE_PROFILE is set, and clients stay bare"
    )
    assert found.stdout.splitlines()[-1] == "bare"


def test_the_former_name_of_the_module_still_works():
    from aerospike_resilience import instrument, instrumentation, uninstrument

    assert instrumentation.instrument is instrument
    assert instrumentation.uninstrument is uninstrument
    assert callable(instrumentation.from_environment)


# ----- ways to start Python


@pytest.mark.parametrize("flags", [("-I",), ("-E",), ("-s",), ("-P",), ("-X", "importtime")])
def test_python_remembers_however_it_is_started(healthy, python, flags):
    code = f"import aerospike, sys\n{PROFILE_OF_A_CLIENT}"

    found = python(
        code, str(healthy.hosts[0][1]), flags=flags, AEROSPIKE_RESILIENCE_PROFILE="batch"
    )

    assert found.stdout.strip() == "batch"


def test_without_site_there_is_no_line_and_no_harm(python):
    code = "import sys; print('_aerospike_resilience_startup' in sys.modules)"

    found = python(code, flags=("-S",), AEROSPIKE_RESILIENCE_PROFILE="batch")

    assert (found.stdout.strip(), found.stderr) == ("False", "")
