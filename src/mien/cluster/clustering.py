"""The use case: a folder of photographs into groups of one person each. Owns the order of the work; prints nothing.

Find the faces of each image once, group them, write the table, the page and the folder of people, and remove what was
found, embeddings included.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.cluster.album import Album
from mien.cluster.face_parts import NAMES, find_album_faces, known_stamps, read_parts
from mien.cluster.faces import AlbumFace, AlbumImage
from mien.cluster.files import FILES, SUMMARY, write_files
from mien.cluster.grouping import group_faces
from mien.cluster.page import album_page, shown_faces, thumbnails
from mien.cluster.people_folder import remove_people, write_people
from mien.cluster.strictness import strictness
from mien.data.resumable import WorkParts
from mien.data.work_folder import Stamp, file_stamp, open_work, remove_work, require_place
from mien.errors import ImageError, ResumeError
from mien.gallery.thresholds import threshold_without_gallery
from mien.image import find_images
from mien.models import store
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.pipeline import open_pipeline
from mien.progress import OnProgress, no_progress
from mien.scope import Doubt, ScopePolicy, beyond, doubts_about, scope_policy
from mien.settings import load_settings
from mien.types import Threshold
from mien.version import __version__

VERSION = 1
"""Of what is kept; a change of what is found raises it."""
VERB = "mien cluster"


def cluster_faces(
    folder: Path,
    out: Path,
    *,
    fmr: float | None = None,
    min_faces: int = 2,
    detector: str | None = None,
    recognizer: str | None = None,
    scope: str | None = None,
    keep: bool = False,
    overwrite: bool = False,
    language: str = "en",
    options: EngineOptions = DEFAULT_OPTIONS,
    on_progress: OnProgress = no_progress,
) -> Album:
    """Put all faces of a folder of photographs into groups of one person each, and write them.

    Interrupted work goes on when the same call is made again.

    Args:
        folder: with images, also in folders of it. All faces of an image count; no two of them are in one group.
        out: the folder of report.html, faces.csv, report.json and people/, which `mien enrol` takes; it belongs to
            these groups alone.
        fmr: the highest false match rate per pair of faces; it becomes stricter with the number of faces. None takes
            the setting verification_fmr.
        min_faces: groups of fewer faces are unassigned.
        detector: a model's name or the path of its card; None takes the setting.
        recognizer: as detector.
        scope: what to do with a face for which measured rates do not hold: "warn" (or "auto") lets it join a group
            and found none, "demand" leaves it unassigned, "ignore" does not look; None takes the setting.
        keep: whether the faces stay with their embeddings, so that another rate takes seconds.
        overwrite: whether groups that were written are replaced.
        language: of the page.
        options: engine options.
        on_progress: called after each image, and while faces are grouped.

    Raises:
        ImageError: the folder holds no images.
        ResumeError: the output folder holds something else, work with other settings, or groups already.
        CardError: the recognizer has no thresholds for that.

    Example:
        >>> album = mien.cluster_faces(Path("portraits"), Path("groups"))
        >>> album.counts["images"], (album.out / "report.html").is_file()
        (32, True)
    """
    settings, policy = load_settings(), scope_policy(scope)
    paths = _images(folder, out)
    finder, model = detector or settings.detector, store.load(recognizer or settings.recognizer)
    rate = settings.verification_fmr if fmr is None else fmr
    threshold = threshold_without_gallery(model.card, rate, settings.group).threshold
    parts = _begin(out, _plan(folder, finder, model.card.contract, policy, options), overwrite=overwrite)
    stamps = {str(path): file_stamp(str(path)) for path in paths}
    known = known_stamps(parts)
    todo = [path for path in paths if known.get(str(path)) != stamps[str(path)]]
    if todo:
        pipeline = open_pipeline(finder, str(model.folder), options, many=len(todo) > 1)
        find_album_faces(parts, todo, pipeline, policy, len(paths), on_progress)
        # A file that changed while it was read has the stamp with which it was read.
        stamps = {path: stamp for path, stamp in known_stamps(parts).items() if path in stamps}
    images = sorted(read_parts(parts, stamps, with_jpegs=False), key=lambda image: image.path)
    faces = [face for image in images for face in image.faces]
    doubts = [_doubts(face, threshold) for face in faces]
    founders = sum(not found for found in doubts)
    assert model.card.embedding is not None
    grouping = group_faces(
        faces,
        np.array([number for number, image in enumerate(images) for _ in image.faces], np.int64),
        model.card.embedding.metric,
        strictness(model.card, founders, rate, settings.group),
        doubts=doubts,
        join_outsiders=policy != "demand",
        min_faces=min_faces,
        on_progress=on_progress,
    )
    album = Album(
        faces=tuple(replace(face, jpeg=b"") for face in faces),
        grouping=grouping,
        images=len(images),
        without_face=sum(not (image.faces or image.problem or image.without_pose) for image in images),
        without_pose=sum(image.without_pose for image in images),
        failed={image.path: image.problem for image in images if image.problem},
        threshold=threshold,
        group=settings.group,
        made_with={"mien": __version__, "detector": finder, "recognizer": model.card.name},
        out=out,
        found=len(todo),
    )
    _write(album, images, parts, stamps, language)
    if not keep:
        for file in parts.files():
            file.unlink()
    return album


def _images(folder: Path, out: Path) -> list[Path]:
    """The images of a folder, by their absolute paths."""
    if not folder.is_dir():
        raise ImageError(f"{folder} is not a folder; name a folder of photographs")
    whole = folder.resolve()
    if out.resolve().is_relative_to(whole):
        raise ResumeError(f"{out} is in {folder}, where its faces would be found again; choose a different --out")
    found = find_images(whole)
    if not found:
        raise ImageError(f"{folder} holds no images (JPEG, PNG, WebP, BMP, TIFF, HEIC)")
    return found


def _begin(out: Path, plan: dict[str, Any], *, overwrite: bool) -> WorkParts:
    """Open the work; groups that were written are replaced only where that was asked for."""
    require_place(out, VERB)
    if not overwrite:
        if (out / SUMMARY).exists():
            raise ResumeError(
                f"{out} holds groups already; choose a different --out, or group again with --overwrite"
            )
        # A run that was stopped while it wrote has left some of it.
        remove_people(out)
        return open_work(out, plan, NAMES, VERB)
    remove_people(out)
    for name in FILES:
        (out / name).unlink(missing_ok=True)
    try:
        return open_work(out, plan, NAMES, VERB)
    except ResumeError:
        # Faces that were found with other settings are of no use.
        remove_work(out, FILES, VERB)
        return open_work(out, plan, NAMES, VERB)


def _plan(folder: Path, finder: str, contract: str, policy: ScopePolicy, options: EngineOptions) -> dict[str, Any]:
    """What the faces that were found depend on, by the names that a message gives when they differ."""
    return {
        "the version of the work": VERSION,
        "the folder": str(folder.resolve()),
        "detector": finder,
        "recognizer (contract)": contract,
        "engine": options.engine,
        "precision": options.precision,
        "scope": "ignored" if policy == "ignore" else "measured",
        "second_look": load_settings().second_look,
    }


def _doubts(face: AlbumFace, threshold: Threshold) -> tuple[Doubt, ...]:
    return () if face.scope is None else beyond(doubts_about(face.scope, threshold))


def _write(
    album: Album, images: Sequence[AlbumImage], parts: WorkParts, stamps: dict[str, Stamp], language: str
) -> None:
    """Write everything, with the small images of faces read again part by part."""
    places: dict[tuple[str, int], int] = {}
    for image in images:
        for face in image.faces:
            places[face.image, face.place] = len(places)

    def placed() -> Iterator[tuple[int, AlbumFace]]:
        for image in read_parts(parts, stamps, with_jpegs=True):
            for face in image.faces:
                yield places[face.image, face.place], face

    small = thumbnails(placed(), shown_faces(album))
    write_people(album.out, album.grouping, placed())
    write_files(album, album_page(album, small, language))
