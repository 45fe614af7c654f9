"""Checkpoints: complete or absent, whatever happens."""

import resource
import shutil
import signal
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import recognizer_recipe  # noqa: E402

from mien.errors import CheckpointError  # noqa: E402
from mien.train.compute.channel import Channel  # noqa: E402
from mien.train.loop import train  # noqa: E402
from mien.train.run import checkpoint  # noqa: E402
from mien.train.run.checkpoint import write_checkpoint  # noqa: E402
from mien.train.run.folder import RunFolder  # noqa: E402


def test_what_a_killed_process_left_does_not_spoil_the_next_checkpoint(finished_run: Path, tmp_path: Path) -> None:
    place = RunFolder(tmp_path)
    partial = place.checkpoints / ".step-00000009.part"
    partial.mkdir(parents=True)
    (partial / "head-0003-of-0004.pt").write_bytes(b"left behind")
    state = dict(checkpoint.latest(finished_run / "checkpoints").state)  # type: ignore[union-attr]
    write_checkpoint(place, 9, state, {"weight": torch.ones(3)}, 2)
    found = checkpoint.latest(place.checkpoints)
    assert found is not None and [head["weight"].tolist() for head in found.heads] == [[1.0, 1.0, 1.0]]


def test_a_full_disk_leaves_the_last_checkpoint_readable(face_pack: Path, tmp_path: Path, finished_run: Path) -> None:
    train(recognizer_recipe(face_pack, schedule={"steps": 2}), tmp_path / "run")
    recipe = recognizer_recipe(face_pack)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    folder = tmp_path / "run" / "checkpoints"
    state = dict(checkpoint.read(folder / "step-00000002").state)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        with pytest.raises(CheckpointError, match=r"step 9 could not be written to .*step-00000002 is complete"):
            write_checkpoint(RunFolder(folder.parent), 9, state, {"weight": torch.zeros(10)}, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert [path.name for path in folder.iterdir()] == ["step-00000002"]
    assert checkpoint.latest(folder).step == 2  # type: ignore[union-attr]
    assert recipe.name == "made-up"


def test_without_an_older_checkpoint_the_remedy_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(path: Path, content: dict[str, object]) -> int:
        raise RuntimeError("writer") from OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "_write", fill)
    with pytest.raises(
        CheckpointError, match=r"step 9 could not be written to .*: .*No space left.*; make room there"
    ):
        write_checkpoint(RunFolder(tmp_path), 9, {}, {}, 2)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_no_process_finishes_a_checkpoint_that_another_could_not_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Channel, "numbers", lambda channel, value: [value, -1 if value else 0])
    with pytest.raises(CheckpointError, match="by another process; make room there"):
        write_checkpoint(RunFolder(tmp_path), 9, {"a": 1}, {}, 2)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_only_the_last_checkpoints_are_kept_and_one_that_is_made_again_is_replaced(tmp_path: Path) -> None:
    for step, value in ((1, 1.0), (2, 2.0), (3, 3.0), (3, 4.0)):
        place = write_checkpoint(RunFolder(tmp_path), step, {"step": step}, {"weight": torch.tensor(value)}, 2)
        assert place == tmp_path / "checkpoints" / f"step-{step:08d}"
    assert [path.name for path in sorted((tmp_path / "checkpoints").iterdir())] == ["step-00000002", "step-00000003"]
    assert checkpoint.read(place).heads[0]["weight"] == 4.0


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(finished_run: Path, tmp_path: Path) -> None:
    shutil.copytree(finished_run / "checkpoints", tmp_path / "checkpoints")
    (tmp_path / "checkpoints" / "step-00000006" / "state.pt").write_bytes(b"cut")
    found = checkpoint.latest(tmp_path / "checkpoints")
    assert found is not None and found.step == 4
    for file in (tmp_path / "checkpoints" / "step-00000004").glob("head-*"):
        file.unlink()
    with pytest.raises(CheckpointError):
        checkpoint.latest(tmp_path / "checkpoints")


def test_the_network_is_read_without_the_class_centres(finished_run: Path, tmp_path: Path) -> None:
    """An export refused a checkpoint of which only the backbone's file was copied."""
    shutil.copytree(finished_run / "checkpoints" / "step-00000006", tmp_path / "step-00000006")
    for part in (tmp_path / "step-00000006").glob("head-*"):
        part.unlink()
    with pytest.raises(CheckpointError, match="lacks parts of the class centres, it has 0"):
        checkpoint.read(tmp_path / "step-00000006")
    found = checkpoint.latest(tmp_path, checkpoint.read_network)
    assert found is not None and found.step == 6 and found.heads == []
