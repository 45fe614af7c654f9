"""Files of torch: only weights are read, and anything else is refused in one sentence."""

import sys
import warnings
import zipfile
from argparse import Namespace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from fuzz import mutants  # noqa: E402
from mien.errors import CheckpointError  # noqa: E402
from mien.train.run.torch_file import load_file, require_numbers  # noqa: E402


@pytest.mark.parametrize("in_place", [False, True])
def test_what_was_saved_is_read(tmp_path: Path, in_place: bool) -> None:
    torch.save({"a": torch.arange(3), "b": {"c": 1.5}}, tmp_path / "a.pt")
    content = load_file(tmp_path / "a.pt", in_place=in_place)
    assert content["a"].tolist() == [0, 1, 2] and content["b"] == {"c": 1.5}  # type: ignore[attr-defined]


def test_a_single_tensor_has_no_names(tmp_path: Path) -> None:
    torch.save(torch.zeros(3), tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="has no weights by name"):
        load_file(tmp_path / "a.pt")


def test_code_in_a_file_is_never_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path(tmp_path / "touched").touch, ())  # type: ignore[return-value]

    torch.save({"net": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(CheckpointError, match=r"an object of the type \S+, whose code.*save its state_dict"):
        load_file(tmp_path / "evil.pt")
    assert not (tmp_path / "touched").exists()


def test_numbers_of_numpy_and_options_next_to_the_weights_are_read(tmp_path: Path) -> None:
    """Trainers keep their best accuracy and their settings in the same file."""
    kept = {
        "best": np.float64(0.99),
        "epoch": np.int64(3),
        "curve": np.array([0.5, 0.75]),
        "args": Namespace(rate=0.1),
    }
    torch.save({"state_dict": {"a": torch.ones(2)}, **kept}, tmp_path / "a.pt")
    content = load_file(tmp_path / "a.pt")
    assert content["best"] == 0.99 and content["epoch"] == 3 and content["args"] == Namespace(rate=0.1)
    assert content["curve"].tolist() == [0.5, 0.75]  # type: ignore[attr-defined]


def test_a_number_of_numpy_1_is_read_too(tmp_path: Path) -> None:
    torch.save({"best": np.float64(0.99)}, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    old = (tmp_path / "a.pt").read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    (tmp_path / "a.pt").write_bytes(old)
    assert load_file(tmp_path / "a.pt")["best"] == 0.99


def test_classes_of_lightning_that_are_only_keys_are_read_without_lightning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before 1.5, Lightning kept the state of each callback under the callback's class."""
    module = ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    callback = type("ModelCheckpoint", (), {"__module__": module.__name__})
    module.ModelCheckpoint = callback  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pytorch_lightning", ModuleType("pytorch_lightning"))
    monkeypatch.setitem(sys.modules, "pytorch_lightning.callbacks", ModuleType("pytorch_lightning.callbacks"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    torch.save({"state_dict": {"a": torch.ones(2)}, "callbacks": {callback: {"best": 0.9}}}, tmp_path / "a.ckpt")
    monkeypatch.undo()
    content = load_file(tmp_path / "a.ckpt")
    assert list(content["callbacks"].values()) == [{"best": 0.9}]  # type: ignore[attr-defined]


def test_torchscript_is_called_so(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)).save(str(tmp_path / "a.pt"))
    with pytest.raises(CheckpointError, match=r"a\.pt is TorchScript, which holds a program"):
        load_file(tmp_path / "a.pt")


def test_one_changed_byte_in_the_weights_is_noticed(tmp_path: Path) -> None:
    """torch itself checks no checksum, so that damaged weights were read as they are."""
    torch.save({"a": torch.full((1000,), 1.5)}, tmp_path / "a.pt")
    data = (tmp_path / "a.pt").read_bytes()
    place = data.index(np.full(1000, 1.5, np.float32).tobytes()) + 2000
    (tmp_path / "a.pt").write_bytes(data[:place] + b"\x7f" + data[place + 1 :])
    with pytest.raises(CheckpointError, match=r"a\.pt is damaged, as the checksum of .*copy it again"):
        load_file(tmp_path / "a.pt")


def test_an_archive_that_grows_without_bound_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(300 << 20))
    with pytest.raises(CheckpointError, match=r"a\.pt claims to be more than 100 times larger"):
        load_file(tmp_path / "a.pt")


def test_a_damaged_copy_is_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    """Of 41 damaged checkpoints, 9 ended in a traceback."""
    file = tmp_path / "a.pt"
    for old in (False, True):
        content = {"epoch": 3, "state_dict": {"a.weight": torch.ones(40, 30), "a.bias": torch.ones(40)}}
        torch.save(content, file, _use_new_zipfile_serialization=not old)
        for damaged in mutants(file.read_bytes(), 120, seed=old):
            file.write_bytes(damaged)
            try:
                load_file(file)
            except CheckpointError as reason:
                assert "a.pt" in str(reason) and "\n" not in str(reason)


def test_weights_that_are_not_numbers_are_named(tmp_path: Path) -> None:
    zeros = {"a": torch.zeros(2, 2), "step": torch.zeros(())}
    require_numbers(zeros, tmp_path, zeros=True)
    require_numbers({"a": torch.full((4,), 3e38), "bias": torch.zeros(4), "n": torch.zeros(2, 2).long()}, tmp_path)
    with pytest.raises(CheckpointError, match=r"weights 'a' of .* are all zero"):
        require_numbers(zeros, tmp_path)
    for value in (float("nan"), float("inf")):
        with pytest.raises(CheckpointError, match=r"weights 'b' of .* hold 1 numbers of 2 that are NaN or infinite"):
            require_numbers({"b": torch.tensor([1.0, value])}, tmp_path, zeros=True)


def test_a_photograph_is_no_checkpoint(hopper_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is a JPEG image and not a model"):
        load_file(hopper_path)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off", b"\x80\x02 cut off"])
def test_rubbish_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"a\.pt"):
        load_file(tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_file(tmp_path / "absent.pt")
