"""After a change of the master key a service reads all that it kept before it, and nothing with the former key."""

import json
import re
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from gallery.conftest import IDENTITY, make_template
from mien.cli import run
from mien.errors import GalleryError, MasterKeyError, SettingsError
from mien.gallery.records import Portrait
from mien.gallery.stores import create_store, open_store
from mien.service import key_rotation as module
from mien.service.camera_stores import CameraStores
from mien.service.errors import ServiceError
from mien.service.jobs import _Results
from mien.service.key_rotation import RotatedKeys, rotate_service_keys
from mien.service.pair_results import KeptPair, PairNames, PairResults
from mien.service.state_file import StateFile
from mien.service.webhook_store import WebhookStore
from mien.watch.unknown import KeptFace

ADDRESS, HOOK = "rtsp://admin:secret-word@10.0.0.7/door", "https://10.0.0.8/token"
GALLERY = "a" * 32
FORMER, NEW = "5a" * 32, "c3" * 32
RESULT = {"subject": "Phạm Thị Hồng"}
PAIR = KeptPair(
    row=1,
    names=PairNames(id="Hồng", a="a.jpg", b="b.jpg", first="a", second="b"),
    decision={"a": 1},
    review=False,
    near=None,
)


class Service:
    """A service's folder with a camera, a webhook, a face of each kind, a result of a job, and galleries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "galleries").mkdir(exist_ok=True)

    def fill(self) -> None:
        state, stores = StateFile(self.folder), CameraStores.open(self.folder)
        camera = stores.cameras.add("Door", GALLERY, ADDRESS, "fmr:1e-4", keep_unknown=24, keep_thumbnails=24).id
        face = KeptFace(np.ones(4, np.float32), Portrait(b"JPEG of a stranger", np.zeros((5, 2), np.float32)))
        stores.unknown.keep(camera, [face], "c" * 16)
        stores.thumbnails.keep(camera, "1" * 16, b"JPEG of a subject", "b" * 32)
        hooks = WebhookStore(self.folder, state)
        _, self.secret = hooks.add("Desk", GALLERY, HOOK, "h", events=["left"], cursor=0, now=0.0)
        with state.transaction() as db:
            db.execute(
                "INSERT INTO jobs (id, kind, gallery, caller, given, state, created, result) "
                "VALUES ('j', 'import', 'g', 'c', '{}', 'done', 0, ?)",
                (_Results().sealed(RESULT),),
            )
        PairResults(state, self.folder, 24).put("j", [PAIR])
        with state.transaction() as db:
            db.execute("INSERT INTO replays (key, fingerprint, since, answer) VALUES ('k', 'f', 0, x'00')")
        stores.close()
        state.close()

    def gallery(self) -> Path:
        path = self.folder / "galleries" / "staff.gallery"
        store = create_store(path, IDENTITY)
        store.add([make_template("An", 1)])
        store.close()
        return path

    def read(self) -> tuple[object, ...]:
        """All that is encrypted, as the service reads it."""
        state, stores = StateFile(self.folder), CameraStores.open(self.folder)
        try:
            (camera,) = stores.cameras.all()
            (visit,) = stores.unknown.visits(GALLERY)
            hooks = WebhookStore(self.folder, state)
            with state.reading() as db:
                (result,) = db.execute("SELECT result FROM jobs").fetchone()
            return (
                stores.cameras.address(camera.id),
                stores.unknown.faces(visit)[0].portrait.jpeg,
                stores.thumbnails.image(stores.thumbnails.find(camera.id, "1" * 16)),
                hooks.address_and_secret(hooks.all()[0].id),
                _Results().opened(result),
                PairResults(state, self.folder, 24).all("j"),
            )
        finally:
            stores.close()
            state.close()

    @property
    def kept(self) -> tuple[object, ...]:
        return ADDRESS, b"JPEG of a stranger", b"JPEG of a subject", (HOOK, self.secret), RESULT, [PAIR]


@pytest.fixture
def service(tmp_path: Path) -> Service:
    folder = tmp_path / "service"
    folder.mkdir()
    return Service(folder)


@pytest.fixture
def new_key(tmp_path: Path) -> Path:
    path = tmp_path / "new.key"
    path.write_text(NEW)
    return path


def test_addresses_faces_and_results_are_read_after_the_master_key_was_changed(
    service: Service,
    new_key: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MIEN_MASTER_KEY", FORMER)
    service.fill()
    path = service.gallery()
    assert service.read() == service.kept
    assert run(["keys", "rotate", str(path), "--to", str(new_key)]) == 2
    assert f"mien keys rotate {service.folder}" in " ".join(capsys.readouterr().err.split())
    assert run(["keys", "rotate", str(service.folder), "--to", str(new_key)]) == 0
    assert "2 files of keys and 6 values" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(MasterKeyError):
        open_store(path)
    with pytest.raises(ServiceError, match="was encrypted with another key"):
        service.read()
    monkeypatch.setenv("MIEN_MASTER_KEY", NEW)
    assert service.read() == service.kept
    store = open_store(path)
    assert [one.name for one in store.subjects()] == ["An"]
    store.close()
    with sqlite3.connect(service.folder / "state.db") as db:
        assert db.execute("SELECT count(*) FROM replays").fetchone() == (0,), "their clients' keys cannot be changed"
    db.close()


def test_what_was_interrupted_is_finished_by_doing_it_again(
    service: Service, new_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_MASTER_KEY", FORMER)
    service.fill()
    write, written = module._write, list[str]()

    def stop_at_the_second(path: Path, column: module.SealedColumn, values: list[tuple[bytes, int]]) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(column.table)
        write(path, column, values)

    monkeypatch.setattr(module, "_write", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        rotate_service_keys(service.folder, new_key)
    monkeypatch.setattr(module, "_write", write)
    assert written == ["cameras"]
    assert rotate_service_keys(service.folder, new_key) == RotatedKeys(files=0, values=5)
    monkeypatch.setenv("MIEN_MASTER_KEY", NEW)
    assert service.read() == service.kept


def test_where_something_cannot_be_read_nothing_is_changed(
    service: Service, new_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_MASTER_KEY", FORMER)
    service.fill()
    with sqlite3.connect(service.folder / "state.db") as db:
        (sealed,) = db.execute("SELECT result FROM jobs").fetchone()
        db.execute("UPDATE jobs SET result = x'00112233445566778899aabbccddeeff00112233'")
    with pytest.raises(GalleryError, match=r"the result in row 1 of jobs is encrypted neither"):
        rotate_service_keys(service.folder, new_key)
    with db:
        db.execute("UPDATE jobs SET result = ?", (sealed,))
    db.close()
    assert service.read() == service.kept


def test_a_service_that_gets_its_first_master_key_reads_on_and_its_own_keys_go(
    service: Service, new_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MIEN_MASTER_KEY", raising=False)
    monkeypatch.delenv("MIEN_MASTER_KEY_FILE", raising=False)
    service.fill()
    path = service.gallery()
    assert rotate_service_keys(service.folder, new_key) == RotatedKeys(files=1, values=6)
    assert not {f"{one}.key" for one in ("cameras", "webhooks", "faces", "pairs")} & {
        one.name for one in service.folder.iterdir()
    }
    store = open_store(path)
    assert not store.is_encrypted and json.dumps(RESULT).encode() not in (service.folder / "state.db").read_bytes()
    store.close()
    monkeypatch.setenv("MIEN_MASTER_KEY", NEW)
    assert service.read() == service.kept


def test_keys_of_a_service_that_runs_or_is_none_are_not_changed(
    service: Service, new_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fcntl")
    monkeypatch.setenv("MIEN_MASTER_KEY", FORMER)
    with pytest.raises(SettingsError, match="is not the folder of a service"):
        rotate_service_keys(service.folder, new_key)
    service.fill()
    running = StateFile(service.folder)
    with pytest.raises(SettingsError, match="stop it first"):
        rotate_service_keys(service.folder, new_key)
    running.close()
    assert rotate_service_keys(service.folder, new_key) == RotatedKeys(files=1, values=6)


def test_whatever_the_service_seals_is_changed() -> None:
    text = "".join(path.read_text("utf-8") for path in Path(module.__file__).parent.rglob("*.py"))
    sealed = set(re.findall(r'(?:Sealing|key_for)\([^()]*?"(\w+)"\)', text))
    assert {"cameras", "webhooks", "jobs"} <= sealed == {column.purpose for column in module.COLUMNS}
