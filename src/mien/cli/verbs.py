"""The table of verbs. Owns which verb is where; imports a verb's module only when the verb is called.

`mien --help` and shell completion read the table alone, so they cost no more than the command line library.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from mien.cli.exit_codes import EXIT_CODES
from mien.cli.plain_values import HELP_NAMES, take_plain_values

if TYPE_CHECKING:
    from typer._click import Command, Context, Parameter


DEBUG = "--debug"
"""The option that shows the traceback of a failure; before or after the verb."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb, or one group of verbs.

    Attributes:
        home: module of mien.cli and name in it, "module:name": a function, or a typer application for a group.
        help: one line; equals the first line of the function's docstring, or the application's help.
    """

    home: str
    help: str


VERBS = {
    "tour": Verb("tour:tour", "Enrol, identify and draw on two sample portraits: see it work."),
    "detect": Verb(
        "detect:detect",
        "Find faces: boxes, scores and five landmarks; in a video, each face with a number as long as it is seen.",
    ),
    "compare": Verb("compare:compare", "Compare the faces of two images."),
    "verify": Verb(
        "verify:verify",
        "Compare many pairs of images, such as identity cards and selfies, and write a decision log.",
    ),
    "cluster": Verb("cluster:cluster", "Put the faces of a folder of photographs into groups of one person each."),
    "check": Verb(
        "check:check",
        "Check photographs by rules, and say what to do. Exit code 0: all pass; 1: one fails; 5: one is not judged.",
    ),
    "audit": Verb("audit:audit", "Check a data set of portraits by rules: every image, every person, and the whole."),
    "enrol": Verb("enrol:enrol", "Enrol the subjects of a folder or manifest in a gallery."),
    "reenrol": Verb("enrol:reenrol", "Embed a gallery's portraits again with another recognizer, all in one step."),
    "identify": Verb(
        "identify:identify",
        "Identify every face: who it is, or that it is unknown; in videos, once for every followed face.",
    ),
    "watch": Verb("watch:watch", "Watch a video or a camera: follow every face, and decide once for each who it is."),
    "subjects": Verb("subjects:subjects", "List the subjects of a gallery."),
    "samples": Verb(
        "subjects:samples", "List the samples of a subject, and what was doubtful of them when enrolled."
    ),
    "remove": Verb(
        "subjects:remove",
        "Erase a subject, or one sample of it, from a gallery: embeddings, portraits and their traces on disk.",
    ),
    "rename": Verb("subjects:rename", "Give a subject of a gallery another name, and erase the former one."),
    "merge": Verb("subjects:merge", "Make one subject of two: the samples of the first are moved to the second."),
    "suspend": Verb(
        "subjects:suspend", "Let nobody be recognized as a subject for a while, or again; its samples stay."
    ),
    "metadata": Verb("subjects:metadata", "Show what is written down about a subject, and change it."),
    "consent": Verb(
        "subjects:consent", "Write down what a subject has agreed to, or end it: nobody is found after that."
    ),
    "backup": Verb("backups:backup", "Write a copy of a gallery, while others may read and write it."),
    "restore": Verb(
        "backups:restore", "Bring back what a gallery lacks from a backup; nobody who was erased comes back."
    ),
    "keys": Verb("keys:app", "Keys of encrypted galleries: make, rotate, back up and restore them."),
    "audit-log": Verb("audit_log:app", "A log of who did what, in which every change shows: check it."),
    "gallery": Verb("gallery:app", "A gallery as a whole: what it keeps, and how well it separates its own people."),
    "serve": Verb("serve:serve", "Start the recognition service: web pages and an HTTP API on this machine."),
    "models": Verb("models:app", "The models on this machine, and how to get more."),
    "data": Verb("data:app", "Data sets: inspect them, import them into manifests, prepare packs."),
    "embed": Verb(
        "embed:embed",
        "Embed a data set once; every `mien evaluate` reads the file. It can be interrupted and run again.",
    ),
    "evaluate": Verb(
        "evaluate:app", "Honest evaluation: protocols, intervals by subject, reports. See docs/guide/reports.md."
    ),
    "bench": Verb("bench:app", "What models cost and what they are worth, side by side."),
    "train": Verb(
        "train:train",
        "Train or fine-tune a recognizer or a detector as a recipe says. Run it again to continue where it stopped.",
    ),
    "recipes": Verb("recipes:app", "The recipes that come with mien: list, show and copy them."),
    "export": Verb(
        "train:export",
        "Make a model of a checkpoint: ONNX with a free batch, compared with the network, and its card.",
    ),
    "convert-threshold": Verb(
        "convert_threshold:convert_threshold",
        "Convert a threshold between cosine, L2 and squared L2 of embeddings of unit length.",
    ),
    "config": Verb("config:app", "Read and write settings: default models, engine, language."),
    "doctor": Verb(
        "doctor:doctor",
        "Check engine, processor, packages and models, or one gallery. Exit code 3: something is broken.",
    ),
}
"""Verbs by name, in the order of the help. A new verb is one function and one line."""


def load_verb(name: str) -> "Command":
    """Import a verb's module and make the verb's command."""
    module, attribute = VERBS[name].home.split(":")
    found = getattr(import_module(f"mien.cli.{module}"), attribute)
    parent = typer.Typer(add_completion=False, rich_markup_mode=None)
    parent.callback()(_nothing)
    if isinstance(found, typer.Typer):
        parent.add_typer(found, name=name)
    else:
        parent.command(name)(found)
    command = get_group(parent).commands[name]
    _take_debug(command)
    take_plain_values(command)
    return command


class VerbGroup(TyperGroup):
    """All verbs by name and help; a verb is loaded when it is called, or completed after its name."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - typer's own
        known: dict[str, Command] = {
            name: TyperCommand(name, callback=None, short_help=verb.help, rich_markup_mode=None)
            for name, verb in VERBS.items()
        }
        super().__init__(**settings | {"commands": known})

    def resolve_command(self, ctx: "Context", args: list[str]) -> "tuple[str | None, Command | None, list[str]]":
        """The real command of the verb that the arguments begin with."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load_verb(name) if name in VERBS else command, rest


def build() -> "Command":
    """The program with all its verbs."""
    # Help is plain: drawing it with colours and frames takes more than twice the time.
    app = typer.Typer(
        name="mien",
        cls=VerbGroup,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": list(HELP_NAMES), "max_content_width": 110},
        help="Face recognition from a folder of portraits to a decision.",
        epilog=f"Examples: mien tour | mien compare a.jpg b.jpg | mien enrol staff.gallery portraits/ | "
        f"mien identify staff.gallery photo.jpg. {EXIT_CODES}",
    )
    app.callback()(_root)
    command = get_command(app)
    command.params.append(_debug_option())
    take_plain_values(command)
    return command


def _take_debug(command: "Command") -> None:
    """Let a verb, and all verbs of a group, take --debug; the command line itself is what looks for it."""
    command.params.append(_debug_option())
    for each in getattr(command, "commands", {}).values():
        _take_debug(each)


def _debug_option() -> "Parameter":
    """The option, as typer makes it."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(_take_nothing_but_debug)
    option = get_command(app).params[0]
    option.expose_value = False
    return option


def _take_nothing_but_debug(
    debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of a failure.", show_default=False)] = False,
) -> None: ...


def _nothing() -> None:
    """Make typer treat one command as a group of one."""


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=lambda asked: _show_version(asked), is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None: ...


def _show_version(asked: bool) -> None:
    if asked:
        from mien import __version__

        typer.echo(f"mien {__version__}")
        raise typer.Exit
