"""Enrolled subjects: enrolment, search and decisions. Names are imported when they are first used."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.gallery.enrolment import EnrolmentReport, enrol
    from mien.gallery.gallery import Gallery
    from mien.gallery.health import Health, gallery_health
    from mien.gallery.identification import IdentificationReport, IdentifiedImage, identify
    from mien.gallery.people import Enrolled, list_subjects, remove_subject
    from mien.gallery.reenrolment import Reenrolment, reenrol
    from mien.gallery.verification import ComparedFace, Comparison, compare

HOMES = {
    "ComparedFace": "verification",
    "Comparison": "verification",
    "Enrolled": "people",
    "EnrolmentReport": "enrolment",
    "Gallery": "gallery",
    "Health": "health",
    "IdentificationReport": "identification",
    "IdentifiedImage": "identification",
    "Reenrolment": "reenrolment",
    "compare": "verification",
    "enrol": "enrolment",
    "gallery_health": "health",
    "identify": "identification",
    "list_subjects": "people",
    "reenrol": "reenrolment",
    "remove_subject": "people",
}
"""The module of each name."""

__all__ = [
    "ComparedFace",
    "Comparison",
    "Enrolled",
    "EnrolmentReport",
    "Gallery",
    "Health",
    "IdentificationReport",
    "IdentifiedImage",
    "Reenrolment",
    "compare",
    "enrol",
    "gallery_health",
    "identify",
    "list_subjects",
    "reenrol",
    "remove_subject",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in HOMES:
        raise AttributeError(f"module 'mien.gallery' has no attribute '{name}'; it has {', '.join(HOMES)}")
    from importlib import import_module

    return getattr(import_module(f"mien.gallery.{HOMES[name]}"), name)
