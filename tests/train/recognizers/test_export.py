"""Fine-tuning with its guard, and from checkpoints to models that serve."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import random_state, shapes_of  # noqa: E402

from mien.cli import run  # noqa: E402
from mien.data.pack import Pack  # noqa: E402
from mien.errors import CheckpointError, RecipeError  # noqa: E402
from mien.evaluate.in_memory import mirrored  # noqa: E402
from mien.models import store  # noqa: E402
from mien.models.options import EngineOptions  # noqa: E402
from mien.recognize.recognizer import Recognizer  # noqa: E402
from mien.train.compute.distributed import ALONE  # noqa: E402
from mien.train.recognizers import export as exporting  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402
from mien.train.recognizers.backbones.vit import ViT, VitSize  # noqa: E402
from mien.train.recognizers.backbones.vit_kprpe import ViTKPRPE  # noqa: E402
from mien.train.recognizers.embed import embedder  # noqa: E402
from mien.train.recognizers.weights import read_weights  # noqa: E402

TINY = VitSize(patch=28, width=16, depth=4, heads=2, masking=0.0)


def test_an_exported_model_gives_the_networks_embeddings_and_serves(
    tuned_run: Path, face_pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(tuned_run), "--name", "tuned-model", "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["licence"] == "ours" and card["commercial_use"] is True
    assert "step 4" in card["source"] and "recipe tuned" in card["source"]
    assert "faces-112: 8 subjects" in card["training_data"]
    assert any("The guard" in row["figure"] for row in card["accuracy"])
    model = store.load("tuned-model")
    crops = list(Pack(face_pack).crops())[:5]
    origin = exporting.open_origin(tuned_run)
    here = embedder(origin.backbone, ALONE.device)(np.stack(crops))
    here /= np.linalg.norm(here, axis=1, keepdims=True)
    there = Recognizer(model, EngineOptions(precision="f32")).embed(crops)
    assert float((here * there).sum(axis=1).min()) > 0.9999


def test_calibrating_on_trained_subjects_is_said(
    tuned_run: Path, face_pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(tuned_run), "--name", "calibrated", "--calibrate", str(face_pack)]) == 3
    said = capsys.readouterr().err
    assert "8 subjects of" in said and "the model was trained on" in said
    assert "cannot be shown" in said


def test_halved_weights_take_half_the_space_and_say_nearly_the_same(
    foreign_weights: Path, face_pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = {}
    for name, extra in (("whole", []), ("half", ["--half"])):
        assert (
            run(["export", str(foreign_weights), "--name", f"their-{name}", "--crops", str(face_pack), *extra]) == 0
        )
        sizes[name] = (store.models_folder() / f"their-{name}" / "model.onnx").stat().st_size
    assert sizes["half"] < 0.62 * sizes["whole"]
    crops = list(Pack(face_pack).crops())[:4]
    whole, half = (
        Recognizer(store.load(f"their-{name}"), EngineOptions(precision="f32")).embed(crops) for name in sizes
    )
    assert float((whole * half).sum(axis=1).min()) > 0.9999
    assert "no thresholds yet" in capsys.readouterr().err


def test_a_file_that_does_not_give_the_embeddings_is_not_kept(
    foreign_weights: Path, face_pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = exporting.open_origin(foreign_weights)
    other = exporting.to_onnx(build("mobilefacenet", 32))
    monkeypatch.setattr(exporting, "to_onnx", lambda backbone: other)
    with pytest.raises(CheckpointError, match="comes only within a cosine of"):
        exporting.export_network(origin, "not-kept", exporting.some_crops(face_pack, origin.backbone))
    assert not store.is_stored("not-kept")


def test_export_asks_for_crops_where_none_are_known(
    foreign_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(foreign_weights)]) == 3
    assert "name a pack with --crops PACK" in capsys.readouterr().err


def test_a_checkpoint_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "absent-run"]) == 3
    assert "absent-run does not exist" in capsys.readouterr().err


def test_the_owner_says_the_colour_order_of_weights_whose_layout_has_several_authors(
    foreign_weights: Path, face_pack: Path, tuned_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "inspect", str(foreign_weights), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["colour"] == "BGR"
    command = ["export", str(foreign_weights), "--name", "as-rgb", "--crops", str(face_pack), "--colour"]
    assert run([*command, "RGB", "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["input"]["colour"] == "RGB" and card["source"].endswith("taken as RGB, as its owner says")
    assert run([*command, "GRB"]) == 2
    assert "--colour is RGB or BGR, not GRB" in capsys.readouterr().err
    assert run(["export", str(tuned_run), "--name", "as-bgr", "--colour", "BGR"]) == 2
    assert "knows the colour order that it was trained with: leave --colour out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("ir18-adaface", lambda: build("ir18-adaface", 32)),
        ("mobilefacenet-arcface", lambda: build("mobilefacenet-arcface", 32)),
        ("edgeface-xs", lambda: build("edgeface-xs", 32)),
        ("vit", lambda: ViT(TINY, 32)),
        ("vit-kprpe", lambda: ViTKPRPE(TINY, 32)),
    ],
)
def test_every_engine_gives_the_networks_numbers(name: str, make: Any) -> None:
    import onnxruntime
    import openvino

    network = make().eval()
    network.load_state_dict(random_state(shapes_of(network)))
    crops = np.random.default_rng(0).standard_normal((3, 3, 112, 112)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(crops)).numpy()
    data, bound = exporting.to_onnx(network), 1e-4 * float(expected.std())
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(data, b""), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    assert expected.std() > 1e-3
    np.testing.assert_allclose(compiled([crops])[0], expected, rtol=1e-4, atol=bound)
    np.testing.assert_allclose(session.run(None, {"input": crops})[0], expected, rtol=1e-4, atol=bound)


def test_crops_of_another_pose_are_refused(foreign_weights: Path, make_pack: Any) -> None:
    origin = exporting.open_origin(foreign_weights)
    with pytest.raises(RecipeError, match="prepare a pack with --template arcface"):
        exporting.some_crops(make_pack(150, "dlib"), origin.backbone)


def test_inspect_tells_what_a_file_holds(
    foreign_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "inspect", str(foreign_weights), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["family"], found["embedding"], found["colour"]) == ("mobilefacenet", 32, "BGR")
    assert found["prefix of names"] == "module."
    (tmp_path / "a.onnx").write_bytes(b"rubbish")
    assert run(["models", "inspect", str(tmp_path / "a.onnx")]) == 3


@pytest.mark.real
def test_the_casia_checkpoint_tells_people_apart(data: Path, hopper: np.ndarray, collins: np.ndarray) -> None:
    from mien.align import align
    from mien.detect.families import open_detector
    from mien.templates import TEMPLATES

    network = read_weights(data / "models" / "mobilefacenet_casia_068.ckpt").network()
    embed = mirrored(embedder(network, ALONE.device))
    finder = open_detector("mtcnn")
    crops = []
    for image in (hopper, np.ascontiguousarray(hopper[40:, 30:]), collins):
        face = max(finder.detect([image])[0], key=lambda found: found.score)
        crops.append(align(image, face.landmarks, TEMPLATES["arcface"](112), 112))
    vectors = embed(np.stack(crops))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert vectors[0] @ vectors[1] > 0.8
    assert vectors[0] @ vectors[2] < 0.4
