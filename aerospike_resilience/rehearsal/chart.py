"""Draws the picture: one column for each variant, the fault shaded. Needs matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from .faults import DESCRIPTIONS, SimulatedFault

_SERVED: Final = "#1b7f5c"
_FAILED: Final = "#c8352b"
_LATENCY: Final = "#2457a6"
_SHADE: Final = "#f3ead2"
_GREY: Final = "#6b6b6b"


def draw(results: list[dict[str, Any]], path: Path, *, where: str = "") -> None:
    """Draw the results of all variants in a PNG file.

    Args:
        results: one for each variant, as `experiment.run` returns them.
        path: the file to write.
        where: what the calls were made on, where it is not the embedded cluster.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    width = len(results)
    figure, axes = plt.subplots(
        3,
        width,
        figsize=(3.6 * width + 0.6, 8.2),
        sharex=True,
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    fault: SimulatedFault = results[0]["fault"]["kind"]
    before = results[0]["phases"]["before"]
    offered = {kind: before[kind]["offered_per_s"] for kind in ("reads", "writes")}
    whole = sum(offered.values())
    figure.suptitle(
        f"{where or DESCRIPTIONS[fault]}. {whole:,.0f} calls a second are offered, "
        f"{offered['reads'] / whole:.0%} of them reads.",
        fontsize=14,
        fontweight="bold",
        x=0.01,
        ha="left",
    )
    for column, result in enumerate(results):
        _column(axes[:, column], result, offered)
    for row, label in enumerate(("reads a second", "read p99, ms", "writes a second")):
        axes[row, 0].set_ylabel(label, fontsize=10)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _column(axes: Any, result: dict[str, Any], offered: dict[str, float]) -> None:
    series, fault = result["series"], result["fault"]
    reads, latency, writes = axes
    time_s = series["t_s"]
    for axis in axes:
        if fault["kind"] != "none":
            axis.axvspan(fault["at_s"], fault["until_s"], color=_SHADE, zorder=0, lw=0)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=9)
        axis.set_xlim(0, time_s[-1] + 0.125)
        axis.grid(axis="y", color="#e6e6e6", lw=0.7)
        axis.set_axisbelow(True)
    _stacked(
        reads, time_s, series["reads_served_per_s"], series["reads_failed_per_s"], offered["reads"]
    )
    _stacked(
        *(writes, time_s, series["writes_served_per_s"], series["writes_failed_per_s"]),
        offered["writes"],
    )
    latency.semilogy(
        time_s, [v or float("nan") for v in series["read_p99_ms"]], color=_LATENCY, lw=1.8
    )
    latency.set_ylim(0.5, 2000)
    latency.set_yticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    latency.minorticks_off()
    writes.set_xlabel("seconds", fontsize=9)
    during = result["phases"]["during"]
    reads.set_title(result["title"], fontsize=11.5, fontweight="bold", loc="left", pad=20)
    _say(reads, f"{during['reads']['served_per_s']:,.0f}/s served, {_failed(during['reads'])}")
    _say(latency, f"p99 {_number(during['reads']['p99_ms'])} ms during the fault")
    _say(writes, f"{during['writes']['served_per_s']:,.0f}/s served, {_failed(during['writes'])}")


def _stacked(axis: Any, time_s: Any, served: Any, failed: Any, offered: float) -> None:
    axis.bar(time_s, served, width=0.25, color=_SERVED, label="served")
    axis.bar(time_s, failed, width=0.25, bottom=served, color=_FAILED, label="failed")
    axis.axhline(offered, color=_GREY, lw=0.9, ls=(0, (4, 3)))
    axis.set_ylim(0, max(offered, 1.0) * 1.9)
    axis.yaxis.set_major_formatter(lambda value, _position: f"{value:,.0f}")


def _say(axis: Any, text: str) -> None:
    axis.text(
        *(0.0, 1.02, text),
        transform=axis.transAxes,
        fontsize=9.5,
        color=_GREY,
        ha="left",
        va="bottom",
    )


def _failed(figures: dict[str, Any]) -> str:
    share = figures["error_share"]
    return (
        "none failed"
        if not share
        else f"{share:.0%} failed"
        if share >= 0.01
        else "under 1 % failed"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
