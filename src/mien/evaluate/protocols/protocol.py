"""What a protocol is: a function from embedded sets to a report, and what the command line and the guide say of it.

The function's signature is the only list of its settings: its positional parameters are sets, its keywords with an
`Option` are options of the verb. Holds no protocol; the table of them is in mien.evaluate.protocols.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from mien.evaluate.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What the command line says of a keyword of a protocol.

    Attributes:
        help: one sentence.
        min: the smallest number that is allowed.
        flags: names on the command line; none makes one from the keyword's name.
    """

    help: str
    min: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword of a protocol with its type, its default, and what the command line says of it."""

    name: str
    kind: Any
    default: object
    option: Option


def no_check(source: str, options: Mapping[str, Any]) -> None:
    """Accept every set and all options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A protocol of evaluation.

    Attributes:
        name: of the verb `mien evaluate NAME`.
        run: takes embedded sets and keywords, and returns a Report. Keywords without an `Option` are filled by the
            caller: `card` (of the model, or None), `recognizer` (the name that was asked for, or None), `engine` and
            `on_progress`.
        summary: what it measures, one sentence; help of the verb.
        data: which sets it is for.
        question: what it answers.
        examples: commands.
        check: called with the name of the set and the options before anything is embedded; raises a MienError.
        embedding_files: whether it takes embedding files only, and embeds nothing.
        measures_thresholds: whether its report has thresholds for a model's card or a gallery.
        rescores: whether its sets can be fused with a second recognizer or normalized by a cohort
            (mien.evaluate.rescoring).
    """

    name: str
    run: Callable[..., Report]
    summary: str
    data: str
    question: str
    examples: tuple[str, ...]
    check: Callable[[str, Mapping[str, Any]], None] = no_check
    embedding_files: bool = False
    measures_thresholds: bool = False
    rescores: bool = False

    @property
    def sets(self) -> tuple[str, ...]:
        """The names of the positional parameters, which are embedded sets."""
        parameters = inspect.signature(self.run).parameters.values()
        return tuple(one.name for one in parameters if one.kind is not inspect.Parameter.KEYWORD_ONLY)

    @property
    def several(self) -> bool:
        """Whether it takes any number of sets."""
        parameters = inspect.signature(self.run).parameters.values()
        return any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters)

    @property
    def keywords(self) -> tuple[str, ...]:
        """The names of all keywords, options and others."""
        parameters = inspect.signature(self.run).parameters.values()
        return tuple(one.name for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY)

    def options(self) -> tuple[Keyword, ...]:
        """The keywords that the command line offers."""
        hints = get_type_hints(self.run, include_extras=True)
        defaults = inspect.signature(self.run).parameters
        found = []
        for name in self.keywords:
            option = _option(hints[name])
            if option is not None:
                found.append(Keyword(name, get_args(hints[name])[0], defaults[name].default, option))
        return tuple(found)


def _option(hint: Any) -> Option | None:  # noqa: ANN401 - a type hint of any kind
    if get_origin(hint) is not Annotated:
        return None
    return next((one for one in get_args(hint)[1:] if isinstance(one, Option)), None)
