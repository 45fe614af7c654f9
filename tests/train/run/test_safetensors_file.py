"""safetensors files, written here by their description: read, or refused without reading past their end."""

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import CheckpointError  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402
from mien.train.recognizers.weights import read_weights  # noqa: E402
from mien.train.run.safetensors_file import is_safetensors, read_safetensors  # noqa: E402
from mien.train.run.torch_file import load_file  # noqa: E402

NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.bool: "BOOL"}


def write(path: Path, tensors: dict[str, "torch.Tensor"], **changes: Any) -> Path:
    """A file by the format's description; `changes` replace keys of the first tensor's entry."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, value in tensors.items():
        own = value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        header[name] = {
            "dtype": NAMES[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [len(data), len(data) + len(own)],
        }
        data += own
    header[next(iter(tensors))] |= changes
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def test_tensors_of_all_types_are_read_wherever_they_begin(tmp_path: Path) -> None:
    tensors = {
        "odd": torch.tensor([True, False, True]),
        "a.weight": torch.randn(3, 4),
        "half": torch.randn(5).half(),
        "brain": torch.randn(2, 2).bfloat16(),
        "scalar": torch.tensor(7),
        "none": torch.empty(0, 3),
    }
    found = read_safetensors(write(tmp_path / "a.safetensors", tensors))
    assert list(found) == list(tensors)
    assert all(
        torch.equal(found[name], value) and found[name].dtype == value.dtype for name, value in tensors.items()
    )


def test_a_backbone_is_recognized_in_one(tmp_path: Path) -> None:
    state = {f"net.{key}": value.contiguous() for key, value in build("edgeface-xxs", 64).state_dict().items()}
    found = read_weights(write(tmp_path / "model.safetensors", state))
    assert (found.backbone, found.embedding, found.prefix) == ("edgeface-xxs", 64, "net.")
    assert torch.equal(found.state["model.head.fc.weight"], state["net.model.head.fc.weight"])


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [3, 5]},
        {"shape": [-3, -4]},
        {"data_offsets": [0, 10_000]},
        {"data_offsets": [-48, 0]},
        {"data_offsets": [48]},
        {"dtype": "F8_E4M3"},
        {"shape": [10**30, 10**30]},
        {"shape": "3,4"},
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    write(tmp_path / "a.safetensors", {"a.weight": torch.ones(3, 4)}, **changes)
    with pytest.raises(CheckpointError, match=r"a\.safetensors is a safetensors file that is damaged or cut off"):
        load_file(tmp_path / "a.safetensors")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    path = write(tmp_path / "a.safetensors", {"a.weight": torch.ones(3, 4)})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CheckpointError, match=r"a\.safetensors .*copy it again"):
        load_file(path)


def test_only_a_length_and_a_brace_begin_one() -> None:
    assert is_safetensors((40).to_bytes(8, "little") + b'{"a"')
    assert not is_safetensors(b"PK\x03\x04" + bytes(20))
    assert not is_safetensors((1 << 40).to_bytes(8, "little") + b"{")
    assert not is_safetensors(b"")
