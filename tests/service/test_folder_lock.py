"""Processes of a service share its folder, and a command that changes all of it has it alone."""

import os
from pathlib import Path

import pytest

from mien.errors import SettingsError
from mien.service.folder_lock import folder_alone, hold_folder

pytest.importorskip("fcntl")


def test_while_a_service_runs_nobody_has_its_folder_alone(tmp_path: Path) -> None:
    workers = [hold_folder(tmp_path), hold_folder(tmp_path)]
    for worker in workers:
        with pytest.raises(SettingsError, match="stop it first"), folder_alone(tmp_path):
            pass
        os.close(worker)
    with folder_alone(tmp_path):
        pass


def test_a_service_does_not_start_while_its_keys_are_changed(tmp_path: Path) -> None:
    with folder_alone(tmp_path), pytest.raises(SettingsError, match="are being changed"):
        hold_folder(tmp_path)
    os.close(hold_folder(tmp_path))
