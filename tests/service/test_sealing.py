"""What the service sealed before it had a master key is opened still, and what is of another key says what to do."""

from pathlib import Path

import pytest

from mien.service.errors import ServiceError
from mien.service.sealing import Sealing


def test_what_was_sealed_before_there_was_a_master_key_is_opened_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MIEN_MASTER_KEY", raising=False)
    monkeypatch.delenv("MIEN_MASTER_KEY_FILE", raising=False)
    former = Sealing(tmp_path, "cameras").seal(b"rtsp://10.0.0.7", "door")
    monkeypatch.setenv("MIEN_MASTER_KEY", "5a" * 32)
    now = Sealing(tmp_path, "cameras")
    assert now.open(former, "door", "camera") == b"rtsp://10.0.0.7"
    new = now.seal(b"rtsp://10.0.0.8", "gate")
    (tmp_path / "cameras.key").unlink()
    again = Sealing(tmp_path, "cameras")
    assert again.open(new, "gate", "camera") == b"rtsp://10.0.0.8", "with the master key alone"
    for sealed, of in ((former, "door"), (new, "door")):
        with pytest.raises(ServiceError, match=r"this camera was encrypted with another key.*mien keys rotate"):
            again.open(sealed, of, "camera")
    assert not (tmp_path / "cameras.key").exists(), "no key is made where there is a master key"
