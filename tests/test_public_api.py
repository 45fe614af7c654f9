"""The public API: every name is in one list and in one table, and the examples in their docstrings are true."""

import doctest
import hashlib
import inspect
import os
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from scipy.io import savemat
from typer import Typer
from typer.main import get_group

import mien
from made_ijb import write_ijb
from mien.cli.verbs import VERBS
from mien.library.add import PortraitRole
from mien.library.import_model import ModelHints
from mien.models import store
from mien.models.card import PortraitModelSpec
from mien.types import Image

ROOT = Path(__file__).resolve().parent.parent

VERB_NAMES = {
    "tour": "run_tour",
    "detect": "find_faces",
    "compare": "compare",
    "verify": "verify_pairs",
    "cluster": "cluster_faces",
    "check": "check",
    "audit": "audit",
    "enrol": "enrol",
    "reenrol": "reenrol",
    "identify": "identify",
    "watch": "watch_source",
    "subjects": "list_subjects",
    "samples": "list_samples",
    "remove": "remove_subject",
    "rename": "rename_subject",
    "suspend": "suspend_subject",
    "metadata": "change_metadata",
    "consent": "record_consent",
    "backup": "backup_gallery",
    "restore": "restore_gallery",
    "merge": "merge_subjects",
    "embed": "embed_set",
    "train": "train_model",
    "export": "export_model",
    "convert-threshold": "convert_threshold",
    "doctor": "examine_machine",
}
"""The function of each verb; groups of verbs have several."""

EXAMPLES = (
    "run_tour",
    "write_sample_people",
    "read_image",
    "MienError",
    "detect_faces",
    "align_face",
    "embed_crops",
    "compare_images",
    "compare",
    "verify_pairs",
    "cluster_faces",
    "load_card",
    "open_pipeline",
    "find_faces",
    "find_faces_in_video",
    "check",
    "check_files",
    "audit",
    "enrol",
    "identify",
    "watch_source",
    "list_subjects",
    "list_samples",
    "gallery_health",
    "reenrol",
    "change_metadata",
    "suspend_subject",
    "remove_subject",
    "enrol_subject",
    "write_portraits",
    "merge_subjects",
    "rename_subject",
    "remove_sample",
    "Gallery",
    "enrol_folder",
    "identify_faces",
    "Consent",
    "record_consent",
    "end_consent",
    "erase_expired",
    "GallerySettings",
    "create_gallery",
    "gallery_settings",
    "change_gallery_settings",
    "backup_gallery",
    "restore_gallery",
    "export_vectors",
    "import_vectors",
    "compare_vectors",
    "compact_vectors",
    "AuditEntry",
    "AuditLog",
    "verify_audit_log",
    "write_master_key",
    "encrypt_gallery",
    "rotate_master_key",
    "backup_keys",
    "restore_keys",
    "import_set",
    "inspect_set",
    "split_set",
    "prepare_set",
    "check_pack",
    "clean_pack",
    "teach_pack",
    "find_wrong_labels",
    "export_folders",
    "export_recordio",
    "find_overlap",
    "embed_set",
    "read_embedded",
    "evaluate_verification",
    "evaluate_mated",
    "evaluate_impostors",
    "evaluate_identification",
    "evaluate_robustness",
    "evaluate_models",
    "evaluate_systems",
    "evaluate_quality",
    "evaluate_groups",
    "evaluate_templates",
    "evaluate_tinyface",
    "evaluate_detection",
    "evaluate_attacks",
    "calibrate",
    "write_report",
    "survey_detectors",
    "list_recipes",
    "shipped_recipe",
    "copy_recipe",
    "train_model",
    "export_model",
    "list_models",
    "inspect_model",
    "add_model",
    "pull_model",
    "pull_recommended",
    "try_templates",
    "bundle_models",
    "quantize_model",
    "verify_models",
    "remove_model",
    "examine_machine",
    "Settings",
    "load_settings",
    "write_setting",
    "find_settings",
    "erase_setting",
    "convert_threshold",
)
"""In the order in which a user would try them: each may use what those before it made."""

EXTRAS = {
    "train_model": "torch",
    "export_model": "torch",
    "teach_pack": "torch",
    "find_wrong_labels": "torch",
    "quantize_model": "onnxruntime",
    **dict.fromkeys(("encrypt_gallery", "rotate_master_key", "backup_keys", "restore_keys"), "cryptography"),
}
"""Names that need an optional package."""

SLOW = {"survey_detectors", "train_model", "export_model"}
"""Examples that take some seconds."""

