"""mien gallery: what concerns a gallery as a whole."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from mien.cli import gallery_vectors, options
from mien.cli.tables import TerminalTable
from mien.cli.terminal import OK, PARTLY, emit, err, out, plural, show
from mien.gallery.consent import erase_expired
from mien.gallery.health import Health, HealthRow, gallery_health, read_groups
from mien.gallery.keeping import change_gallery_settings, create_gallery, gallery_settings
from mien.gallery.keys import encrypt_gallery
from mien.gallery.records import GallerySettings
from mien.gallery.wording import interval, message
from mien.messages import Message
from mien.messages.figures import percent, score_text
from mien.rates import Estimate

app = typer.Typer(
    no_args_is_help=True, help="A gallery as a whole: what it keeps, and how well it separates its own people."
)

Keep = Annotated[
    str | None,
    typer.Option(
        "--keep",
        help="What is kept of each new image besides its embedding: portrait or none. Without portraits, `mien "
        "reenrol` cannot embed again.",
        show_default="portrait",
    ),
]
NeedsConsent = Annotated[
    bool | None,
    typer.Option(
        "--consent/--no-consent",
        help="Whether a subject without consent is neither enrolled nor found.",
        show_default="no consent needed",
    ),
]
Grace = Annotated[
    str | None,
    typer.Option(
        "--grace", help="Days from the end of a consent until the subject is erased, or never.", show_default="never"
    ),
]


app.command("export")(gallery_vectors.export)
app.command("import")(gallery_vectors.import_)
app.command("compare")(gallery_vectors.compare)
app.command("compact")(gallery_vectors.compact)


@app.command("create")
def create(
    gallery: options.OutputGallery,
    recognizer: options.Recognizer = None,
    keep: Keep = None,
    consent: NeedsConsent = None,
    grace: Grace = None,
    vectors: Annotated[
        str | None,
        typer.Option(
            "--vectors",
            help="The database that keeps the vectors: postgresql://HOST/NAME or milvus://HOST.",
            show_default="the gallery file",
        ),
    ] = None,
) -> int:
    """Make an empty gallery and choose what it keeps.

    Examples:

      mien gallery create door.gallery --keep none --consent --grace 30

      mien gallery create door.gallery --vectors postgresql://mien@db.example.org/mien
    """
    chosen = _settings(GallerySettings(), keep, consent, grace)
    create_gallery(gallery, options.recognizer(recognizer), chosen, vectors)
    out.print(f"{gallery} is ready: `mien enrol {gallery} FOLDER` enrols subjects")
    return OK


@app.command("settings")
def settings(
    gallery: options.Gallery,
    keep: Keep = None,
    consent: NeedsConsent = None,
    grace: Grace = None,
    json: options.Json = False,
) -> int:
    """Show what a gallery keeps and needs, or change it.

    What is kept already stays as it is. A gallery that needs consent finds nobody without it, from this moment on.

    Examples:

      mien gallery settings door.gallery

      mien gallery settings door.gallery --keep none --grace never
    """
    before = gallery_settings(gallery)
    now = _settings(before, keep, consent, grace)
    if now != before:
        change_gallery_settings(gallery, now)
    if json:
        emit(asdict(now))
    else:
        days = "never" if now.grace_days is None else f"after {now.grace_days:g} days"
        table = TerminalTable("setting", "value")
        table.add_row("keep", now.keep)
        table.add_row("consent", "needed" if now.requires_consent else "not needed")
        table.add_row("erased when consent has ended", days)
        show(table)
    return OK


def _settings(before: GallerySettings, keep: str | None, consent: bool | None, grace: str | None) -> GallerySettings:
    if keep is not None:
        # A wrong one is refused by the value itself.
        before = replace(before, keep=keep)  # type: ignore[arg-type]
    if consent is not None:
        before = replace(before, requires_consent=consent)
    if grace is not None:
        before = replace(before, grace_days=None if grace == "never" else _days(grace))
    return before


def _days(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"--grace needs a number of days or never, got '{text}'") from None


@app.command("encrypt")
def encrypt(gallery: options.Gallery) -> int:
    """Encrypt a plain gallery: names, metadata, consent, embeddings and portraits, with a key of each subject.

    The keys are in a file next to it (NAME.keys), encrypted with the master key of MIEN_MASTER_KEY_FILE or
    MIEN_MASTER_KEY; see `mien keys new`. Other processes must open the gallery again.

    Example:

      mien gallery encrypt staff.gallery
    """
    encrypt_gallery(gallery)
    out.print(f"{gallery} is encrypted; its keys are in {gallery}.keys, which backups do not contain")
    return OK


@app.command("erase-expired")
def expire(gallery: options.Gallery, json: options.Json = False) -> int:
    """Erase the subjects whose consent ended more days ago than --grace of the settings; exit code 4: traces remain.

    Example:

      mien gallery erase-expired door.gallery
    """
    erased = erase_expired(gallery)
    for subject, one in erased.items():
        if json:
            emit({"id": subject, "erased": one.templates, "keys": one.keys, "log": one.log})
        else:
            out.print(f"erased {subject}: {plural(one.templates, 'template')}")
    err.print(f"{plural(len(erased), 'subject')} erased from {gallery}")
    return PARTLY if any(one.log == "pending" for one in erased.values()) else OK


@app.command("health")
def health(
    gallery: options.Gallery,
    recognizer: options.GalleryRecognizer = None,
    groups: Annotated[
        Path | None,
        typer.Option("--groups", help="A CSV file with the columns subject and group.", show_default=False),
    ] = None,
    language: options.Language = None,
    json: options.Json = False,
) -> int:
    """Compare the people of a gallery with each other: thresholds that hold for them, and duplicates.

    Examples:

      mien gallery health staff.gallery

      mien gallery health staff.gallery --groups people.csv --json
    """
    spoken = options.language(language)
    found = gallery_health(gallery, recognizer=recognizer, groups=None if groups is None else read_groups(groups))
    if json:
        emit(_as_json(found, spoken))
    else:
        _show(found, spoken)
    return OK


def _show(found: Health, language: str) -> None:
    for note in found.notes:
        err.print(f"mien: {note.text(language)}")
    for line in _summary(found):
        out.print(line.text(language))
    for table in _tables(found, language):
        show(table)


def _summary(found: Health) -> list[Message]:
    lines = [
        message(
            "health.people",
            people=message("count.people", count=found.enrolled),
            templates=message("count.templates", count=found.templates),
            model=found.model,
            several=message("count.several", count=found.several),
        ),
        message("health.pairs", count=found.pairs),
    ]
    if found.not_found:
        lines.append(message("health.not-found", count=found.not_found))
    if found.traces_remain:
        lines.append(message("health.pending", gallery=found.gallery))
    if found.people < found.enrolled:
        lines.insert(1, message("health.sampled", people=found.people))
    if found.decides is None:
        return [*lines, message("health.undecided")]
    decides = message(
        "health.decides",
        unit=found.decides.unit,
        threshold=score_text(found.decides.value),
        rate=percent(found.decides.fmr),
        protocol=found.decides.protocol,
    )
    return [*lines, decides]


def _tables(found: Health, language: str) -> list[TerminalTable]:
    def table(title: str, *columns: str) -> TerminalTable:
        names = [message(f"column.{name}", unit=found.unit).text(language) for name in columns]
        return TerminalTable(*names, title=message(f"health.{title}").text(language))

    thresholds = table("thresholds", "fmr", "own", "own-fmr", "own-fnmr", "card", "card-fmr", "card-fnmr")
    for row in found.rows:
        thresholds.add_row(*(cell.text(language) for cell in _cells(row)))
    similar, mated = table("similar", "share", "limit"), table("mated", "share", "limit")
    for shown, limits in ((similar, found.nonmated), (mated, found.mated)):
        for part, limit in limits:
            shown.add_row(percent(part).text(language), score_text(limit).text(language))
    duplicates = table("duplicates", "subject", "other", "limit")
    for pair in found.duplicates:
        duplicates.add_row(pair.a, pair.b, score_text(pair.score).text(language))
    confused = table("confused", "subject", "passed")
    for name, part in found.confused:
        confused.add_row(name, percent(part).text(language))
    groups = table("groups", "group", "other-group", "own-fmr", "pairs")
    for one in found.groups:
        groups.add_row(one.a, one.b, interval(one.fmr).text(language), str(one.fmr.count))
    return [thresholds, similar, mated, duplicates, confused, groups]


def _cells(row: HealthRow) -> list[Message]:
    own = message("health.more", count=row.missing) if row.threshold is None else score_text(row.threshold)
    card = message("health.none") if row.card_threshold is None else score_text(row.card_threshold)
    own_fnmr, card_fnmr = (
        _rate(fnmr, "health.none" if limit is None else "health.no-mated")
        for fnmr, limit in ((row.fnmr, row.threshold), (row.card_fnmr, row.card_threshold))
    )
    rates = [_rate(row.fmr, "health.none"), own_fnmr], [_rate(row.card_fmr, "health.none"), card_fnmr]
    return [percent(row.wanted), own, *rates[0], card, *rates[1]]


def _rate(rate: Estimate | None, otherwise: str) -> Message:
    return message(otherwise) if rate is None else interval(rate)


def _as_json(found: Health, language: str) -> dict[str, object]:
    decides = found.decides
    return {
        "gallery": found.gallery,
        "model": found.model,
        "unit": found.unit,
        "enrolled": found.enrolled,
        "people": found.people,
        "templates": found.templates,
        "several": found.several,
        "pairs": found.pairs,
        "nonmated": [{"share": part, "score": round(limit, 5)} for part, limit in found.nonmated],
        "mated": [{"share": part, "score": round(limit, 5)} for part, limit in found.mated],
        "thresholds": [
            {
                "fmr": row.wanted,
                "value": row.threshold,
                "measured_fmr": _triple(row.fmr),
                "fnmr": _triple(row.fnmr),
                "card_value": row.card_threshold,
                "card_fmr": _triple(row.card_fmr),
                "card_fnmr": _triple(row.card_fnmr),
                "people_missing": row.missing,
            }
            for row in found.rows
        ],
        "decides": None
        if decides is None
        else {
            "value": decides.value,
            "unit": decides.unit,
            "fmr": decides.fmr,
            "fmr_interval": decides.fmr_interval,
            "protocol": decides.protocol,
        },
        "notes": [note.text(language) for note in found.notes],
        "duplicates": [
            {"a": pair.a, "b": pair.b, "a_id": pair.a_id, "b_id": pair.b_id, "score": round(pair.score, 5)}
            for pair in found.duplicates
        ],
        "confused": [{"subject": name, "share": part} for name, part in found.confused],
        "without_consent": found.without_consent,
        "not_found": found.not_found,
        "log": "pending" if found.traces_remain else "emptied",
        "groups": [{"a": one.a, "b": one.b, "fmr": _triple(one.fmr), "pairs": one.fmr.count} for one in found.groups],
    }


def _triple(rate: Estimate | None) -> list[float] | None:
    return None if rate is None else [rate.value, *(rate.interval or (None, None))]
