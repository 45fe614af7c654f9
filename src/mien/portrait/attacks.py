"""How often attacks pass for living faces, and living faces for attacks, on a user's own folders (ISO/IEC 30107-3).

SET/bona-fide/... holds photographs of living faces, SET/attack-KIND/... those of each kind of attack (prints,
screens, masks). Each kind has its own rate, since a mean would hide the worst. Claims nothing for other cameras or
attacks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.errors import AuditError
from mien.faults import describe
from mien.image import find_images
from mien.models.defaults import DEFAULT_DETECTOR
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.pipeline import file_item
from mien.portrait.examine import Examiner, open_examiner
from mien.progress import OnProgress, no_progress, report_progress
from mien.rates import Estimate, rate_of_subjects

BONA_FIDE, ATTACK = "bona-fide", "attack-"
"""Names of the folders of a set: of living faces, and what those of attacks begin with."""
THRESHOLD = 0.5
"""The share from which on a face counts as a living one, where nobody says otherwise."""
TARGETS = (0.1, 0.05, 0.01)
"""Rates of the worst kind of attack at which that of living faces is given: BPCER10, BPCER20, BPCER100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """One image of a set, and what came of it.

    Attributes:
        path: relative to the set.
        kind: of the attack; empty for a living face.
        subject: its folder, or the image itself where it is in none; images of one subject are not independent.
        score: share of the living class, 0 to 1; None where there was no answer.
        error: why there is no answer.
    """

    path: str
    kind: str
    subject: str
    score: float | None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackRate:
    """A rate of one kind of attack, or of living faces.

    Attributes:
        kind: of the attack; empty for living faces.
        rate: share of wrong answers: APCER for attacks, BPCER for living faces, with its 95% interval by subject.
        no_answer: share without an answer, such as images in which no face was found (APNRR, BPNRR).
    """

    kind: str
    rate: Estimate
    no_answer: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedAttacks:
    """What living faces lose where no more than a wanted share of the worst kind of attack may pass.

    Attributes:
        wanted: that share.
        threshold: the lowest one that keeps it, on this set.
        bpcer: the share of living faces that are refused there.
    """

    wanted: float
    threshold: float
    bpcer: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackResult:
    """Rates at a threshold, and all that they were counted from."""

    threshold: float
    presentations: tuple[Presentation, ...]

    @property
    def bona_fide(self) -> AttackRate:
        """BPCER: living faces below the threshold."""
        return self._rate("")

    @property
    def attacks(self) -> tuple[AttackRate, ...]:
        """APCER of each kind: attacks at the threshold or above."""
        return tuple(self._rate(kind) for kind in self.kinds)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of attacks, sorted."""
        return tuple(sorted({one.kind for one in self.presentations} - {""}))

    @property
    def fixed(self) -> tuple[FixedAttacks, ...]:
        """BPCER at fixed rates of the worst kind; thresholds and rates are of the same set, so they flatter."""
        return tuple(self._fixed(wanted) for wanted in TARGETS)

    def _rate(self, kind: str) -> AttackRate:
        ours = [one for one in self.presentations if one.kind == kind]
        answered = [one for one in ours if one.score is not None]
        wrong = [(one.score is not None and one.score >= self.threshold) == bool(kind) for one in answered]
        return AttackRate(
            kind=kind,
            rate=_by_subject(answered, wrong),
            no_answer=_by_subject(ours, [one.score is None for one in ours]),
        )

    def _fixed(self, wanted: float) -> FixedAttacks:
        threshold = max(_threshold_for(self._scores(kind), wanted) for kind in self.kinds)
        living = self._scores("")
        return FixedAttacks(wanted=wanted, threshold=threshold, bpcer=float(np.mean(living < threshold)))

    def _scores(self, kind: str) -> np.ndarray:
        found = [one.score for one in self.presentations if one.kind == kind and one.score is not None]
        return np.sort(np.asarray(found, np.float64))


def _threshold_for(scores: np.ndarray, wanted: float) -> float:
    """The lowest threshold that at most a wanted share of sorted scores reaches."""
    allowed = int(wanted * len(scores) + 1e-9)
    return 0.0 if allowed >= len(scores) else float(np.nextafter(scores[len(scores) - 1 - allowed], 2))


def _by_subject(presentations: Sequence[Presentation], wrong: Sequence[bool]) -> Estimate:
    subjects: dict[str, list[bool]] = {}
    for one, failed in zip(presentations, wrong, strict=True):
        subjects.setdefault(one.subject, []).append(failed)
    errors = np.array([sum(one) for one in subjects.values()], np.int64)
    return rate_of_subjects(errors, np.array([len(one) for one in subjects.values()], np.int64))


def evaluate_attacks(
    source: Path,
    *,
    portrait_models: Sequence[str],
    threshold: float = THRESHOLD,
    detector: str = DEFAULT_DETECTOR,
    options: EngineOptions = DEFAULT_OPTIONS,
    on_progress: OnProgress = no_progress,
) -> AttackResult:
    """Measure models of liveness on folders of living faces and of attacks.

    Args:
        source: holds bona-fide/ and at least one attack-KIND/; images may be in folders of one person each.
        portrait_models: of family liveness; several are averaged.
        threshold: the share from which on a face counts as a living one.
        detector: finds the faces.
        options: engine and precision.
        on_progress: called after every image.

    Raises:
        AuditError: there are no such folders, or one is empty.
        ModelError: no model of liveness, or one that cannot be opened.

    Example:
        >>> found = mien.evaluate_attacks(Path("doors"), portrait_models=["live"])
        >>> [(one.kind, one.rate.value) for one in found.attacks]
        [('print', 1.0)]
    """
    listed = list_presentations(source)
    examiner = open_examiner(detector, None, portrait_models, options=options)
    if "liveness" not in examiner.families:
        raise AuditError("name a model of liveness with --portrait-model; `mien models add FILE --expert liveness`")
    found = tuple(
        _present(examiner, source, path, kind)
        for path, kind in report_progress(listed, "measuring", len(listed), on_progress)
    )
    if not any(one.score is not None for one in found if not one.kind):
        raise AuditError(f"no face was found in {source / BONA_FIDE}")
    return AttackResult(threshold=threshold, presentations=found)


def list_presentations(source: Path) -> list[tuple[Path, str]]:
    """The images of a set with the kind of their attack, empty for living faces.

    Raises:
        AuditError: a folder is missing, empty, or of another name.
    """
    if not source.is_dir():
        raise AuditError(f"{source} is not a folder")
    folders = sorted(path for path in source.iterdir() if path.is_dir() and not path.name.startswith("."))
    kinds = [path.name.removeprefix(ATTACK) for path in folders if path.name.startswith(ATTACK)]
    if source / BONA_FIDE not in folders or not kinds or len(kinds) + 1 != len(folders) or "" in kinds:
        names = ", ".join(path.name for path in folders) or "no folders"
        raise AuditError(
            f"{source} needs {BONA_FIDE}/ and {ATTACK}KIND/ such as {ATTACK}print/, nothing else; has {names}"
        )
    found = []
    for folder in folders:
        images = find_images(folder)
        if not images:
            raise AuditError(f"{folder} holds no images")
        found += [(image, folder.name.removeprefix(ATTACK).removeprefix(BONA_FIDE)) for image in images]
    return found


def _present(examiner: Examiner, source: Path, path: Path, kind: str) -> Presentation:
    name = path.relative_to(source)
    subject = name.parent if len(name.parts) > 2 else name
    try:
        one = examiner.item(file_item(path))
    except Exception as reason:  # noqa: BLE001 - one file's fault, whatever it is
        error = describe(reason, str(name))
        return Presentation(path=str(name), kind=kind, subject=str(subject), score=None, error=error)
    measured = None if one.measures is None else one.measures["liveness"]
    score = None if measured is None else measured.value
    error = one.error or ("" if measured is None or measured.reason is None else measured.reason.text("en"))
    return Presentation(path=str(name), kind=kind, subject=str(subject), score=score, error=error)
