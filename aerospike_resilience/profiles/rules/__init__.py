"""Every rule of lint, by its id. One file for each matter."""

from __future__ import annotations

from typing import Final, Literal

from . import breakers, client, gates, inherited, limits, replicas, rollouts, timing
from .subject import Client, Rule, Subject

__all__ = ["RULES", "Client", "Rule", "Severity", "Subject"]

Severity = Literal["error", "warning", "note"]

RULES: Final[dict[str, tuple[Severity, Rule]]] = {
    "AR001": ("warning", timing.retries_never_happen),
    "AR002": ("warning", gates.gate_above_pool),
    "AR003": ("warning", timing.late_sockets),
    "AR004": ("warning", replicas.unsafe_retries),
    "AR005": ("note", timing.never_hurried),
    "AR006": ("error", timing.adaptive_bounds),
    "AR007": ("warning", timing.no_end),
    "AR008": ("warning", limits.nervous),
    "AR009": ("warning", timing.sleep_outlasts),
    "AR010": ("warning", timing.queue_outlasts),
    "AR011": ("error", replicas.one_copy),
    "AR012": ("warning", limits.everything_open),
    "AR013": ("note", client.not_taken),
    "AR014": ("warning", client.cannot),
    "AR015": ("warning", client.unheard),
    "AR016": ("note", client.lacks_setting),
    "AR017": ("error", timing.refused_delay),
    "AR018": ("warning", timing.delay_left_to_the_client),
    "AR019": ("warning", limits.narrow_native_breaker),
    "AR020": ("error", limits.reset_native_breaker),
    "AR021": ("warning", client.native_configuration),
    "AR022": ("warning", limits.idle_too_long),
    "AR023": ("error", limits.no_room),
    "AR024": ("warning", limits.hasty_tend),
    "AR025": ("warning", timing.native_sleeps),
    "AR026": ("warning", replicas.masters_only),
    "AR027": ("error", replicas.random_queries),
    "AR028": ("warning", replicas.no_rack),
    "AR029": ("note", replicas.conditional_retries),
    "AR030": ("warning", breakers.never_slow),
    "AR031": ("warning", breakers.rate_after_count),
    "AR032": ("warning", gates.ceiling_above_pool),
    "AR033": ("warning", gates.start_out_of_bounds),
    "AR034": ("warning", gates.never_reached),
    "AR035": ("warning", gates.lasting_stack),
    "AR036": ("note", gates.gate_in_gate),
    "AR037": ("warning", inherited.beaten),
    "AR038": ("note", inherited.beaten_queries),
    "AR039": ("warning", limits.isolates_in_vain),
    # AR040 is of code: see lint_code.
    "AR041": ("warning", timing.churned_sockets),
    "AR042": ("warning", rollouts.without_identity),
    "AR043": ("note", rollouts.complete),
}
"""Severity and rule. An id is never given to another rule."""
