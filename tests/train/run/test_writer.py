"""Checkpoints that are written while the steps go on."""

import threading
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import CheckpointError  # noqa: E402
from mien.train.run import checkpoint, writer  # noqa: E402
from mien.train.run.folder import RunFolder  # noqa: E402
from mien.train.run.writer import CheckpointWriter, copied  # noqa: E402


def test_a_step_that_is_made_meanwhile_is_not_in_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write, real = threading.Event(), checkpoint.write_checkpoint

    def slow(*arguments: Any) -> Path:
        assert may_write.wait(30)
        return real(*arguments)

    monkeypatch.setattr(writer, "write_checkpoint", slow)
    weights, centres = torch.ones(4), torch.ones(2, 2)
    state = {"step": 3, "weights": {"a": weights}, "optimizer": {"state": {0: {"momentum": weights}}}}
    with CheckpointWriter(RunFolder(tmp_path), 2) as one:
        one.save(3, state, {"weight": centres, "moments": [centres]})
        assert checkpoint.checkpoints(tmp_path / "checkpoints") == [], "the steps do not wait for the disk"
        weights += 1
        centres += 1
        may_write.set()
        one.finish()
    saved = checkpoint.read(tmp_path / "checkpoints" / "step-00000003")
    kept = [saved.state["optimizer"]["state"][0]["momentum"], saved.state["weights"]["a"]]
    kept += [saved.heads[0]["weight"], saved.heads[0]["moments"][0]]
    assert saved.step == 3 and all((one == 1).all() for one in kept)


def test_leaving_the_block_waits_for_the_last_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), CheckpointWriter(RunFolder(tmp_path), 2) as one:
        one.save(1, {"step": 1}, {})
        raise KeyboardInterrupt
    assert checkpoint.latest(tmp_path / "checkpoints").step == 1  # type: ignore[union-attr]


def test_a_checkpoint_that_could_not_be_written_is_reported_and_stops_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "_write", lambda path, content: (_ for _ in ()).throw(OSError(28, "No space")))
    with CheckpointWriter(RunFolder(tmp_path), 2) as one:
        assert not one.failed
        one.save(1, {"step": 1}, {})
        with pytest.raises(CheckpointError, match=r"step 1 could not be written .*No space"):
            one.save(2, {"step": 2}, {})
        assert not one.failed, "it is said once"
        one.save(3, {"step": 3}, {})
        one._pool.submit(int).result()
        assert one.failed, "the loop asks before each step"


def test_copies_share_no_memory_and_keep_their_layout() -> None:
    images = torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last).requires_grad_()
    (copy,) = copied([{"a": images, "b": 7}])
    assert copy["b"] == 7 and torch.equal(copy["a"], images) and copy["a"].stride() == images.stride()
    assert copy["a"].data_ptr() != images.data_ptr() and not copy["a"].requires_grad
