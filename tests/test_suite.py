"""The suite's two passes leave nothing out, and `make flaky` tells what ever failed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import flaky, suite
from tests.conftest import pytest_collection_modifyitems, pytest_ignore_collect
from tests.costs import KEY, Costs


class Item:
    """A test as far as the choice of tests looks at it."""

    def __init__(self, *marks: str, path: Path = Path(__file__)) -> None:
        self.marks = marks
        self.path = path  # this file, which says pytest.mark.alone

    def get_closest_marker(self, name: str) -> bool | None:
        return name in self.marks or None


ITEMS = [Item(), Item("alone"), Item("soak"), Item("soak", "alone")]


def chosen(only: str | None, markexpr: str = "", items: list[Item] = ITEMS) -> list[Item]:
    config = SimpleNamespace(
        getoption=lambda _name: only,
        option=SimpleNamespace(markexpr=markexpr),
        hook=SimpleNamespace(pytest_deselected=lambda items: None),
    )
    items = list(items)
    pytest_collection_modifyitems(config, items)
    return items


def test_every_test_belongs_to_one_pass_and_without_passes_all_run():
    plain, alone, *_soaks = ITEMS

    assert (chosen("together"), chosen("alone")) == ([plain], [alone])
    assert chosen(None) == [plain, alone]
    assert chosen(None, "soak") == ITEMS


def test_the_pass_of_what_runs_alone_reads_only_the_files_that_say_so(tmp_path):
    config = SimpleNamespace(getoption=lambda _name: "alone")
    hidden = tmp_path / "test_hidden.py"
    hidden.write_text("from elsewhere import slow")

    assert pytest_ignore_collect(Path(__file__), config) is None
    assert pytest_ignore_collect(hidden, config) is True
    with pytest.raises(pytest.UsageError, match=r"test_hidden\.py must say pytest\.mark\.alone"):
        chosen("together", items=[Item("alone", path=hidden)])


@pytest.mark.parametrize(
    ("codes", "ends"),
    [((0, 0), 0), ((1, 0), 1), ((0, 1), 1), ((0, 5), 0), ((5, 1), 1), ((5, 5), 5), ((2, 1), 2)],
)
def test_the_suite_fails_where_a_pass_fails_and_where_there_is_no_test(codes, ends):
    assert suite.outcome(codes) == ends


def test_the_costs_of_tests_are_told_by_file_the_dearest_first(tmp_path):
    costs, lines = Costs(tmp_path / "costs"), []
    for nodeid, when, spent in (
        ("tests/a.py::one", "setup", [1.0, 0.5, 0.0]),
        ("tests/a.py::one", "call", [2.0, 0.5, 0.0]),
        ("tests/b.py::two", "call", [9.0, 0.5, 3.0]),
    ):
        report = SimpleNamespace(nodeid=nodeid, when=when, user_properties=[(KEY, spent)])
        costs.pytest_runtest_logreport(report)
    costs.pytest_terminal_summary(
        SimpleNamespace(section=lambda _title: None, write_line=lines.append)
    )

    assert [line.split() for line in lines[1:]] == [
        ["9.0", "0.5", "3.0", "1", "tests/b.py"],
        ["3.0", "1.0", "0.0", "1", "tests/a.py"],
    ]
    assert len((tmp_path / "costs").read_text().splitlines()) == 3


def test_a_report_tells_what_failed_and_what_broke(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        "<testsuites><testsuite>"
        '<testcase classname="tests.a" name="well"/>'
        '<testcase classname="tests.a" name="failed"><failure/></testcase>'
        '<testcase classname="tests.b" name="broke[1]"><error/></testcase>'
        "</testsuite></testsuites>"
    )

    assert flaky.failures(report) == ["tests.a::failed", "tests.b::broke[1]"]
    assert flaky.failures(tmp_path / "none.xml") == []


def test_the_table_tells_how_often_each_test_failed_and_beside_which_noise():
    noisy, undisturbed = flaky.Runs("noisy", 5), flaky.Runs("undisturbed", 3)
    noisy.wall_s, noisy.cpu_s, noisy.green = [400.0] * 5, [300.0] * 5, 3
    undisturbed.wall_s, undisturbed.cpu_s, undisturbed.green = [200.0] * 3, [250.0] * 3, 3
    noisy.failed["tests.a::t"] = 2

    lines = flaky.table([noisy, undisturbed]).splitlines()

    assert lines[0].startswith("noisy        3 of 5 green; wall 400, 400")
    assert lines[-1].split() == ["2", "of", "5", "0", "of", "3", "tests.a::t"]
    noisy.failed.clear()
    assert flaky.table([noisy, undisturbed]).endswith("no test ever failed")


def test_noise_ends_with_its_block():
    with flaky.busy(2) as processes:
        assert [process.poll() for process in processes] == [None, None]

    assert all(process.poll() is not None for process in processes)
