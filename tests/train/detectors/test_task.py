"""Detectors: assignment and losses by plain loops, augmentation by looking, training, resuming, exporting."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.cli import run  # noqa: E402
from mien.data.annotated import read_annotated  # noqa: E402
from mien.detect.families import open_detector  # noqa: E402
from mien.errors import CheckpointError, MienError, RecipeError  # noqa: E402
from mien.geometry import iou  # noqa: E402
from mien.image import read_image  # noqa: E402
from mien.library.import_model import ModelHints, import_model  # noqa: E402
from mien.models import store  # noqa: E402
from mien.train import checkpoint  # noqa: E402
from mien.train.detectors import augment as augmenting  # noqa: E402
from mien.train.detectors.assign import Anchors, adaptive, by_overlap  # noqa: E402
from mien.train.detectors.augment import Scene  # noqa: E402
from mien.train.detectors.losses import (  # noqa: E402
    distance_iou,
    hard_negatives,
    landmark_distance,
    overlaps,
    paired_overlaps,
    quality_focal,
)
from mien.train.detectors.network import Target  # noqa: E402
from mien.train.detectors.recipe import Augment, DetectorRecipe  # noqa: E402
from mien.train.detectors.registry import DETECTORS, read_detector  # noqa: E402
from mien.train.detectors.retinaface import priors_of  # noqa: E402
from mien.train.detectors.scrfd import BASES, STRIDES, anchors_of  # noqa: E402
from mien.train.detectors.task import DetectionTask  # noqa: E402
from mien.train.distributed import ALONE  # noqa: E402
from mien.train.loop import Progress, train  # noqa: E402
from mien.train.recipe_io import format_recipe, parse_recipe, read_recipe  # noqa: E402

RECIPES = [
    path
    for path in sorted((Path(__file__).resolve().parents[3] / "recipes").glob("*.toml"))
    if "[detector]" in path.read_text(encoding="utf-8")
]
CPU = torch.device("cpu")


def boxes(seed: int, count: int, side: float = 200) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * side * 0.6
    return torch.cat([corner, corner + 8 + torch.rand(count, 2, generator=generator) * side * 0.4], dim=1)


def overlap_by_hand(a: list[float], b: list[float]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def test_overlaps_by_plain_loops() -> None:
    a, b = boxes(0, 7), boxes(1, 7)
    expected = [[overlap_by_hand(x, y) for y in b.tolist()] for x in a.tolist()]
    assert torch.allclose(overlaps(a, b), torch.tensor(expected), atol=1e-5)
    assert torch.allclose(paired_overlaps(a, b), torch.tensor(expected).diagonal(), atol=1e-5)


def test_quality_focal_loss_by_its_equation() -> None:
    logits, quality = torch.tensor([-2.0, 0.0, 3.0, 1.0]), torch.tensor([0.0, 0.4, 1.0, 0.0])
    expected = []
    for z, y in zip(logits.tolist(), quality.tolist(), strict=True):
        p = 1 / (1 + math.exp(-z))
        expected.append(-(abs(y - p) ** 2) * ((1 - y) * math.log(1 - p) + y * math.log(p)))
    assert torch.allclose(quality_focal(logits, quality), torch.tensor(expected), atol=1e-5)


def test_distance_iou_loss_by_its_equation() -> None:
    a, b = boxes(2, 9), boxes(3, 9)
    for x, y, loss in zip(a.tolist(), b.tolist(), distance_iou(a, b).tolist(), strict=True):
        centres = [((m[0] + m[2]) / 2, (m[1] + m[3]) / 2) for m in (x, y)]
        apart = (centres[0][0] - centres[1][0]) ** 2 + (centres[0][1] - centres[1][1]) ** 2
        wide, tall = max(x[2], y[2]) - min(x[0], y[0]), max(x[3], y[3]) - min(x[1], y[1])
        assert loss == pytest.approx(1 - overlap_by_hand(x, y) + apart / (wide**2 + tall**2), abs=1e-5)
    assert distance_iou(a, a).abs().max() < 1e-5


def test_landmark_loss_is_a_share_of_the_face() -> None:
    wanted = torch.zeros(2, 5, 2)
    predicted = wanted + torch.tensor([3.0, -1.0])
    assert landmark_distance(predicted, wanted, torch.tensor([20.0, 40.0])).tolist() == pytest.approx([0.1, 0.05])


def test_hard_negatives_are_the_worst_and_so_many_a_positive() -> None:
    losses = torch.arange(20.0)
    positive, allowed = torch.zeros(20, dtype=torch.bool), torch.ones(20, dtype=torch.bool)
    positive[19], allowed[18] = True, False
    assert torch.nonzero(hard_negatives(losses, positive, allowed, 3)).flatten().tolist() == [15, 16, 17]


def test_adaptive_assignment_by_plain_loops() -> None:
    generator = torch.Generator().manual_seed(4)
    levels = (60, 30, 12)
    # Centres of their own, so that no two are equally near.
    centres = torch.rand(sum(levels), 2, generator=generator) * 120
    half = torch.cat([torch.full((count, 1), side) for count, side in zip(levels, (8.0, 20.0, 45.0), strict=True)])
    anchors = Anchors(centres, torch.cat([centres - half, centres + half], dim=1), half[:, 0], levels)
    faces = torch.tensor([[10, 12, 40, 50], [60, 20, 110, 90], [3, 80, 6, 83.0], [20, 30, 60, 70]])
    best: dict[int, tuple[float, int]] = {}
    for number, face in enumerate(faces.tolist()):
        middle = ((face[0] + face[2]) / 2, (face[1] + face[3]) / 2)
        candidates, first = [], 0
        for count in levels:
            far = [(math.dist(centres[i].tolist(), middle), i) for i in range(first, first + count)]
            candidates += [i for _, i in sorted(far)[:9]]
            first += count
        values = [overlap_by_hand(anchors.boxes[i].tolist(), face) for i in candidates]
        least = np.mean(values) + np.std(values, ddof=1)
        chosen = [
            (value, i)
            for value, i in zip(values, candidates, strict=True)
            if value >= least and face[0] < centres[i][0] < face[2] and face[1] < centres[i][1] < face[3]
        ]
        for value, i in chosen or [max(zip(values, candidates, strict=True))]:
            if i not in best or value > best[i][0]:
                best[i] = (value, number)
    found = {i: face for i, face in enumerate(adaptive(anchors, faces).tolist()) if face >= 0}
    assert found == {i: number for i, (_, number) in best.items()}
    assert set(found.values()) == {0, 1, 2, 3}


def test_no_face_is_assigned_nothing() -> None:
    assert (adaptive(anchors_of(64, 64, CPU), torch.zeros(0, 4)) == -1).all()
    assert (by_overlap(torch.rand(5, 4), torch.zeros(0, 4), 0.35) == -1).all()


def test_every_face_has_its_best_prior() -> None:
    priors = priors_of(160, 128, CPU)
    corners = torch.cat([priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2], dim=1)
    faces = torch.tensor([[20, 20, 50, 60], [80, 30, 150, 120.0]])
    found = by_overlap(corners, faces, 0.35)
    for number, face in enumerate(faces.tolist()):
        values = [overlap_by_hand(one, face) for one in corners.tolist()]
        assert found[int(np.argmax(values))] == number
        assert all(found[i] >= 0 for i, value in enumerate(values) if value >= 0.35)


def test_anchor_centres_are_those_of_the_decoder() -> None:
    anchors = anchors_of(64, 96, CPU)
    index = 0
    for stride, base in zip(STRIDES, BASES, strict=True):
        for y in range(96 // stride):
            for x in range(64 // stride):
                for side in (base, 2 * base):
                    assert anchors.centres[index].tolist() == [x * stride, y * stride]
                    assert (anchors.boxes[index][2] - anchors.boxes[index][0]) == side
                    index += 1
    assert index == len(anchors.boxes)


@pytest.mark.parametrize("name", ["scrfd-500m", "retinaface-mnet025"])
def test_perfect_outputs_have_no_box_or_landmark_loss_and_ignored_faces_teach_nothing(name: str) -> None:
    network = DETECTORS[name]().train()
    face = torch.tensor([[24.0, 30.0, 84.0, 100.0]])
    points = torch.tensor([[[40.0, 50], [66, 50], [54, 66], [42, 82], [64, 82]]])
    none = torch.zeros(0, 4)
    outputs = network(torch.randn(1, 3, 128, 128))
    learned = network.losses(outputs, [Target(face, points, none)], 128, 128)
    assert (learned.sums > 0).all() and (learned.counts > 0).all()
    unlabelled = network.losses(outputs, [Target(face, points * float("nan"), none)], 128, 128)
    assert unlabelled.sums[2] == 0 and torch.isfinite(unlabelled.sums).all()
    background = network.losses(outputs, [Target(none, points[:0], none)], 128, 128)
    everything = torch.tensor([[-600.0, -600, 700, 700]])
    ignored = network.losses(outputs, [Target(none, points[:0], everything)], 128, 128)
    assert background.sums[0] > 0 and ignored.sums[0] == 0 and (ignored.counts == 0).all()
    learned.sums.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


MARKS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255))


def marked_scene(seed: int) -> Scene:
    """A grey picture with a white face whose five points are squares of five colours."""
    generator = np.random.default_rng(seed)
    width, height = (int(v) for v in generator.integers(150, 260, 2))
    image = np.full((height, width, 3), 90, np.uint8)
    size = int(generator.integers(60, 90))
    x, y = int(generator.integers(5, width - size - 5)), int(generator.integers(5, height - size - 5))
    image[y : y + size, x : x + size] = 255
    points = np.array([(0.3, 0.35), (0.7, 0.35), (0.5, 0.55), (0.35, 0.8), (0.65, 0.8)]) * size + (x, y)
    for (px, py), colour in zip(points, MARKS, strict=True):
        cv2.circle(image, (round(px), round(py)), size // 12, colour, -1)
    box = np.array([[x, y, x + size, y + size]], np.float32)
    return Scene(image, box, points[None].astype(np.float32), np.zeros(1, np.bool_))


def where(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray | None:
    near = np.abs(image.astype(int) - colour).max(axis=2) < 70
    rows, columns = np.nonzero(near)
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5]) if len(rows) > 12 else None


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_boxes_and_landmarks_stay_on_the_pixels_that_they_mark(mosaic: float) -> None:
    settings = Augment(mirror=0.5, mosaic=mosaic, colour=0, near=0.8)
    order = (1, 0, 2, 4, 3)
    seen = mirrored = 0
    for seed in range(60):
        generator = np.random.default_rng([9, seed])
        read = lambda: marked_scene(seed)  # noqa: E731, B023
        scene = augmenting.augment(read, read, 192, settings, generator)
        assert scene.image.shape == (192, 192, 3)
        assert (scene.boxes >= 0).all() and (scene.boxes <= 192).all()
        if mosaic:
            # Four copies of one face: every box that counts is mostly white.
            for box in scene.boxes[~scene.ignore]:
                x1, y1, x2, y2 = (int(v) for v in box)
                part = scene.image[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1]
                if part.size and min(part.shape[:2]) > 12:
                    assert (part.min(axis=2) > 150).mean() > 0.4
                    seen += 1
            continue
        if not len(scene.boxes) or scene.ignore[0]:
            continue
        # What lies beyond the picture has any colour.
        x1, y1, x2, y2 = (int(v) for v in scene.boxes[0])
        face = np.full_like(scene.image, 90)
        face[y1:y2, x1:x2] = scene.image[y1:y2, x1:x2]
        places = [where(face, colour) for colour in MARKS]
        size = float((scene.boxes[0, 2:] - scene.boxes[0, :2]).max())
        inside = ((scene.landmarks[0] > 8) & (scene.landmarks[0] < 184)).all()
        if any(place is None for place in places) or not inside or size < 40:
            continue
        flipped = places[0][0] > places[1][0]  # type: ignore[index]
        mirrored += flipped
        for number, place in enumerate(places):
            wanted = scene.landmarks[0, order.index(number) if flipped else number]
            assert np.abs(place - wanted).max() < 0.06 * size + 2
        assert scene.landmarks[0, 0, 0] < scene.landmarks[0, 1, 0], "the viewer's left eye comes first"
        seen += 1
    assert seen > 15 and (mosaic or 3 < mirrored < seen)


def test_a_face_whose_centre_is_outside_is_ignored_and_small_ones_as_well() -> None:
    box = np.array([[-30, 10, 20, 60], [50, 50, 90, 100], [10, 90, 14, 95]], np.float32)
    scene = Scene(np.zeros((120, 120, 3), np.uint8), box, np.zeros((3, 5, 2), np.float32), np.zeros(3, np.bool_))
    kept = augmenting.ignore_small(augmenting.clipped(scene), 6)
    assert kept.ignore.tolist() == [True, False, True]
    assert kept.boxes[0].tolist() == [0, 10, 20, 60]


def recipe_of(scenes: Path, **changes: object) -> DetectorRecipe:
    content: dict[str, object] = {
        "name": "tiny",
        "data": {"sets": [str(scenes)]},
        "detector": {"name": "scrfd-500m", "side": 128},
        "augment": {"smallest": 0.6, "largest": 1.2},
        "optimizer": {"name": "adamw", "rate": 2e-3, "rate_batch": 8, "weight_decay": 0.01},
        "schedule": {"batch": 8, "steps": 6},
        "run": {"save_every": 3, "precision": "f32", "threads": 1},
        **changes,
    }
    found = parse_recipe(content, "test")
    assert isinstance(found, DetectorRecipe)
    return found


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    newest = checkpoint.latest(folder / "checkpoints")
    assert newest is not None
    return newest.state["weights"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["scrfd-500m", "retinaface-mnet025"])
def test_a_few_steps_learn_and_the_report_is_written(scenes: Path, tmp_path: Path, name: str) -> None:
    told: list[Progress] = []
    changes = {"schedule": {"batch": 8, "steps": 30}, "evaluate": [{"name": "same", "set": str(scenes)}]}
    train(recipe_of(scenes, detector={"name": name, "side": 128}, **changes), tmp_path / "run", told.append)
    losses = [one.loss for one in told if not one.told]
    assert np.mean(losses[-8:]) < 0.93 * np.mean(losses[:8])
    report = json.loads((tmp_path / "run" / "report" / "report.json").read_text())
    assert report["protocol"] == "training" and report["numbers"]["same/ap"]["value"] is not None
    assert any("false boxes" in one.told for one in told)


def test_a_training_that_was_killed_goes_on_to_the_same_weights(scenes: Path, tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def kill(progress: Progress) -> None:
        if progress.step == 5:
            raise KilledError

    recipe = recipe_of(scenes, augment={"mosaic": 0.5, "blur": 0.3})
    train(recipe, tmp_path / "whole")
    with pytest.raises(KilledError):
        train(recipe, tmp_path / "cut", kill)
    train(recipe, tmp_path / "cut")
    whole, cut = weights_of(tmp_path / "whole"), weights_of(tmp_path / "cut")
    assert all(torch.equal(whole[key], cut[key]) for key in whole)


def test_parts_of_a_batch_weigh_as_the_whole_does(scenes: Path) -> None:
    """Without BatchNorm's dependence on the batch, accumulated gradients differ only by how faces are counted."""
    task = DetectionTask(recipe_of(scenes), ALONE)
    outcome = task.step(next(iter(task.batches(0))), 1e-3)
    assert outcome.finite and outcome.loss == pytest.approx(sum(value for _, value in outcome.parts), rel=1e-4)
    parts = DetectionTask(recipe_of(scenes, run={"accumulate": 2, "precision": "f32"}), ALONE)
    assert parts.step(next(iter(parts.batches(0))), 1e-3).finite


