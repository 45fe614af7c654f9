"""Verifying stored models: every file has a verdict, and progress is reported per model."""

from pathlib import Path

import pytest

from mien.library.verify import verify_models
from mien.models import store
from mien.models.options import EngineOptions
from mien.progress import Progress


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path))


def test_every_file_has_a_verdict_and_a_missing_model_has_one_of_its_own() -> None:
    (store.load("mtcnn").folder / "rnet.onnx").write_bytes(b"damaged")
    seen: list[Progress] = []
    verdicts = verify_models(["mtcnn", "nobody"], options=EngineOptions(precision="f32"), on_progress=seen.append)
    assert [(one.model, one.file, one.good) for one in verdicts] == [
        ("mtcnn", "pnet", True),
        ("mtcnn", "rnet", False),
        ("mtcnn", "onet", True),
        ("nobody", "", False),
    ]
    assert [bool(one) for one in verdicts] == [one.good for one in verdicts]
    assert "sha256" in verdicts[1].verdict and (verdicts[0].engine, verdicts[0].precision) == ("openvino", "f32")
    assert [(one.done, one.total) for one in seen] == [(1, 2), (2, 2)]


def test_without_names_all_models_are_verified() -> None:
    assert {one.model for one in verify_models()} == set(store.names())
