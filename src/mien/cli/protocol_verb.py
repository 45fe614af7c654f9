"""A protocol of mien.evaluate.protocols as a command: arguments, options and help come from its table entry.

Knows no protocol by name. Measures nothing: it embeds the sets, calls the protocol, writes and prints the report.
"""

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from inspect import Parameter, Signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from mien.cli import options
from mien.cli.embed import embeddings, report_failures
from mien.cli.output_trial import output_folder
from mien.cli.progress import progress_bar
from mien.cli.reports import print_report
from mien.cli.terminal import PARTLY, emit, err, out, plural
from mien.data.pack import is_pack
from mien.evaluate.origins import card_of, model_of
from mien.evaluate.protocols.calibration import write_to_card
from mien.evaluate.protocols.protocol import Keyword, Protocol
from mien.evaluate.render import report_files, write_report
from mien.evaluate.report import Report, spoken
from mien.evaluate.rescoring import Rescoring, judged
from mien.evaluate.scorefile import Embedded, is_embedding_file, read_embedded
from mien.evaluate.template_trial import try_templates
from mien.gallery.stores import open_store
from mien.gallery.thresholds import keep_thresholds
from mien.output_names import OutputGuard

Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="A folder for the report; without it, results are printed only.",
        show_default=False,
        callback=output_folder,
    ),
]
Card = Annotated[bool, typer.Option("--card", help="Write the thresholds on the model's card.")]
GalleryFile = Annotated[
    Path | None, typer.Option("--gallery", help="Write the thresholds into this gallery.", show_default=False)
]


Fuse = Annotated[
    Path | None,
    typer.Option(
        "--fuse",
        help="Embeddings of the same set by a second recognizer, whose scores are added.",
        show_default=False,
    ),
]
FuseWeight = Annotated[float, typer.Option("--fuse-weight", help="Weight of the first recognizer's scores.")]
Normalize = Annotated[
    str | None,
    typer.Option("--normalize", help="Normalize scores by a cohort.", metavar="s|z|t", show_default=False),
]
Cohort = Annotated[
    Path | None, typer.Option("--cohort", help="Embeddings of other people, for --normalize.", show_default=False)
]
CohortNearest = Annotated[
    int, typer.Option("--cohort-nearest", help="The cohort's most similar people that count; 0 for all.", min=0)
]


class ProtocolVerb:
    """One protocol as a command: its signature for typer, and what happens when it is called."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol

    def command(self) -> Callable[..., int]:
        """A function with the protocol's options in its signature."""

        def run(**given: Any) -> int:  # noqa: ANN401 - what typer parses, as the signature says
            return self.run(**given)

        parameters = list(self.parameters())
        run.__name__ = self.protocol.name
        run.__doc__ = f"{self.protocol.summary}\n\nExamples:\n\n" + "\n\n".join(
            f"  {example}" for example in self.protocol.examples
        )
        run.__signature__ = Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    def parameters(self) -> Iterator[Parameter]:
        """The sets, the report's folder, the protocol's options, and the models where it embeds sets."""
        for name in self.protocol.sets:
            kind = list[Path] if self.protocol.several else Path
            yield _keyword(f"set_{name}", _set_argument(name, kind, files_only=self.protocol.embedding_files))
        yield _keyword("target", Out, None)
        for one in self.protocol.options():
            yield _option(one)
        if self.protocol.measures_thresholds:
            yield _keyword("card", Card, default=False)
            yield _keyword("gallery", GalleryFile, None)
        if self.protocol.rescores:
            yield _keyword("fuse", Fuse, None)
            yield _keyword("fuse_weight", FuseWeight, 0.5)
            yield _keyword("normalize", Normalize, None)
            yield _keyword("cohort", Cohort, None)
            yield _keyword("cohort_nearest", CohortNearest, 0)
        if not self.protocol.embedding_files:
            yield _keyword("detector", options.Detector, None)
            yield _keyword("recognizer", options.Recognizer, None)
            yield _keyword("engine", options.Engine, None)
            yield _keyword("precision", options.Precision, None)
        yield _keyword("overwrite", options.Overwrite, default=False)
        yield _keyword("language", options.Language, None)
        yield _keyword("json", options.Json, default=False)

    def run(self, **given: Any) -> int:  # noqa: ANN401 - the values of the parameters
        """Embed the sets, evaluate them, write and print the report; what is not given has its default."""
        given = {one.name: one.default for one in self.parameters()} | given
        language = options.language(given["language"])
        chosen = {one.name: given[one.name] for one in self.protocol.options()}
        sources = [given[f"set_{name}"] for name in self.protocol.sets]
        if self.protocol.several:
            sources = [source for some in sources for source in some]
        self.protocol.check(str(sources[0]), chosen)
        guard = _guard(sources, given)
        with _folder(given["target"]) as folder:
            sets = [self._set(source, folder / "embeddings.parquet", given) for source in sources]
            for one in self.protocol.options():
                if _is_set(one.kind) and chosen[one.name] is not None:
                    chosen[one.name] = self._set(chosen[one.name], folder / f"{one.name}.parquet", given)
            rescoring = self._rescoring(given)
            before, sets = sets[0], [rescoring.apply(one) for one in sets]
            for name, value in chosen.items():
                if isinstance(value, Embedded):
                    chosen[name] = rescoring.apply_to_others(value)
            report = self._evaluate(sets, chosen, given)
            if rescoring:
                report = judged(report, before, sets[0])
            if self.protocol.measures_thresholds:
                report = _with_template_warning(report, sources[0], sets[0], given)
        report = report.model_copy(update={"made_with": _command() | report.made_with})
        if given["target"] is not None:
            write_report(report, given["target"], language, guard=guard)
        _print(report.in_language(language), given["target"], given["json"])
        return _write_thresholds(report, sets[0], given) if self.protocol.measures_thresholds else 0

    def _set(self, source: Path, cache: Path, given: dict[str, Any]) -> Embedded:
        if self.protocol.embedding_files:
            return read_embedded(source)
        return embeddings(source, cache, given["detector"], given["recognizer"], given["engine"], given["precision"])

    def _rescoring(self, given: dict[str, Any]) -> Rescoring:
        if not self.protocol.rescores:
            return Rescoring()
        fuse, cohort = given["fuse"], given["cohort"]
        return Rescoring(
            fused=None if fuse is None else read_embedded(fuse),
            weight=given["fuse_weight"],
            normalization=given["normalize"],
            cohort=None if cohort is None else read_embedded(cohort),
            nearest=given["cohort_nearest"],
        )

    def _evaluate(self, sets: list[Embedded], chosen: dict[str, Any], given: dict[str, Any]) -> Report:
        with progress_bar() as on_progress:
            context: dict[str, Callable[[], Any]] = {
                "card": lambda: card_of(sets[0].origin),
                "recognizer": lambda: given["recognizer"],
                "engine": lambda: options.engine_options(given["engine"], given["precision"]),
                "on_progress": lambda: on_progress,
            }
            others = {name: context[name]() for name in self.protocol.keywords if name in context}
            return self.protocol.run(*sets, **chosen, **others)


