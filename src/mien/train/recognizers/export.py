"""From a checkpoint to a model that serves everywhere: ONNX, a card with its golden vector, thresholds, the store.

Takes mien's own checkpoints and other people's. Compares the exported file with the network on real crops before it
lets it go. Trains nothing.
"""

import io
import tomllib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from mien.data.pack import Pack, is_pack
from mien.errors import CheckpointError
from mien.evaluate.in_memory import embed_all
from mien.evaluate.report import read_report
from mien.evaluate.thresholds import Calibration, choose_thresholds
from mien.library.import_model import ModelHints, import_model
from mien.models import store
from mien.models.card import AccuracyRow, ModelCard
from mien.models.halve import halve
from mien.models.session import open_unchecked
from mien.recognize.recognizer import Recognizer
from mien.train import checkpoint
from mien.train.recipe_io import parse_recipe
from mien.train.recognizers.backbones.backbone import Backbone
from mien.train.recognizers.embed import embedder
from mien.train.recognizers.recipe import Recipe
from mien.train.recognizers.sources import require_pose
from mien.train.recognizers.weights import read_weights
from mien.train.settings import About
from mien.types import Image

PARITY = 0.9999
"""Least cosine between the network's embedding of a crop and the exported file's."""

COMPARED = 64
"""Crops on which they are compared."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A network to export, and what is known of how it came to be.

    Attributes:
        backbone: the network.
        about: for the card.
        source: a sentence: recipe, step, commit.
        sets: the packs of its recipe, the evaluation's first.
        run: the folder of its run, where the report lies; None for other people's weights.
        classes: names of the subjects it was trained on, as far as they are known.
    """

    backbone: Backbone
    about: About
    source: str
    sets: tuple[Path, ...] = ()
    run: Path | None = None
    classes: tuple[str, ...] = ()


def open_origin(path: Path) -> Origin:
    """Open a run's folder (its newest checkpoint), a checkpoint's folder, or a file of other people's weights.

    Raises:
        CheckpointError: there is none, or it cannot be read.
    """
    if not path.exists():
        raise CheckpointError(f"{path} does not exist; give a run's folder, a checkpoint's, or a file of weights")
    if path.is_file():
        found = read_weights(path)
        about = About(summary=f"{found.backbone} from {path.name}", training_data="not stated")
        return Origin(found.network(), about, f"converted from {path.name}; {found.note}")
    if (path / "checkpoints").is_dir():
        newest = checkpoint.latest(path / "checkpoints")
        if newest is None:
            raise CheckpointError(f"{path} has no checkpoint yet; train on with `mien train {path}/recipe.toml`")
        saved = newest
    else:
        saved = checkpoint.read(path)
    recipe = parse_recipe(tomllib.loads(str(saved.state["recipe_text"])), str(saved.where))
    assert isinstance(recipe, Recipe)  # A detector's checkpoint is exported by detectors.export.
    network = read_weights(saved.where / "state.pt").network()
    return Origin(
        network,
        _about(recipe, len(saved.state["classes"])),
        f"trained by mien with the recipe {recipe.name} (sha256 {recipe.digest[:12]}), step {saved.step}, "
        f"commit {saved.state['commit'] or 'not known'}",
        tuple(path for path in (*(one.set for one in recipe.evaluate), *recipe.data.sets) if is_pack(path)),
        saved.where.parent.parent,
        tuple(saved.state["classes"]),
    )


def _about(recipe: Recipe, classes: int) -> About:
    about = recipe.about
    data = ", ".join(path.name for path in recipe.data.sets)
    return about.model_copy(
        update={
            "summary": about.summary or f"{recipe.model.backbone} trained with {recipe.head.name}",
            "training_data": about.training_data or f"{data}: {classes} subjects",
        }
    )


