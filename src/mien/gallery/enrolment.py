"""Enrolment of files: a folder or manifest goes through the pipeline into a gallery, a chunk at a time.

Owns the size of a transaction, and which recognizer a gallery is opened with. What becomes of one image is decided in
mien.gallery.gallery.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from stat import S_IRGRP, S_IROTH

from mien.data.manifest_io import read_samples
from mien.data.sample import Problem, Sample, canonical_subject
from mien.errors import CardError, GalleryError, ManifestError
from mien.gallery.gallery import ONE_PERSON, Enrolment, Gallery
from mien.gallery.identity import recognizer_of as recognizer_of
from mien.gallery.scoping import card_threshold, enrolment_policy, measured
from mien.gallery.stores import is_missing, open_store
from mien.gallery.stores.base import Store
from mien.gallery.thresholds import choose_threshold
from mien.gallery.wording import message
from mien.messages import Message
from mien.messages.figures import percent
from mien.models import store
from mien.models.card import ModelCard
from mien.models.options import DEFAULT_OPTIONS, DEFAULT_RECOGNIZER, EngineOptions
from mien.pipeline import CHUNK, Pipeline, open_pipeline
from mien.progress import OnProgress, no_progress, report_progress
from mien.scope import unsuited
from mien.settings import load_settings
from mien.units import Unit

OnEnrolment = Callable[[Enrolment], None]


@dataclass(frozen=True, slots=True)
class EnrolmentReport:
    """What became of every sample.

    Attributes:
        enrolments: in the order of the samples.
        unit: of the scores of conflicts.
        notes: for whom the gallery's threshold holds, and what else its people show.
        problems: rows and folders of the source that are not samples, and why.
    """

    enrolments: tuple[Enrolment, ...]
    unit: Unit
    notes: tuple[Message, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Number of samples by status."""
        return dict(Counter(one.status for one in self.enrolments))

    @property
    def rejected(self) -> tuple[Enrolment, ...]:
        """Samples that are not in the gallery."""
        return tuple(one for one in self.enrolments if not one)

    @property
    def conflicts(self) -> tuple[Enrolment, ...]:
        """Samples with a conflict, enrolled or not."""
        return tuple(one for one in self.enrolments if one.conflicts)

    @property
    def doubtful(self) -> tuple[Enrolment, ...]:
        """Samples for which the recognizer's rates do not hold, and poor portraits, enrolled or not."""
        return tuple(one for one in self.enrolments if unsuited(one.doubts))

    @property
    def subjects(self) -> int:
        """Number of subjects among the samples."""
        return len({one.sample.subject for one in self.enrolments})


def ignore_enrolment(enrolment: Enrolment) -> None:
    """Wait for the report; the default of functions that take a callback."""


def enrol(
    gallery: str | Path,
    source: str | Path,
    *,
    detector: str | None = None,
    recognizer: str | None = None,
    options: EngineOptions = DEFAULT_OPTIONS,
    strict: bool = False,
    scope: str | None = None,
    on_enrolment: OnEnrolment = ignore_enrolment,
    on_progress: OnProgress = no_progress,
) -> EnrolmentReport:
    """Enrol a folder or a manifest. Samples that are enrolled already are skipped; bad rows are listed and left out.

    Args:
        gallery: path or address; it is created if it is missing.
        source: FOLDER/subject/*.jpg, or a CSV or Parquet manifest with path and subject.
        detector: a model's name or the path of its card; by default the one of the settings.
        recognizer: as detector; by default the gallery's own, or the one of the settings for a new gallery.
        options: engine options.
        strict: whether samples with a conflict are left out.
        scope: what to do with a face for which the recognizer's rates do not hold: "demand" leaves it out, "warn"
            enrols it and says so, "ignore" does not look; by default the setting, whose "auto" demands in galleries
            that this version made and warns in older ones.
        on_enrolment: called with each sample after it has been written to disk.
        on_progress: called after each sample.

    Returns:
        What became of each sample; all of it is on disk.

    Raises:
        ManifestError: there is nothing to enrol.
        ContractError: the gallery holds another model's embeddings.

    Example:
        >>> report = mien.enrol("staff.gallery", "people")
        >>> report.counts
        {'enrolled': 2}
    """
    problems: list[Problem] = []
    samples = read_samples(Path(source), problems.append)
    report = _enrol(
        gallery,
        samples,
        detector=detector,
        recognizer=recognizer,
        options=options,
        strict=strict,
        scope=scope,
        on_enrolment=on_enrolment,
        on_progress=on_progress,
    )
    return replace(report, problems=tuple(problems))


