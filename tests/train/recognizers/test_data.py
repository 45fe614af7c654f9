"""What a recipe asks of its data, checked before the first step."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import recognizer_recipe  # noqa: E402

from mien.errors import RecipeError  # noqa: E402
from mien.train.loop import train  # noqa: E402


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schedule": {"batch": 64}}, "48 crops do not fill one batch of 64"),
        ({"schedule": {"batch": 15}, "run": {"accumulate": 2}}, "take a multiple of 2"),
        ({"schedule": {"batch": 2}, "run": {"accumulate": 2}}, "BatchNorm needs two crops"),
        (
            {"head": {"name": "cosface", "factor": 1.0}},
            "head.factor is not a setting; did you mean filter",
        ),
        ({"data": {"min_crops": 7}}, "0 classes with at least 7 crops"),
    ],
)
def test_what_cannot_be_followed_is_said_before_the_first_step(
    face_pack: Path, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(RecipeError, match=words):
        train(recognizer_recipe(face_pack, **changes), tmp_path / "run")
    assert not (tmp_path / "run" / "log.jsonl").exists()


def test_a_pack_whose_checksums_fail_is_refused(make_pack: Callable[..., Path], tmp_path: Path) -> None:
    pack = make_pack()
    shard = next(pack.glob("*.bin"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 255
    shard.write_bytes(bytes(data))
    with pytest.raises(RecipeError, match=r"its sha256 is not the one in pack\.json"):
        train(recognizer_recipe(pack, data={"check": True}), tmp_path / "run")
