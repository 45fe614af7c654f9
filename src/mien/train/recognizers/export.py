"""From a recognizer's weights to a model that serves everywhere: ONNX, a card with its golden vector, thresholds.

Takes mien's own checkpoints and other people's. Compares the exported file with the network on real crops before it
is kept. Trains nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from mien.data.pack import Pack, is_pack
from mien.errors import CheckpointError, ExportOptionError, ManifestError
from mien.evaluate.in_memory import embed_all
from mien.evaluate.report import read_report
from mien.evaluate.thresholds import Calibration, choose_thresholds
from mien.library.import_model import import_model
from mien.messages import Text, text_of
from mien.models import store
from mien.models.card import AccuracyRow, ModelCard
from mien.models.halve import halve
from mien.models.session import open_unchecked
from mien.progress import report_progress
from mien.recognize.recognizer import Recognizer
from mien.train.exported import (
    Colour,
    Exported,
    ExportRequest,
    describe_source,
    fill_about,
    find_checkpoint,
    hints_of,
    min_cosine,
    require_parity,
    write_onnx,
)
from mien.train.recipe.io import parse_stored
from mien.train.recipe.settings import About
from mien.train.recognizers.backbones.backbone import Backbone
from mien.train.recognizers.embed import embedder
from mien.train.recognizers.guard import read_sentences
from mien.train.recognizers.recipe import RECOGNIZER_RECIPE
from mien.train.recognizers.sources import require_pose
from mien.train.recognizers.weights import read_weights
from mien.train.run import checkpoint
from mien.types import Image

COMPARED = 64
"""Crops that file and network are compared on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizerOrigin:
    """A network to export, and what is known of how it was made.

    Attributes:
        backbone: the network.
        about: for the card.
        source: recipe, step and commit, in a sentence.
        sets: the packs of its recipe, those of the evaluations first.
        run: the folder of its run, where the report is; None for other people's weights.
        classes: names of the subjects that it was trained on, as far as they are known.
    """

    backbone: Backbone
    about: About
    source: str
    sets: tuple[Path, ...] = ()
    run: Path | None = None
    classes: tuple[str, ...] = ()


def open_origin(path: Path) -> RecognizerOrigin:
    """Open a run's folder (its newest checkpoint), a checkpoint's folder, or a file of other people's weights.

    Raises:
        CheckpointError: it does not exist or cannot be read.
    """
    place = find_checkpoint(path)
    if place.is_file():
        found = read_weights(place)
        about = About(summary=f"{found.backbone} from {place.name}", training_data="not stated")
        return RecognizerOrigin(
            backbone=found.network(), about=about, source=f"converted from {place.name}; {found.note}"
        )
    saved = checkpoint.read_network(place)
    recipe = parse_stored(RECOGNIZER_RECIPE, str(saved.state["recipe_text"]), str(saved.where))
    classes, data = tuple(saved.state["classes"]), ", ".join(path.name for path in recipe.data.sets)
    return RecognizerOrigin(
        backbone=read_weights(saved.where / "state.pt").network(),
        about=fill_about(
            recipe,
            f"{recipe.model.backbone} trained with {recipe.head.name}",
            f"{data}: {len(classes)} subjects",
        ),
        source=describe_source(recipe, saved),
        sets=tuple(path for path in (*(one.set for one in recipe.evaluate), *recipe.data.sets) if is_pack(path)),
        run=saved.where.parent.parent,
        classes=classes,
    )


def export_recognizer(request: ExportRequest) -> Exported:
    """Export weights of a recognizer, and measure thresholds if a pack of subjects is given.

    Raises:
        CheckpointError: the weights cannot be read, or the file does not give the network's embeddings.
        ExportOptionError: a colour order is given for a run, which knows its own.
        ManifestError: the pack has too few subjects for thresholds.
    """
    origin = open_origin(request.source)
    if request.colour is not None:
        origin = _with_colour(origin, request.colour)
    pack = request.crops or next(iter(origin.sets), None)
    if pack is None:
        raise CheckpointError(
            f"{request.source} does not say which crops it belongs to: name a pack with --crops PACK to compare "
            "file and network on"
        )
    crops = some_crops(pack, origin.backbone)
    model = export_network(origin, request.name, crops, half=request.half, mirror=request.mirror)
    if request.calibrate is None:
        return Exported(model)
    warning = describe_known(origin, request.calibrate)
    try:
        model, found = measure_thresholds(model, request)
    except ManifestError as reason:
        raise ManifestError(f"{reason}; also, {warning}" if warning else str(reason)) from reason
    return Exported(model, (*((warning,) if warning else ()), *(one.text("en") for one in found.refused.values())))


