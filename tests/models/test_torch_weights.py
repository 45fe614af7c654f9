"""Checkpoints read without torch: what torch has written comes out equal, and nothing else is taken."""

import collections
import io
import pickle
from pathlib import Path

import numpy as np
import pytest

from fuzz import mutants
from mien.errors import CardError
from mien.models.network_file import read_network_file
from mien.models.torch_weights import read_torch_weights

torch = pytest.importorskip("torch")


def state() -> dict[str, "torch.Tensor"]:
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    return {
        "a.weight": base,
        "a.turned": base.t(),
        "a.part": base[1:3, ::2],
        "half": base.half(),
        "count": torch.tensor(7),
        "empty": torch.zeros(0, 3),
    }


def written(content: object, *, archive: bool) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=archive)
    return stream.getvalue()


@pytest.mark.parametrize("archive", [True, False])
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"state_dict": x, "epoch": 3}, collections.OrderedDict])
def test_weights_are_those_that_torch_wrote(archive: bool, wrap) -> None:
    found = read_torch_weights(written(wrap(state()), archive=archive), "x.pth")
    assert found.keys() == state().keys()
    for key, value in state().items():
        assert found[key].dtype == value.numpy().dtype
        np.testing.assert_array_equal(found[key], value.numpy())


class Harm:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        # Not print itself, which Ray replaces in the process of its tests.
        return eval, ("print('harm')",)


@pytest.mark.parametrize("archive", [True, False])
def test_no_code_of_a_file_runs(archive: bool, capsys) -> None:
    with pytest.raises(CardError, match=r"holds weights only \(it names __builtin__\.eval\)"):
        read_torch_weights(written({"a": torch.zeros(2), "b": Harm()}, archive=archive), "x.pth")
    assert "harm" not in capsys.readouterr().out


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    whole = written(state(), archive=False)
    for data in (b"", b"PK", b"text", pickle.dumps(5), pickle.dumps({}), whole[:-40], whole[:200]):
        with pytest.raises(
            CardError,
            match=r"x\.pth is (not a checkpoint of torch that holds weights only|damaged or not what it should be)",
        ):
            read_torch_weights(data, "x.pth")
    with pytest.raises(CardError, match="holds no weights by name"):
        read_torch_weights(written({"epoch": 3}, archive=True), "x.pth")
    (tmp_path / "other.pth").write_bytes(whole)
    with pytest.raises(CardError, match=r"other\.pth holds weights without their network; .* `mien export`"):
        read_network_file(tmp_path / "other.pth")


@pytest.mark.parametrize("archive", [True, False])
def test_a_damaged_checkpoint_is_read_or_refused_in_one_sentence(archive: bool) -> None:
    """A changed length ended in a MemoryError."""
    for damaged in mutants(written({"state_dict": state()}, archive=archive), 200, seed=3):
        try:
            read_torch_weights(damaged, "a.pth")
        except CardError as reason:
            assert "a.pth" in str(reason) and "\n" not in str(reason)


def test_a_tensor_with_more_numbers_than_its_storage_is_refused() -> None:
    """With strides of zero, a few bytes can claim to be terabytes."""
    content = {"a": torch.ones(1).expand(1 << 20, 1 << 20)}
    with pytest.raises(CardError, match="reaches beyond its storage"):
        read_torch_weights(written(content, archive=True), "a.pth")