def test_two_processes_come_to_what_one_comes_to(
    scenes: Path, tmp_path: Path, together: Callable[..., list[str]]
) -> None:
    run_ = {"save_every": 3, "precision": "f32", "synchronize_norms": True, "device": "cpu"}
    recipe = recipe_of(scenes, run=run_, schedule={"batch": 8, "steps": 3}, optimizer={"rate": 0.01, "rate_batch": 8})
    (tmp_path / "r.toml").write_text(format_recipe(recipe))
    train(recipe, tmp_path / "one")
    together(["-m", "mien", "train", str(tmp_path / "r.toml"), "--out", str(tmp_path / "two")], 2)
    one, two = weights_of(tmp_path / "one"), weights_of(tmp_path / "two")
    start = DetectionTask(recipe, ALONE).network.state_dict()
    moved = sum(float((one[key] - start[key]).square().sum()) for key in one if one[key].is_floating_point())
    apart = sum(float((one[key] - two[key]).square().sum()) for key in one if one[key].is_floating_point())
    assert apart < 1e-3 * moved


def test_an_export_gives_what_the_network_gives_and_works_as_a_detector(scenes: Path, tmp_path: Path) -> None:
    train(recipe_of(scenes), tmp_path / "run")
    assert run(["export", str(tmp_path / "run"), "--name", "tiny-detector", "--json"]) == 0
    detector = open_detector("tiny-detector", min_score=0.0001)
    image = read_image(read_annotated(scenes).images[3].path)
    faces = detector.detect([image])[0]
    assert faces and all(np.isfinite(face.landmarks).all() for face in faces)
    assert run(["export", str(tmp_path / "run"), "--name", "half-detector", "--half", "--json"]) == 0


