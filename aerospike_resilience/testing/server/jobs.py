"""Scans, queries and background jobs as `query-show` lists them, and as `query-abort` ends them.

A job looks at its own state before each step, at least every 10 ms. So an abort takes effect a moment
after it is answered, as on a server.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from .wire import (
    FIELD_RECORDS_PER_SECOND,
    FIELD_SOCKET_TIMEOUT,
    FIELD_TASK_ID,
    INFO1_SHORT_QUERY,
    Request,
)

LONGEST_SLEEP_S: Final = 0.01
DONE: Final = "ok"
USER_ABORTED: Final = "user-aborted"
RESPONSE_ERROR: Final = "abandoned-response-error"
_KEPT: Final = 100
_BACKGROUND_RPS: Final = 10_000
_DEFAULT_TIMEOUT_MS: Final = 10_000


@dataclass(slots=True)
class Job:
    """A scan, a query, an aggregation or a job in the background.

    Attributes:
        namespace: The namespace it works on.
        set_name: The set it works on; empty for all.
        kind: `basic`, `aggregation`, `background-ops` or `background-udf`.
        started_s: When it started, in seconds of the event loop.
        index_name: The index it uses; empty for none.
        asked: How many partitions, and how many records to go on after, the client asked for.
        per_second: The client's limit of records per second; 0 for none.
        socket_timeout_ms: As the client set it.
        client: The client's address.
        function: The module and the function of a background UDF.
        progress: What share of it is over, from 0 to 1.
        filtered: Records that the filter expression left out.
        succeeded: Records sent or changed.
        failed: Records that could not be changed.
        sent_bytes: Bytes of the answer.
        result: `ok`, or why the job ended early.
        finished_s: When it ended; None while it runs.
    """

    namespace: str
    set_name: str
    kind: str
    started_s: float
    index_name: str = ""
    asked: tuple[int, int] | None = None
    per_second: int = 0
    socket_timeout_ms: int = 0
    client: str = ""
    function: tuple[str, str] | None = None
    progress: float = 0.0
    filtered: int = 0
    succeeded: int = 0
    failed: int = 0
    sent_bytes: int = 0
    result: str = DONE
    finished_s: float | None = None

    @classmethod
    def of(
        cls,
        request: Request,
        kind: str,
        now_s: float,
        *,
        index_name: str = "",
        client: str = "",
        function: tuple[str, str] | None = None,
        asked: tuple[int, int] | None = None,
    ) -> Job:
        """Return the job of a request."""
        return cls(
            request.namespace.decode("latin-1"),
            request.set_name.decode("latin-1"),
            kind,
            now_s,
            index_name,
            asked,
            int.from_bytes(request.fields.get(FIELD_RECORDS_PER_SECOND, b"")),
            int.from_bytes(request.fields.get(FIELD_SOCKET_TIMEOUT, b"")),
            client,
            function,
        )

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.finished_s is None

    @property
    def aborted(self) -> bool:
        """Whether somebody aborted it."""
        return self.result == USER_ABORTED

    def abort(self) -> None:
        """Let it end at its next step."""
        self.result = USER_ABORTED

    def finish(self, now_s: float, result: str = DONE) -> None:
        """Note that it ended; an abort stays the reason."""
        self.finished_s = now_s
        if not self.aborted:
            self.result = result
        if self.result == DONE:
            self.progress = 1.0

    def sleep_s(self, now_s: float, records: int = 1) -> float:
        """Return how many seconds it sleeps after some records, because of its records per second.

        As a server's thread, it sleeps at most 10 ms for a record, whatever the limit is.
        """
        if not self.per_second:
            return 0.0
        due_s = (self.succeeded + self.failed) / self.per_second
        return min(max(due_s - (now_s - self.started_s), 0.0), records * LONGEST_SLEEP_S)

    def show(self, number: int, now_s: float) -> str:
        """Return its line of `query-show`."""
        background = self.kind.startswith("background")
        ended_s = now_s if self.finished_s is None else self.finished_s
        parts = {
            "trid": number,
            "ns": self.namespace,
            **({"set": self.set_name} if self.set_name else {}),
            **({"sindex-name": self.index_name} if self.index_name else {}),
            **self._shown_partitions(),
            "rps": self.per_second or (_BACKGROUND_RPS if background else 0),
            "active-threads": int(self.active),
            "status": f"{'active' if self.active else 'done'}({self.result})",
            "job-progress": f"{100 * self.progress:.2f}",
            "run-time": int((ended_s - self.started_s) * 1000),
            "time-since-done": int((now_s - ended_s) * 1000),
            "recs-throttled": self._throttled if self.per_second or background else 0,
            "recs-filtered-meta": 0,
            "recs-filtered-bins": self.filtered,
            "recs-succeeded": self.succeeded,
            "recs-failed": self.failed,
            "from": self.client.replace(":", "+"),
            "job-type": self.kind,
            "net-io-bytes": 30 if background else self.sent_bytes,
            **({} if background else {"net-io-time": 0}),
            "socket-timeout": _DEFAULT_TIMEOUT_MS if background else self.socket_timeout_ms,
            **self._shown_function(),
        }
        return ":".join(f"{name}={value}" for name, value in parts.items())

    @property
    def _throttled(self) -> int:
        return self.succeeded + self.failed + self.filtered

    def _shown_partitions(self) -> dict[str, int]:
        if self.asked is None:
            return {}
        partitions, digests = self.asked
        return {"n-pids-requested": partitions, "n-keyds-requested": digests}

    def _shown_function(self) -> dict[str, str | int]:
        if self.function is not None:
            module, name = self.function
            return {"udf-filename": module, "udf-function": name, "udf-active": int(self.active)}
        return {"ops-active": int(self.active)} if self.kind == "background-ops" else {}


class Jobs:
    """The jobs of one node: those that run, and the last ones that ended.

    Args:
        now: The event loop's clock, in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._jobs: dict[int, Job] = {}
        self._numbers: Iterator[int] = itertools.count(1)

    def add(self, request: Request, job: Job) -> None:
        """List a job, unless it is a short query, which a server does not list either."""
        if request.info1 & INFO1_SHORT_QUERY:
            return
        self._forget_oldest()
        number = int.from_bytes(request.fields.get(FIELD_TASK_ID, b"")) or next(self._numbers)
        self._jobs.pop(number, None)
        self._jobs[number] = job

    def _forget_oldest(self) -> None:
        ended = [number for number, job in self._jobs.items() if not job.active]
        for number in ended[: max(len(ended) - _KEPT + 1, 0)]:
            del self._jobs[number]

    def show(self, number: int | None) -> str:
        """Return the state of a job, or of all."""
        now_s = self._now()
        if number is None:
            return ";".join(job.show(each, now_s) for each, job in self._jobs.items())
        job = self._jobs.get(number)
        return job.show(number, now_s) if job else "ERROR:2:job not found"

    def abort(self, number: int) -> str:
        """Abort a job that runs."""
        job = self._jobs.get(number)
        if job is None or not job.active:
            return "ERROR:2:id not active"
        job.abort()
        return "ok"

    def abort_all(self) -> str:
        """Abort all jobs that run."""
        active = [job for job in self._jobs.values() if job.active]
        for job in active:
            job.abort()
        return f"number-of-queries-killed:{len(active)}"
