"""WIDER FACE by its reference's rules."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from fuzz import mutants
from mien.cli import run
from mien.errors import ManifestError
from mien.evaluate.detectors.predictions import Predictions, read_predictions
from mien.evaluate.detectors.wider import THRESHOLDS, GroundTruth, evaluate_wider, read_ground_truth


def reference(truth: GroundTruth, boxes: dict[tuple[str, str], np.ndarray], subset: str) -> float:
    """The rules of WIDER FACE's Python evaluation, one box at a time."""
    every = np.concatenate([own[:, 4] for own in boxes.values()])
    low, high = every.min(), every.max()
    totals, faces = np.zeros((THRESHOLDS, 2)), 0
    for key, own_truth in truth.boxes.items():
        counted = truth.counted[subset][key]
        faces += int(counted.sum())
        found = boxes.get(key, np.zeros((0, 5)))
        if not len(found) or not len(own_truth):
            continue
        taken, kept, hits = [0] * len(own_truth), [], []
        for x, y, w, h, _ in found.tolist():
            overlaps = []
            for a, b, c, d in own_truth.tolist():
                wide = min(x + w, a + c) - max(x, a) + 1
                tall = min(y + h, b + d) - max(y, b) + 1
                shared = max(0, wide) * max(0, tall)
                overlaps.append(shared / ((w + 1) * (h + 1) + (c + 1) * (d + 1) - shared))
            best = int(np.argmax(overlaps))
            keep = 1
            if overlaps[best] >= 0.5:
                if not counted[best]:
                    keep = -1
                elif taken[best] == 0:
                    taken[best] = 1
            kept.append(keep)
            hits.append(taken.count(1))
        scores = (found[:, 4] - low) / (high - low)
        for t in range(THRESHOLDS):
            above = [i for i, s in enumerate(scores) if s >= 1 - (t + 1) / THRESHOLDS]
            if above:
                totals[t] += kept[: above[-1] + 1].count(1), hits[above[-1]]
    precision = [hit / made if made else 0.0 for made, hit in totals]
    recall = [hit / faces for _, hit in totals]
    value, before = 0.0, 0.0
    for index, at in enumerate(recall):
        value += (at - before) * max(precision[index:])
        before = at
    return value


@pytest.fixture(scope="module")
def made_up() -> tuple[GroundTruth, dict[tuple[str, str], np.ndarray]]:
    generator = np.random.default_rng(5)
    truth, counted, found = {}, {name: {} for name in ("easy", "medium", "hard")}, {}
    for number in range(12):
        key = (f"{number % 3}--Event", f"picture_{number}")
        count = int(generator.integers(0, 6))
        truth[key] = np.column_stack([generator.uniform(0, 400, (count, 2)), generator.uniform(20, 90, (count, 2))])
        for share, name in zip((0.4, 0.7, 0.9), counted, strict=True):
            counted[name][key] = generator.random(count) < share
        near = truth[key][generator.integers(0, count, count + 2)] if count else np.zeros((0, 4))
        near = near + generator.normal(0, 6, near.shape)
        stray = np.column_stack([generator.uniform(0, 400, (2, 2)), generator.uniform(20, 90, (2, 2))])
        rows = np.concatenate([near, stray])
        rows = np.column_stack([rows, generator.random(len(rows)).round(2)])
        if number != 4:
            found[key] = rows[np.argsort(-rows[:, 4], kind="stable")]
    return GroundTruth(truth, counted), found


def write(folder: Path, boxes: dict[tuple[str, str], np.ndarray]) -> None:
    for (event, name), own in boxes.items():
        (folder / event).mkdir(parents=True, exist_ok=True)
        rows = [" ".join(f"{v:.17g}" for v in row) for row in own]
        (folder / event / f"{name}.txt").write_text("\n".join([name, str(len(rows)), *rows]) + "\n")


def test_wider_by_the_references_rules(made_up: tuple, tmp_path: Path) -> None:
    truth, boxes = made_up
    write(tmp_path / "p", boxes)
    result = evaluate_wider(truth, read_predictions(tmp_path / "p"))
    for subset, one in result.subsets.items():
        assert one.value == pytest.approx(reference(truth, boxes, subset), abs=1e-9)
        assert one.low <= one.value <= one.high
        assert one.count == sum(int(own.sum()) for own in truth.counted[subset].values())
    assert result.missing == ("1--Event/picture_4",) and result.unknown == ()


