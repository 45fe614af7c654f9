"""A few samples to rows of an embedding file, with models that are open, or in a process of a Ray cluster.

Owns what a row holds. Knows nothing of files and of resuming: see mien.evaluate.embedding.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
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
from mien.types import Floats


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
    cropped = crop_samples(samples, detector, spec, reading)
    return rows_of(cropped, *network.embed_with_norms([one.crop for one in cropped if one.crop is not None]))


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


def rows_of(cropped: list[Cropped], embeddings: Floats, norms: Floats) -> list[dict[str, Any]]:
    """A row for each crop, with (M, D) embeddings and (M,) norms of those that there are."""
    queue, lengths = iter(embeddings), iter(norms.tolist())
    return [
        {
            "status": one.status,
            "detail": one.detail,
            "sha256": one.sha256,
            "embedding": next(queue) if one.crop is not None else None,
            NORM: next(lengths) if one.crop is not None else None,
            DETECTOR_SCORE: one.score,
            SCOPE: _scope_values(one),
        }
        for one in cropped
    ]


def _scope_values(cropped: Cropped) -> list[tuple[str, float]] | None:
    """The values of a face's aspects; None where it was not cut out, as in packs."""
    if cropped.face is None or cropped.cutout is None:
        return None
    return list(find_scope(cropped.cutout, cropped.face).values.items())
