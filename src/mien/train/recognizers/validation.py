"""Sets that a recognizer is evaluated on while it is trained, with the protocols of mien.evaluate.

Opens them once, and embeds them with the network of the moment. Computes no rate itself.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.data.bins import read_bin
from mien.data.pack import Pack, is_pack
from mien.data.pairs import Pair, numbered_pairs, read_pairs
from mien.evaluate.in_memory import Embed, embed_all, embedded_of, mirrored
from mien.evaluate.protocols.impostor import impostor
from mien.evaluate.protocols.mated import mated
from mien.evaluate.protocols.verification import evaluate_pairs
from mien.evaluate.report import Number, Report
from mien.evaluate.scorefile import Embedded
from mien.image import decode
from mien.messages import Argument, Message
from mien.train.compute.distributed import ALONE, World
from mien.train.recognizers.backbones.backbone import BackboneInput
from mien.train.recognizers.recipe import RecognizerEvaluate
from mien.train.recognizers.sources import require_pose
from mien.train.run.wording import message
from mien.types import Floats, Image, floats
from mien.whole_files import whole_file

HEADLINE = (
    "accuracy",
    "fnmr@1e-04",
    "fnmr@1e-03",
    "fnmr@1e-02",
    "fnmr@1e-01",
    "eer",
    "auc",
    "threshold@1e-04",
    "most alike",
)
"""The metrics that stand for an evaluation, the most important first."""


@dataclass(frozen=True, slots=True, eq=False)
class ValidationSet:
    """A set to evaluate on.

    Attributes:
        settings: what the recipe says of it.
        names: of its crops, for lists of pairs.
        subjects: of its crops; empty strings for a `.bin` file, which has only pairs.
        pairs: to compare; empty if all comparisons are made.
        failures: name, status and detail of samples without a crop.
    """

    settings: RecognizerEvaluate
    names: tuple[str, ...]
    subjects: tuple[str, ...]
    pairs: tuple[Pair, ...]
    failures: tuple[tuple[str, str, str], ...]

    def crops(self, first: int = 0, last: int | None = None) -> Iterator[Image]:
        """Read the crops first to last - 1, or all: (size, size, 3) uint8 RGB each."""
        path, last = self.settings.set, len(self.names) if last is None else last
        if is_pack(path):
            pack = Pack(path)
            yield from (pack.read(number) for number in range(first, last))
            return
        images = read_bin(path).images
        for number in range(first, last):
            yield decode(images[number], f"{path}, image {number}").image

    def embed(self, embed: Embed, world: World = ALONE) -> Floats:
        """Embed its crops, as its settings say; each process embeds a share, and all get the whole: (N, D)."""
        crops = self.crops(*world.slice_of(len(self.names)))
        own = embed_all(mirrored(embed) if self.settings.mirror else embed, crops)
        return floats(world.gather_rows(own))

    def embedded(self, vectors: Floats, model: str) -> Embedded:
        """Wrap embeddings as the protocols take them."""
        found = embedded_of(vectors, self.subjects, name=model)
        places = found.paths, found.records
        if any(self.subjects):
            # A crop of a pack is named by its number, so that reports can show it.
            places = (str(self.settings.set),) * len(vectors), tuple(range(len(vectors)))
        return replace(
            found,
            paths=places[0],
            records=places[1],
            names=self.names,
            origin=replace(found.origin, source=self.settings.name),
            failed=dict(Counter(status for _, status, _ in self.failures)),
            failures=self.failures,
        )

    def report(self, vectors: Floats, model: str) -> Report:
        """Evaluate embeddings: verification on its pairs, all comparisons, or only those of different people."""
        embedded = self.embedded(vectors, model)
        if self.pairs:
            return evaluate_pairs(embedded, self.pairs, (self.settings.pairs or self.settings.set).name)
        if self.settings.protocol == "impostor" or len(set(self.subjects)) == len(self.subjects):
            return impostor(embedded)
        return mated(embedded)


def open_validation_set(settings: RecognizerEvaluate, spec: BackboneInput) -> ValidationSet:
    """Open a set of the recipe.

    Raises:
        ManifestError: it cannot be read, or a list of pairs names what it does not have.
        RecipeError: its crops have another size or pose than the network takes.
    """
    path = settings.set
    if not is_pack(path):
        if path.suffix != ".bin":
            Pack(path)  # Raises an error that says what the folder lacks.
        mated_ = read_bin(path).mated
        names = tuple(f"{number:06d}" for number in range(2 * len(mated_)))
        return ValidationSet(settings, names, ("",) * len(names), tuple(numbered_pairs(mated_.tolist())), ())
    pack = Pack(path)
    require_pose(pack, spec.size, spec.template)
    rows = [(str(row["path"]), str(row["subject"])) for row in pack.rows()]
    failures = tuple((str(row["path"]), str(row["status"]), str(row["detail"])) for row in pack.rejected())
    pairs = tuple(read_pairs(settings.pairs)) if settings.pairs is not None else ()
    return ValidationSet(settings, tuple(name for name, _ in rows), tuple(who for _, who in rows), pairs, failures)


def headline_metrics(report: Report) -> list[str]:
    """The names of a report's metrics that stand for it, the most important first."""
    return [name for name in HEADLINE if name in report.numbers and report.numbers[name].value is not None]


def describe_number(number: Number) -> Message:
    """A number with its interval, if it has one; shares in percent."""
    if number.value is None:
        return Message("evaluate.not-measured")
    kind, factor = ("share", 100) if number.unit is None else ("score", 1)
    given: dict[str, Argument] = {"unit": number.unit or "", "value": factor * number.value}
    if number.low is None or number.high is None:
        return message(f"number.{kind}", **given)
    return message(f"number.{kind}-interval", **given, low=factor * number.low, high=factor * number.high)


def embeddings_path(folder: Path, name: str, when: str) -> Path:
    """Where a run saves the embeddings of a set, `before` the first step or `after` the last evaluation."""
    return folder / "embeddings" / f"{name}-{when}.npy"


def save_embeddings(vectors: Floats, path: Path) -> None:
    """Save embeddings for the comparison at the end."""
    with whole_file(path) as scratch:
        np.save(scratch, vectors)
