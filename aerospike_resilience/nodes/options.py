"""What a profile says about nodes, as this package needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class AdaptiveTimeout:
    """How long a read waits for a node before it leaves for a replica.

    Attributes:
        quantile: which quantile of the node's answer times counts.
        factor: how many times that long a read waits.
        min_s: never shorter than this, in seconds.
        max_s: never longer than this, in seconds.
    """

    quantile: float = 0.99
    factor: float = 4.0
    min_s: float = 0.005
    max_s: float = 0.04

    def clamp(self, seconds: float) -> float:
        """Keep a timeout between the two bounds."""
        return min(max(seconds, self.min_s), self.max_s)


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """The breaker of each node, and what an open node means for calls.

    Attributes:
        max_error_rate: hard errors of a node inside a window above which it opens; 0 for no limit.
        window_s: the window: ``error_rate_window`` tends, in seconds.
        tend_interval_s: seconds from tend to tend.
        half_open_calls: probes that a half-open node is lent at a time.
        max_open_share: the share of the cluster's nodes that may be open at once.
        silence_s: no sign of life for this long, though asked, opens a node; in seconds.
        failure_rate: the share of failed calls in a window from which a node opens; None for none.
        slow_call_rate: the share of slow calls in a window from which a node opens; None for none.
        slow_call_s: from how long on a call is slow, in seconds.
        minimum_calls: below so many calls in a window no share says anything.
        isolated: names of nodes that the policy file isolates.
        batch_on_open: whether a batch sends the rows of other nodes, or fails whole.
        on_replica_open: what a write does whose master is healthy and whose replica is open.
        mode: ``enforce``; ``shadow`` counts and reports only; ``off``.
        adaptive: adaptive socket timeout of reads; None where the profile has none.
        mapped: whether the partition map is wanted though breaker and adaptive timeout are off.
    """

    max_error_rate: int = 20
    window_s: float = 1.0
    tend_interval_s: float = 1.0
    half_open_calls: int = 3
    max_open_share: float = 0.5
    silence_s: float = 0.25
    failure_rate: float | None = None
    slow_call_rate: float | None = None
    slow_call_s: float = 1.0
    minimum_calls: int = 20
    isolated: frozenset[str] = frozenset()
    batch_on_open: Literal["partial", "fail"] = "partial"
    on_replica_open: Literal["fail", "commit_master", "wait"] = "fail"
    mode: Literal["enforce", "shadow", "off"] = "enforce"
    adaptive: AdaptiveTimeout | None = None
    mapped: bool = False

    @property
    def watched(self) -> bool:
        """Whether anything decides by the state of nodes, so that they are asked."""
        return self.mode != "off" or self.adaptive is not None or self.mapped

    @property
    def lease_s(self) -> float:
        """How long a probe may stay out before its lease ends, in seconds."""
        return max(self.silence_s, self.window_s)

    def slow(self, took_s: float) -> bool:
        """Return whether an answer that took so long, in seconds, speaks against a node."""
        return self.slow_call_rate is not None and took_s >= self.slow_call_s
