"""Exporting whatever kind of network a file has."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import CheckpointError, ExportOptionError  # noqa: E402
from mien.train.detectors.registry import DETECTORS  # noqa: E402
from mien.train.export import default_name, export  # noqa: E402
from mien.train.kinds import KINDS  # noqa: E402


def test_models_are_called_after_the_run_or_the_file(tmp_path: Path) -> None:
    run, file = tmp_path / "My Run", tmp_path / "Their R50.pth"
    (run / "checkpoints" / "step-00000002").mkdir(parents=True)
    file.touch()
    assert default_name(run) == default_name(run / "checkpoints" / "step-00000002") == "my-run"
    assert default_name(file) == "their-r50"


def test_weights_of_no_kind_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"linear.bias": torch.zeros(3)}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="has no backbone that mien knows"):
        export(tmp_path / "a.pt")
    monkeypatch.delitem(KINDS, "recognizer")
    with pytest.raises(CheckpointError, match="has no network that mien knows"):
        export(tmp_path / "a.pt")


@pytest.mark.parametrize("option", [{"mirror": True}, {"calibrate": Path("pack")}, {"colour": "BGR"}])
def test_a_detector_has_no_thresholds_and_no_mirrored_embedding(option: dict, tmp_path: Path) -> None:
    torch.save(DETECTORS["retinaface-mnet025"].build().state_dict(), tmp_path / "a.pth")
    with pytest.raises(ExportOptionError, match="leave --calibrate, --mirror and --colour out"):
        export(tmp_path / "a.pth", **option)
