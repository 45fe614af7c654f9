"""Make a model of the store from a run, a checkpoint, or other people's weights, of whatever kind of network."""

from pathlib import Path

from mien.errors import CheckpointError
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.plain_names import name_from, require_name
from mien.progress import OnProgress, no_progress
from mien.train.exported import Colour, Exported, ExportRequest
from mien.train.kinds import KINDS


def export(
    source: Path,
    *,
    name: str | None = None,
    crops: Path | None = None,
    calibrate: Path | None = None,
    half: bool = False,
    mirror: bool = False,
    colour: Colour | None = None,
    engine: EngineOptions = DEFAULT_OPTIONS,
    on_progress: OnProgress = no_progress,
) -> Exported:
    """Export weights to ONNX, compare the file with the network, and put it into the store with its card.

    Args:
        source: a run's folder, a checkpoint's folder, or a file of weights.
        name: of the model; None takes the run's or the file's.
        crops: what to compare on: a pack, or for a detector a folder of images; None takes what the recipe names.
        calibrate: a pack of subjects to measure the card's thresholds on; only for recognizers.
        half: store weights in half precision.
        mirror: average each embedding with that of the mirrored crop; only for recognizers.
        colour: the channel order that other people's weights were trained with; only for recognizers. None takes
            that of the layout's authors.
        engine: how the exported model runs while thresholds are measured.
        on_progress: called while thresholds are measured.

    Raises:
        CheckpointError: the weights cannot be read, or the file does not give what the network gives.
        ExportOptionError: an option does not apply to this kind of network.

    Example:
        >>> mien.export_model(Path("run"), name="tiny").model.card.embedding.size
        64
    """
    chosen = require_name(name or default_name(source), "model", CheckpointError, "choose one with --name NAME")
    request = ExportRequest(
        source=source,
        name=chosen,
        crops=crops,
        calibrate=calibrate,
        half=half,
        mirror=mirror,
        colour=colour,
        engine=engine,
        on_progress=on_progress,
    )
    for kind in KINDS.values():
        exported = kind.export(request)
        if exported is not None:
            return exported
    raise CheckpointError(f"{source} has no network that mien knows")


def default_name(source: Path) -> str:
    """The name of a run or of a file, as a model may be called."""
    folder = source.parent.parent if source.parent.name == "checkpoints" else source
    own = folder.stem if source.is_file() else folder.resolve().name
    return name_from(own) or own
