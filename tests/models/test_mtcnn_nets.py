"""MTCNN's networks from the package's arrays: the same numbers as a plain forward pass, and the promised shapes."""

import io

import joblib
import numpy as np
import onnx
import pytest

from mien.models import defaults, mtcnn_nets, store
from mien.models.options import EngineOptions


def test_every_mtcnn_network_has_its_pools() -> None:
    assert set(mtcnn_nets.TRUNKS) == set(mtcnn_nets.SIDES) == set(defaults.DEFAULTS["mtcnn"].parts)


def test_pnet_equals_a_plain_forward_pass() -> None:
    """One 12-pixel window through P-Net in numpy, from the package's arrays."""
    data = defaults.package_file("mtcnn", "mtcnn/assets/weights/pnet.lz4").read_bytes()
    arrays = iter(joblib.load(io.BytesIO(data)))
    window = np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)
    current = (window.astype(np.float64) - 127.5) / 128
    for layer in range(3):
        kernel, bias, slope = (next(arrays) for _ in range(3))
        current = convolve(current, kernel) + bias
        current = np.where(current > 0, current, slope.reshape(-1) * current)
        if layer == 0:
            current = np.stack(
                [[current[2 * r : 2 * r + 2, 2 * c : 2 * c + 2].max((0, 1)) for c in range(5)] for r in range(5)]
            )
    box = convolve(current, next(arrays)) + next(arrays)
    logits = convolve(current, next(arrays)) + next(arrays)
    face = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    session = store.load("mtcnn").session("pnet", EngineOptions(precision="f32"))
    ours_box, ours_face = session.run(window[None])
    assert np.allclose(ours_box[0, :, 0, 0], box[0, 0], atol=1e-4)
    assert np.allclose(ours_face[0, :, 0, 0], face[0, 0], atol=1e-4)


def convolve(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    height, width = kernel.shape[:2]
    rows, columns = image.shape[0] - height + 1, image.shape[1] - width + 1
    out = np.empty((rows, columns, kernel.shape[3]))
    for r in range(rows):
        for c in range(columns):
            out[r, c] = np.tensordot(image[r : r + height, c : c + width], kernel, 3)
    return out


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("pnet", {"box": [4, "rows", "columns"], "face": [2, "rows", "columns"]}),
        ("rnet", {"box": [4], "face": [2]}),
        ("onet", {"box": [4], "points": [10], "face": [2]}),
    ],
)
def test_networks_have_the_promised_shapes(name: str, outputs: dict[str, list]) -> None:
    data = defaults.package_file("mtcnn", f"mtcnn/assets/weights/{name}.lz4").read_bytes()
    graph = onnx.load_from_string(mtcnn_nets.convert(name, data)).graph
    shapes = {
        value.name: [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    side = mtcnn_nets.SIDES[name]
    assert shapes.pop("input") == ["batch", 3, side or "height", side or "width"]
    assert shapes == {output: ["batch", *rest] for output, rest in outputs.items()}


@pytest.mark.parametrize("name", ["rnet", "onet"])
def test_dense_layers_read_maps_as_they_were_trained(name: str) -> None:
    """One window in numpy: maps are flattened by width, height and channel, and pools at the edge are partial."""
    data = defaults.package_file("mtcnn", f"mtcnn/assets/weights/{name}.lz4").read_bytes()
    arrays = iter(joblib.load(io.BytesIO(data)))
    side = mtcnn_nets.SIDES[name]
    window = np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8)
    current = (window.astype(np.float64) - 127.5) / 128
    for pool in mtcnn_nets.TRUNKS[name]:
        kernel, bias, slope = (next(arrays) for _ in range(3))
        current = convolve(current, kernel) + bias
        current = np.where(current > 0, current, slope.reshape(-1) * current)
        if pool is not None:
            current = pooled(current, pool.size, pool.ceil)
    matrix, bias, slope = (next(arrays) for _ in range(3))
    hidden = current.transpose(1, 0, 2).reshape(-1) @ matrix + bias
    hidden = np.where(hidden > 0, hidden, slope.reshape(-1) * hidden)
    heads = [hidden @ next(arrays) + next(arrays) for _ in range({"rnet": 2, "onet": 3}[name])]
    box, *points, logits = heads
    face = np.exp(logits) / np.exp(logits).sum()
    found = store.load("mtcnn").session(name, EngineOptions(precision="f32")).run(window[None])
    for ours, expected in zip(found, (box, *points, face), strict=True):
        assert ours[0] == pytest.approx(expected, abs=1e-3)


def pooled(maps: np.ndarray, size: int, ceil: bool) -> np.ndarray:
    """Largest values of windows two apart; windows that reach over the edge count where `ceil` says so."""
    height = maps.shape[0]
    starts = [at for at in range(0, height, 2) if at + size <= height or (ceil and at < height)]
    if ceil:
        starts = starts[: -(-(height - size) // 2) + 1]
    return np.stack([np.stack([maps[r : r + size, c : c + size].max((0, 1)) for c in starts]) for r in starts])
