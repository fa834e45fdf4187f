"""The embedded cluster is quick enough not to be what a test measures."""

import time


def best_of(tries, measure):
    return max(measure() for _ in range(tries))


def test_a_node_answers_five_thousand_gets_a_second(cluster, client):
    key = ("test", "speed", 1)
    client.put(key, {"n": 1, "s": "x" * 50})

    def gets_per_second():
        started = time.perf_counter()
        for _ in range(1000):
            client.get(key)
        return 1000 / (time.perf_counter() - started)

    assert best_of(5, gets_per_second) >= 5000


def test_a_batch_of_a_hundred_takes_no_time_to_speak_of(cluster, client):
    keys = [("test", "speed", n) for n in range(100)]

    def batches_per_second():
        started = time.perf_counter()
        for _ in range(20):
            client.batch_read(keys)
        return 20 / (time.perf_counter() - started)

    assert best_of(5, batches_per_second) >= 100