def test_fine_tuning_begins_at_the_weights_and_refuses_others(scenes: Path, tmp_path: Path) -> None:
    last = train(recipe_of(scenes), tmp_path / "run")
    tuned = recipe_of(scenes, init={"weights": str(last)}, schedule={"batch": 8, "steps": 1})
    task = DetectionTask(tuned, ALONE)
    before = weights_of(tmp_path / "run")
    assert all(torch.equal(value, before[key]) for key, value in task.network.state_dict().items())
    wrong = recipe_of(scenes, init={"weights": str(last)}, detector={"name": "retinaface-mnet025", "side": 128})
    with pytest.raises(CheckpointError, match="is scrfd-500m, and the recipe trains retinaface-mnet025"):
        DetectionTask(wrong, ALONE)


@pytest.mark.real
def test_retinaface_weights_go_in_and_out_and_find_the_faces_that_others_find(data: Path, tmp_path: Path) -> None:
    source = data / "models" / "retinaface_mobilenet0.25.pth"
    if not source.is_file():
        pytest.skip("the measuring data are absent")
    found = read_detector(source)
    assert found is not None and found.name == "retinaface-mnet025" and len(found.state) == 300
    assert sum(p.numel() for p in found.network().parameters()) == 426_608
    torch.save(found.network().state_dict(), tmp_path / "again.pth")
    again = read_detector(tmp_path / "again.pth")
    assert again is not None and all(torch.equal(again.state[key], found.state[key]) for key in found.state)
    assert run(["export", str(source), "--name", "retinaface-test", "--json"]) == 0
    store.save(*import_model((data / "models" / "scrfd_2.5g_bnkps.onnx").read_bytes(), "scrfd-test", ModelHints()))
    image = read_image(data / "dlib_faces" / "bald_guys.jpg")
    mine, *others = (
        np.array([[f.box.x1, f.box.y1, f.box.x2, f.box.y2] for f in one.detect([image])[0]], np.float32)
        for one in map(open_detector, ("retinaface-test", "mtcnn", "scrfd-test"))
    )
    for theirs in others:
        assert len(theirs) > 15
        assert (iou(theirs, mine).max(axis=1) > 0.5).mean() > 0.9


