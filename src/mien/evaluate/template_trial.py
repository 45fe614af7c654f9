"""Tries the known templates on some images: with a wrong one a good recognizer loses half of its accuracy.

The same images are cut by each template and embedded; a template is called better only where its false non-match rate
differs from the card's beyond the 95% interval of the paired difference. Changes no card.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mien.data.cropping import Cropped, CropSettings, crop_variants
from mien.data.importing import read_set
from mien.data.sample import Sample
from mien.detect.families import open_detector
from mien.errors import CardError
from mien.evaluate.differences import Difference, difference
from mien.evaluate.wording import message, share
from mien.messages import Message
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.models.store import Model
from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.rates_at import threshold_at
from mien.pipeline import Policy
from mien.progress import OnProgress, no_progress, report_progress
from mien.rates import Indices
from mien.recognize.recognizer import Recognizer
from mien.templates import TEMPLATES, TemplateSpec, make_template, template_text
from mien.types import Floats
from mien.units import Metric

KNOWN = (*TEMPLATES, "box:1", "box:1.3")
"""The templates that are tried, where they are defined for the size of the crops."""

MAX_IMAGES = 300
"""Images that are tried; a wrong template shows on fewer."""

PART = 32
"""Images between two reports of progress."""

MAX_OF_SUBJECT = 4
MIN_PEOPLE = 10
"""People with several images that a trial needs."""

RATE = 0.01
"""The false match rate at which templates are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedTemplate:
    """What the recognizer misses with one template.

    Attributes:
        template: as options write it.
        fnmr: the false non-match rate at a false match rate of 1% on the images.
        difference: from the card's template; None for that one.
    """

    template: str
    fnmr: float
    difference: Difference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateTrial:
    """The templates that were tried on some images.

    Attributes:
        tried: the card's template first.
        images: how many images had a face in all of them.
        people: whose they are.
    """

    tried: tuple[TriedTemplate, ...]
    images: int
    people: int

    @property
    def better(self) -> TriedTemplate | None:
        """The best template that is better than the card's beyond the interval; None where the card's is right."""
        found = [one for one in self.tried if one.difference is not None and one.difference.is_gain]
        return min(found, key=lambda one: one.fnmr) if found else None

    def warning(self, name: str) -> Message | None:
        """A sentence on the better template, with the remedy; None where the card's is right."""
        best = self.better
        if best is None:
            return None
        return message(
            "template.better",
            name=name,
            better=best.template,
            given=self.tried[0].template,
            misses=share(best.fnmr),
            more=share(self.tried[0].fnmr),
            images=self.images,
        )


def try_templates(
    model: Model,
    source: Path,
    *,
    detector: str,
    options: EngineOptions = DEFAULT_OPTIONS,
    on_progress: OnProgress = no_progress,
) -> TemplateTrial | None:
    """Compare the card's template with the known ones on a set of people with several images each.

    Args:
        model: a recognizer.
        source: a manifest or FOLDER/subject/*.jpg.
        detector: finds the faces.
        options: of the engine.
        on_progress: called after every few images.

    Returns:
        What each template misses; None where the set has too few people with several images, or aligned crops.

    Raises:
        CardError: the model is not a recognizer.
        ManifestError: the set cannot be read.

    Example:
        >>> from mien.library.import_model import ModelHints
        >>> model = mien.add_model(Path("my-r50.onnx"), hints=ModelHints(colour="RGB"))
        >>> trial = mien.try_templates(model, Path("portraits"), detector="mtcnn")
        >>> [one.template for one in trial.tried]
        ['arcface', 'arcface-96x112', 'dlib', 'box:1', 'box:1.3']
    """
    with TemporaryDirectory() as scratch:
        samples = _chosen(list(read_set(source, Path(scratch) / "set.parquet").samples()))
        if not samples:
            return None
        own = Recognizer(model, options)
        specs: list[TemplateSpec] = [own.spec.template, *_others(own)]
        networks = [own, *(Recognizer(_with(model, spec), options) for spec in specs[1:])]
        settings = [CropSettings(template=one.template, size=one.size, policy=Policy()) for one in networks]
        parts = [samples[start : start + PART] for start in range(0, len(samples), PART)]
        finder = open_detector(detector, options)
        crops = [
            row
            for part in report_progress(parts, "trying templates", len(parts), on_progress)
            for row in crop_variants(part, finder, settings)
        ]
        rows = [_embed(network, column) for network, column in zip(networks, zip(*crops, strict=True), strict=True)]
    return _compared(specs, rows, [sample.subject for sample in samples], own.spec.metric)


