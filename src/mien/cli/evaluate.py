"""mien evaluate: one verb for each protocol of mien.evaluate.protocols; and detection and attacks."""

from collections.abc import Callable
from typing import Any

import typer

from mien.cli import attacks, detection
from mien.cli.protocol_verb import ProtocolVerb
from mien.cli.terminal import err
from mien.evaluate.protocols import PROTOCOLS

OLD_NAMES = {"synthetic": "robustness"}
"""Verbs that were renamed: they still run, and say so."""


def build() -> typer.Typer:
    """The verbs of the table as it is now."""
    app = typer.Typer(
        no_args_is_help=True,
        help="Honest evaluation: protocols, intervals by subject, reports. See docs/guide/reports.md.",
    )
    for name, protocol in PROTOCOLS.items():
        app.command(name)(ProtocolVerb(protocol).command())
    for old, name in OLD_NAMES.items():
        app.command(old, hidden=True)(_renamed(old, name))
    app.command()(detection.detection)
    app.command()(attacks.attacks)
    return app


def _renamed(old: str, name: str) -> Callable[..., int]:
    verb = ProtocolVerb(PROTOCOLS[name])
    command = verb.command()

    def run(**given: Any) -> int:  # noqa: ANN401 - what typer parses
        err.print(f"mien: `mien evaluate {old}` is now called `mien evaluate {name}`")
        return verb.run(**given)

    run.__signature__ = command.__signature__  # type: ignore[attr-defined]
    run.__annotations__, run.__doc__ = command.__annotations__, command.__doc__
    return run


def __getattr__(name: str) -> typer.Typer:
    """The application `app`, made when it is asked for, so that it has every protocol of the table."""
    if name == "app":
        return build()
    raise AttributeError(name)
