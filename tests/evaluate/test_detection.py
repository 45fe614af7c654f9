"""Judging detectors: matching by hand, average precision by plain loops, WIDER FACE by its reference's rules."""

import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from mien.cli import run
from mien.data.annotated import AnnotatedImage, read_annotated
from mien.data.manifest import tabulate
from mien.data.manifest_io import write_manifest
from mien.data.sample import Sample
from mien.errors import ManifestError
from mien.evaluate.detectors.figures import (
    area,
    average_precision,
    coco_area,
    precision_recall,
    recall_at,
    threshold_at,
    with_interval,
)
from mien.evaluate.detectors.matching import landmark_error, match
from mien.evaluate.detectors.predictions import read_predictions
from mien.evaluate.detectors.wider import THRESHOLDS, GroundTruth, evaluate_wider, read_ground_truth
from mien.types import Box, Face, floats

POINTS = floats([(30, 30), (70, 30), (50, 50), (35, 75), (65, 75)])


def picture(boxes: list[list[float]], ignore: list[bool] | None = None) -> AnnotatedImage:
    count = len(boxes)
    return AnnotatedImage(
        Path("x.jpg"),
        floats(boxes).reshape(-1, 4),
        np.tile(POINTS, (count, 1, 1)),
        np.array(ignore or [False] * count, np.bool_),
        tuple({} for _ in boxes),
    )


def face(box: list[float], score: float) -> Face:
    return Face(Box(*box), score, POINTS + 2)


def test_each_face_is_found_once_by_the_best_that_overlaps_it_enough() -> None:
    truth = picture([[0, 0, 100, 100], [200, 0, 300, 100], [0, 200, 60, 260]], [False, False, True])
    found = (
        face([2, 0, 102, 100], 0.9),  # the first face
        face([0, 4, 100, 104], 0.8),  # the first face again: false
        face([230, 0, 330, 100], 0.7),  # the second face
        face([10, 205, 50, 255], 0.95),  # on the ignored one
        face([400, 400, 450, 450], 0.6),  # nothing
        face([260, 60, 340, 140], 0.5),  # overlaps too little
    )
    matched = match([truth], [found])
    assert matched.scores.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5])
    assert matched.right.tolist() == [True, False, True, False, False]
    assert matched.found.tolist() == pytest.approx([0.9, 0.7])
    assert matched.heights.tolist() == [100, 100] and matched.places.tolist() == [0, 1, 2, 4, 5]
    # Two pixels to the right and down, of 40 between the eyes.
    assert matched.errors[0] == pytest.approx(np.hypot(2, 2) / 40)


def test_a_face_that_fills_an_ignored_crowd_is_neither() -> None:
    matched = match([picture([[0, 0, 400, 400]], [True])], [(face([100, 100, 140, 140], 0.9),)])
    assert len(matched.scores) == 0 and len(matched.found) == 0


def test_average_precision_by_plain_loops() -> None:
    generator = np.random.default_rng(0)
    scores = np.sort(generator.choice(np.linspace(0.1, 0.9, 30), 60))[::-1].astype(np.float32)
    right = generator.random(60) < 0.6
    faces = int(right.sum()) + 7
    precision, recall = precision_recall(scores, right, faces, np.ones(60))
    points = []
    for threshold in sorted(set(scores.tolist()), reverse=True):
        chosen = [bool(r) for s, r in zip(scores.tolist(), right, strict=True) if s >= threshold]
        points.append((sum(chosen) / faces, sum(chosen) / len(chosen)))
    assert np.allclose(recall, [r for r, _ in points]) and np.allclose(precision, [p for _, p in points])
    expected, before = 0.0, 0.0
    for index, (at, _) in enumerate(points):
        expected += (at - before) * max(p for _, p in points[index:])
        before = at
    assert area(precision, recall) == pytest.approx(expected)
    coco = np.mean([max((p for r, p in points if r >= at), default=0.0) for at in np.linspace(0, 1, 101)])
    assert coco_area(precision, recall) == pytest.approx(coco)


