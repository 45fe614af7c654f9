"""What only a GPU can show; skipped with a message where there is none."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import detector_recipe  # noqa: E402

from mien.train.kinds import parse_recipe  # noqa: E402
from mien.train.loop import train  # noqa: E402
from mien.train.run.journal import read_journal  # noqa: E402

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch sees")


def losses(pack: Path, folder: Path, device: str, precision: str) -> list[float]:
    content = {
        "name": "gpu",
        "data": {"sets": [str(pack)]},
        "model": {"backbone": "iresnet18", "embedding": 64},
        "head": {"scale": 16.0, "margin": 0.2, "sample": 1.0},
        "optimizer": {"rate": 0.01, "rate_batch": 16},
        "schedule": {"batch": 16, "steps": 3},
        "run": {"device": device, "precision": precision},
    }
    train(parse_recipe(content, "gpu"), folder)
    return [line["loss"] for line in read_journal(folder / "log.jsonl") if "loss" in line]


def test_a_gpu_makes_the_steps_of_a_processor(face_pack: Path, tmp_path: Path) -> None:
    here = losses(face_pack, tmp_path / "cpu", "cpu", "f32")
    assert losses(face_pack, tmp_path / "gpu", "cuda", "f32") == pytest.approx(here, rel=2e-2)


def test_a_gpu_makes_the_steps_of_a_processor_for_a_detector(scenes: Path, tmp_path: Path) -> None:
    def of(device: str) -> list[float]:
        run = {"device": device, "precision": "f32", "processes": 1}
        train(detector_recipe(scenes, run=run), tmp_path / device)
        log = read_journal(tmp_path / device / "log.jsonl")
        return [line["loss"] for line in log if "loss" in line]

    assert of("cuda") == pytest.approx(of("cpu"), rel=2e-2)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_low_precisions_train_on_a_gpu(face_pack: Path, tmp_path: Path, precision: str) -> None:
    assert np.isfinite(losses(face_pack, tmp_path / "run", "cuda", precision)).all()


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="less than two GPUs")
def test_two_gpus_train_together(face_pack: Path, tmp_path: Path, together: object) -> None:
    from mien.train.recipe.io import format_recipe

    content = {
        "name": "gpus",
        "data": {"sets": [str(face_pack)]},
        "model": {"backbone": "iresnet18"},
        "optimizer": {"rate": 0.01},
        "schedule": {"batch": 16, "steps": 3},
    }
    (tmp_path / "r.toml").write_text(format_recipe(parse_recipe(content, "gpus")))
    together(["-m", "mien", "train", str(tmp_path / "r.toml"), "--out", str(tmp_path / "run")], 2)  # type: ignore[operator]
