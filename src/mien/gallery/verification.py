"""Verification of two images: the face that each was taken of is compared, with a decision."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.errors import ImageError
from mien.gallery.decide import Decision, verify
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.pipeline import Analysis, Item, Pipeline, Policy, Refused, open_pipeline
from mien.pipeline.items import as_item
from mien.scores import score_pairs
from mien.settings import load_settings
from mien.types import Face, Image, Score

ONE_FACE = Policy()
"""The most prominent face is compared, and no other is embedded."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedFace:
    """The face of one image that is compared.

    Attributes:
        name: the image.
        face: in pixels of the image.
        crop: (size, size, 3) uint8 RGB, as the recognizer saw it.
        others: number of other faces in the image.
        ambiguous: whether another face is about as prominent.
    """

    name: str
    face: Face
    crop: Image
    others: int
    ambiguous: bool


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two compared faces and the decision on them. It is true for a match and false for none."""

    first: ComparedFace
    second: ComparedFace
    decision: Decision

    def __bool__(self) -> bool:
        return bool(self.decision)


def compare(
    first: Path | Item,
    second: Path | Item,
    *,
    fmr: float | None = None,
    detector: str | None = None,
    recognizer: str | None = None,
    options: EngineOptions = DEFAULT_OPTIONS,
) -> Comparison:
    """Compare the most prominent faces of two images.

    Args:
        first: an image file, or an item made of bytes or an array.
        second: another one.
        fmr: false match rate whose threshold decides; by default the one of the settings.
        detector: a model's name or the path of its card; by default the one of the settings.
        recognizer: as detector.
        options: engine options.

    Raises:
        ImageError: an image cannot be read, or shows no face that can be compared.
        CardError: the recognizer has no threshold for that rate.

    Example:
        >>> mien.compare(Path("collins.jpg"), Path("door.jpg")).decision.outcome
        'match'
    """
    settings = load_settings()
    pipeline = open_pipeline(detector or settings.detector, recognizer or settings.recognizer, options)
    return compare_with(pipeline, first, second, fmr)


def compare_with(pipeline: Pipeline, first: Path | Item, second: Path | Item, fmr: float | None = None) -> Comparison:
    """Compare two images with opened models; see compare."""
    assert pipeline.recognizer is not None
    card, metric = pipeline.recognizer.card, pipeline.recognizer.spec.metric
    analyses = pipeline.analyse_chunk([as_item(first), as_item(second)], only=ONE_FACE)
    (one, a), (other, b) = (_chosen(analysis) for analysis in analyses)
    value = float(score_pairs(analyses[0].embeddings[[a]], analyses[1].embeddings[[b]], metric)[0])
    threshold = card.threshold(load_settings().verification_fmr if fmr is None else fmr)
    return Comparison(one, other, verify(Score(value, card.unit, card.contract), threshold))


def _chosen(analysis: Analysis) -> tuple[ComparedFace, int]:
    """The face that an image was taken of, and its place among the faces."""
    place, alone = analysis.choose(ONE_FACE), analysis.choose(Policy("reject"))
    if isinstance(place, Refused):
        raise ImageError(place.sentence(analysis.name))
    face = ComparedFace(
        name=analysis.name,
        face=analysis.faces[place],
        crop=np.asarray(analysis.crops[place]),
        others=len(analysis.faces) - 1,
        ambiguous=isinstance(alone, Refused),
    )
    return face, place