def _chosen(samples: Sequence[Sample]) -> list[Sample]:
    """A few images each of people with several; none where crops are aligned already or people are few."""
    if any(sample.aligned or not sample.subject for sample in samples):
        return []
    by_subject: dict[str, list[Sample]] = {}
    for sample in samples:
        by_subject.setdefault(sample.subject, []).append(sample)
    several = [own[:MAX_OF_SUBJECT] for own in by_subject.values() if len(own) > 1]
    if len(several) < MIN_PEOPLE:
        return []
    order = np.random.default_rng(0).permutation(len(several))
    chosen: list[Sample] = []
    for place in order:
        if len(chosen) + len(several[place]) > MAX_IMAGES:
            break
        chosen += several[place]
    return chosen


def _others(own: Recognizer) -> list[TemplateSpec]:
    """The known templates that are defined for the network's size, without its own."""
    found: list[TemplateSpec] = []
    for name in KNOWN:
        try:
            make_template(name, own.size)
        except CardError:
            continue
        if name != template_text(own.spec.template):
            found.append(name)
    return found


def _with(model: Model, template: TemplateSpec) -> Model:
    card = model.card
    assert card.embedding is not None
    spec = card.embedding.model_copy(update={"template": template})
    return Model(card.model_copy(update={"embedding": spec}), model.folder)


def _embed(network: Recognizer, cropped: Sequence[Cropped]) -> list[Floats | None]:
    """An embedding for each sample; None where it has no crop."""
    found = iter(network.embed([one.crop for one in cropped if one.crop is not None]))
    return [None if one.crop is None else next(found) for one in cropped]


def _compared(
    specs: Sequence[TemplateSpec], rows: Sequence[list[Floats | None]], subjects: Sequence[str], metric: Metric
) -> TemplateTrial | None:
    kept = [place for place in range(len(subjects)) if all(row[place] is not None for row in rows)]
    names, numbers = np.unique([subjects[place] for place in kept], return_inverse=True)
    if len(names) < MIN_PEOPLE:
        return None
    numbers = numbers.astype(np.int64)
    pairs = [compare_all(_stacked(row, kept), numbers, metric) for row in rows]
    trials = np.bincount(numbers[pairs[0].mated_samples[:, 0]], minlength=len(names)).astype(np.int64)
    if not trials.any():
        return None
    misses = [_misses(one, numbers) for one in pairs]
    tried = tuple(
        TriedTemplate(
            template=template_text(spec),
            fnmr=float(wrong.sum() / trials.sum()),
            difference=None if place == 0 else difference(misses[0], wrong, trials),
        )
        for place, (spec, wrong) in enumerate(zip(specs, misses, strict=True))
    )
    return TemplateTrial(tried=tried, images=len(kept), people=len(names))


def _stacked(row: Sequence[Floats | None], kept: Sequence[int]) -> Floats:
    return np.stack([vector for place in kept if (vector := row[place]) is not None])


def _misses(pairs: PairStatistics, numbers: Indices) -> Indices:
    """False non-matches of each subject at the rate of the trial."""
    missed = pairs.mated < np.float64(pairs.similarity(threshold_at(pairs, RATE)))
    who = numbers[pairs.mated_samples[:, 0]]
    return np.bincount(who, missed, minlength=int(numbers.max()) + 1).astype(np.int64)