def test_predictions_of_other_images_are_named(made_up: tuple, tmp_path: Path) -> None:
    truth, boxes = made_up
    write(tmp_path / "deep" / "er", {**boxes, ("9--Other", "stranger"): np.array([[0, 0, 5, 5, 0.5]])})
    with tarfile.open(tmp_path / "p.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "deep", "deep")
    result = evaluate_wider(truth, read_predictions(tmp_path / "p.tar.gz"))
    assert result.unknown == ("9--Other/stranger",)
    assert result.subsets["hard"].value > 0.2


def save_truth(truth: GroundTruth, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    events = sorted({event for event, _ in truth.boxes})

    def cells(rows: list) -> np.ndarray:
        out = np.empty((len(rows), 1), object)
        for index, row in enumerate(rows):
            out[index, 0] = row
        return out

    keys = {event: [key for key in truth.boxes if key[0] == event] for event in events}
    whole = {
        "event_list": cells(events),
        "file_list": cells([cells([name for _, name in keys[e]]) for e in events]),
        "face_bbx_list": cells([cells([truth.boxes[key] for key in keys[e]]) for e in events]),
    }
    savemat(folder / "wider_face_val.mat", whole)
    for subset, counted in truth.counted.items():
        lists = [cells([np.flatnonzero(counted[key])[:, None] + 1.0 for key in keys[e]]) for e in events]
        savemat(folder / f"wider_{subset}_val.mat", {"gt_list": cells(lists)})


def test_the_command_reads_matlab_files_and_says_what_is_missing(
    made_up: tuple, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, boxes = made_up
    save_truth(truth, tmp_path / "gt")
    again = read_ground_truth(tmp_path / "gt")
    assert all(np.allclose(again.boxes[key], truth.boxes[key]) for key in truth.boxes)
    write(tmp_path / "p", boxes)
    command = [
        "evaluate",
        "detection",
        "--wider",
        str(tmp_path / "gt"),
        "--predictions",
        str(tmp_path / "p"),
        "--json",
    ]
    assert run(command) == 4
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert found["easy"] == pytest.approx(reference(truth, boxes, "easy"), abs=1e-9)
    assert "no prediction file for: 1--Event/picture_4" in printed.err


def test_what_holds_no_predictions_of_its_images_says_so(tmp_path: Path, made_up: tuple) -> None:
    (tmp_path / "0--E").mkdir()
    (tmp_path / "0--E" / "a.txt").write_text("a\n0\n")
    with pytest.raises(ManifestError, match="does not have predictions for WIDER FACE's images"):
        evaluate_wider(made_up[0], read_predictions(tmp_path))
    with pytest.raises(ManifestError, match=r"wider_face_val\.mat is missing"):
        read_ground_truth(tmp_path)


@pytest.mark.real
def test_wider_gives_what_an_independent_evaluator_gave(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wider = data / "wider"
    if not wider.is_dir():
        pytest.skip("the measuring data are absent")
    archive = str(wider / "predictions_retinaface.tar.gz")
    assert run(["evaluate", "detection", "--wider", str(wider), "--predictions", archive, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    for subset, value in (("easy", 0.9448), ("medium", 0.9245), ("hard", 0.8153)):
        assert found[subset] == pytest.approx(value, abs=5e-4)
    assert found["faces"] == {"easy": 7211, "medium": 13319, "hard": 31958} and found["boxes"] == 143_889


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda box: np.column_stack([box[:, :2], box[:, :2] + box[:, 2:4]]), "left, top, right and bottom"),
        (lambda box: np.column_stack([box[:, :2] + box[:, 2:4] / 2, box[:, 2:4]]), "the middle's x and y"),
        (lambda box: box[:, :4] / 1000, "its boxes are shares of the images' sizes"),
    ],
)
def test_boxes_in_another_form_do_not_become_a_low_precision(
    change: Callable[[np.ndarray], np.ndarray], why: str
) -> None:
    chance = np.random.default_rng(3)
    corner, side = chance.uniform(50, 600, (30, 2)), chance.uniform(20, 90, (30, 1))
    faces = np.column_stack([corner, side, side * 1.3])
    truth = GroundTruth(
        {("0--E", f"{n}"): faces[n : n + 1] for n in range(30)},
        {name: {("0--E", f"{n}"): np.ones(1, bool) for n in range(30)} for name in ("easy", "medium", "hard")},
    )
    scored = {key: np.column_stack([box + 1, [[0.9]]]) for key, box in truth.boxes.items()}
    assert evaluate_wider(truth, Predictions("x", scored)).subsets["easy"].value == 1
    wrong = {key: np.column_stack([change(box), box[:, 4]]) for key, box in scored.items()}
    with pytest.raises(ManifestError, match=why):
        evaluate_wider(truth, Predictions("x", wrong))


def test_damaged_ground_truth_is_refused_by_name(made_up: tuple, tmp_path: Path) -> None:
    truth, _ = made_up
    save_truth(truth, tmp_path)
    for name in ("wider_face_val.mat", "wider_easy_val.mat"):
        whole = (tmp_path / name).read_bytes()
        for copy in mutants(whole, 9, seed=15):
            (tmp_path / name).write_bytes(copy)
            try:
                read_ground_truth(tmp_path)
            except ManifestError as fault:
                assert name in str(fault) or "do not fit" in str(fault)
        (tmp_path / name).write_bytes(whole)
