"""What exports of recognizers and detectors share: the request, the result, finding the checkpoint, ONNX, parity.

Knows no network. Nothing is kept that does not give what the network gives.
"""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from mien.errors import CheckpointError
from mien.library.import_model import ModelHints
from mien.models.card import AccuracyRow, InputSpec
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.models.store import Model
from mien.progress import OnProgress, no_progress
from mien.train.recipe.settings import About, Training
from mien.train.run import checkpoint
from mien.train.run.checkpoint import Saved
from mien.types import Floats

MIN_PARITY = 0.9999
"""Minimum cosine between an output of the network and the exported file's."""

Colour = Literal["RGB", "BGR"]

OPSET = 17
"""The first with layer norm, and old enough for every engine that mien uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What to export, and how.

    Attributes:
        source: a run's folder, a checkpoint's folder, or a file of weights.
        name: of the model.
        crops: what file and network are compared on: a pack, or for a detector a folder of images; None takes what
            the recipe names, or drawn images.
        calibrate: a pack of subjects to measure the card's thresholds on; only for recognizers.
        half: store weights in half precision.
        mirror: average each embedding with that of the mirrored crop; only for recognizers.
        colour: the channel order that other people's weights were trained with; None takes the layout's authors'.
        engine: how the exported model runs while thresholds are measured.
        on_progress: called while thresholds are measured.
    """

    source: Path
    name: str
    crops: Path | None = None
    calibrate: Path | None = None
    half: bool = False
    mirror: bool = False
    colour: Colour | None = None
    engine: EngineOptions = DEFAULT_OPTIONS
    on_progress: OnProgress = no_progress


@dataclass(frozen=True, slots=True)
class Exported:
    """A model that was made of weights.

    Attributes:
        model: in the store.
        warnings: sentences about its thresholds.
    """

    model: Model
    warnings: tuple[str, ...] = ()


def find_checkpoint(path: Path) -> Path:
    """Find what to read of a run's folder (its newest checkpoint), a checkpoint's folder, or a file of weights.

    Raises:
        CheckpointError: it does not exist, or the run has no checkpoint yet.
    """
    if not path.exists():
        raise CheckpointError(
            f"{path} does not exist; name a run's folder, a checkpoint's folder, or a file of weights"
        )
    if not (path / "checkpoints").is_dir():
        return path
    newest = checkpoint.latest(path / "checkpoints", checkpoint.read_network)
    if newest is None:
        raise CheckpointError(f"{path} has no checkpoint yet; continue with `mien train {path}/recipe.toml`")
    return newest.where


def describe_source(recipe: Training, saved: Saved) -> str:
    """Describe where a checkpoint comes from, for the card."""
    return (
        f"trained by mien with the recipe {recipe.name} (sha256 {recipe.digest[:12]}), step {saved.step}, "
        f"commit {saved.state['commit'] or 'not known'}"
    )


def fill_about(recipe: Training, summary: str, training_data: str) -> About:
    """What the card says: the recipe's words, or these where it has none."""
    about = recipe.about
    return about.model_copy(
        update={"summary": about.summary or summary, "training_data": about.training_data or training_data}
    )


def hints_of(about: About, source: str, spec: InputSpec) -> ModelHints:
    """What the store needs to know of an exported file."""
    return ModelHints(
        colour=spec.colour,
        mean=spec.mean,
        scale=spec.scale,
        licence=about.licence,
        commercial_use=about.commercial_use,
        training_data=about.training_data,
        source=source,
    )


def write_onnx(network: nn.Module, example: Tensor, outputs: Sequence[str], axes: dict[str, dict[int, str]]) -> bytes:
    """Write a network as an ONNX file.

    Args:
        network: on the CPU, in evaluation mode.
        example: an input.
        outputs: names of the outputs.
        axes: names of the axes of any length, by input or output.
    """
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter that torch now prefers needs two more packages, and gives the same graph for these networks.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            stream,  # type: ignore[arg-type]
            input_names=["input"],
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    return stream.getvalue()


def min_cosine(here: Floats, there: Floats) -> float:
    """The minimum cosine between rows of two (N, D) arrays; -1 where a number of them is NaN or infinite.

    Not NaN, which `min` and comparisons let pass.
    """
    here, there = here.astype(np.float64), there.astype(np.float64)
    if not (np.isfinite(here).all() and np.isfinite(there).all()):
        return -1.0
    norms = np.linalg.norm(here, axis=1) * np.linalg.norm(there, axis=1)
    return float(((here * there).sum(axis=1) / np.maximum(norms, 1e-12)).min())


def require_parity(name: str, parity: float, compared: str, *, half: bool) -> AccuracyRow:
    """Refuse a file that does not give what the network gives; returns what the card says about it.

    Raises:
        CheckpointError: the file is too far from the network.
    """
    if not parity >= MIN_PARITY:  # NaN is not a parity
        raise CheckpointError(
            f"{name}: on {compared} the exported file comes only within a cosine of {parity:.6f} of the "
            "network; it is not kept" + ("; leave --half out" if half else "")
        )
    return AccuracyRow(protocol=f"export, {compared}", figure=f"minimum cosine to the network {parity:.6f}")
