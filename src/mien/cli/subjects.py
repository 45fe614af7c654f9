"""mien subjects, samples, remove, rename and merge: who is in a gallery, under which name, and erasing for good."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from json import dumps, loads
from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.output_trial import output_folder
from mien.cli.tables import TerminalTable
from mien.cli.terminal import OK, PARTLY, WRONG, emit, err, fail, out, plural, show
from mien.gallery.people import (
    change_metadata,
    list_subjects,
    merge_subjects,
    remove_subject,
    rename_subject,
    suspend_subject,
)
from mien.gallery.profiles import Consent, Json
from mien.gallery.records import Erasure, KeptDoubt
from mien.gallery.samples import list_samples, remove_sample, write_portraits

Subject = Annotated[str, typer.Argument(help="The subject's name, or its id.", show_default=False)]


def subjects(gallery: options.Gallery, json: options.Json = False) -> int:
    """List the subjects of a gallery.

    Example:

      mien subjects staff.gallery
    """
    enrolled = list_subjects(gallery)
    table = TerminalTable("subject", "templates", "enrolled")
    for row in enrolled.subjects:
        if json:
            emit(
                {
                    "subject": row.name,
                    "id": row.id,
                    "templates": row.templates,
                    "enrolled": _when(row.enrolled),
                    "state": row.state,
                    "metadata": row.metadata,
                    "consent": _consent(row.consent),
                }
            )
        table.add_row(row.name, str(row.templates), _when(row.enrolled))
    if not json:
        show(table)
    count = plural(len(enrolled.subjects), "subject")
    err.print(f"{count} in {gallery}, embedded with {enrolled.identity.model}")
    if enrolled.traces_remain:
        err.print(
            f"mien: traces of what was erased remain in the log of {gallery} while another process reads; run this "
            "again when it is done"
        )
    return OK


def _consent(consent: Consent | None) -> dict[str, str | None] | None:
    if consent is None:
        return None
    until = None if consent.until is None else _when(consent.until)
    return {
        "purpose": consent.purpose,
        "since": _when(consent.since),
        "until": until,
        "guardian": consent.guardian,
    }


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def samples(
    gallery: options.Gallery,
    subject: Subject,
    out_folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Write the portraits here, each called by the id of its sample.",
            show_default=False,
            callback=output_folder,
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> int:
    """List the samples of a subject, and what was doubtful of them when enrolled.

    Examples:

      mien samples staff.gallery "Eileen Collins"

      mien samples staff.gallery "Eileen Collins" --out portraits/
    """
    language = options.language(None)
    rows = list_samples(gallery, subject)
    table = TerminalTable("sample", "enrolled", "from", "doubtful")
    for row in rows:
        reasons = _sentences(row.doubts, language)
        if json:
            doubts = [
                {"code": one.code, "value": one.value, "reason": reason}
                for one, reason in zip(row.doubts, reasons, strict=True)
            ]
            emit(
                {
                    "sample": row.number,
                    "id": row.id,
                    "enrolled": _when(row.enrolled),
                    "source": row.source,
                    "portrait": row.has_portrait,
                    "doubts": doubts,
                }
            )
        table.add_row(str(row.number), _when(row.enrolled), row.source or "", "; ".join(reasons))
    if not json:
        show(table)
    err.print(f"{plural(len(rows), 'sample')} of {subject} in {gallery}")
    if out_folder is not None:
        written = write_portraits(gallery, subject, out_folder, overwrite=overwrite)
        err.print(f"{plural(len(written), 'portrait')} in {out_folder}, readable by their owner alone")
    return OK


def _sentences(doubts: Sequence[KeptDoubt], language: str) -> list[str]:
    """What a face showed, without rates: no model is opened for a list."""
    if not doubts:
        return []
    from mien.scope.aspects import sentence_about

    return [sentence_about(one.code, one.value).text(language) for one in doubts]


def remove(
    gallery: options.Gallery,
    subject: Subject,
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample", help="Erase this sample alone, by its id; see `mien samples`.", show_default="all samples"
        ),
    ] = None,
    json: options.Json = False,
) -> int:
    """Erase a subject, or one sample of it, from a gallery: embeddings, portraits and their traces on disk.

    Examples:

      mien remove staff.gallery "Eileen Collins"

      mien remove staff.gallery "Eileen Collins" --sample 12
    """
    if sample is not None:
        return _remove_sample(gallery, subject, sample, json=json)
    erased = remove_subject(gallery, subject)
    if json:
        emit({"subject": subject, "erased": erased.templates, **_traces(erased)})
    else:
        out.print(f"erased {subject}: {plural(erased.templates, 'template')} with portraits")
    return _say_pending(gallery, erased)


def _remove_sample(gallery: str, subject: str, sample: int, *, json: bool) -> int:
    erased, is_gone = remove_sample(gallery, subject, sample)
    if json:
        about = {"subject": subject, "sample": sample, "erased": 1, "subject_erased": is_gone}
        emit({**about, **_traces(erased)})
    else:
        last = f"; it was the last one, so {subject} is no longer enrolled" if is_gone else ""
        out.print(f"erased sample {sample} of {subject} with its portrait{last}")
    return _say_pending(gallery, erased)


def _traces(erased: Erasure) -> dict[str, str]:
    return {"keys": erased.keys, "log": erased.log, "outside": erased.outside}


def _say_pending(gallery: str, erased: Erasure) -> int:
    if erased.outside == "pending":
        err.print(
            "mien: nobody finds it any more, but the database that has the vectors cannot be reached: run "
            f"`mien subjects {gallery}` when it can, which removes them"
        )
        return PARTLY
    if erased.outside == "logical":
        err.print(
            "mien: the database has removed the vectors, whose bytes stay in its files until "
            f"`mien gallery compact {gallery}`"
        )
    if erased.log == "emptied":
        return OK
    err.print(
        f"mien: traces remain in the log of {gallery} while another process reads; when it is done, run "
        f"`mien subjects {gallery}`, which empties the log"
    )
    return PARTLY


def consent(
    gallery: options.Gallery,
    subject: Subject,
    purpose: Annotated[
        str | None, typer.Option("--purpose", help="What the faces are used for.", show_default=False)
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="When it was given: a date or a time, UTC.", show_default="now")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="When it ends: a date or a time, UTC.", show_default="never")
    ] = None,
    guardian: Annotated[
        str | None, typer.Option("--guardian", help="Who gave it for a child.", show_default=False)
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Make the subject, still without samples, where nobody has the name.")
    ] = False,
    end: Annotated[bool, typer.Option("--end", help="End the consent now.")] = False,
    json: options.Json = False,
) -> int:
    """Write down what a subject has agreed to, or end it: nobody is found after that.

    Examples:

      mien consent staff.gallery "Eileen Collins" --purpose "entry to the house" --until 2027-12-31

      mien consent staff.gallery "Grace Hopper" --purpose "entry to the house" --new

      mien consent staff.gallery "Eileen Collins" --end
    """
    from mien.gallery.consent import end_consent, record_consent

    if end == (purpose is not None):
        fail("say what the consent is for with --purpose TEXT, or end it with --end", WRONG)
    if purpose is None:
        row = end_consent(gallery, subject)
    else:
        began = time.time() if since is None else _moment("--since", since)
        ends = None if until is None else _moment("--until", until)
        row = record_consent(gallery, subject, Consent(purpose, began, ends, guardian), new=new)
    if json:
        emit({"subject": row.name, "id": row.id, "consent": _consent(row.consent)})
    elif row.consent is not None:
        until_text = "has no end" if row.consent.until is None else f"ends at {_when(row.consent.until)}"
        out.print(f"the consent of {row.name} ({row.consent.purpose}) {until_text}")
    return OK


def _moment(option: str, text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} needs a date or a time such as 2027-12-31 or 2027-12-31T18:00, got '{text}'", WRONG)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def suspend(
    gallery: options.Gallery,
    subject: Subject,
    end: Annotated[bool, typer.Option("--end", help="Let the subject be recognized again.")] = False,
    json: options.Json = False,
) -> int:
    """Let nobody be recognized as a subject for a while, or again; its samples stay.

    Examples:

      mien suspend staff.gallery "Grace Hopper"

      mien suspend staff.gallery "Grace Hopper" --end
    """
    row = suspend_subject(gallery, subject, end=end)
    if json:
        emit({"subject": row.name, "id": row.id, "state": row.state})
    elif end:
        out.print(f"{row.name} is recognized again")
    else:
        out.print(f"{row.name} is suspended: nobody is recognized as {row.name}")
    return OK


def metadata(
    gallery: options.Gallery,
    subject: Subject,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="KEY=VALUE; the value is JSON, or else text. Repeat for several.",
            show_default=False,
        ),
    ] = None,
    removed: Annotated[
        list[str] | None, typer.Option("--remove", help="A key to take out; repeat for several.", show_default=False)
    ] = None,
    json: options.Json = False,
) -> int:
    """Show what is written down about a subject, and change it.

    Examples:

      mien metadata staff.gallery "Eileen Collins"

      mien metadata staff.gallery "Eileen Collins" --set floor=3 --set team=flight --remove badge
    """
    changes = {name: _json_or_text(value) for name, value in options.named(values, "--set", "KEY=VALUE").items()}
    row = change_metadata(gallery, subject, changes, removed or ())
    if json:
        emit({"subject": row.name, "id": row.id, "metadata": row.metadata})
        return OK
    table = TerminalTable("key", "value")
    for name, value in row.metadata.items():
        table.add_row(name, value if isinstance(value, str) else dumps(value, ensure_ascii=False))
    show(table)
    err.print(f"{plural(len(row.metadata), 'key')} of {row.name} in {gallery}")
    return OK


def _json_or_text(value: str) -> Json:
    try:
        found: Json = loads(value)
    except ValueError:
        return value
    return found


def rename(
    gallery: options.Gallery,
    subject: Subject,
    name: Annotated[str, typer.Argument(help="The new name.", show_default=False)],
    json: options.Json = False,
) -> int:
    """Give a subject of a gallery another name, and erase the former one.

    Example:

      mien rename staff.gallery "Grace Hopper" "Grace Brewster Hopper"
    """
    rename_subject(gallery, subject, name)
    if json:
        emit({"subject": subject, "name": name})
    else:
        out.print(f"{subject} is now {name}")
    return OK


def merge(
    gallery: options.Gallery,
    subject: Annotated[str, typer.Argument(help="Whose samples are moved.", show_default=False)],
    into: Annotated[str, typer.Argument(help="Who gets them, and whose name stays.", show_default=False)],
    json: options.Json = False,
) -> int:
    """Make one subject of two: the samples of the first are moved to the second.

    Example:

      mien merge staff.gallery "E. Collins" "Eileen Collins"
    """
    moved = merge_subjects(gallery, subject, into)
    if json:
        emit({"subject": subject, "into": into, "moved": moved})
    else:
        out.print(f"{plural(moved, 'sample')} of {subject} moved to {into}; {subject} is no longer enrolled")
    return OK
