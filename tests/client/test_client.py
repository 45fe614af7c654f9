"""The client covers every operation of the service with every field, and does what a program needs."""

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mien.client import Client, RefusedError

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import openapi  # noqa: E402 - a script of the project

DOCUMENT = json.loads(openapi.DOCUMENT.read_text("utf-8"))
OPERATIONS = {
    operation["operationId"]: operation for path in DOCUMENT["paths"].values() for operation in path.values()
}


@pytest.fixture
def client(service: httpx.Client) -> Iterator[Client]:
    with Client(str(service.base_url)) as opened:
        yield opened


def test_the_committed_document_and_types_are_those_of_the_service() -> None:
    for path, text in openapi.outputs().items():
        assert path.read_text("utf-8") == text, f"{path} is not up to date: run python scripts/openapi.py"


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_a_method_with_its_fields(name: str) -> None:
    method = getattr(Client, name, None)
    assert method is not None, f"the client lacks {name}"
    taken = inspect.signature(method).parameters
    operation = OPERATIONS[name]
    wanted = {one["name"] for one in operation.get("parameters", ())}
    if "requestBody" in operation:
        wanted |= set(operation["requestBody"]["content"]["application/json"]["schema"]["properties"])
    any_field = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in taken.values())
    missing = wanted - set(taken) - ({"self"} if not any_field else wanted)
    assert not missing, f"{name} does not take {sorted(missing)}"


def test_no_method_is_of_an_operation_that_there_is_not() -> None:
    methods = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
    assert methods - {"close"} == set(OPERATIONS)


def test_from_a_new_gallery_to_an_erased_person(client: Client, collins_path: Path, hopper_bytes: bytes) -> None:
    gallery = client.create_gallery("Door", requires_consent=True)["id"]
    consent = {"purpose": "entry", "since": "2020-01-01T00:00:00Z"}
    an = client.create_subject(gallery, "An", metadata={"badge": 1}, consent=consent)["id"]
    added = client.add_samples(gallery, an, [collins_path, b"rubbish"])
    assert [one["status"] for one in added["images"]] == ["enrolled", "broken"]
    (sample,) = client.list_samples(gallery, an)["samples"]
    assert client.get_portrait(gallery, sample["id"]).startswith(b"\xff\xd8")
    assert client.identify(gallery, collins_path)["faces"][0]["subjects"][0]["id"] == an
    assert client.identify(gallery, hopper_bytes, threshold="fpir:1e-2")["faces"][0]["outcome"] == "unknown"
    assert client.verify_subject(gallery, an, collins_path)["decision"]["outcome"] == "match"
    assert client.change_subject(gallery, an, state="suspended")["state"] == "suspended"
    binh = client.create_subject(gallery, "Bình", consent=consent)["id"]
    assert client.move_sample(gallery, sample["id"], binh)["moved"]
    assert client.merge_subjects(gallery, an, binh)["subject"]["samples"] == 1
    assert client.list_subjects(gallery, search="b")["total"] == 1
    assert client.erase_subject(gallery, binh)["samples"] == 1
    assert client.delete_gallery(gallery)["subjects"] == 0
    with pytest.raises(RefusedError) as caught:
        client.get_gallery(gallery)
    assert caught.value.status == 404 and caught.value.code == "not_found" and caught.value.request_id


def test_stateless_operations(client: Client, collins_path: Path, hopper_bytes: bytes) -> None:
    assert client.live()["status"] == "live" and client.ready()["status"] == "ready"
    assert client.system()["contract"] == client.embed(collins_path, faces="largest")["contract"]
    assert len(client.detect(hopper_bytes)["faces"]) == 1 and client.list_models()["models"]
    assert client.compare(collins_path, hopper_bytes)["decision"]["outcome"] == "no match"
    assert client.check_portrait(hopper_bytes, language="vi")["instructions"]
    assert client.get_session()["csrf"] == ""


def test_a_key_of_the_client_is_sent(client: Client, service: httpx.Client) -> None:
    made = client.create_key("door", ["read"])
    with Client(str(service.base_url), made["secret"]) as limited:
        assert limited.list_galleries()["galleries"] is not None
        with pytest.raises(RefusedError, match="'access'"):
            limited.list_keys()
        client.revoke_key(made["key"]["id"])
        with pytest.raises(RefusedError, match="ask an administrator"):
            limited.list_galleries()
