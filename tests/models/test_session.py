"""The engine seam: colour order, precision, batches, threads, and refusals."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mien.errors import CardError
from mien.image import read_image
from mien.library.import_model import ModelHints, import_model
from mien.models import openvino_engine, store
from mien.models.golden import golden_image
from mien.models.openvino_engine import has_bf16
from mien.models.options import EngineOptions
from mien.models.session import open_session

Make = Callable[..., bytes]
ENGINES = ["openvino", "onnxruntime"]


def saved(make: Make, name: str, colour: str = "RGB", **options: object) -> store.Model:
    return store.save(*import_model(make(colour=colour, **options), name, ModelHints(colour=colour)))


@pytest.mark.parametrize("engine", ENGINES)
def test_rgb_and_bgr_cards_give_the_same_embedding_for_the_same_file(
    make_recognizer: Make, hopper_path: Path, engine: str
) -> None:
    """The BGR network is the RGB one with its input channels swapped; only the card tells them apart."""
    pytest.importorskip(engine)
    image = read_image(hopper_path)[100:212, 150:262]
    options = EngineOptions(engine=engine, precision="f32")
    both = [
        saved(make_recognizer, f"net-{colour.lower()}", colour).session(options=options).run(image[None])[0]
        for colour in ("RGB", "BGR")
    ]
    assert np.abs(both[0] - both[1]).max() < 1e-3 * np.abs(both[0]).max()
    wrong = saved(make_recognizer, "net-rgb").session(options=options).run(image[None, ..., ::-1])[0]
    assert np.abs(both[0] - wrong).max() > 1e-2 * np.abs(both[0]).max()


def test_both_engines_agree(make_recognizer: Make) -> None:
    pytest.importorskip("onnxruntime")
    model = saved(make_recognizer, "net-engines")
    images = np.stack([golden_image(seed, 112, 112) for seed in range(3)])
    ours, theirs = (model.session(options=EngineOptions(engine=e, precision="f32")).run(images)[0] for e in ENGINES)
    assert np.allclose(ours, theirs, rtol=1e-3, atol=1e-3 * np.abs(ours).max())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_fixed_batch_of_one_still_takes_many(make_recognizer: Make, engine: str) -> None:
    pytest.importorskip(engine)
    model = saved(make_recognizer, "net-fixed", batch=1)
    session = model.session(options=EngineOptions(engine=engine, precision="f32"))
    images = np.stack([golden_image(seed, 112, 112) for seed in range(5)])
    alone = np.concatenate([session.run(image[None])[0] for image in images])
    assert np.allclose(session.run(images)[0].reshape(alone.shape), alone, rtol=1e-3, atol=1e-2)


def test_a_session_may_be_called_from_many_threads(make_recognizer: Make) -> None:
    """The answers of concurrent calls are those of calls one after the other: no boxes on wrong images."""
    session = saved(make_recognizer, "net-threads").session(options=EngineOptions(streams=2))
    images = [golden_image(seed, 112, 112)[None] for seed in range(24)]
    expected = [session.run(image)[0] for image in images]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            for one, other in zip(pool.map(lambda image: session.run(image)[0], images), expected, strict=True):
                assert np.allclose(one, other, rtol=1e-2, atol=1e-2 * np.abs(other).max())


@pytest.mark.parametrize("engine", ENGINES)
def test_no_engine_leaves_a_trace_of_its_telemetry(engine: str, tmp_path: Path) -> None:
    """Run in an empty home, outside of what the engines take for a CI machine."""
    pytest.importorskip(engine)
    code = (
        "import sys; from mien.models import store; from mien.models.options import EngineOptions;"
        "store.load('mtcnn').session('rnet', EngineOptions(engine=sys.argv[1], precision='f32'));"
        "sys.exit('openvino_telemetry' in sys.modules)"
    )
    home = tmp_path / "home"
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if key not in ("CI", "ORT_DISABLE_TELEMETRY")}
    subprocess.run([sys.executable, "-c", code, engine], env=environment | {"HOME": str(home)}, check=True)
    assert list(home.iterdir()) == []


def test_bf16_only_where_the_golden_vector_agrees() -> None:
    session = store.load("dlib-resnet").session()
    assert session.precision == ("bf16" if has_bf16() else "f32")


def test_f32_where_bf16_does_not_agree(make_recognizer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from mien.models import session as module

    model = saved(make_recognizer, "net-precision")
    monkeypatch.setattr(openvino_engine, "has_bf16", lambda: True)
    monkeypatch.setattr(module, "_agrees", lambda card, part, session: session.precision == "f32")
    assert open_session(model.card, model.folder, "model").precision == "f32"


def test_a_file_with_other_bytes_is_refused(make_recognizer: Make) -> None:
    model = saved(make_recognizer, "net-changed")
    (model.folder / "model.onnx").write_bytes(make_recognizer(seed=5))
    with pytest.raises(CardError, match=r"its card says .*mien models remove net-changed"):
        model.session()


def test_a_missing_file_is_refused(make_recognizer: Make) -> None:
    model = saved(make_recognizer, "net-missing")
    (model.folder / "model.onnx").unlink()
    with pytest.raises(CardError, match="cannot be read"):
        model.session()


def test_a_card_of_another_network_is_refused(make_recognizer: Make) -> None:
    """The sha256 agrees, as the card was edited, but the golden vector does not."""
    model = saved(make_recognizer, "net-golden")
    other = make_recognizer(seed=9)
    (model.folder / "model.onnx").write_bytes(other)
    file = model.card.files["model"].model_copy(update={"sha256": hashlib.sha256(other).hexdigest()})
    edited = store.rewrite_card(model, model.card.model_copy(update={"files": {"model": file}}))
    with pytest.raises(CardError, match="does not give its golden vector"):
        edited.session()


def test_a_card_without_a_golden_vector_is_refused(make_recognizer: Make) -> None:
    model = saved(make_recognizer, "net-no-golden")
    edited = store.rewrite_card(model, model.card.model_copy(update={"golden": {}}))
    with pytest.raises(CardError, match="no golden vector"):
        edited.session()


@pytest.mark.parametrize(("cosine", "accepted"), [(0.9995, True), (0.9985, False)])
def test_a_network_is_accepted_from_a_cosine_of_0_999_to_its_golden_vector(
    make_recognizer: Make, cosine: float, accepted: bool
) -> None:
    """The card's vector is turned by a known angle; the network answers as it did."""
    model = saved(make_recognizer, "net-turned")
    golden = model.card.golden["model"]
    vector = np.array(golden.output)
    aside = np.random.default_rng(0).standard_normal(len(vector))
    aside -= vector * (aside @ vector) / (vector @ vector)
    aside *= np.linalg.norm(vector) / np.linalg.norm(aside)
    turned = cosine * vector + np.sqrt(1 - cosine**2) * aside
    edited = golden.model_copy(update={"output": tuple(float(v) for v in turned)})
    card = model.card.model_copy(update={"golden": {"model": edited}})
    options = EngineOptions(precision="f32")
    if accepted:
        assert open_session(card, model.folder, "model", options).precision == "f32"
    else:
        with pytest.raises(CardError, match="does not give its golden vector"):
            open_session(card, model.folder, "model", options)
    store.remove("net-turned")
