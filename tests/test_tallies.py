"""Counts that threads raise without a lock."""

from __future__ import annotations

import threading

from aerospike_resilience.concurrency.tallies import Tallies


def test_a_count_is_what_was_added_however_often_it_was_looked_at():
    tallies: Tallies[str] = Tallies()

    for _ in range(3):
        tallies.add("A")
        tallies.get("A")
        tallies.counted()

    assert (tallies.get("A"), tallies.get("B"), tallies.counted()) == (3, 0, {"A": 3})


def test_no_thread_s_count_is_lost_while_others_count_and_look():
    tallies: Tallies[int] = Tallies()

    def count() -> None:
        for number in range(2000):
            tallies.add(number % 3)
            tallies.counted()

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(tallies.counted().values()) == 8 * 2000
