"""Face recognition from a folder of portraits to a decision.

The names below are the Python API, one or more for each command; importing this package opens no model and loads no
engine. A name is imported when it is first used. Some are verbs with their object, since `mien.detect`, `mien.train`
and others are modules.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mien.version import __version__ as __version__

if TYPE_CHECKING:
    from mien.api import (
        align_face,
        compare_images,
        detect_faces,
        embed_crops,
        enrol_folder,
        identify_faces,
        load_card,
    )
    from mien.cluster.clustering import cluster_faces
    from mien.data.cleaning import clean_pack
    from mien.data.export import export_folders, export_recordio
    from mien.data.find_faces import find_faces, find_faces_in_video
    from mien.data.importing import import_set
    from mien.data.inspection import inspect_set
    from mien.data.pack_check import check_pack
    from mien.data.prepare import prepare as prepare_set
    from mien.data.sample_people import write_sample_people
    from mien.data.split import split_set
    from mien.errors import MienError
    from mien.evaluate.detectors.detection import detection as evaluate_detection
    from mien.evaluate.detectors.survey import survey as survey_detectors
    from mien.evaluate.embed import embed_set
    from mien.evaluate.overlap import find_overlap
    from mien.evaluate.protocols.calibration import calibrate
    from mien.evaluate.protocols.comparison import comparison as evaluate_models
    from mien.evaluate.protocols.det import det as evaluate_systems
    from mien.evaluate.protocols.identification import identification as evaluate_identification
    from mien.evaluate.protocols.ijb import ijb as evaluate_templates
    from mien.evaluate.protocols.impostor import impostor as evaluate_impostors
    from mien.evaluate.protocols.mated import mated as evaluate_mated
    from mien.evaluate.protocols.mfr import mfr as evaluate_groups
    from mien.evaluate.protocols.quality import quality as evaluate_quality
    from mien.evaluate.protocols.robustness import robustness as evaluate_robustness
    from mien.evaluate.protocols.tinyface import tinyface as evaluate_tinyface
    from mien.evaluate.protocols.verification import verification as evaluate_verification
    from mien.evaluate.render import write_report
    from mien.evaluate.scorefile import read_embedded
    from mien.evaluate.template_trial import try_templates
    from mien.gallery.audit_log import AuditEntry, AuditLog, verify_audit_log
    from mien.gallery.backups import backup_gallery, restore_gallery
    from mien.gallery.consent import end_consent, erase_expired, record_consent
    from mien.gallery.enrolment import enrol, enrol_subject
    from mien.gallery.gallery import Gallery
    from mien.gallery.health import gallery_health
    from mien.gallery.identification import identify
    from mien.gallery.keeping import change_gallery_settings, create_gallery, gallery_settings
    from mien.gallery.keys import backup_keys, encrypt_gallery, restore_keys, rotate_master_key
    from mien.gallery.people import (
        change_metadata,
        list_subjects,
        merge_subjects,
        remove_subject,
        rename_subject,
        suspend_subject,
    )
    from mien.gallery.profiles import Consent
    from mien.gallery.records import GallerySettings
    from mien.gallery.reenrolment import reenrol
    from mien.gallery.samples import list_samples, remove_sample, write_portraits
    from mien.gallery.stores.master_key import write_master_key
    from mien.gallery.tour import tour as run_tour
    from mien.gallery.transfer import compact_vectors, compare_vectors, export_vectors, import_vectors
    from mien.gallery.verification import compare
    from mien.image import read_image
    from mien.library.add import add_model
    from mien.library.bundle import bundle_models
    from mien.library.listing import list_models
    from mien.library.pull import pull as pull_model
    from mien.library.pull import pull_recommended
    from mien.library.quantize import quantize as quantize_model
    from mien.library.verify import verify_models
    from mien.models.report import examine as examine_machine
    from mien.models.store import remove as remove_model
    from mien.pipeline import open_pipeline
    from mien.portrait.attacks import evaluate_attacks
    from mien.portrait.auditing import audit
    from mien.portrait.checking import check, check_files
    from mien.settings import Settings, erase_setting, find_settings, load_settings, write_setting
    from mien.train.export import export as export_model
    from mien.train.inspection import inspect_model
    from mien.train.loop import train as train_model
    from mien.train.recipe.shipped import copy_recipe, list_recipes
    from mien.train.recipe.shipped import read_shipped as shipped_recipe
    from mien.train.recognizers.teacher_cache import teach_pack
    from mien.train.recognizers.wrong_labels import find_wrong_labels
    from mien.units import convert_unit_length as convert_threshold
    from mien.verify.verifying import verify_pairs
    from mien.watch.watching import watch_source

__all__ = [
    "AuditEntry",
    "AuditLog",
    "Consent",
    "Gallery",
    "GallerySettings",
    "MienError",
    "Settings",
    "add_model",
    "align_face",
    "audit",
    "backup_gallery",
    "backup_keys",
    "bundle_models",
    "calibrate",
    "change_gallery_settings",
    "change_metadata",
    "check",
    "check_files",
    "check_pack",
    "clean_pack",
    "cluster_faces",
    "compact_vectors",
    "compare",
    "compare_images",
    "compare_vectors",
    "convert_threshold",
    "copy_recipe",
    "create_gallery",
    "detect_faces",
    "embed_crops",
    "embed_set",
    "encrypt_gallery",
    "end_consent",
    "enrol",
    "enrol_folder",
    "enrol_subject",
    "erase_expired",
    "erase_setting",
    "evaluate_attacks",
    "evaluate_detection",
    "evaluate_groups",
    "evaluate_identification",
    "evaluate_impostors",
    "evaluate_mated",
    "evaluate_models",
    "evaluate_quality",
    "evaluate_robustness",
    "evaluate_systems",
    "evaluate_templates",
    "evaluate_tinyface",
    "evaluate_verification",
    "examine_machine",
    "export_folders",
    "export_model",
    "export_recordio",
    "export_vectors",
    "find_faces",
    "find_faces_in_video",
    "find_overlap",
    "find_settings",
    "find_wrong_labels",
    "gallery_health",
    "gallery_settings",
    "identify",
    "identify_faces",
    "import_set",
    "import_vectors",
    "inspect_model",
    "inspect_set",
    "list_models",
    "list_recipes",
    "list_samples",
    "list_subjects",
    "load_card",
    "load_settings",
    "merge_subjects",
    "open_pipeline",
    "prepare_set",
    "pull_model",
    "pull_recommended",
    "quantize_model",
    "read_embedded",
    "read_image",
    "record_consent",
    "reenrol",
    "remove_model",
    "remove_sample",
    "remove_subject",
    "rename_subject",
    "restore_gallery",
    "restore_keys",
    "rotate_master_key",
    "run_tour",
    "shipped_recipe",
    "split_set",
    "survey_detectors",
    "suspend_subject",
    "teach_pack",
    "train_model",
    "try_templates",
    "verify_audit_log",
    "verify_models",
    "verify_pairs",
    "watch_source",
    "write_master_key",
    "write_portraits",
    "write_report",
    "write_sample_people",
    "write_setting",
]

_HOMES = {
    "AuditEntry": "mien.gallery.audit_log:AuditEntry",
    "AuditLog": "mien.gallery.audit_log:AuditLog",
    "Consent": "mien.gallery.profiles:Consent",
    "Gallery": "mien.gallery.gallery:Gallery",
    "GallerySettings": "mien.gallery.records:GallerySettings",
    "MienError": "mien.errors:MienError",
    "Settings": "mien.settings:Settings",
    "add_model": "mien.library.add:add_model",
    "align_face": "mien.api:align_face",
    "audit": "mien.portrait.auditing:audit",
    "backup_gallery": "mien.gallery.backups:backup_gallery",
    "backup_keys": "mien.gallery.keys:backup_keys",
    "bundle_models": "mien.library.bundle:bundle_models",
    "calibrate": "mien.evaluate.protocols.calibration:calibrate",
    "change_gallery_settings": "mien.gallery.keeping:change_gallery_settings",
    "check": "mien.portrait.checking:check",
    "check_files": "mien.portrait.checking:check_files",
    "check_pack": "mien.data.pack_check:check_pack",
    "cluster_faces": "mien.cluster.clustering:cluster_faces",
    "compact_vectors": "mien.gallery.transfer:compact_vectors",
    "compare": "mien.gallery.verification:compare",
    "compare_images": "mien.api:compare_images",
    "compare_vectors": "mien.gallery.transfer:compare_vectors",
    "convert_threshold": "mien.units:convert_unit_length",
    "create_gallery": "mien.gallery.keeping:create_gallery",
    "detect_faces": "mien.api:detect_faces",
    "embed_crops": "mien.api:embed_crops",
    "embed_set": "mien.evaluate.embed:embed_set",
    "encrypt_gallery": "mien.gallery.keys:encrypt_gallery",
    "end_consent": "mien.gallery.consent:end_consent",
    "enrol": "mien.gallery.enrolment:enrol",
    "enrol_folder": "mien.api:enrol_folder",
    "enrol_subject": "mien.gallery.enrolment:enrol_subject",
    "erase_expired": "mien.gallery.consent:erase_expired",
    "erase_setting": "mien.settings:erase_setting",
    "evaluate_attacks": "mien.portrait.attacks:evaluate_attacks",
    "evaluate_detection": "mien.evaluate.detectors.detection:detection",
    "evaluate_identification": "mien.evaluate.protocols.identification:identification",
    "evaluate_impostors": "mien.evaluate.protocols.impostor:impostor",
    "evaluate_mated": "mien.evaluate.protocols.mated:mated",
    "evaluate_models": "mien.evaluate.protocols.comparison:comparison",
    "evaluate_robustness": "mien.evaluate.protocols.robustness:robustness",
    "evaluate_groups": "mien.evaluate.protocols.mfr:mfr",
    "evaluate_quality": "mien.evaluate.protocols.quality:quality",
    "evaluate_systems": "mien.evaluate.protocols.det:det",
    "evaluate_templates": "mien.evaluate.protocols.ijb:ijb",
    "evaluate_tinyface": "mien.evaluate.protocols.tinyface:tinyface",
    "evaluate_verification": "mien.evaluate.protocols.verification:verification",
    "examine_machine": "mien.models.report:examine",
    "export_folders": "mien.data.export:export_folders",
    "export_model": "mien.train.export:export",
    "export_recordio": "mien.data.export:export_recordio",
    "export_vectors": "mien.gallery.transfer:export_vectors",
    "find_faces": "mien.data.find_faces:find_faces",
    "find_faces_in_video": "mien.data.find_faces:find_faces_in_video",
    "find_overlap": "mien.evaluate.overlap:find_overlap",
    "find_settings": "mien.settings:find_settings",
    "gallery_health": "mien.gallery.health:gallery_health",
    "gallery_settings": "mien.gallery.keeping:gallery_settings",
    "identify": "mien.gallery.identification:identify",
    "identify_faces": "mien.api:identify_faces",
    "import_set": "mien.data.importing:import_set",
    "import_vectors": "mien.gallery.transfer:import_vectors",
    "inspect_model": "mien.train.inspection:inspect_model",
    "inspect_set": "mien.data.inspection:inspect_set",
    "list_models": "mien.library.listing:list_models",
    "list_samples": "mien.gallery.samples:list_samples",
    "list_subjects": "mien.gallery.people:list_subjects",
    "load_card": "mien.api:load_card",
    "load_settings": "mien.settings:load_settings",
    "merge_subjects": "mien.gallery.people:merge_subjects",
    "open_pipeline": "mien.pipeline:open_pipeline",
    "prepare_set": "mien.data.prepare:prepare",
    "pull_model": "mien.library.pull:pull",
    "pull_recommended": "mien.library.pull:pull_recommended",
    "quantize_model": "mien.library.quantize:quantize",
    "read_embedded": "mien.evaluate.scorefile:read_embedded",
    "read_image": "mien.image:read_image",
    "record_consent": "mien.gallery.consent:record_consent",
    "reenrol": "mien.gallery.reenrolment:reenrol",
    "remove_model": "mien.models.store:remove",
    "remove_sample": "mien.gallery.samples:remove_sample",
    "remove_subject": "mien.gallery.people:remove_subject",
    "rename_subject": "mien.gallery.people:rename_subject",
    "change_metadata": "mien.gallery.people:change_metadata",
    "suspend_subject": "mien.gallery.people:suspend_subject",
    "restore_gallery": "mien.gallery.backups:restore_gallery",
    "restore_keys": "mien.gallery.keys:restore_keys",
    "rotate_master_key": "mien.gallery.keys:rotate_master_key",
    "run_tour": "mien.gallery.tour:tour",
    "split_set": "mien.data.split:split_set",
    "survey_detectors": "mien.evaluate.detectors.survey:survey",
    "train_model": "mien.train.loop:train",
    "try_templates": "mien.evaluate.template_trial:try_templates",
    "verify_audit_log": "mien.gallery.audit_log:verify_audit_log",
    "verify_models": "mien.library.verify:verify_models",
    "verify_pairs": "mien.verify.verifying:verify_pairs",
    "watch_source": "mien.watch.watching:watch_source",
    "write_master_key": "mien.gallery.stores.master_key:write_master_key",
    "write_portraits": "mien.gallery.samples:write_portraits",
    "write_report": "mien.evaluate.render:write_report",
    "write_sample_people": "mien.data.sample_people:write_sample_people",
    "write_setting": "mien.settings:write_setting",
    "list_recipes": "mien.train.recipe.shipped:list_recipes",
    "shipped_recipe": "mien.train.recipe.shipped:read_shipped",
    "copy_recipe": "mien.train.recipe.shipped:copy_recipe",
    "teach_pack": "mien.train.recognizers.teacher_cache:teach_pack",
    "find_wrong_labels": "mien.train.recognizers.wrong_labels:find_wrong_labels",
    "clean_pack": "mien.data.cleaning:clean_pack",
}
"""Where each name is: module and name in it."""


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOMES:
        raise AttributeError(f"module 'mien' has no attribute '{name}'; it has {', '.join(__all__)}")
    module, attribute = _HOMES[name].split(":")
    return getattr(import_module(module), attribute)
