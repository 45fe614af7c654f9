"""Exchanges the model of a gallery: its kept portraits are aligned and embedded again."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from mien.align import typical_box
from mien.errors import GalleryError
from mien.gallery.identity import identity_of
from mien.gallery.records import Identity, Portrait
from mien.gallery.stores import open_store
from mien.gallery.stores.base import Store
from mien.image import decode
from mien.models import store as models
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.progress import OnProgress, Progress, no_progress
from mien.recognize.recognizer import Recognizer
from mien.settings import load_settings
from mien.types import Face, Floats, Image

NAMED = 20
"""Subjects that an error names."""


@dataclass(frozen=True, slots=True)
class Reenrolment:
    """What a gallery holds after its model was exchanged.

    Attributes:
        templates: number of templates, all of them embedded again.
        identity: which embeddings they have now.
        erased: samples that were erased by subject, since no portrait of them is kept.
    """

    templates: int
    identity: Identity
    erased: Mapping[str, int] = field(default_factory=dict)


def reenrol(
    gallery: str | Path,
    recognizer: str | None = None,
    *,
    options: EngineOptions = DEFAULT_OPTIONS,
    leave_out: bool = False,
    on_progress: OnProgress = no_progress,
) -> Reenrolment:
    """Embed all portraits of a gallery with another recognizer and exchange all embeddings in one transaction.

    Args:
        gallery: path or address.
        recognizer: a model's name or the path of its card; by default the one of the settings.
        leave_out: erase samples whose portrait is not kept, which cannot be embedded again. Their subjects stay, and
            are not found until they are enrolled again.
        options: engine options.
        on_progress: called after each batch of portraits.

    Raises:
        GalleryError: there is no such gallery, it was changed in the meantime, or portraits are missing (their
            subjects are named); nothing was exchanged.

    Example:
        >>> mien.reenrol("staff.gallery", "dlib-resnet").templates
        2
    """
    opened = open_store(gallery)
    try:
        network = Recognizer(models.load(recognizer or load_settings().recognizer), options)
        return reenrol_store(opened, network, leave_out=leave_out, on_progress=on_progress)
    finally:
        opened.close()


def reenrol_store(
    store: Store, recognizer: Recognizer, *, leave_out: bool = False, on_progress: OnProgress = no_progress
) -> Reenrolment:
    """Exchange the embeddings of an open gallery; see reenrol."""
    missing = samples_without_portrait(store)
    if missing and not leave_out:
        raise GalleryError(_about_missing(store, missing))
    embeddings: dict[int, Floats] = {}
    without: list[int] = []
    portraits, total = store.portraits(), store.count()
    while part := list(islice(portraits, recognizer.batch)):
        without += [number for number, portrait in part if portrait is None]
        kept = [(number, portrait) for number, portrait in part if portrait is not None]
        if kept:
            vectors = recognizer.embed(np.stack([_crop(number, portrait, recognizer) for number, portrait in kept]))
            embeddings.update({number: vector for (number, _), vector in zip(kept, vectors, strict=True)})
        on_progress(Progress(stage="embedding", done=len(embeddings) + len(without), total=total))
    store.replace_embeddings(identity_of(recognizer.card), embeddings, without)
    return Reenrolment(len(embeddings), store.identity, missing)


def samples_without_portrait(store: Store) -> dict[str, int]:
    """How many samples cannot be embedded again, by the name of their subject."""
    found = Counter[str]()
    for row in store.subjects():
        missing = sum(not sample.has_portrait for sample in store.samples(row.id))
        if missing:
            found[row.name] += missing
    return dict(found)


def _about_missing(store: Store, missing: Mapping[str, int]) -> str:
    named = ", ".join(f"'{name}'" for name in islice(missing, NAMED))
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    return (
        f"{store.address} keeps no portrait of {sum(missing.values())} of its samples, so another model cannot embed "
        f"them (subjects {named}{more}); nothing was changed: enrol these subjects again in a new gallery, or erase "
        f"these samples with `mien reenrol {store.address} --leave-out`"
    )


def _crop(number: int, portrait: Portrait, recognizer: Recognizer) -> Image:
    image = decode(portrait.jpeg, f"the portrait of template {number}").image
    return recognizer.align(image, Face(typical_box(portrait.landmarks), 1.0, portrait.landmarks))
