"""mien evaluate: verification, impostor, mated, robustness, identification, calibrate, compare; and detection."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from mien.cli import detection, options
from mien.cli.embed import embedded_set
from mien.cli.terminal import emit, err, fail, out, plural, show, track
from mien.data.bins import read_bin
from mien.data.pairs import numbered_pairs, read_pairs
from mien.detect.families import open_detector
from mien.errors import CardError, ModelError
from mien.evaluate.curve import can_show, operating_point, subjects_needed
from mien.evaluate.protocols.calibration import calibration
from mien.evaluate.protocols.comparison import comparison
from mien.evaluate.protocols.identification import identification as identify_all
from mien.evaluate.protocols.impostor import compare_people
from mien.evaluate.protocols.impostor import impostor as compare_impostors
from mien.evaluate.protocols.mated import Cap
from mien.evaluate.protocols.mated import mated as compare_mated
from mien.evaluate.protocols.robustness import choose, load
from mien.evaluate.protocols.robustness import robustness as evaluate_robustness
from mien.evaluate.protocols.verification import verification as verify_pairs
from mien.evaluate.render import write_report
from mien.evaluate.report import Report, too_few
from mien.evaluate.scorefile import Embedded, read_embedded
from mien.evaluate.thresholds import RATES
from mien.evaluate.trials import gather, probe_with, run_trials
from mien.gallery.store import GalleryStore
from mien.gallery.thresholds import keep_thresholds
from mien.models import store
from mien.models.card import ModelCard
from mien.models.engines import usable_cores
from mien.models.options import EngineOptions
from mien.recognize.recognizer import Recognizer

app = typer.Typer(
    no_args_is_help=True,
    help="Honest evaluation: protocols, intervals by subject, reports. See docs/guide/reports.md.",
)

Set = Annotated[
    Path,
    typer.Argument(
        metavar="SET", help="An embedding file of `mien embed`; or a pack, a manifest, a folder.", show_default=False
    ),
]
Out = Annotated[Path, typer.Option("--out", help="A folder for the report.", show_default=False)]


def _embedded(source: Path, target: Path, detector: str | None, recognizer: str | None) -> Embedded:
    return embedded_set(source, target / "embeddings.parquet", options.detector(detector), recognizer)


def _card(embedded: Embedded) -> ModelCard | None:
    """The card of the model that made the embeddings, where it is in the store still."""
    try:
        card = store.load(embedded.origin.model).card
    except ModelError:
        return None
    return card if card.contract == embedded.origin.contract else None


def _model(embedded: Embedded, source: Path, recognizer: str | None = None) -> store.Model:
    """The model that made the embeddings.

    Raises:
        CardError: the store has another one under its name.
    """
    model = store.load(recognizer or embedded.origin.model)
    if model.card.contract != embedded.origin.contract:
        raise CardError(
            f"{embedded.origin.model} in the store has another contract than the embeddings; embed {source} again"
        )
    return model


def _finish(report: Report, target: Path, json: bool) -> int:
    write_report(report, target)
    if json:
        emit(
            {"report": str(target / "report.json"), "numbers": {k: v.model_dump() for k, v in report.numbers.items()}}
        )
        return 0
    for text in report.warnings:
        err.print(f"mien: {text}")
    for text in report.headline:
        out.print(text)
    for table in report.tables[:3]:
        shown = Table(*table.columns, title=table.title, title_justify="left")
        for row in table.rows:
            shown.add_row(
                *("" if cell is None else f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row)
            )
        show(shown)
    out.print(f"{target / 'report.html'}, report.md, report.json")
    return 0


@app.command()
def verification(
    source: Set,
    target: Out,
    pairs: Annotated[
        Path | None, typer.Option("--pairs", help="LFW's pairs.txt, or CSV: a, b, mated, fold.", show_default=False)
    ] = None,
    published_grid: Annotated[
        bool, typer.Option("--published-grid", help="Choose thresholds from the grid that published accuracies used.")
    ] = False,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    json: options.Json = False,
) -> int:
    """Accuracy over folds, FNMR at FMR, EER, AUC and d' on a list of pairs; `.bin` sets bring their own.

    Examples:

      mien evaluate verification lfw.parquet --pairs pairs.txt --out report/

      mien evaluate verification agedb_30.bin --recognizer mobilefacenet --out report/
    """
    if pairs is None and source.suffix != ".bin":
        fail("--pairs is needed: LFW's pairs.txt, or a CSV with the columns a, b, mated and perhaps fold")
    listed = read_pairs(pairs) if pairs is not None else numbered_pairs(read_bin(source).mated.tolist())
    embedded = _embedded(source, target, detector, recognizer)
    name = pairs.name if pairs is not None else source.name
    return _finish(verify_pairs(embedded, listed, name, published_grid=published_grid), target, json)


@app.command()
def impostor(
    source: Set,
    target: Out,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    json: options.Json = False,
) -> int:
    """All comparisons of different people: FMR at every threshold, the most similar pairs, strata.

    Example:

      mien evaluate impostor portraits/ --out report/
    """
    embedded = _embedded(source, target, detector, recognizer)
    return _finish(compare_impostors(embedded, _card(embedded)), target, json)


@app.command()
def mated(
    source: Set,
    target: Out,
    most: Annotated[int, typer.Option("--most", help="Samples of a subject that take part, at most.", min=2)] = 20,
    seed: Annotated[int, typer.Option("--seed", help="Of which samples they are.")] = 0,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    json: options.Json = False,
) -> int:
    """All mated and all non-mated comparisons of a set with several images a person.

    Example:

      mien evaluate mated lfw-dlib.parquet --out report/
    """
    embedded = _embedded(source, target, detector, recognizer)
    return _finish(compare_mated(embedded, _card(embedded), Cap(most, seed)), target, json)


@app.command()
@app.command("synthetic", hidden=True)
def robustness(
    context: typer.Context,
    source: Set,
    target: Out,
    fmr: Annotated[float, typer.Option("--fmr", help="The threshold's false match rate on this set.")] = 1e-3,
    most: Annotated[int, typer.Option("--most", help="Photographs, at most; one a subject.", min=1)] = 200,
    seed: Annotated[int, typer.Option("--seed", help="Of which they are, and of the transforms.")] = 0,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    json: options.Json = False,
) -> int:
    """How much degradation the system bears: photographs against their own copies under 13 transforms.

    This bounds robustness. It is no genuine match rate.

    Example:

      mien evaluate robustness portraits/ --most 100 --out report/
    """
    if context.info_name == "synthetic":
        err.print("mien: `mien evaluate synthetic` is now called `mien evaluate robustness`")
    embedded = _embedded(source, target, detector, recognizer)
    compared = compare_people(embedded)
    if not can_show(compared, fmr):
        fail(f"{source}: " + too_few(fmr, compared.nonmated, subjects_needed(compared, fmr)))
    point = operating_point(compared, fmr)
    chosen = choose(embedded, most, seed)
    settings = EngineOptions(streams=usable_cores())
    finder = open_detector(embedded.origin.detector, settings)
    model = _model(embedded, source, recognizer)
    originals = load(embedded, chosen, finder)
    results = run_trials(
        originals, probe_with(finder, Recognizer(model, settings)), embedded.origin.metric, seed=seed
    )
    trials = gather(list(track(results, len(chosen), "degrading")))
    return _finish(evaluate_robustness(embedded, compared, point, trials, seed), target, json)


@app.command()
def identification(
    source: Set,
    target: Out,
    distractors: Annotated[
        Path | None, typer.Option("--distractors", help="Another set, of people who only fill the gallery.")
    ] = None,
    templates: Annotated[int, typer.Option("--templates", help="Images that each enrolled subject has.", min=1)] = 1,
    probes: Annotated[int, typer.Option("--probes", help="Searches of one subject, at most.", min=1)] = 5,
    size: Annotated[list[int] | None, typer.Option("--size", help="Subjects in the gallery; several times.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of who is enrolled.")] = 0,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    json: options.Json = False,
) -> int:
    """Open-set searches, 1:N: FNIR at FPIR in galleries of growing size, and rank-1 to rank-k of the closed set.

    Example:

      mien evaluate identification lfw-dlib.parquet --out report/
    """
    embedded = _embedded(source, target, detector, recognizer)
    others = None
    if distractors is not None:
        others = embedded_set(distractors, target / "distractors.parquet", options.detector(detector), recognizer)
    report = identify_all(
        embedded, distractors=others, templates=templates, probes=probes, sizes=sorted(size or []) or None, seed=seed
    )
    return _finish(report, target, json)


@app.command()
def calibrate(
    source: Set,
    target: Out,
    fmr: Annotated[list[float] | None, typer.Option("--fmr", help="A false match rate; several times.")] = None,
    card: Annotated[bool, typer.Option("--card", help="Write the thresholds on the model's card.")] = False,
    gallery: Annotated[
        Path | None, typer.Option("--gallery", help="Write the thresholds into this gallery.", show_default=False)
    ] = None,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    json: options.Json = False,
) -> int:
    """Choose thresholds on half of the subjects, score them on the other half, and write them where they are used.

    A rate that the data cannot show is refused, with the number of subjects that it takes.

    Examples:

      mien evaluate calibrate portraits/ --fmr 1e-3 --fmr 1e-4 --card --out report/

      mien evaluate calibrate staff.parquet --gallery staff.gallery --out report/
    """
    wanted = tuple(sorted(fmr or RATES, reverse=True))
    if not all(0 < rate < 0.5 for rate in wanted):
        fail("--fmr lies between 0 and 0.5, such as 1e-3")
    embedded = _embedded(source, target, detector, recognizer)
    found, report = calibration(embedded, wanted)
    if fmr and found.refused:
        fail(f"{source}: {'; '.join(found.refused.values())}")
    written = _finish(report, target, json)
    if card:
        model = _model(embedded, source)
        store.rewrite_card(model, model.card.model_copy(update={"thresholds": found.rows}))
        err.print(f"{plural(len(found.rows), 'threshold')} on the card of {embedded.origin.model}")
    if gallery is not None:
        opened = GalleryStore.open(gallery)
        try:
            keep_thresholds(opened, embedded.origin.contract, found.rows)
        finally:
            opened.close()
        err.print(f"{plural(len(found.rows), 'threshold')} in {gallery}")
    return written


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="An embedding file.", show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another of the same set.", show_default=False)],
    target: Out,
    json: options.Json = False,
) -> int:
    """Compare two models or two runs on one set, paired by subject, with the interval of the difference.

    Example:

      mien evaluate compare lfw-dlib.parquet lfw-mobilefacenet.parquet --out report/
    """
    return _finish(comparison(read_embedded(a), read_embedded(b)), target, json)


app.command()(detection.detection)
