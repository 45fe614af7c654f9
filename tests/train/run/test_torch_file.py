"""Files of torch: only weights are read, and anything else is refused in one sentence."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import CheckpointError  # noqa: E402
from mien.train.run.torch_file import load_file  # noqa: E402


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
    with pytest.raises(CheckpointError, match="save its state_dict"):
        load_file(tmp_path / "evil.pt")
    assert not (tmp_path / "touched").exists()


def test_a_photograph_is_no_checkpoint(hopper_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is not a file of torch: use a checkpoint"):
        load_file(hopper_path)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off", b"\x80\x02 cut off"])
def test_rubbish_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"a\.pt"):
        load_file(tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_file(tmp_path / "absent.pt")
