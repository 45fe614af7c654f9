"""A first look without data: a gallery of two public-domain portraits that come with packages."""

from mien.data.sample_people import PORTRAITS
from mien.gallery.item_enrolment import enrol_items
from mien.gallery.profiles import Profile
from mien.gallery.records import GallerySettings
from mien.models.defaults import package_file
from mien.pipeline import file_item
from mien.service.engines import Engines
from mien.service.galleries import Galleries

NAME = "Demo"


def enrol_demo(galleries: Galleries, engines: Engines) -> int:
    """Make the gallery where there is none of its name.

    Returns:
        How many people were enrolled.

    Raises:
        MissingExtraError: the packages with the portraits are not installed.
    """
    if any(one.name == NAME for one in galleries):
        return 0
    portraits = {name: package_file(*place) for name, place in PORTRAITS.items()}
    made = galleries.create(NAME, GallerySettings())
    for name, path in portraits.items():
        row = made.gallery.store.create_subject(Profile(name))
        enrol_items(made.gallery, row.id, [file_item(path)], engines.pipeline, engines.card)
    return len(portraits)
