"""An 8-bit copy is near its original, and a model of its own."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.errors import CardError
from mien.library.import_model import ModelHints, import_model
from mien.library.quantize import quantize_on
from mien.models import store
from mien.models.golden import golden_image
from mien.models.options import EngineOptions

Make = Callable[..., bytes]


@pytest.mark.filterwarnings("ignore")
def test_a_quantized_copy(make_recognizer: Make) -> None:
    pytest.importorskip("onnxruntime")
    model = store.save(*import_model(make_recognizer(), "net-full", ModelHints(colour="BGR")))
    crops = [golden_image(seed, 112, 112) for seed in range(40)]
    copy = store.save(*quantize_on(model, crops, "net-int8"))
    assert copy.card.contract != model.card.contract and copy.card.thresholds == ()
    assert "cosine to float32 on 40 faces" in copy.card.accuracy[0].figure
    assert len(copy.folder.joinpath("model.onnx").read_bytes()) < 0.6 * len(make_recognizer())
    exact = EngineOptions(precision="f32")
    before, after = (m.session(options=exact).run(np.stack(crops[:4]))[0] for m in (model, copy))
    cosines = (before * after).sum(1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
    assert cosines.min() > 0.98


def test_too_few_crops_and_detectors_are_refused(make_recognizer: Make) -> None:
    model = store.save(*import_model(make_recognizer(), "net-full", ModelHints(colour="RGB")))
    with pytest.raises(CardError, match="3 faces are too few"):
        quantize_on(model, [golden_image(0, 112, 112)] * 3, "x")
    with pytest.raises(CardError, match="not a recognizer; only recognizers and detectors"):
        quantize_on(store.load("mtcnn"), [golden_image(0, 112, 112)] * 40, "x")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("factor", [-1.0, np.nan])
def test_a_copy_that_is_another_recognizer_is_refused(
    make_recognizer: Make, monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    """A plain 8-bit copy of a good model had a mean cosine of 0.72 to it and was called ready."""
    pytest.importorskip("onnxruntime")
    model = store.save(*import_model(make_recognizer(), "net-far", ModelHints(colour="BGR")))
    monkeypatch.setattr("mien.library.quantize._cosines", lambda a, b, rows: np.full(rows, factor, np.float32))
    with pytest.raises(CardError, match=r"no 8-bit copy of net-far is near enough.*0\.98 is needed"):
        quantize_on(model, [golden_image(seed, 112, 112) for seed in range(33)], "net-far-int8")
