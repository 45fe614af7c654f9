"""What the service says of itself."""

from pathlib import Path

import httpx

import mien
from mien.service.config import ServiceConfig
from mien.service.routes import system


def test_alive_and_ready(service: httpx.Client) -> None:
    assert service.get("/v1/live").json() == {"status": "live"}
    assert service.get("/v1/ready").json() == {"status": "ready", "problems": []}


def test_a_full_disk_makes_it_not_ready(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(system, "MIN_FREE", 2**62)
    (problem,) = system.find_problems(ServiceConfig(folder=tmp_path))
    assert "free" in problem and str(tmp_path) not in problem
    (problem,) = system.find_problems(ServiceConfig(folder=tmp_path / "gone"))
    assert "cannot be read" in problem


def test_the_system_names_models_and_limits_and_no_path(service: httpx.Client, home: Path) -> None:
    answer = service.get("/v1/system")
    value = answer.json()
    assert value["version"] == mien.__version__ and value["recognizer"] == "dlib-resnet"
    assert value["contract"] == mien.load_card().contract and value["limits"]["image_pixels"] > 0
    assert value["requests"] == 1 and str(home) not in answer.text


def test_models_have_licences_and_thresholds_that_requests_can_name(service: httpx.Client) -> None:
    models = {one["name"]: one for one in service.get("/v1/models").json()["models"]}
    recognizer = models["dlib-resnet"]
    assert recognizer["licence"] == "CC0-1.0" and models["mtcnn"]["kind"] == "detector"
    policies = {one["policy"] for one in recognizer["thresholds"]}
    assert {"fmr:0.001", "fmr:0.0001"} <= policies
    assert all(
        one["fmr"]["low"] is None or one["fmr"]["low"] <= one["fmr"]["high"] for one in recognizer["thresholds"]
    )
