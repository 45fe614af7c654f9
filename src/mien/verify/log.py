"""The decision log of a list of pairs as one value. Computes counts alone; it is written in mien.verify.files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mien.messages import Message
from mien.types import Threshold
from mien.verify.decisions import Outcome, PairDecision, count_outcomes
from mien.verify.labelled import LabelledRates
from mien.verify.review import ReviewBand


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecisionLog:
    """Every decision of a list, and what all of them rest on.

    Attributes:
        decisions: in the order of the rows.
        columns: what the list calls the two images.
        threshold: what decided.
        group: the people for whom its rate was measured, as the card calls them, or "everybody".
        notes: for whom the rate does not hold.
        band: the scores that are near to the threshold; None where that is not known.
        rates: errors among the labelled pairs; None where there are no labels.
        made_with: names and versions of what decided.
        out: the folder of the log.
        measured: number of images that this run measured; the others were known from an earlier run.
    """

    decisions: tuple[PairDecision, ...]
    columns: tuple[str, str]
    threshold: Threshold
    group: str
    notes: tuple[Message, ...]
    band: ReviewBand | None
    rates: LabelledRates | None
    made_with: Mapping[str, str] = field(default_factory=dict)
    out: Path
    measured: int

    @property
    def counts(self) -> dict[Outcome, int]:
        """Number of pairs for each outcome."""
        return count_outcomes(self.decisions)

    @property
    def failed_images(self) -> dict[str, str]:
        """Why images have no face that can be compared, in English, by path."""
        images = (image for one in self.decisions for image in one.images if image is not None)
        return {image.path: _english(image.problem) for image in images if image.problem is not None}

    @property
    def to_review(self) -> Sequence[PairDecision]:
        """The pairs that a person should look at."""
        return [one for one in self.decisions if one.review]


def _english(problem: Message | str) -> str:
    return problem.text("en") if isinstance(problem, Message) else problem