def _with_colour(origin: RecognizerOrigin, colour: Colour) -> RecognizerOrigin:
    if origin.run is not None:
        raise ExportOptionError(f"{origin.run} knows the colour order that it was trained with: leave --colour out")
    origin.backbone.spec = origin.backbone.spec.with_colour(colour)
    return replace(origin, source=f"{origin.source}; taken as {colour}, as its owner says")


def to_onnx(backbone: Backbone) -> bytes:
    """Write the network as an ONNX file with a free batch: input (N, 3, size, size), output (N, embedding)."""
    size = backbone.spec.size
    return write_onnx(
        backbone.cpu().float().eval(),
        torch.zeros(2, 3, size, size),
        ["embedding"],
        {"input": {0: "batch"}, "embedding": {0: "batch"}},
    )


def export_network(
    origin: RecognizerOrigin, name: str, crops: Sequence[Image], *, half: bool = False, mirror: bool = False
) -> store.Model:
    """Export a network and put it into the store.

    Args:
        origin: the network.
        name: of the model.
        crops: (size, size, 3) uint8 RGB each, aligned: real ones, on which file and network are compared.
        half: store weights in half precision.
        mirror: whether the model averages each embedding with that of the mirrored crop.

    Raises:
        CheckpointError: the file does not give the network's embeddings.
    """
    backbone, about = origin.backbone, origin.about
    data = to_onnx(backbone)
    hints = replace(hints_of(about, origin.source, backbone.spec), mirror=mirror, template=backbone.spec.template)
    card, files = import_model(halve(data) if half else data, name, hints)
    parity = require_parity(name, _parity(backbone, files["model"], card, crops), f"{len(crops)} crops", half=half)
    card = card.model_copy(update={"summary": about.summary, "accuracy": (parity, *_measured(origin))})
    return store.save(card, files)


def _parity(backbone: Backbone, data: bytes, card: ModelCard, crops: Sequence[Image]) -> float:
    images = np.stack(crops)
    here = embedder(backbone, torch.device("cpu"))(images)
    return min_cosine(here, open_unchecked(data, card.input).run(images)[0].reshape(len(images), -1))


def _measured(origin: RecognizerOrigin) -> list[AccuracyRow]:
    """What the guard says, in English as the rest of the card; runs of mien 0.5 have it in their report alone."""
    if origin.run is None:
        return []
    sentences: Sequence[Text] = read_sentences(origin.run)
    report = origin.run / "report" / "report.json"
    if not sentences and report.is_file():
        sentences = read_report(report).headline[1:]
    return [AccuracyRow(protocol="in training", figure=text_of(one, "en")) for one in sentences]


def some_crops(path: Path, backbone: Backbone) -> list[Image]:
    """Read crops to compare on.

    Raises:
        RecipeError: a pack of another size or pose.
    """
    pack = Pack(path)
    require_pose(pack, backbone.spec.size, backbone.spec.template)
    return list(islice(pack.crops(), COMPARED))


def describe_known(origin: RecognizerOrigin, path: Path) -> str:
    """Warn of subjects of a pack who have names of subjects that a network was trained on; empty without any."""
    known = len(set(Pack(path).subjects) & set(origin.classes))
    if not known:
        return ""
    return (
        f"{known} subject{'s' if known > 1 else ''} of {path} have names of subjects that the model was trained on; "
        "measure thresholds on others, or they promise too much"
    )


def measure_thresholds(model: store.Model, request: ExportRequest) -> tuple[store.Model, Calibration]:
    """Choose thresholds on half of a pack's subjects, score them on the other half, and write them on the card.

    Raises:
        ManifestError: the pack has too few subjects.
    """
    assert request.calibrate is not None
    pack = Pack(request.calibrate)
    crops = report_progress(pack.crops(), "embedding", len(pack), request.on_progress)
    vectors = embed_all(Recognizer(model, request.engine).embed, crops)
    subjects = [pack.subjects[label] for label in pack.labels.tolist()]
    found = choose_thresholds(vectors, subjects, "cosine", request.calibrate.name)
    return store.rewrite_card(model, model.card.model_copy(update={"thresholds": found.rows})), found
