"""Verification of a claimed subject: one face against the enrolled images of one subject, with a decision."""

from dataclasses import dataclass

import numpy as np

from mien.errors import SubjectStateError
from mien.gallery.decide import Decision, verify
from mien.gallery.gallery import Gallery
from mien.gallery.thresholds import ChosenThreshold
from mien.gallery.verification import ONE_FACE, ComparedFace, chosen_face
from mien.pipeline import Item, Pipeline
from mien.scope import scope_policy
from mien.scores import score_pairs
from mien.types import Score
from mien.units import UNIT_OF, better_is_higher


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """A face that was compared with the subject that it is said to be. It is true for a match alone.

    Attributes:
        face: the most prominent one of the image.
        decision: on its best score.
        compared: number of the subject's templates.
    """

    face: ComparedFace
    decision: Decision
    compared: int

    def __bool__(self) -> bool:
        return bool(self.decision)


def verify_claim(
    gallery: Gallery,
    subject: str,
    source: Item,
    pipeline: Pipeline,
    chosen: ChosenThreshold,
    scope: str | None = None,
) -> Claim:
    """Decide whether the most prominent face of an image is a subject.

    Args:
        gallery: whose subject it is.
        subject: the id.
        source: the image.
        pipeline: with the gallery's recognizer.
        chosen: what decides.
        scope: what to do with a face for which the measured rate does not hold; see mien.compare.

    Raises:
        SubjectNotFoundError: there is no such subject.
        SubjectStateError: it may not be recognized, or has no samples.
        ImageError: the image shows no face that can be compared.
    """
    row = gallery.store.subject(subject)
    if not row.is_found(gallery.store.settings()):
        raise SubjectStateError(
            "this subject is suspended, or has no consent that holds now: nobody is compared with it"
        )
    vectors = gallery.store.subject_embeddings(subject)
    if not len(vectors):
        raise SubjectStateError("this subject has no samples: add one first")
    policy = scope_policy(scope)
    (analysis,) = pipeline.analyse_chunk([source], cutouts=policy != "ignore", only=ONE_FACE)
    face, place = chosen_face(analysis, chosen.threshold, policy)
    identity = gallery.store.identity
    scores = score_pairs(np.repeat(analysis.embeddings[[place]], len(vectors), axis=0), vectors, identity.metric)
    unit = UNIT_OF[identity.metric]
    best = scores.max() if better_is_higher(unit) else scores.min()
    score = Score(float(best), unit, identity.contract)
    return Claim(face, verify(score, chosen.threshold, face.doubts), len(vectors))
