"""The suite's two passes leave nothing out, and `make flaky` tells what ever failed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests import flaky, suite
from tests.conftest import pytest_collection_modifyitems


class Item:
    """A test as far as the choice of tests looks at it."""

    def __init__(self, *marks: str) -> None:
        self.marks = marks

    def get_closest_marker(self, name: str) -> bool | None:
        return name in self.marks or None


ITEMS = [Item(), Item("alone"), Item("soak"), Item("soak", "alone")]


def chosen(only: str | None, markexpr: str = "") -> list[Item]:
    config = SimpleNamespace(
        getoption=lambda _name: only,
        option=SimpleNamespace(markexpr=markexpr),
        hook=SimpleNamespace(pytest_deselected=lambda items: None),
    )
    items = list(ITEMS)
    pytest_collection_modifyitems(config, items)
    return items


def test_every_test_belongs_to_one_pass_and_without_passes_all_run():
    plain, alone, *_soaks = ITEMS

    assert (chosen("together"), chosen("alone")) == ([plain], [alone])
    assert chosen(None) == [plain, alone]
    assert chosen(None, "soak") == ITEMS


@pytest.mark.parametrize(
    ("codes", "ends"),
    [((0, 0), 0), ((1, 0), 1), ((0, 1), 1), ((0, 5), 0), ((5, 1), 1), ((5, 5), 5), ((2, 1), 2)],
)
def test_the_suite_fails_where_a_pass_fails_and_where_there_is_no_test(codes, ends):
    assert suite.outcome(codes) == ends


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