def to_onnx(backbone: Backbone) -> bytes:
    """The network as an ONNX file with a free batch: input (N, 3, size, size), output (N, embedding)."""
    backbone = backbone.cpu().float().eval()
    size, stream = backbone.pixels.size, io.BytesIO()
    free = {"input": {0: "batch"}, "embedding": {0: "batch"}}
    with warnings.catch_warnings():
        # The exporter that torch now prefers needs two more packages, and gives the same graph for these networks.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            backbone,
            (torch.zeros(2, 3, size, size),),
            stream,  # type: ignore[arg-type]
            input_names=["input"],
            output_names=["embedding"],
            dynamic_axes=free,
            opset_version=17,
            dynamo=False,
        )
    return stream.getvalue()


def export(
    origin: Origin, name: str, crops: Sequence[Image], *, half: bool = False, mirror: bool = False
) -> store.Model:
    """Export a network and put it into the store.

    Args:
        origin: the network.
        name: of the model.
        crops: (size, size, 3) uint8 RGB each, aligned: real ones, on which file and network are compared.
        half: store weights in half precision.
        mirror: whether the model averages in the mirror image.

    Raises:
        CheckpointError: the file does not give the network's embeddings.
    """
    backbone, pixels, about = origin.backbone, origin.backbone.pixels, origin.about
    data = to_onnx(backbone)
    hints = ModelHints(
        colour=pixels.colour,
        mean=pixels.mean,
        scale=pixels.scale,
        mirror=mirror,
        template=pixels.template,
        licence=about.licence,
        commercial_use=about.commercial_use,
        training_data=about.training_data,
        source=origin.source,
    )
    card, files = import_model(halve(data) if half else data, name, hints)
    nearness = _nearness(backbone, files["model"], card, crops)
    if nearness < PARITY:
        raise CheckpointError(
            f"{name}: on {len(crops)} crops the exported file comes only within a cosine of {nearness:.6f} of the "
            "network; it is not kept" + ("; leave --half out" if half else "")
        )
    parity = AccuracyRow(protocol=f"export, {len(crops)} crops", figure=f"least cosine to the network {nearness:.6f}")
    card = card.model_copy(update={"summary": about.summary, "accuracy": (parity, *_measured(origin))})
    return store.save(card, files)


def _nearness(backbone: Backbone, data: bytes, card: ModelCard, crops: Sequence[Image]) -> float:
    images = np.stack(crops)
    here = embedder(backbone, torch.device("cpu"))(images)
    there = open_unchecked(data, card.input).run(images)[0].reshape(len(images), -1)
    norms = np.linalg.norm(here, axis=1) * np.linalg.norm(there, axis=1)
    return float(((here * there).sum(axis=1) / np.maximum(norms, 1e-12)).min())


def _measured(origin: Origin) -> list[AccuracyRow]:
    """What the training's own report says."""
    report = (origin.run / "report" / "report.json") if origin.run is not None else None
    if report is None or not report.is_file():
        return []
    return [AccuracyRow(protocol="in training", figure=sentence) for sentence in read_report(report).headline[1:]]


def some_crops(path: Path, backbone: Backbone) -> list[Image]:
    """Crops to compare on.

    Raises:
        RecipeError: a pack of another size or pose.
    """
    pack, pixels = Pack(path), backbone.pixels
    require_pose(pack, pixels.size, pixels.template)
    return list(islice(pack.crops(), COMPARED))


def trained_on(origin: Origin, path: Path) -> int:
    """How many subjects of a pack have names of subjects that a network was trained on."""
    return len(set(Pack(path).subjects) & set(origin.classes))


def measure_thresholds(model: store.Model, path: Path) -> tuple[store.Model, Calibration]:
    """Choose thresholds on half of a pack's subjects, score them on the other half, and write them on the card.

    Raises:
        ManifestError: the pack has too few subjects.
    """
    pack = Pack(path)
    vectors = embed_all(Recognizer(model).embed, pack.crops())
    found = choose_thresholds(vectors, [pack.subjects[label] for label in pack.labels.tolist()], "cosine", path.name)
    return store.rewrite_card(model, model.card.model_copy(update={"thresholds": found.rows})), found
