"""The use case: a list of pairs through the pipeline into a decision log. Owns the order of the work; prints nothing.

Read the list, choose the threshold, measure each image once, score and decide each pair, write the log and the page,
and take the embeddings out of what is kept.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mien.data.work_folder import file_stamp, remove_work
from mien.detect.families import built_in
from mien.gallery.identity import recognizer_of
from mien.gallery.thresholds import ChosenThreshold
from mien.gallery.verification import verification_threshold
from mien.models import store
from mien.models.card import ModelCard
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.models.store import Model
from mien.pipeline import open_pipeline
from mien.progress import OnProgress, no_progress
from mien.scope import ScopePolicy, scope_policy
from mien.settings import EVERYBODY, load_settings
from mien.units import convert
from mien.verify.compared_images import ComparedImage
from mien.verify.decisions import DecisionRule, decide_pair, score_all_pairs
from mien.verify.files import FILES, write_log
from mien.verify.image_parts import VERB, Kept, measure_images, open_kept, require_unchanged, strip
from mien.verify.labelled import rates_by_label
from mien.verify.log import DecisionLog
from mien.verify.pair_list import AskedPair, PairList, read_pair_list
from mien.verify.review import FACTOR, review_band
from mien.version import __version__

VERSION = 1
"""Of what is kept; a change of what is measured raises it."""


def verify_pairs(
    pairs: Path,
    out: Path,
    *,
    columns: tuple[str, str] | None = None,
    fmr: float | None = None,
    detector: str | None = None,
    recognizer: str | None = None,
    gallery: str | Path | None = None,
    scope: str | None = None,
    review: float = FACTOR,
    overwrite: bool = False,
    language: str = "en",
    options: EngineOptions = DEFAULT_OPTIONS,
    on_progress: OnProgress = no_progress,
) -> DecisionLog:
    """Compare all pairs of a list, and write a decision log with a page that shows both faces of each pair.

    Each image is decoded, detected and embedded once. Interrupted work goes on when the same call is made again, and
    a finished log is written again without comparing anything.

    Args:
        pairs: a CSV file with two columns of images, and perhaps an id and a label (same or different). Or a folder
            with two folders of images, in which the images of a pair have one name.
        out: the folder of decisions.csv, decisions.jsonl, report.json and report.html; it belongs to this log alone.
        columns: the names of the two columns of images; None finds them.
        fmr: false match rate whose threshold decides; None takes the setting.
        detector: a model's name or the path of its card; None takes the setting.
        recognizer: as detector; with a gallery, None takes the gallery's own.
        gallery: path or address of a gallery whose people choose the threshold; None takes the card's.
        scope: what to do with a face for which the measured rate does not hold; see mien.compare.
        review: scores are listed for review that would be decided otherwise at a false match rate this many times
            higher or lower; 1 lists none.
        overwrite: whether a log of other settings, or of files that changed, is replaced.
        language: of the page.
        options: engine options.
        on_progress: called after each image.

    Raises:
        ManifestError: the list cannot be read.
        ResumeError: the folder holds something else, a log of other settings, or images changed since.
        CardError: there is no threshold for that rate.

    Example:
        >>> log = mien.verify_pairs(Path("cards.csv"), Path("decisions"))
        >>> [(one.pair.id, one.outcome) for one in log.decisions]
        [('case-1', 'match'), ('case-2', 'no match')]
    """
    settings, policy, asked = load_settings(), scope_policy(scope), read_pair_list(pairs, columns)
    name = (recognizer or settings.recognizer) if gallery is None else recognizer_of(gallery, recognizer)
    finder, model = detector or settings.detector, store.load(name)
    chosen = verification_threshold(model.card, settings.verification_fmr if fmr is None else fmr, gallery)
    rule = DecisionRule(
        threshold=chosen.threshold,
        card=model.card,
        policy=policy,
        band=review_band(chosen.threshold, model.card, settings.group if gallery is None else EVERYBODY, review),
    )
    if overwrite:
        remove_work(out, FILES, VERB)
    kept = open_kept(out, _plan(asked, finder, model, chosen, policy, review, gallery, options))
    require_unchanged(kept, asked.images, out)
    todo = _todo(asked, kept)
    fresh: dict[str, ComparedImage] = {}
    if todo:
        pipeline = open_pipeline(finder, str(model.folder), options, many=len(todo) > 1)
        fresh = measure_images(kept, todo, pipeline, policy, len(asked.images), on_progress)
    images = {**kept.images, **fresh}
    assert model.card.embedding is not None
    scores = score_all_pairs(asked.pairs, images, model.card.embedding.metric, kept.scores)
    log = _decide(asked, images, scores, rule, chosen, out)
    log = replace(log, measured=len(todo), made_with=_made_with(finder, model.card))
    write_log(log, language)
    strip(kept, images.values(), scores)
    return log


def _decide(
    asked: PairList,
    images: Mapping[str, ComparedImage],
    scores: Mapping[int, float],
    rule: DecisionRule,
    chosen: ChosenThreshold,
    out: Path,
) -> DecisionLog:
    assert rule.card.embedding is not None
    decisions = tuple(decide_pair(pair, images, scores.get(pair.row), rule) for pair in asked.pairs)
    limit = convert(rule.threshold.value, rule.threshold.unit, rule.card.unit, unit_length=False)
    return DecisionLog(
        decisions=decisions,
        columns=asked.columns,
        threshold=rule.threshold,
        group=load_settings().group,
        notes=chosen.notes,
        band=rule.band,
        rates=rates_by_label(decisions, limit, rule.card.embedding.metric),
        out=out,
        measured=0,
    )


def _todo(asked: PairList, kept: Kept) -> list[str]:
    """The images that have to be measured so that every pair can be decided, each once."""

    def is_known(path: str) -> bool:
        image = kept.images.get(path)
        if image is None:
            return False
        # A file that had no face may have been replaced by a better one.
        return image.embedding is not None or (image.problem is not None and file_stamp(path) == image.stamp)

    def is_lost(path: str) -> bool:
        image = kept.images.get(path)
        return image is not None and image.problem is not None and is_known(path)

    open_pairs = [pair for pair in asked.pairs if not pair.problem and not _is_scored(pair, kept)]
    wanted: dict[str, None] = {}
    for pair in open_pairs:
        sides = (pair.first, pair.second)
        # Where one side has no face, the other is measured only to say so too.
        if all(path in kept.images for path in sides) and any(map(is_lost, sides)):
            continue
        wanted |= dict.fromkeys(path for path in sides if not is_known(path))
    return list(wanted)


def _is_scored(pair: AskedPair, kept: Kept) -> bool:
    return pair.row in kept.scores and pair.first in kept.images and pair.second in kept.images


def _plan(
    asked: PairList,
    finder: str,
    model: Model,
    chosen: ChosenThreshold,
    policy: ScopePolicy,
    review: float,
    gallery: str | Path | None,
    options: EngineOptions,
) -> dict[str, Any]:
    """What a log depends on, by the names that a message gives when they differ."""
    return {
        "the version of the log": VERSION,
        "the list": str(asked.path.resolve()),
        "the list's content (sha256)": _content(asked),
        "the columns": list(asked.columns),
        "detector": _named(finder),
        "recognizer": f"{model.card.contract} {_named(str(model.folder))}",
        "engine": options.engine,
        "precision": options.precision,
        "gallery": "" if gallery is None else str(gallery),
        "group": load_settings().group,
        "false match rate": chosen.threshold.fmr,
        "threshold": chosen.threshold.value,
        "scope": policy,
        "second_look": load_settings().second_look,
        "review": review,
    }


def _content(asked: PairList) -> str:
    """Some letters that change with the list."""
    names = "\n".join(f"{pair.a}\0{pair.b}" for pair in asked.pairs).encode("utf-8", "surrogateescape")
    data = names if asked.path.is_dir() else asked.path.read_bytes()
    return hashlib.sha256(data).hexdigest()[:16]


def _named(name: str) -> str:
    """A model's name with a few letters that change with its files; built-in detectors have none."""
    if name in built_in():
        return name
    card = store.load(name).card
    files = "".join(sorted(file.sha256 for file in card.files.values()))
    return f"{card.name} {hashlib.sha256(files.encode()).hexdigest()[:8]}"


def _made_with(finder: str, card: ModelCard) -> dict[str, str]:
    return {
        "mien": __version__,
        "detector": _named(finder),
        "recognizer": f"{card.name} {card.contract}",
    }
