"""mien keys, backup, restore and audit-log, as a user calls them."""

import json
from pathlib import Path

import pytest

from mien.cli import run
from mien.gallery.audit_log import AuditEntry, AuditLog


def test_a_gallery_is_encrypted_backed_up_and_restored_without_those_who_were_erased(
    gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography", reason="encrypted galleries need cryptography")
    place = tmp_path / "staff.gallery"
    place.write_bytes(gallery.read_bytes())
    path, key, new = str(place), tmp_path / "master.key", tmp_path / "new.key"
    assert run(["gallery", "encrypt", path]) == 3
    assert "MIEN_MASTER_KEY_FILE" in capsys.readouterr().err
    assert run(["keys", "new", str(key)]) == 0 and run(["keys", "new", str(new)]) == 0
    assert run(["keys", "new", str(key)]) == 3
    monkeypatch.setenv("MIEN_MASTER_KEY_FILE", str(key))
    assert run(["gallery", "encrypt", path]) == 0
    assert b"Eileen Collins" not in place.read_bytes()
    (tmp_path / "passphrase").write_text("correct horse battery\n")
    options = ["--passphrase-file", str(tmp_path / "passphrase")]
    capsys.readouterr()
    assert run(["keys", "backup", path, str(tmp_path / "keys"), "--days", "7", "--json", *options]) == 0
    assert json.loads(capsys.readouterr().out)["keys"] == 2
    assert run(["backup", path, str(tmp_path / "backup")]) == 0
    capsys.readouterr()
    assert run(["remove", path, "Eileen Collins", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["keys"] == "erased"
    place.unlink()
    assert run(["restore", str(tmp_path / "backup"), path, "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"subjects": 1, "samples": 1, "erased": 2} and "knows who was erased" in shown.err
    assert run(["keys", "restore", str(tmp_path / "keys"), path, *options]) == 0
    assert "0 keys brought back" in capsys.readouterr().out
    assert run(["keys", "rotate", path, "--to", str(new)]) == 0
    assert run(["subjects", path]) == 3
    monkeypatch.setenv("MIEN_MASTER_KEY_FILE", str(new))
    capsys.readouterr()
    assert run(["subjects", path, "--json"]) == 0
    assert [json.loads(line)["subject"] for line in capsys.readouterr().out.splitlines()] == ["Grace Hopper"]


def test_a_log_that_was_changed_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "audit.log"
    log = AuditLog(path)
    for number in range(3):
        log.write(AuditEntry(who="console", what="subject.erase", outcome="done", at=float(number)))
    log.close()
    assert run(["audit-log", "verify", str(path)]) == 0
    assert "3 lines, all as they were written" in capsys.readouterr().out
    assert run(["audit-log", "head", str(path)]) == 0
    head = capsys.readouterr().out.strip()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    assert run(["audit-log", "verify", str(path)]) == 0
    assert run(["audit-log", "verify", str(path), "--head", head]) == 1
    path.write_bytes(lines[0].replace(b"done", b"none") + lines[1] + lines[2])
    capsys.readouterr()
    assert run(["audit-log", "verify", str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["fault"]["line"] == 2
