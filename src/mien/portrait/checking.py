"""One photograph, or many, checked by rules, with instructions that a person can follow.

Owns the order in which instructions are given. Models are opened on first use and kept, so that a camera's frames can
be checked one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from mien.errors import ImageError
from mien.faults import describe
from mien.messages import translate
from mien.models.defaults import DEFAULT_DETECTOR
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.pipeline import array_item, bytes_item, file_item
from mien.portrait.examine import Examined, Examiner, open_examiner
from mien.portrait.measures.catalogue import TURNED, place
from mien.portrait.measures.measure import NO_FACE, Measured
from mien.portrait.rules.files import load_rules
from mien.portrait.rules.schema import RuleSet
from mien.portrait.rules.verdicts import RuleVerdict, apply_rules
from mien.progress import OnProgress, no_progress, report_progress
from mien.types import Box, Floats, Image

DEFAULT_RULES = "vn-portrait"
CheckOutcome = Literal["passed", "failed", "not judged"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Checked:
    """The verdict on one photograph. It is true where the photograph passes.

    Attributes:
        rules: by which it was checked.
        verdicts: of each rule, in the rules' order.
        measures: everything that was measured, by name.
        quality: the overall quality, 0 to 100; None where there is no face.
        landmarks: the face's (5, 2) landmarks in pixels of the file; None where there is no face.
        box: of the face, in pixels of the file; None where there is no face.
        width: of the upright image in the file, in pixels.
        height: of the upright image in the file, in pixels.
    """

    rules: RuleSet
    verdicts: tuple[RuleVerdict, ...]
    measures: dict[str, Measured]
    quality: float | None
    landmarks: Floats | None
    box: Box | None
    width: int
    height: int

    @property
    def outcome(self) -> CheckOutcome:
        """Failed where a rule of severity error fails, not judged where one cannot be assessed; else passed."""
        if any(verdict.is_error for verdict in self.verdicts):
            return "failed"
        return "not judged" if any(verdict.is_unjudged for verdict in self.verdicts) else "passed"

    @property
    def passed(self) -> bool:
        """Whether every rule of severity error was assessed, and none failed."""
        return self.outcome == "passed"

    def __bool__(self) -> bool:
        return self.passed

    def instructions(self, language: str = "en") -> list[str]:
        """What to do: about errors first, then about errors that cannot be judged; each sentence once.

        Where nothing can be judged because there is no face, or the pose because the image is turned, that alone is
        said.
        """
        turned = [translate(f"measure.turn.above-{self.turn}", language)] if self.turn else []
        ordered = sorted(self.shown_verdicts(), key=_urgency)
        found = list(dict.fromkeys([*turned, *(words for one in ordered if (words := one.advice(language)))]))
        return found or ([] if self.landmarks is not None else [translate(NO_FACE.code, language)])

    def shown_verdicts(self) -> list[RuleVerdict]:
        """The verdicts without those that are not assessed for lack of a face, or because the image is turned."""
        return [one for one in self.verdicts if one.reason not in (NO_FACE, TURNED)]

    @property
    def turn(self) -> int:
        """Degrees clockwise by which the image has to be turned for the face to be upright: 0, 90, 180 or 270."""
        return int(self.measures["turn"].value or 0)

    def place(self, verdict: RuleVerdict) -> Box | None:
        """Where in the file's pixels a rule looked; None for the whole image."""
        return place(self.landmarks, verdict.rule.measure)


def _urgency(verdict: RuleVerdict) -> int:
    return 0 if verdict.is_error else 1 if verdict.is_unjudged else 2


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file with its verdict, or with the reason why it cannot be checked."""

    path: Path
    checked: Checked | None
    error: str = ""


@lru_cache(maxsize=4)
def _examiner(detector: str, portrait_models: tuple[str, ...], options: EngineOptions) -> Examiner:
    return open_examiner(detector, None, portrait_models, options=options)


def check(
    portrait: Image | bytes | str | Path,
    rules: str | RuleSet = DEFAULT_RULES,
    *,
    detector: str = DEFAULT_DETECTOR,
    portrait_models: Sequence[str] = (),
    options: EngineOptions = DEFAULT_OPTIONS,
) -> Checked:
    """Check one photograph by rules.

    Args:
        portrait: (H, W, 3) uint8 RGB, upright; or the bytes of a file; or its path.
        rules: vn-portrait, icao, the path of a rule file, or rules that were loaded.
        detector: a name in the model store, or the path of a card.
        portrait_models: portrait models that were added with `mien models add --expert`.
        options: engine and precision.

    Returns:
        The verdict of every rule, the measures, and instructions.

    Raises:
        ImageError: it is not a usable image.
        RuleError: there are no such rules.

    Example:
        >>> import numpy as np
        >>> checked = mien.check(np.full((400, 300, 3), 120, np.uint8))
        >>> checked.passed, checked.instructions("vi")
        (False, ['Nhìn vào máy ảnh, để cả khuôn mặt trong ảnh'])
    """
    chosen = rules if isinstance(rules, RuleSet) else load_rules(rules)
    examiner = _examiner(detector, tuple(portrait_models), options)
    if isinstance(portrait, (str, Path)):
        item = file_item(Path(portrait))
    elif isinstance(portrait, bytes):
        item = bytes_item("the portrait", portrait)
    else:
        item = array_item("the portrait", portrait)
    return check_examined(examiner.item(item), chosen)


def check_examined(examined: Examined, rules: RuleSet) -> Checked:
    """The verdict of rules on a photograph that was examined.

    Raises:
        ImageError: it could not be read.
    """
    if examined.measures is None or examined.portrait is None:
        raise ImageError(examined.error)
    return Checked(
        rules=rules,
        verdicts=apply_rules(rules.rule, examined.measures),
        measures=examined.measures,
        quality=examined.overall,
        landmarks=examined.landmarks,
        box=examined.box,
        width=examined.portrait.width,
        height=examined.portrait.height,
    )


def check_files(
    paths: Sequence[Path],
    rules: str | RuleSet = DEFAULT_RULES,
    *,
    detector: str = DEFAULT_DETECTOR,
    portrait_models: Sequence[str] = (),
    options: EngineOptions = DEFAULT_OPTIONS,
    on_progress: OnProgress = no_progress,
) -> list[CheckedFile]:
    """Check many files; one that cannot be read is a result with an error. See check for the arguments.

    Args:
        paths: of the files.
        rules: by which they are checked.
        detector: finds the faces.
        portrait_models: portrait models that were added.
        options: engine and precision.
        on_progress: called after every file.

    Raises:
        RuleError: there are no such rules.
        ModelError: a model cannot be opened.

    Example:
        >>> [one.checked.instructions()[0] for one in mien.check_files([Path("collins.jpg")])]
        ['Move closer']
    """
    chosen = rules if isinstance(rules, RuleSet) else load_rules(rules)
    _examiner(detector, tuple(portrait_models), options)
    found = []
    for path in report_progress(paths, "checking", len(paths), on_progress):
        try:
            checked = check(path, chosen, detector=detector, portrait_models=portrait_models, options=options)
            found.append(CheckedFile(path, checked))
        except Exception as reason:  # noqa: BLE001 - one file's fault, whatever it is
            found.append(CheckedFile(path, None, describe(reason, str(path))))
    return found
