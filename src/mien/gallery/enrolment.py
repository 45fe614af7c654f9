"""Takes samples through the pipeline into a gallery, a chunk at a time. Owns the size of a transaction."""

from collections.abc import Iterator, Sequence
from itertools import islice

from mien.data.sample import Sample
from mien.gallery.gallery import Enrolment, Gallery
from mien.models.card import ModelCard
from mien.pipeline import CHUNK, Pipeline


def enrol_samples(
    gallery: Gallery, samples: Sequence[Sample], pipeline: Pipeline, card: ModelCard, *, strict: bool = False
) -> Iterator[Enrolment]:
    """Enrol samples in their order.

    Args:
        gallery: of the card's model.
        samples: files with their subjects.
        pipeline: with the card's recognizer.
        card: of the recognizer.
        strict: whether samples with a conflict are left out.

    Yields:
        What became of each sample, after its chunk of samples has been written to disk.
    """
    analyses = pipeline.analyse([sample.path for sample in samples], cutouts=True)
    pairs = zip(samples, analyses, strict=True)
    while chunk := list(islice(pairs, CHUNK)):
        yield from gallery.enrol(chunk, card, strict=strict)
