"""Embeds a data set of any kind once, for every protocol, and reuses what was embedded before.

Owns which models and which cache are used. How samples become rows of the file is in mien.evaluate.embedding.
"""

from dataclasses import replace
from pathlib import Path

from mien.data.importing import read_set
from mien.data.manifest_io import OnProblem
from mien.data.pack import Pack, is_pack
from mien.detect.families import open_detector
from mien.errors import ContractError
from mien.evaluate.embed_samples import ClusterWork
from mien.evaluate.embedding import FaceFinder, Readers, embed_manifest, embed_pack
from mien.evaluate.scorefile import Embedded, is_embedding_file, read_embedded, read_origin
from mien.models import store
from mien.models.engines import CPU_ENGINE, usable_cores
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.pipeline import MultipleFaces
from mien.progress import OnProgress, no_progress
from mien.recognize.recognizer import Recognizer
from mien.scope import scope_policy
from mien.settings import load_settings


def embed_set(
    source: Path,
    out: Path,
    *,
    detector: str | None = None,
    recognizer: str | None = None,
    engine: EngineOptions = DEFAULT_OPTIONS,
    multiple_faces: MultipleFaces = "largest",
    workers: int | None = None,
    ray_address: str | None = None,
    on_problem: OnProblem | None = None,
    on_progress: OnProgress = no_progress,
) -> Embedded:
    """Embed a data set into a file. Interrupted work goes on where it stopped.

    The scope of each face is measured and kept with it, unless the setting `scope` is `ignore`. On a GPU, crops of
    several images are embedded in one batch, while processes decode the next images and find their faces on the
    processor.

    Args:
        source: a pack, a manifest, FOLDER/subject/*.jpg, or a set whose images are inside one file (`.bin`).
        out: the embedding file, .parquet; an existing one is replaced when the new one is complete.
        detector: a model's name or the path of its card; None takes the setting. Not opened for a pack.
        recognizer: a model's name or the path of its card; None takes the setting.
        engine: how both networks run.
        multiple_faces: take the most prominent face, or reject the image, where two are about as prominent.
        workers: processes that decode, find faces and align them, while this one embeds. None is one per core next
            to a GPU, and threads of this process elsewhere. The crops of a pack are read here.
        ray_address: a Ray cluster (`auto`, `local` or host:port) that detects and embeds instead; every machine must
            have the models and see the same files. The crops of a pack are embedded here.
        on_problem: called for each row of the set that is left out; None refuses a set with such a row.
        on_progress: called after every few samples.

    Raises:
        ManifestError: there is nothing to embed, or no sample has a face.
        ResumeError: a different embedding was begun at this place.
        MissingExtraError, WorkerError: Ray is not installed, or the cluster cannot be reached.

    Example:
        >>> embedded = mien.embed_set(Path("portraits"), Path("portraits.parquet"))
        >>> embedded.embeddings.shape
        (32, 128)
    """
    settings = load_settings()
    options = replace(engine, streams=usable_cores())
    recognizing = recognizer or settings.recognizer
    network = Recognizer(store.load(recognizing), options)
    if is_pack(source):
        return embed_pack(Pack(source), out, network, on_progress=on_progress)
    name = detector or settings.detector
    readers = _readers(name, network, engine, workers)
    found_by = FaceFinder(name, open_detector(name, readers.options if readers else options))
    return embed_manifest(
        read_set(source, extracted=out, on_problem=on_problem),
        out,
        found_by,
        network,
        multiple_faces=multiple_faces,
        scopes=scope_policy(None) != "ignore",
        cluster=None if ray_address is None else ClusterWork(ray_address, name, recognizing, engine),
        readers=readers,
        on_progress=on_progress,
    )


def _readers(detector: str, network: Recognizer, engine: EngineOptions, workers: int | None) -> Readers | None:
    """The processes that make crops; None where threads do everything.

    Next to a GPU they find faces on the processor: each of them would take memory of the card for itself.
    """
    if workers is None and not network.on_gpu:
        return None
    options = replace(engine, engine=CPU_ENGINE) if network.on_gpu else engine
    return Readers(workers or usable_cores(), detector, options)


def embedded_set(
    source: Path,
    cache: Path,
    *,
    detector: str | None = None,
    recognizer: str | None = None,
    engine: EngineOptions = DEFAULT_OPTIONS,
    on_problem: OnProblem | None = None,
    on_progress: OnProgress = no_progress,
) -> Embedded:
    """The embeddings of a set: of the file itself, of the cache, or made now and kept in the cache.

    Args:
        source: an embedding file, or a set that embed_set takes.
        cache: the embedding file to reuse if it was made of this set with these models, and to write otherwise.
        detector: see embed_set.
        recognizer: see embed_set; an embedding file must have been made with it, if one is named.
        engine: see embed_set.
        on_problem: see embed_set.
        on_progress: not called where the embeddings exist already.

    Raises:
        ContractError: an embedding file was made with a different recognizer.
        ManifestError: see embed_set.
    """
    if is_embedding_file(source):
        if recognizer is not None:
            _require_model(source, recognizer)
        return read_embedded(source)
    settings = load_settings()
    detector, recognizer = detector or settings.detector, recognizer or settings.recognizer
    if is_cached(cache, source, detector, recognizer):
        return read_embedded(cache)
    return embed_set(
        source,
        cache,
        detector=detector,
        recognizer=recognizer,
        engine=engine,
        on_problem=on_problem,
        on_progress=on_progress,
    )


def is_cached(cache: Path, source: Path, detector: str, recognizer: str) -> bool:
    """Whether a file holds the embeddings of this set by these models."""
    if not is_embedding_file(cache):
        return False
    origin = read_origin(cache)
    contract = store.load(recognizer).card.contract
    return origin.contract == contract and origin.source == str(source) and origin.detector in (detector, "")


def _require_model(source: Path, recognizer: str) -> None:
    """Refuse to take embeddings of one model for those of another."""
    origin = read_origin(source)
    if store.load(recognizer).card.contract != origin.contract:
        raise ContractError(
            f"{source} was embedded with {origin.model} (contract {origin.contract}), not with {recognizer}: "
            "embed the set again, or omit --recognizer"
        )
