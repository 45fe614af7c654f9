"""A few samples to rows of an embedding file: with models that are open, in a process of a Ray cluster, or in two
steps, of which the first (decode, find faces, align) is done in processes of this machine.

Owns what a row holds. Knows nothing of files and of resuming: see mien.evaluate.embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import Any

from mien.data.cropping import Cropped, CropSettings, crop_samples
from mien.data.sample import Sample
from mien.detect.detector import Detector
from mien.detect.families import open_detector
from mien.evaluate.scorefile import DETECTOR_SCORE, NORM, SCOPE
from mien.models import store
from mien.models.options import EngineOptions
from mien.pipeline import MultipleFaces, Policy, ReadOptions
from mien.recognize.recognizer import Recognizer
from mien.scope import find_scope
from mien.types import Image


@dataclass(frozen=True, slots=True)
class ClusterWork:
    """What processes of a Ray cluster need to embed samples as this one does.

    Attributes:
        address: of the cluster: `auto`, `local` or host:port.
        detector: a name in the model store, or the path of a card; every machine has it.
        recognizer: the same.
        options: of both engines; each process uses one thread.
    """

    address: str
    detector: str
    recognizer: str
    options: EngineOptions


@dataclass(frozen=True, slots=True)
class CropWork:
    """What processes of this machine need to make the crops of samples.

    Attributes:
        detector: a name in the model store, or the path of a card.
        settings: of the crops.
        options: of the detector's engine; each process uses one thread.
    """

    detector: str
    settings: CropSettings
    options: EngineOptions


@dataclass(frozen=True, slots=True, eq=False)
class CroppedRows:
    """Rows that lack their embeddings, and the crops that will be embedded.

    Attributes:
        rows: one per sample.
        crops: of the rows that have one, in their order; (size, size, 3) uint8 RGB each.
        places: of these rows.
    """

    rows: list[dict[str, Any]]
    crops: list[Image]
    places: list[int]


def embed_samples(
    detector: Detector, network: Recognizer, spec: CropSettings, reading: ReadOptions, samples: list[Sample]
) -> list[dict[str, Any]]:
    """A row for each sample: its status, and the embedding of its face where there is one.

    Args:
        detector: finds the face where it is not known.
        network: the recognizer.
        spec: what crops look like.
        reading: how images are read.
        samples: images with what is known of their faces.
    """
    return embed_crops(network, [rows_of(crop_samples(samples, detector, spec, reading))])


def embed_crops(network: Recognizer, parts: Sequence[CroppedRows]) -> list[dict[str, Any]]:
    """The rows of some samples with their embeddings; all crops go through the network together."""
    crops = list(chain.from_iterable(part.crops for part in parts))
    embeddings, norms = network.embed_with_norms(crops)
    found = zip(embeddings, norms.tolist(), strict=True)
    for part in parts:
        for place in part.places:
            part.rows[place]["embedding"], part.rows[place][NORM] = next(found)
    return list(chain.from_iterable(part.rows for part in parts))


def crop_elsewhere(work: CropWork, samples: list[Sample]) -> CroppedRows:
    """Decode samples, find their faces and align them, in a process that opens the detector itself, once.

    Args:
        work: which detector, and what crops look like.
        samples: images with what is known of their faces.
    """
    return rows_of(crop_samples(samples, _detector(work.detector, work.options), work.settings, ReadOptions()))


@lru_cache(maxsize=1)
def _detector(name: str, options: EngineOptions) -> Detector:
    return open_detector(name, replace(options, threads=1, streams=1))


def embed_elsewhere(
    cluster: ClusterWork, multiple_faces: MultipleFaces, scopes: bool, samples: list[Sample]
) -> list[dict[str, Any]]:
    """The same in a process that opens the models itself, once.

    Args:
        cluster: which models.
        multiple_faces: which face of an image counts; see mien.pipeline.Policy.
        scopes: whether each face's scope is measured.
        samples: images with what is known of their faces.
    """
    detector, network = _models(cluster)
    return embed_samples(detector, network, crops_for(network, multiple_faces, scopes), ReadOptions(), samples)


def crops_for(network: Recognizer, multiple_faces: MultipleFaces, scopes: bool) -> CropSettings:
    """The crops that a recognizer takes, with surroundings where scopes are measured."""
    return CropSettings(template=network.template, size=network.size, policy=Policy(multiple_faces), cutouts=scopes)


@lru_cache(maxsize=1)
def _models(cluster: ClusterWork) -> tuple[Detector, Recognizer]:
    options = replace(cluster.options, threads=1, streams=1)
    return open_detector(cluster.detector, options), Recognizer(store.load(cluster.recognizer), options)


def rows_of(cropped: Sequence[Cropped]) -> CroppedRows:
    """A row for each sample, still without its embedding."""
    rows = [
        {
            "status": one.status,
            "detail": one.detail,
            "sha256": one.sha256,
            "embedding": None,
            NORM: None,
            DETECTOR_SCORE: one.score,
            SCOPE: _scope_values(one),
        }
        for one in cropped
    ]
    crops = [(place, one.crop) for place, one in enumerate(cropped) if one.crop is not None]
    return CroppedRows(rows, [crop for _, crop in crops], [place for place, _ in crops])


def _scope_values(cropped: Cropped) -> list[tuple[str, float]] | None:
    """The values of a face's aspects; None where it was not cut out, as in packs."""
    if cropped.face is None or cropped.cutout is None:
        return None
    return list(find_scope(cropped.cutout, cropped.face).values.items())
