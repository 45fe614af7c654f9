"""The audit of a data set from folder to report, in one call.

Owns the order of the work: list, measure, conclude, write, accept, clean up. Prints nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.models.defaults import DEFAULT_DETECTOR, DEFAULT_RECOGNIZER
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.output_names import OutputGuard
from mien.portrait.checking import DEFAULT_RULES
from mien.portrait.dataset.accept import accept_images, check_outside
from mien.portrait.dataset.audit import Audit
from mien.portrait.dataset.conclude import conclude
from mien.portrait.dataset.measure_cache import delete_cache, measure_data_set
from mien.portrait.dataset.measure_files import AuditModels
from mien.portrait.dataset.metadata import read_metadata
from mien.portrait.dataset.structure import list_data_set
from mien.portrait.report.tables import FILES, write_audit
from mien.portrait.rules.files import load_rules
from mien.portrait.rules.schema import RuleSet
from mien.progress import OnProgress, Progress, no_progress
from mien.version import __version__


@dataclass(frozen=True, slots=True, eq=False)
class AuditResult:
    """What an audit found and where its report is.

    Attributes:
        audit: everything that was found.
        out: the folder of the report.
        summary: what report.json holds.
        accepted: how many images were copied or linked; 0 where none were asked for.
    """

    audit: Audit
    out: Path
    summary: dict[str, Any]
    accepted: int


def audit(
    folder: Path,
    rules: str | RuleSet = DEFAULT_RULES,
    *,
    out: Path | None = None,
    flat: bool = False,
    manifest: Path | None = None,
    accept: Path | None = None,
    link: bool = False,
    overwrite: bool = False,
    language: str = "en",
    workers: int = 1,
    ray_address: str | None = None,
    keep: bool = False,
    detector: str = DEFAULT_DETECTOR,
    recognizer: str | None = DEFAULT_RECOGNIZER,
    portrait_models: Sequence[str] = (),
    options: EngineOptions = DEFAULT_OPTIONS,
    on_progress: OnProgress = no_progress,
) -> AuditResult:
    """Check a data set of portraits by rules: every image, every person, and the whole; and write a report.

    An interrupted audit resumes when it is called again with the same folders and models.

    Args:
        folder: the data set, as GROUP/[SEX/]IDENTITY/IMAGE.
        rules: vn-portrait, icao, the path of a rule file, or rules that were loaded.
        out: the folder of the report; FOLDER-audit by default.
        flat: whether identities are in the folder directly, without groups.
        manifest: CSV or Parquet with what is known of images and people.
        accept: a folder that images that pass are copied into.
        link: hard links instead of copies.
        overwrite: replace files in these folders that mien did not make.
        language: of the page.
        workers: number of processes.
        ray_address: a Ray cluster (`auto`, `local` or host:port) that measures instead; every machine must have the
            models and see the same files.
        keep: whether what was measured stays, embeddings included, so that other rules take seconds.
        detector: a name in the model store, or the path of a card.
        recognizer: the same, for wrong labels; None to leave them out.
        portrait_models: portrait models that were added with `mien models add --expert`.
        options: engine and precision.
        on_progress: called while images are measured, compared and accepted.

    Raises:
        AuditError: the folder cannot be audited, or the report cannot be written.
        OutputError: a file is in one of these folders that mien did not make.
        RuleError: there are no such rules.
        MissingExtraError, WorkerError: Ray is not installed, or the cluster cannot be reached.

    Example:
        >>> result = mien.audit(Path("people"), flat=True)
        >>> result.summary["counts"]["people"], (result.out / "report.html").is_file()
        (2, True)
    """
    chosen = rules if isinstance(rules, RuleSet) else load_rules(rules)
    known = None if manifest is None else read_metadata(manifest)
    place = out or folder.with_name(f"{folder.resolve().name}-audit")
    check_outside(place, folder, "--out")
    if accept is not None:
        check_outside(accept, folder, "--accept")
    guard = OutputGuard(overwrite=overwrite)
    guard.check(place / name for name in FILES)
    listing = list_data_set(folder, chosen.structure, flat=flat)
    models = AuditModels(detector, recognizer or "", tuple(portrait_models), options)
    measured = measure_data_set(
        folder, listing.entries, place, models, workers=workers, ray_address=ray_address, on_progress=on_progress
    )
    on_progress(Progress(stage="comparing images and people", done=0))
    found = conclude(listing, measured, chosen, models, known, place)
    summary = write_audit(found, place, language, _made_with(chosen, models))
    for name in FILES:
        guard.record(place / name)
    if not keep:
        delete_cache(place)
    accepted = 0 if accept is None else accept_images(found, accept, guard, link=link, on_progress=on_progress)
    return AuditResult(found, place, summary, accepted)


def _made_with(rules: RuleSet, models: AuditModels) -> dict[str, str]:
    named = {"mien": __version__, "rules": rules.name, "detector": models.detector}
    return named | ({"recognizer": models.recognizer} if models.recognizer else {})