def test_foreign_weights_that_do_not_fit_are_told(tmp_path: Path) -> None:
    state = dict(DETECTORS["retinaface-mnet025"]().state_dict())
    state["fpn.output1.0.weight"] = torch.zeros(3, 3)
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError, match=r"retinaface-mnet025, but fpn\.output1\.0\.weight"):
        read_detector(tmp_path / "bad.pth")


def test_recipes_of_detectors_say_what_is_wrong(scenes: Path) -> None:
    with pytest.raises(RecipeError, match=r"augment\.mosiac is no setting; did you mean mosaic"):
        recipe_of(scenes, augment={"mosiac": 1})
    with pytest.raises(RecipeError, match=r"detector\.side"):
        recipe_of(scenes, detector={"name": "scrfd-500m", "side": 100})
    with pytest.raises(RecipeError, match="do not fill one batch"):
        DetectionTask(recipe_of(scenes, schedule={"batch": 64, "steps": 1}), ALONE)
    with pytest.raises(MienError, match="does not exist"):
        DetectionTask(recipe_of(Path("nothere")), ALONE)
    again = parse_recipe(__import__("tomllib").loads(format_recipe(recipe_of(scenes))), "again")
    assert again == recipe_of(scenes)


def test_every_recipe_of_a_detector_can_be_planned(
    scenes: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {path.stem for path in RECIPES} == {
        "retinaface-mnet025-wider",
        "retinaface-r50-wider",
        "scrfd-500m-wider",
        "scrfd-2.5g-wider",
        "detector-scenes",
        "detector-landmarks",
        "detector-portraits",
        "detector-smoke",
    }
    monkeypatch.setattr("mien.train.detectors.plan._seconds_a_step", lambda task: 0.5)
    monkeypatch.chdir(tmp_path)
    for path in RECIPES:
        recipe = read_recipe(path)
        assert recipe.name == path.stem and isinstance(recipe, DetectorRecipe)
        if recipe.init is not None:
            assert recipe.init.weights.name.startswith("step-")
        settings = ["--set", f'data.sets=["{scenes}"]', "--set", "schedule.batch=8", "--set", "evaluate=[]"]
        if recipe.init is not None:
            settings += ["--set", "init.weights=runs/start"]
            (tmp_path / "runs" / "start").mkdir(parents=True, exist_ok=True)
            state = {"detector": recipe.detector.name, "weights": DETECTORS[recipe.detector.name]().state_dict()}
            torch.save(state, tmp_path / "runs" / "start" / "state.pt")
        assert run(["train", str(path), "--dry-run", "--json", *settings]) == 0, path
        plan = json.loads(capsys.readouterr().out)
        assert (plan["pictures"], plan["steps_per_epoch"]) == (24, 3) and plan["multiplications"] > 1e7
