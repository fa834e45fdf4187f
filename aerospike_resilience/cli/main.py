"""The command group: each command is imported when it is used."""

from __future__ import annotations

import importlib
from typing import Final

import click

COMMANDS: Final = {
    "demo": (
        "aerospike_resilience.cli.demo",
        "demo",
        "One node stalls: four ways to use the client.",
    ),
    "cluster": (
        "aerospike_resilience.cli.cluster",
        "cluster",
        "Run an embedded cluster for tests.",
    ),
    "policy": ("aerospike_resilience.cli.policy", "policy", "Look at policy files and check them."),
    "telemetry": (
        "aerospike_resilience.cli.telemetry",
        "telemetry",
        "Dashboard, alerts and names of metrics, as data.",
    ),
    "node": (
        "aerospike_resilience.cli.node",
        "node",
        "Isolate a node in all processes of a service.",
    ),
    "top": ("aerospike_resilience.cli.top", "top", "Watch a wrapped client of a running service."),
}
"""Name, module, attribute, and the line that ``--help`` shows."""


class _Lazy(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _help = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][2]) for name in self.list_commands(ctx)])


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="aerospike-resilience")
def cli() -> None:
    """Keep an Aerospike client serving while nodes stall, overload and die."""
