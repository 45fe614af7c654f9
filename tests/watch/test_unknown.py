"""A sample of somebody unknown comes back from bytes as it was."""

import json

import numpy as np

from mien.gallery.records import KeptDoubt, Portrait
from mien.watch.unknown import KeptFace


def test_a_sample_comes_back_as_it_was() -> None:
    vector = np.random.default_rng(0).normal(size=128).astype(np.float32)
    landmarks = np.random.default_rng(1).normal(100, 10, (5, 2)).astype(np.float32)
    face = KeptFace(
        vector, Portrait(bytes(range(256)), landmarks), (KeptDoubt("pose", 31.5), KeptDoubt("mask", None))
    )
    for again in (
        KeptFace.from_json(json.loads(json.dumps(face.as_json()))),
        KeptFace.read(face.embedding, face.portrait_bytes()),
    ):
        assert again.embedding.tobytes() == vector.tobytes() and again.embedding.dtype == np.float32
        assert again.portrait.jpeg == bytes(range(256)) and again.doubts == face.doubts
        assert again.portrait.landmarks.tobytes() == landmarks.tobytes()