@given(st.integers(0, 10_000))
def test_recall_never_falls_as_more_false_boxes_are_allowed(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truths, answers = [], []
    for _ in range(5):
        corner = generator.uniform(0, 300, (3, 2))
        truths.append(picture(np.concatenate([corner, corner + 40], axis=1).tolist()))
        moved = corner + generator.normal(0, 8, (3, 2))
        boxes = np.concatenate([moved, moved + 40], axis=1)
        answers.append(
            tuple(face(box, round(float(s), 1)) for box, s in zip(boxes.tolist(), generator.random(3), strict=True))
        )
    matched = match(truths, answers)
    everyone = np.ones(len(matched.found), np.bool_)
    values = [recall_at(matched, allowed, everyone) for allowed in (0.0, 0.2, 0.5, 1, 3)]
    assert values == sorted(values) and 0 <= average_precision(matched) <= 1
    for allowed in (0.2, 0.5, 1.0):
        least = threshold_at(matched, allowed)
        assert ((matched.scores >= least) & ~matched.right).sum() <= allowed * 5 + 1e-9


def test_an_interval_holds_its_value_and_a_perfect_one_follows_the_rule_of_three() -> None:
    truths = [picture([[0, 0, 50, 50]])] * 30
    perfect = match(truths, [(face([0, 0, 50, 50], 0.9),)] * 30)
    rate = with_interval(perfect, lambda w: average_precision(perfect, w), 30)
    assert (rate.value, rate.low, rate.high) == (1, pytest.approx(0.9), 1)
    half = match(truths, [(face([0, 0, 50, 50], 0.9),) if n % 2 else () for n in range(30)])
    rate = with_interval(half, lambda w: average_precision(half, w), 30)
    assert rate.value == pytest.approx(0.5)
    assert rate.low < 0.5 < rate.high and 0.2 < rate.high - rate.low < 0.5


def test_landmarks_that_are_not_known_have_no_error() -> None:
    assert np.isnan(landmark_error(POINTS * np.nan, POINTS))
    assert landmark_error(POINTS, POINTS) == 0


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


def test_predictions_may_lie_in_an_archive_under_any_folder(made_up: tuple, tmp_path: Path) -> None:
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
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found["easy"] == pytest.approx(reference(truth, boxes, "easy"), abs=1e-9)
    assert "no prediction file for: 1--Event/picture_4" in told.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a\n2\n1 2 3 4 0.5\n", "line 2 announces 2 boxes, and 1 follow"),
        ("a\n1\n1 2 3 0.5\n", "line 3: a box has 5 numbers"),
        ("a\nx\n", "line 2: expected the number of boxes"),
        ("a\n1\n1 2 three 4 0.5\n", "line 3: '1 2 three 4 0.5' is not a row of numbers"),
        ("a\n1\n1 2 nan 4 0.5\n", "line 3: expected a finite number"),
    ],
)
def test_a_wrong_prediction_file_is_named_with_its_line(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "0--E").mkdir()
    (tmp_path / "0--E" / "a.txt").write_text(content)
    with pytest.raises(ManifestError, match=words) as reason:
        read_predictions(tmp_path)
    assert "0--E/a.txt" in str(reason.value)


def test_what_holds_no_predictions_says_so(tmp_path: Path, made_up: tuple) -> None:
    with pytest.raises(ManifestError, match="holds no prediction files"):
        read_predictions(tmp_path)
    (tmp_path / "x.tar.gz").write_bytes(b"rubbish")
    with pytest.raises(ManifestError, match="neither a folder nor a whole archive"):
        read_predictions(tmp_path / "x.tar.gz")
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


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two portraits of packages, annotated by what the default detector finds, and rows that cannot be used."""
    import matplotlib

    from mien.detect.families import open_detector
    from mien.image import read_image

    folder = tmp_path_factory.mktemp("annotated")
    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    blank, broken = folder / "blank.png", folder / "broken.jpg"
    cv2.imwrite(str(blank), np.full((200, 300, 3), 80, np.uint8))
    broken.write_bytes(hopper.read_bytes()[:20_000])
    own = open_detector().detect([read_image(hopper)])[0][0]
    rows = [
        Sample(hopper, "", box=own.box, landmarks=own.landmarks, known={"blur": 0}),
        Sample(hopper, "", box=Box(5, 5, 5, 30), known={"blur": 1}),
        Sample(hopper, "", box=Box(float("nan"), 5, 9, 30), known={"blur": 1}),
        Sample(blank, ""),
        Sample(broken, "", box=Box(5, 5, 50, 60), known={"blur": 1}),
        Sample(folder / "missing.jpg", "", box=Box(5, 5, 50, 60)),
        Sample(blank, "", box=Box(-90, 5, -5, 60)),
        Sample(blank, "", box=Box(310, 5, 350, 60)),
    ]
    write_manifest(tabulate(rows, folder, "x"), folder / "manifest.parquet")
    return folder / "manifest.parquet"


def test_rows_that_cannot_be_used_are_counted_and_lose_nothing_else(annotated: Path) -> None:
    found = read_annotated(annotated)
    assert [p.path.name for p in found.images] == [
        "grace_hopper.jpg",
        "blank.png",
        "broken.jpg",
    ] and found.faces == 2
    reasons = " ".join(problem.reason for problem in found.problems)
    assert len(found.problems) == 5
    for words in ("is empty", "a number that is not finite", "does not exist", "outside the image"):
        assert words in reasons
    with pytest.raises(ManifestError, match="no annotated image of the split val"):
        read_annotated(annotated, "val")


def test_the_command_writes_a_report_with_galleries(
    annotated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "detection", str(annotated), "--out", str(tmp_path / "r"), "--json"]) == 4
    told = capsys.readouterr()
    numbers = json.loads(told.out)["numbers"]
    assert numbers["ap"]["value"] == 1 and numbers["ap"]["low"] < 1
    assert numbers["landmark error"]["value"] < 0.01
    assert "missing.jpg does not exist" in told.err and "broken.jpg" in told.err
    page = (tmp_path / "r" / "report.html").read_text()
    assert "By size" in page and "Could not be used" in page
    assert (tmp_path / "r" / "precision-recall.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("name a SET", []),
        ("either --predictions or --images", ["--wider", "x"]),
        ("--iou must be between", ["x", "--iou", "2"]),
    ],
)
def test_wrong_commands_say_what_is_wanted(
    words: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "detection", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_an_archive_that_breaks_off_is_an_error(made_up: tuple, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    write(tmp_path / "p", made_up[1])
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.add(tmp_path / "p", "p")
    (tmp_path / "cut.tar.gz").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with pytest.raises(ManifestError, match=r"cut\.tar\.gz"):
        read_predictions(tmp_path / "cut.tar.gz")
