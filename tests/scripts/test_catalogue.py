"""scripts/catalogue.py says where a public record disagrees, and what it could not see."""

from collections.abc import Callable
from types import ModuleType

import pytest

from mien.library.catalogue import CatalogueEntry, EntryInput

DIGEST = "sha256:" + "a" * 64


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("catalogue")


def entry(**file: object) -> CatalogueEntry:
    known = {"name": "net.onnx", "digest": DIGEST, "size": 10, "url": "https://example.org/net.onnx"} | file
    return CatalogueEntry.model_validate(
        {
            "kind": "detector",
            "family": "scrfd",
            "summary": "s",
            "use": "u",
            "licence": "l",
            "commercial": "yes",
            "training_data": "t",
            "record": "r",
            "input": EntryInput(colour="RGB"),
            "sources": (({key: value for key, value in known.items() if value is not None},),),
        }
    )


@pytest.mark.parametrize(
    ("size", "sha256", "state", "says"),
    [
        (10, "a" * 64, "agrees", "sha256"),
        (10, "b" * 64, "differs", "the record's sha256"),
        (10, None, "agrees", "size"),
        (11, None, "differs", "11 bytes"),
        (None, None, "not known", "neither size nor checksum"),
    ],
)
def test_what_a_server_says_is_compared(
    script: ModuleType, size: int | None, sha256: str | None, state: str, says: str
) -> None:
    (found,) = script.check("net", entry(), lambda url: script.Answer(size=size, sha256=sha256))
    assert found.state == state and says in found.detail


def test_what_cannot_be_seen_is_said(script: ModuleType) -> None:
    def refuse(url: str) -> None:
        raise OSError("no route")

    (found,) = script.check("net", entry(), refuse)
    assert found.state == "not known" and "no route" in found.detail
    (found,) = script.check("net", entry(url=None), refuse)
    assert found.state == "not known" and "no address" in found.detail


def test_the_pointer_of_a_file_on_github_is_known(script: ModuleType) -> None:
    address = "https://github.com/opencv/opencv_zoo/raw/main/models/x/net.onnx"
    assert script._pointer_of(address) == "https://raw.githubusercontent.com/opencv/opencv_zoo/main/models/x/net.onnx"
    assert script._pointer_of("https://example.org/raw/net.onnx") is None