def enrol_subject(
    gallery: str | Path,
    subject: str,
    images: Sequence[str | Path],
    *,
    detector: str | None = None,
    recognizer: str | None = None,
    options: EngineOptions = DEFAULT_OPTIONS,
    strict: bool = False,
    scope: str | None = None,
    on_enrolment: OnEnrolment = ignore_enrolment,
    on_progress: OnProgress = no_progress,
) -> EnrolmentReport:
    """Enrol images of one subject.

    Args:
        gallery: path or address; it is created if it is missing.
        subject: the name; a subject that is enrolled already gets these images too.
        images: files.
        detector: see enrol, as for all that follow.
        recognizer: see enrol.
        options: see enrol.
        strict: see enrol.
        scope: see enrol.
        on_enrolment: see enrol.
        on_progress: see enrol.

    Raises:
        GalleryError: the name is empty.
        ManifestError: there are no images.
        ContractError: the gallery holds another model's embeddings.

    Example:
        >>> mien.enrol_subject("staff.gallery", "E. Collins", ["collins.jpg"]).counts
        {'enrolled': 1}
    """
    if not canonical_subject(subject):
        raise GalleryError("a subject needs a name that is not empty")
    if not images:
        raise ManifestError(f"there are no images of '{subject}' to enrol")
    return _enrol(
        gallery,
        [Sample(Path(image), subject) for image in images],
        detector=detector,
        recognizer=recognizer,
        options=options,
        strict=strict,
        scope=scope,
        on_enrolment=on_enrolment,
        on_progress=on_progress,
    )


def _enrol(
    gallery: str | Path,
    samples: Sequence[Sample],
    *,
    detector: str | None,
    recognizer: str | None,
    options: EngineOptions,
    strict: bool,
    scope: str | None,
    on_enrolment: OnEnrolment,
    on_progress: OnProgress,
) -> EnrolmentReport:
    is_new = is_missing(gallery)
    if not is_new:
        _require_writable(gallery)
    model = store.load(recognizer_of(gallery, recognizer))
    found = detector or load_settings().detector
    pipeline = open_pipeline(found, str(model.folder), options, many=len(samples) > 1)
    opened = Gallery.create(gallery, model.card)
    enrolments = []
    try:
        results = enrol_samples(opened, samples, pipeline, model.card, strict=strict, scope=scope)
        for one in report_progress(results, "enrolling", len(samples), on_progress):
            on_enrolment(one)
            enrolments.append(one)
        notes = (
            *about_rights(opened.store),
            *(about_default(model.card) if is_new else ()),
            *about_people(opened.store, model.card),
        )
    finally:
        opened.close()
    return EnrolmentReport(tuple(enrolments), model.card.unit, notes)


def _require_writable(gallery: str | Path) -> None:
    """Refuse a gallery that can only be read before any image is looked at."""
    opened = open_store(gallery)
    try:
        opened.require_writable()
    finally:
        opened.close()


def about_rights(opened: Store) -> tuple[Message, ...]:
    """Whether other accounts can read the file of a gallery, as those of older versions can be."""
    file = Path(opened.address)
    if not file.is_file() or not file.stat().st_mode & (S_IRGRP | S_IROTH):
        return ()
    return (message("open-to-others", gallery=opened.address),)


def about_default(card: ModelCard) -> tuple[Message, ...]:
    """What the embedded default's card says of its worst group, and the command that does better."""
    wanted = load_settings().identification_fmr
    if card.name != DEFAULT_RECOGNIZER or wanted not in (row.fmr for row in card.thresholds):
        return ()
    worst = card.threshold(wanted).worst_group
    if worst is None:
        return ()
    group, rate = worst
    return (message("embedded-default", model=card.name, group=group, rate=percent(rate), wanted=percent(wanted)),)


def about_people(opened: Store, card: ModelCard) -> tuple[Message, ...]:
    """What the gallery's people show, measured now so that identification need not wait for it."""
    wanted = load_settings().identification_fmr
    try:
        chosen = choose_threshold(opened, card, wanted)
    except CardError:
        return ()
    duplicates = 0 if chosen.own is None else chosen.own.duplicates
    suspected = (message("duplicates", count=duplicates, gallery=opened.address),) if duplicates else ()
    return (*suspected, *chosen.notes)


def enrol_samples(
    gallery: Gallery,
    samples: Sequence[Sample],
    pipeline: Pipeline,
    card: ModelCard,
    *,
    strict: bool = False,
    scope: str | None = None,
) -> Iterator[Enrolment]:
    """Enrol samples in their order.

    Args:
        gallery: of the card's model.
        samples: files with their subjects.
        pipeline: with the card's recognizer.
        card: of the recognizer.
        strict: whether samples with a conflict are left out.
        scope: see enrol.

    Yields:
        What became of each sample, after its chunk of samples has been written to disk.
    """
    policy, threshold = enrolment_policy(gallery.store, scope), card_threshold(card)
    analyses = pipeline.analyse([sample.path for sample in samples], cutouts=True, only=ONE_PERSON)
    pairs = zip(samples, measured(analyses, policy.scope, pipeline.workers, ONE_PERSON), strict=True)
    while chunk := list(islice(pairs, CHUNK)):
        doubts = [one.doubts(threshold)[0] if one.scopes else () for _, one in chunk]
        analysed = [(sample, one.analysis) for sample, one in chunk]
        yield from gallery.enrol(analysed, card, strict=strict, doubts=doubts, policy=policy)
