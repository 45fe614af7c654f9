"""Says what network a file holds: an ONNX file by its graph, a checkpoint of torch by the names of its weights.

Runs no code of the file's and changes nothing. Imports torch for checkpoints only.
"""

from pathlib import Path

from mien.library.import_model import EMBEDDING, recognize
from mien.models.network_file import FORMATS, read_network_file


def inspect_model(file: Path) -> dict[str, object]:
    """Describe the network of a file: its family first, then what is known of its input and weights.

    Args:
        file: an ONNX file, a checkpoint of torch, or the folder of a checkpoint of mien.

    Raises:
        CardError: an ONNX file that cannot be read, or of no known family.
        CheckpointError: a checkpoint that cannot be read, or whose network is not known.

    Example:
        >>> mien.inspect_model(Path("my-r50.onnx"))["input"]
        '112x112'
    """
    return _inspect_network(file) if file.suffix.lower() in FORMATS else _inspect_checkpoint(file)


def _inspect_network(file: Path) -> dict[str, object]:
    family, graph = recognize(read_network_file(file).data, str(file))
    return {
        "family": family,
        "input": f"{graph.width or 'any'}x{graph.height or 'any'}",
        "normalization": "in the graph" if graph.prepares else "outside, see `mien models add`",
        "colour": "not in the file" if family == EMBEDDING else "the family's",
    }


def _inspect_checkpoint(file: Path) -> dict[str, object]:
    from mien.train.recognizers.weights import read_weights

    found = read_weights(file / "state.pt" if file.is_dir() else file)
    spec = found.spec
    return {
        "family": found.backbone,
        "embedding": found.embedding,
        "parameters": found.parameters,
        "tensors": len(found.state),
        "input": f"{spec.size}x{spec.size}, {spec.template} pose",
        "colour": spec.colour,
        "normalization": f"(pixel - {_channels(spec.mean)}) / {_channels(spec.scale)}",
        "known from": found.note,
        "prefix of names": found.prefix or "none",
        "besides the weights": ", ".join(found.other) or "nothing",
    }


def _channels(values: tuple[float, float, float]) -> str:
    """One number where all channels have the same."""
    return f"{values[0]:g}" if len(set(values)) == 1 else str(values)
