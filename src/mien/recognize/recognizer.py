"""Crops to embeddings, in batches. Does not find faces, does not read files, compares nothing."""

from collections.abc import Sequence

import numpy as np

from mien.align import align_face, magnification
from mien.errors import CardError
from mien.image import check_crops
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.models.store import Model
from mien.scores import normalize
from mien.templates import make_template
from mien.types import Face, Floats, Image, floats


class Recognizer:
    """A recognition network with the alignment, mirror averaging and normalization of its card.

    Attributes:
        batch: crops that go through the network together.
        on_gpu: whether a GPU runs it.
    """

    def __init__(self, model: Model, options: EngineOptions = DEFAULT_OPTIONS) -> None:
        card = model.card
        if card.embedding is None or card.input.width is None:
            raise CardError(f"{card.name} is a {card.kind}; name a recognizer (see `mien models list`)")
        self.card = card
        self.spec = card.embedding
        self.size = card.input.width
        self.template = make_template(self.spec.template, self.size)
        self._session = model.session(options=options)
        self.batch, self.on_gpu = self._session.batch, self._session.on_gpu

    def align(self, image: Image, face: Face) -> Image:
        """The crop of one face as this network needs it: (size, size, 3) uint8 RGB.

        Raises:
            DegenerateLandmarksError: no pose fits the face's landmarks.
        """
        return align_face(image, face, self.template, self.size)

    def magnification(self, face: Face) -> float:
        """How many pixels of the crop one pixel of the face's image becomes; above 1 the image is too small."""
        return magnification(face, self.template)

    def embed(self, crops: Sequence[Image] | Image) -> Floats:
        """Embed aligned crops.

        Args:
            crops: (N, size, size, 3) uint8 RGB.

        Returns:
            (N, D) float32. Where the card says so, the embedding of the mirror image is averaged in, then
            rows are brought to unit length.
        """
        return self.embed_with_norms(crops)[0]

    def embed_with_norms(self, crops: Sequence[Image] | Image) -> tuple[Floats, Floats]:
        """Embed aligned crops, and keep how long the embeddings were before they were brought to unit length.

        The norm says how much the network saw of a face; templates of several images may be weighted by it.

        Args:
            crops: see embed.

        Returns:
            (N, D) float32 as embed gives them, and (N,) float32 norms of the network's own output.
        """
        checked = check_crops(crops, self.size)
        if len(checked) == 0:
            return np.empty((0, self.spec.size), np.float32), np.empty(0, np.float32)
        parts = [self._embed_batch(checked[i : i + self.batch]) for i in range(0, len(checked), self.batch)]
        raw = np.concatenate(parts)
        return normalize(raw) if self.spec.normalized else raw, floats(np.linalg.norm(raw, axis=1))

    def _embed_batch(self, crops: Image) -> Floats:
        batch = np.concatenate([crops, crops[:, :, ::-1]]) if self.spec.mirror else crops
        raw = self._session.run(batch)[self.spec.output].reshape(len(batch), -1)
        if raw.shape[1] != self.spec.size:
            raise CardError(f"{self.card.name} gives {raw.shape[1]} numbers, its card says {self.spec.size}")
        if self.spec.mirror:
            raw = floats((raw[: len(crops)] + raw[len(crops) :]) / 2)
        return raw
