"""The site: links stay within it, no page asks another host, and nothing that exists is left out."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import mien
from mien.cli.verbs import VERBS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def docs(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("build_docs")


def test_links_to_results_and_reports_lead_to_their_pages(docs: ModuleType) -> None:
    text = "[a](../../benchmarks/results/lfw.json) [b](../reports/detectors/report.json) [c](verify.md#the-list)"
    found = docs.with_links(text, Path("guide/reports.md"))
    assert found == "[a](../results/lfw.md) [b](../reports/detectors/report.html) [c](verify.md#the-list)"


def test_a_link_to_a_source_names_it_since_the_site_does_not_have_it(docs: ModuleType) -> None:
    found = docs.with_links(
        "[written out](../benchmarks/arcface_torch.py), [x](https://a.b/c)", Path("benchmarks.md")
    )
    assert found == "written out (`benchmarks/arcface_torch.py`), [x](https://a.b/c)"


def test_a_page_that_asks_another_host_is_found(docs: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<link rel="canonical" href="https://here/"><a href="https://elsewhere/">a link</a>'
        '<script src="https://cdn/x.js"></script><img src="//cdn/y.png"><img src="own.png">'
    )
    (tmp_path / "b.css").write_text("@import 'https://fonts/z.css'; a { background: url(own.png) }")
    assert docs.requests_of(tmp_path) == [
        "a.html: script https://cdn/x.js",
        "a.html: img //cdn/y.png",
        "b.css: https://fonts/z.css",
    ]


def test_every_verb_with_its_examples_is_in_the_reference(docs: ModuleType) -> None:
    text = docs.commands()
    assert all(f"## mien {name}\n" in text for name in VERBS)
    assert "### mien data prepare\n" in text and "mien compare passport.jpg selfie.jpg" in text and "`--fmr`" in text


def test_every_public_name_is_in_the_reference(docs: ModuleType) -> None:
    text = docs.python_names()
    assert "::: mien.api.compare_images\n" in text and text.count("\n::: ") == len(mien.__all__)


def test_the_forms_of_files_name_their_keys_and_defaults(docs: ModuleType) -> None:
    text = docs.files()
    assert "| `verification_fmr` | `0.001` | False match rate when two images are compared. |" in text
    assert "### ModelCard" in text and "### RuleSet" in text and "`commercial_use`" in text


def test_every_operation_of_the_service_is_in_the_reference(docs: ModuleType) -> None:
    assert "| `POST` | `/v1/compare` |" in docs.http()


def test_every_page_that_people_wrote_is_copied_or_in_a_copied_folder(docs: ModuleType) -> None:
    loose = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert loose <= set(docs.COPIED)
    assert {path.stem for path in (ROOT / "docs/tutorials").glob("*.md")} == set(docs.TUTORIALS)


def test_the_figures_of_a_result_are_found_at_any_depth(docs: ModuleType) -> None:
    assert list(docs.leaves({"a": {"b": 0.123456789}, "c": [{"d": True}], "e": [1, 2]})) == [
        ("a / b", "0.123457"),
        ("c / 1 / d", "True"),
        ("e", "1, 2"),
    ]


def test_the_tree_has_every_package_with_its_first_sentence(docs: ModuleType) -> None:
    lines = {line.strip() for line in docs.tree().splitlines()}
    assert "version.py  The one place that says which mien this is" in lines
    assert all(any(line.startswith(f"{name}/  ") for line in lines) for name in ("detect", "gallery", "train", "cli"))
