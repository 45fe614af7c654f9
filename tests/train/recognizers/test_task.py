"""Training a recognizer as the loop sees it: what is kept, evaluated and refused."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import recognizer_recipe  # noqa: E402

from mien.errors import CheckpointError  # noqa: E402
from mien.train.compute.distributed import ALONE  # noqa: E402
from mien.train.recognizers import task as tasks  # noqa: E402
from mien.train.recognizers.task import RecognitionTask  # noqa: E402
from mien.train.recognizers.validation import embeddings_path  # noqa: E402
from mien.train.run.checkpoint import Saved  # noqa: E402


def open_one(pack: Path, **changes: dict[str, object]) -> RecognitionTask:
    recipe = recognizer_recipe(pack, evaluate=[{"name": "same", "set": str(pack)}], **changes)
    return RecognitionTask(recipe, ALONE)


def test_an_epoch_has_only_whole_batches(face_pack: Path) -> None:
    task = open_one(face_pack, schedule={"batch": 10, "steps": None, "epochs": 3})
    assert (task.steps_per_epoch, task.steps) == (4, 12), "48 crops are four batches of ten"


def test_batches_are_augmented_as_the_recipe_says(face_pack: Path) -> None:
    plain, other, augmented = (
        next(open_one(face_pack, augment={"mirror": 0.0, "jpeg": chance}).batches(0)) for chance in (0.0, 0.0, 1.0)
    )
    assert np.array_equal(plain.crops, other.crops) and np.array_equal(plain.numbers, augmented.numbers)
    assert all((a != b).any() for a, b in zip(plain.crops, augmented.crops, strict=True))


def test_embeddings_are_kept_from_before_the_first_step_and_after_the_last(face_pack: Path, tmp_path: Path) -> None:
    task = open_one(face_pack)
    numbers, sentence = task.evaluate(0, 0, tmp_path)
    first, second = sentence.split(", ")
    assert first.startswith("fnmr@1e-02 ") and second.startswith("fnmr@1e-01 ") and "%" in first
    assert numbers["same/fnmr@1e-02"] is not None and numbers["same/eer"] is not None
    before = np.load(embeddings_path(tmp_path, "same", "before"))
    assert before.shape == (48, 32) and not embeddings_path(tmp_path, "same", "after").exists()
    for batch in task.batches(0):
        task.step(batch, 0.05)
    task.evaluate(0, 6, tmp_path)
    assert np.array_equal(np.load(embeddings_path(tmp_path, "same", "before")), before)
    assert not np.allclose(np.load(embeddings_path(tmp_path, "same", "after")), before)


def test_a_set_without_any_rate_says_so(face_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "headline_metrics", lambda report: [])
    assert open_one(face_pack).evaluate(0, 3, tmp_path)[1] == "too few comparisons for any rate"


def test_a_checkpoint_keeps_what_it_was_trained_on(face_pack: Path) -> None:
    task = open_one(face_pack)
    state = task.state()
    assert (state["backbone"], state["embedding"]) == ("mobilefacenet", 32)
    assert state["classes"] == [f"s{number}" for number in range(8)]
    assert state["pixels"]["colour"] == "RGB" and state["pixels"]["size"] == 112
    assert task.shard()["weight"].shape == (8, 1, 32)


def test_a_checkpoint_of_other_classes_is_refused(face_pack: Path) -> None:
    task = open_one(face_pack)
    state = task.state() | {"classes": [f"s{number}" for number in range(7)]}
    with pytest.raises(CheckpointError, match="there was trained on 7 classes, and the data have 8, or others"):
        task.restore(Saved(Path("there"), state, [task.shard()]))


def test_a_fault_names_the_first_crops_of_the_batch(face_pack: Path) -> None:
    task = open_one(face_pack)
    batch = next(task.batches(0))
    text = task.describe_fault(batch)
    names = ", ".join(f"crop {batch.numbers[row]} of {face_pack}" for row in range(3))
    assert text.endswith(f". The batch begins with {names}")