def _command() -> dict[str, str]:
    """The day, and the command as it was given; a caller that is not the program has no command."""
    words = sys.argv[1:] if Path(sys.argv[0]).name in ("mien", "__main__.py") else []
    command = {"command": shlex.join(["mien", *words])} if words else {}
    return {"date": datetime.now(UTC).date().isoformat()} | command


def _with_template_warning(report: Report, source: Path, embedded: Embedded, given: dict[str, Any]) -> Report:
    """The report, with a warning where another template than the card's makes fewer errors on the set's images."""
    if is_embedding_file(source) or is_pack(source):
        return report
    model = model_of(embedded.origin, given["recognizer"])
    with progress_bar() as on_progress:
        trial = try_templates(
            model,
            source,
            detector=options.detector(given["detector"]),
            options=options.engine_options(given["engine"], given["precision"]),
            on_progress=on_progress,
        )
    warning = None if trial is None else trial.warning(model.card.name)
    return report if warning is None else report.model_copy(update={"warnings": (*report.warnings, warning)})


def _guard(sources: Sequence[Path], given: dict[str, Any]) -> OutputGuard:
    """The guard of the report's folder, which is checked before the work."""
    guard = OutputGuard(sources, overwrite=given["overwrite"])
    if given["target"] is not None:
        guard.check(report_files(given["target"]))
    return guard


def _keyword(name: str, annotation: Any, default: Any = Parameter.empty) -> Parameter:  # noqa: ANN401 - any type
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _set_argument(name: str, kind: Any, *, files_only: bool) -> Any:  # noqa: ANN401 - an annotation
    if files_only:
        help_, metavar = "An embedding file of `mien embed`.", "FILE" if kind is not Path else name.upper()
    else:
        help_, metavar = "An embedding file of `mien embed`; or a pack, a manifest, a folder.", "SET"
    return Annotated[kind, typer.Argument(metavar=metavar, help=help_, show_default=False)]


def _is_set(kind: Any) -> bool:  # noqa: ANN401 - a type
    return kind in (Embedded, Embedded | None)


def _option(one: Keyword) -> Parameter:
    flags = one.option.flags or ("--" + one.name.replace("_", "-"),)
    kind = Path | None if _is_set(one.kind) else one.kind
    shown = one.default is not None
    option = typer.Option(*flags, help=one.option.help, min=one.option.min, show_default=shown)
    return _keyword(one.name, Annotated[kind, option], one.default)


@contextmanager
def _folder(target: Path | None) -> Iterator[Path]:
    """Where embeddings are kept: in the report's folder, or nowhere for longer than the command runs."""
    if target is not None:
        yield target
        return
    with TemporaryDirectory() as scratch:
        yield Path(scratch)


def _print(report: Report, target: Path | None, json: bool) -> None:
    if json:
        numbers = {name: value.model_dump() for name, value in report.numbers.items()}
        where = None if target is None else str(target / "report.json")
        rows = {"thresholds": [row.model_dump() for row in report.thresholds]} if report.thresholds else {}
        emit({"report": where, "numbers": numbers, **rows})
        return
    for text in report.warnings:
        err.print(f"mien: {spoken(text)}")
    print_report(report)
    if target is not None:
        out.print(f"{target / 'report.html'}, report.md, report.json")


def _write_thresholds(report: Report, embedded: Embedded, given: dict[str, Any]) -> int:
    """Write the thresholds where they were asked for; say which samples had no part in them."""
    count = plural(len(report.thresholds), "threshold")
    if given["card"]:
        model = write_to_card(report, embedded.origin, given["recognizer"])
        err.print(f"{count} on the card of {model.card.name}")
    if given["gallery"] is not None:
        opened = open_store(given["gallery"])
        try:
            keep_thresholds(opened, embedded.origin.contract, report.thresholds)
        finally:
            opened.close()
        err.print(f"{count} in {given['gallery']}")
    report_failures(embedded)
    return PARTLY if embedded.failures else 0
