"""Samples of people who were not recognized as values that can be kept: as bytes, and back. Keeps nothing itself."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.gallery.records import KeptDoubt, Portrait
from mien.gallery.scoping import keep_doubts
from mien.types import Floats, floats
from mien.watch.samples import Sample


@dataclass(frozen=True, slots=True, eq=False)
class KeptFace:
    """A sample that is kept: (D,) float32, the portrait it was embedded from, and what was doubtful of it."""

    embedding: Floats
    portrait: Portrait
    doubts: tuple[KeptDoubt, ...] = ()

    @classmethod
    def of(cls, sample: Sample) -> "KeptFace":
        """A sample of a track whose portraits are kept."""
        assert sample.portrait is not None
        return cls(sample.embedding, sample.portrait, keep_doubts(sample.measured.doubts))

    @classmethod
    def read(cls, embedding: Floats, portrait: bytes) -> "KeptFace":
        """What `portrait_bytes` wrote, with its embedding."""
        return cls.from_json({**json.loads(portrait), "embedding": embedding_text(embedding)})

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "KeptFace":
        """What `as_json` gave."""
        portrait = Portrait(base64.b64decode(value["jpeg"]), floats(value["landmarks"]))
        return cls(read_embedding(value["embedding"]), portrait, tuple(KeptDoubt(*one) for one in value["doubts"]))

    def as_json(self) -> dict[str, Any]:
        """All of it as one JSON value."""
        return {**json.loads(self.portrait_bytes()), "embedding": embedding_text(self.embedding)}

    def portrait_bytes(self) -> bytes:
        """All but the embedding, as JSON."""
        value = {
            "jpeg": base64.b64encode(self.portrait.jpeg).decode(),
            "landmarks": self.portrait.landmarks.tolist(),
            "doubts": [(one.code, one.value) for one in self.doubts],
        }
        return json.dumps(value).encode()


def embedding_text(embedding: Floats) -> str:
    """An embedding, (D,) float32, as a text that JSON takes."""
    return base64.b64encode(embedding.astype("<f4").tobytes()).decode()


def read_embedding(text: str) -> Floats:
    """(D,) float32; what `embedding_text` gave."""
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float32)