MADE = ("live", "my-detector", "tiny", "my-r50", "my-r50-int8", "tiny-r50")
"""Models that the examples leave in the store."""

RECIPE = """
name = "tiny"

[data]
sets = ["pack"]

[model]
backbone = "mobilefacenet"
embedding = 64

[optimizer]
rate = 0.05

[schedule]
batch = 4
steps = 2

[run]
device = "cpu"
"""

CATALOGUE = """
[recommended]
models = ["tiny-r50"]
settings = {{ recognizer = "tiny-r50" }}

[tiny-r50]
kind = "recognizer"
family = "embedding"
summary = "a small recognizer"
use = "the test"
licence = "the test's"
commercial = "yes"
training_data = "none"
record = "made by the test"
input = {{ colour = "RGB", mean = 127.5, scale = 127.5 }}
embedding = {{ template = "arcface" }}
sources = [[{{ name = "my-r50.onnx", digest = "sha256:{sha256}", url = "http://127.0.0.1:{port}/my-r50.onnx" }}]]
"""


def require_extra(name: str) -> None:
    """Skip where the package that a name needs is not installed."""
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name], reason=f"mien.{name} needs {EXTRAS[name]}")


@pytest.mark.parametrize("name", mien.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    require_extra(name)
    found = getattr(mien, name)
    assert callable(found) and inspect.getdoc(found)
    if not inspect.isclass(found):
        hints = inspect.get_annotations(found)
        assert set(inspect.signature(found).parameters) | {"return"} == set(hints), "typed from end to end"


PROGRAMS = {"serve"}
"""Verbs that run until they are stopped: from Python, mien.client speaks to the service."""


def test_every_verb_has_a_function() -> None:
    groups = {"keys", "audit-log", "models", "recipes", "data", "evaluate", "bench", "config", "gallery"}
    assert set(VERB_NAMES) | groups | PROGRAMS == set(VERBS) and set(VERB_NAMES.values()) <= set(mien.__all__)


def test_every_name_has_an_example_that_runs() -> None:
    assert sorted(EXAMPLES) == sorted(mien.__all__)


def test_the_guides_table_has_every_name_once_and_every_command() -> None:
    text = (ROOT / "docs" / "guide" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.*?) \| `(\w+)` \| .+ \|$", text, re.MULTILINE)
    assert sorted(name for _, name in rows) == sorted(mien.__all__)
    assert {cell[6:-1] for cell, _ in rows if cell.startswith("`mien ")} == set(commands()) - PROGRAMS
    assert all(f"`mien {verb}`" in text for verb in PROGRAMS)


def commands() -> Iterator[str]:
    """Every verb, and every verb of a group, as it is typed."""
    for name, verb in VERBS.items():
        module, attribute = verb.home.split(":")
        found = getattr(import_module(f"mien.cli.{module}"), attribute)
        if isinstance(found, Typer):
            shown = (inner for inner, command in get_group(found).commands.items() if not command.hidden)
            yield from (f"{name} {inner}" for inner in shown)
        else:
            yield name


def save(path: Path, image: Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.ascontiguousarray(image)).save(path)


def write_people(folder: Path, collins: Image, hopper: Image) -> None:
    """Two people with one photograph each, and another photograph and a video of one of them."""
    save(folder / "people" / "Eileen Collins" / "1.png", collins)
    save(folder / "people" / "Grace Hopper" / "1.png", hopper)
    save(folder / "collins.jpg", collins)
    save(folder / "door.jpg", (collins * 0.7).astype(np.uint8))
    other = "people/Grace Hopper/1.png"
    (folder / "cards.csv").write_text(f"id,card,selfie\ncase-1,collins.jpg,door.jpg\ncase-2,collins.jpg,{other}\n")
    small = np.asarray(cv2.resize(collins, (256, 256)), np.uint8)
    video = cv2.VideoWriter(str(folder / "door.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (256, 256))
    for frame in range(10):
        video.write(np.ascontiguousarray(np.roll(small, frame, 1)[..., ::-1]))
    video.release()


def write_portraits(folder: Path, collins: Image, hopper: Image) -> None:
    """Sixteen made-up people between the two, with two photographs each, and a list of pairs."""
    one = collins[30:230, 120:320]
    two = cv2.resize(hopper, (256, 300), interpolation=cv2.INTER_AREA)[20:220, 32:232]
    pairs = ["a,b,mated,fold"]
    # Half and half of two people is nobody's face.
    shares = np.concatenate([np.linspace(0, 0.3, 8), np.linspace(0.7, 1, 8)])
    for person, share in enumerate(shares):
        image, name = one * (1 - share) + two * share, f"p{person:02d}"
        for number, light in ((1, 1.0), (2, 0.8)):
            save(folder / "portraits" / name / f"{number}.jpg", (image * light).astype(np.uint8))
        pairs.append(f"{name}/1.jpg,{name}/2.jpg,1,{person % 4}")
        pairs.append(f"{name}/1.jpg,p{(person + 5) % 16:02d}/1.jpg,0,{person % 4}")
    (folder / "pairs.csv").write_text("\n".join(pairs) + "\n")


def write_protocols(folder: Path, collins: Image) -> None:
    """Sets in the layouts of IJB-C and of TinyFace, of the portraits there."""
    points = mien.detect_faces(collins)[0].landmarks
    made = write_ijb(folder / "IJBC", np.asarray((points - [100, 0]) / 2, np.float32), people=4)
    half = collins[:320:2, 100:400:2]
    for row, (name, *_) in enumerate(made.faces):
        save(folder / "IJBC" / "loose_crop" / name, (half * (0.6 + 0.04 * (row % 10))).astype(np.uint8))
    lists = folder / "tinyface" / "Testing_Set"
    people = [(f"p{k:02d}", "Probe" if k < 4 else "Gallery_Distractor") for k in range(8)]
    for name, role in people:
        (lists / role).mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "portraits" / name / "1.jpg", lists / role / f"{name}.jpg")
    shutil.copytree(lists / "Probe", lists / "Gallery_Match")
    names = np.empty((4, 1), object)
    names[:, 0] = [f"{name}.jpg" for name, _ in people[:4]]
    ids = np.arange(4)[:, None]
    savemat(lists / "probe_img_ID_pairs.mat", {"probe_set": names, "probe_ids": ids})
    savemat(lists / "gallery_match_img_ID_pairs.mat", {"gallery_set": names, "gallery_ids": ids})


class Silent(SimpleHTTPRequestHandler):
    """Serves a folder without a log."""

    def log_message(self, *arguments: object) -> None:
        """Silence."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A folder, and the port at which this machine serves its files."""
    folder = tmp_path_factory.mktemp("api")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder)))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def place(
    served: tuple[Path, int],
    collins: Image,
    hopper: Image,
    make_recognizer: Callable[..., bytes],
    fixed_detector: bytes,
    by_brightness: bytes,
) -> Iterator[Path]:
    """The folder that all examples share, with what they start from."""
    folder, port = served
    write_people(folder, collins, hopper)
    write_portraits(folder, collins, hopper)
    write_protocols(folder, collins)
    (folder / "tiny.toml").write_text(RECIPE)
    network = make_recognizer()
    (folder / "my-r50.onnx").write_bytes(network)
    (folder / "live.onnx").write_bytes(by_brightness)
    for kind in ("bona-fide", "attack-print"):
        save(folder / "doors" / kind / "1.jpg", hopper)
    (folder / "catalogue.toml").write_text(CATALOGUE.format(port=port, sha256=hashlib.sha256(network).hexdigest()))
    (folder / "my-detector.onnx").write_bytes(fixed_detector)
    before = Path.cwd()
    os.chdir(folder)
    mien.add_model(Path("my-detector.onnx"))
    spec = PortraitModelSpec(crop="inside", output="scores")
    hints = ModelHints(colour="BGR", mean=(0.0, 0.0, 0.0), scale=(1.0, 1.0, 1.0))
    mien.add_model(Path("live.onnx"), hints=hints, role=PortraitRole("liveness", spec))
    yield folder
    os.chdir(before)
    os.environ.pop("MIEN_MASTER_KEY_FILE", None)
    for name in MADE:
        if store.is_stored(name):
            store.remove(name)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in EXAMPLES]
)
def test_the_example_is_true(name: str, place: Path) -> None:
    require_extra(name)
    scope = {"Path": Path, "mien": mien}
    (found,) = doctest.DocTestFinder(recurse=False).find(getattr(mien, name), name, globs=scope)
    assert any(re.search(rf"mien\.{name}\b", one.source) for one in found.examples), "it shows the name itself"
    assert not any(one.options for one in found.examples), "nothing is skipped or compared loosely"
    runner = doctest.DocTestRunner(verbose=False)
    reports: list[str] = []
    runner.run(found, out=reports.append)
    assert runner.failures == 0, "".join(reports)
