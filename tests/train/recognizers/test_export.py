"""Fine-tuning with its guard, and from checkpoints to models that serve."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.cli import run  # noqa: E402
from mien.data.pack import Pack  # noqa: E402
from mien.errors import CheckpointError, RecipeError  # noqa: E402
from mien.evaluate.differences import ComparedPoint, Difference  # noqa: E402
from mien.evaluate.in_memory import mirrored  # noqa: E402
from mien.models import store  # noqa: E402
from mien.models.options import EngineOptions  # noqa: E402
from mien.rates import Estimate  # noqa: E402
from mien.recognize.recognizer import Recognizer  # noqa: E402
from mien.train.distributed import ALONE  # noqa: E402
from mien.train.journal import read_journal  # noqa: E402
from mien.train.loop import train  # noqa: E402
from mien.train.recipe_io import parse_recipe  # noqa: E402
from mien.train.recognizers import export as exporting  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402
from mien.train.recognizers.dataset import open_dataset  # noqa: E402
from mien.train.recognizers.embed import embedder  # noqa: E402
from mien.train.recognizers.guard import Compared, GuardResult  # noqa: E402
from mien.train.recognizers.initialize import prepare_training  # noqa: E402
from mien.train.recognizers.recipe import Recipe  # noqa: E402
from mien.train.recognizers.weights import read_weights  # noqa: E402


def tune(pack: Path, weights: Path, **init: Any) -> Recipe:
    return parse_recipe(
        {
            "name": "tuned",
            "data": {"sets": [str(pack)]},
            "model": {"backbone": "mobilefacenet", "embedding": 32},
            "head": {"scale": 16.0, "margin": 0.2},
            "optimizer": {"rate": 0.01, "rate_batch": 16},
            "schedule": {"batch": 16, "steps": 4},
            "run": {"precision": "f32", "device": "cpu"},
            "init": {"weights": str(weights), **init},
            "evaluate": [{"name": "own", "set": str(pack), "role": "own"}],
            "about": {"licence": "ours", "commercial_use": True},
        },
        "tuned",
    )


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's MobileFaceNet."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("weights") / "theirs.pth"
    torch.save({f"module.{key}": value for key, value in build("mobilefacenet", 32).state_dict().items()}, path)
    return path


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, face_pack: Path, weights: Path) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "run"
    train(tune(face_pack, weights, freeze=[0], norms="freeze", anchor=0.5, layer_decay=0.5), folder)
    return folder


def test_frozen_stages_and_norms_stay_and_others_move(tuned: Path, weights: Path) -> None:
    before = read_weights(weights).state
    after = read_weights(next(iter(sorted((tuned / "checkpoints").iterdir()))) / "state.pt").state
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved
    assert not any(name.startswith(("conv1.", "conv2_dw.")) for name in moved)
    assert not any(name.endswith(("running_mean", "running_var", "num_batches_tracked")) for name in moved)


def test_stages_thaw_when_their_time_has_come(face_pack: Path, weights: Path, tmp_path: Path) -> None:
    train(tune(face_pack, weights, freeze=[0, 1], freeze_epochs=0.6), tmp_path / "run")
    after = read_weights(next(iter((tmp_path / "run" / "checkpoints").iterdir())) / "state.pt").state
    assert not torch.equal(after["conv1.conv.weight"], read_weights(weights).state["conv1.conv.weight"])


def test_the_head_starts_at_class_means(face_pack: Path, weights: Path) -> None:
    recipe = tune(face_pack, weights)
    crops = open_dataset(recipe)
    trained = prepare_training(recipe, crops, ALONE)
    centres = torch.nn.functional.normalize(trained.head.weight[:, 0])
    pack = Pack(face_pack)
    vectors = embedder(trained.backbone, ALONE.device)(np.stack(list(pack.crops())))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for label in range(8):
        mean = vectors[pack.labels == label].mean(axis=0)
        assert float(centres[label] @ torch.from_numpy(mean / np.linalg.norm(mean))) == pytest.approx(1, abs=1e-4)


def test_before_and_after_are_compared(tuned: Path) -> None:
    report = json.loads((tuned / "report" / "report.json").read_text())
    assert any("The guard" in line for line in report["headline"])
    assert report["tables"][0]["title"] == "Before and after"
    assert "better" in report["numbers"]
    assert {line["step"] for line in read_journal(tuned / "log.jsonl") if "evaluated" in line} == {0, 4}


def row(name: str, role: str, value: float, reach: float) -> Compared:
    rate = Estimate(0.1, 0.05, 0.15, 100)
    change = Difference(value, value - reach, value + reach)
    return Compared(name, role, ComparedPoint(1e-3, (0.3, 0.3), (rate, rate), (rate, rate), change))


@pytest.mark.parametrize(
    ("own", "general", "verdict"),
    [
        ((-0.05, 0.01), (0.001, 0.01), "better"),
        ((-0.05, 0.01), (0.02, 0.01), "lost too much"),
        ((-0.005, 0.01), (-0.1, 0.01), "no gain shown"),
        ((0.05, 0.01), (0.0, 0.01), "no gain shown"),
    ],
)
def test_the_guards_verdict(own: tuple[float, float], general: tuple[float, float], verdict: str) -> None:
    judged = GuardResult((row("mine", "own", *own), row("all", "general", *general)), allowed=0.005)
    assert judged.verdict == verdict
    assert ("NOT better" in judged.sentences()[0]) == (verdict != "better")


def test_weights_of_another_network_name_both(face_pack: Path, tmp_path: Path, weights: Path) -> None:
    recipe = tune(face_pack, weights)
    other = recipe.model_copy(update={"model": recipe.model.model_copy(update={"embedding": 64})})
    with pytest.raises(CheckpointError, match=r'model\.backbone = "mobilefacenet" and model\.embedding = 32'):
        train(other, tmp_path / "run")


def test_an_exported_model_gives_the_networks_embeddings_and_serves(
    tuned: Path, face_pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(tuned), "--name", "tuned-model", "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["licence"] == "ours" and card["commercial_use"] is True
    assert "step 4" in card["source"] and "recipe tuned" in card["source"]
    assert "faces-112: 8 subjects" in card["training_data"]
    assert any("The guard" in row["figure"] for row in card["accuracy"])
    model = store.load("tuned-model")
    crops = list(Pack(face_pack).crops())[:5]
    origin = exporting.open_origin(tuned)
    here = embedder(origin.backbone, ALONE.device)(np.stack(crops))
    here /= np.linalg.norm(here, axis=1, keepdims=True)
    there = Recognizer(model, EngineOptions(precision="f32")).embed(crops)
    assert float((here * there).sum(axis=1).min()) > 0.9999


def test_calibrating_on_trained_subjects_is_said(
    tuned: Path, face_pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(tuned), "--name", "told", "--calibrate", str(face_pack)]) == 3
    said = capsys.readouterr().err
    assert "8 subjects of" in said and "subjects it was trained on" in said
    assert "cannot be shown" in said


def test_halved_weights_take_half_the_space_and_say_nearly_the_same(
    weights: Path, face_pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = {}
    for name, extra in (("whole", []), ("half", ["--half"])):
        assert run(["export", str(weights), "--name", f"their-{name}", "--crops", str(face_pack), *extra]) == 0
        sizes[name] = (store.models_folder() / f"their-{name}" / "model.onnx").stat().st_size
    assert sizes["half"] < 0.62 * sizes["whole"]
    crops = list(Pack(face_pack).crops())[:4]
    whole, half = (
        Recognizer(store.load(f"their-{name}"), EngineOptions(precision="f32")).embed(crops) for name in sizes
    )
    assert float((whole * half).sum(axis=1).min()) > 0.9999
    assert "no thresholds yet" in capsys.readouterr().err


def test_a_file_that_does_not_give_the_embeddings_is_not_kept(
    weights: Path, face_pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = exporting.open_origin(weights)
    other = exporting.to_onnx(build("mobilefacenet", 32))
    monkeypatch.setattr(exporting, "to_onnx", lambda backbone: other)
    with pytest.raises(CheckpointError, match="comes only within a cosine of"):
        exporting.export(origin, "not-kept", exporting.some_crops(face_pack, origin.backbone))
    assert not store.is_stored("not-kept")


def test_export_asks_for_crops_where_none_are_known(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", str(weights)]) == 3
    assert "give --crops PACK" in capsys.readouterr().err


def test_a_checkpoint_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "absent-run"]) == 3
    assert "absent-run does not exist" in capsys.readouterr().err


def test_crops_of_another_pose_are_refused(weights: Path, make_pack: Any) -> None:
    origin = exporting.open_origin(weights)
    with pytest.raises(RecipeError, match="prepare a pack with --template arcface"):
        exporting.some_crops(make_pack(150, "dlib"), origin.backbone)


def test_inspect_tells_what_a_file_holds(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "inspect", str(weights), "--json"]) == 0
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
