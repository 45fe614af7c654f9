"""Enrolled subjects: enrolment, search and decisions. Names are imported when they are first used."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.gallery.consent import end_consent, erase_expired, record_consent
    from mien.gallery.enrolment import EnrolmentReport, enrol, enrol_subject
    from mien.gallery.gallery import Gallery
    from mien.gallery.health import Health, gallery_health
    from mien.gallery.identification import IdentificationReport, IdentifiedImage, identify
    from mien.gallery.keeping import change_gallery_settings, create_gallery, gallery_settings
    from mien.gallery.people import (
        Enrolled,
        change_metadata,
        list_subjects,
        merge_subjects,
        remove_subject,
        rename_subject,
        suspend_subject,
    )
    from mien.gallery.reenrolment import Reenrolment, reenrol
    from mien.gallery.samples import list_samples, remove_sample, write_portraits
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
    "change_gallery_settings": "keeping",
    "compare": "verification",
    "create_gallery": "keeping",
    "end_consent": "consent",
    "enrol": "enrolment",
    "enrol_subject": "enrolment",
    "erase_expired": "consent",
    "gallery_health": "health",
    "gallery_settings": "keeping",
    "identify": "identification",
    "list_samples": "samples",
    "list_subjects": "people",
    "merge_subjects": "people",
    "record_consent": "consent",
    "reenrol": "reenrolment",
    "remove_sample": "samples",
    "remove_subject": "people",
    "rename_subject": "people",
    "change_metadata": "people",
    "suspend_subject": "people",
    "write_portraits": "samples",
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
    "change_gallery_settings",
    "change_metadata",
    "compare",
    "create_gallery",
    "end_consent",
    "enrol",
    "enrol_subject",
    "erase_expired",
    "gallery_health",
    "gallery_settings",
    "identify",
    "list_samples",
    "list_subjects",
    "merge_subjects",
    "record_consent",
    "reenrol",
    "remove_sample",
    "remove_subject",
    "rename_subject",
    "suspend_subject",
    "write_portraits",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in HOMES:
        raise AttributeError(f"module 'mien.gallery' has no attribute '{name}'; it has {', '.join(HOMES)}")
    from importlib import import_module

    return getattr(import_module(f"mien.gallery.{HOMES[name]}"), name)
