"""Builds the site: gathers the pages of docs/, generates the reference, and lets mkdocs make site/ of them.

    python scripts/build_docs.py            # site/, with warnings as errors
    python scripts/build_docs.py --pages    # gather the pages in build/site-pages only

Generated are: the command line from the verbs, the Python API from docstrings, the forms of files from their schemas,
the HTTP operations from docs/openapi.json, a page per result of benchmarks, the published reports with their charts,
the tree of sources from the first lines of modules, and the list of decisions. Afterwards every page is searched for
requests to other hosts: there are none, so the site and its search work without a network:
`python -m http.server --directory site`.
"""

import argparse
import ast
import dataclasses
import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGES, SITE = ROOT / "build" / "site-pages", ROOT / "site"
DOCS, RESULTS = ROOT / "docs", ROOT / "benchmarks" / "results"
COPIED = (
    *("index.md", "install.md", "benchmarks.md", "architecture.md", "glossary.md", "log.md"),
    *("openapi.json", "extra.css"),
)
FOLDERS = ("guide", "tutorials", "vi", "decisions", "pictures")
TUTORIALS = ("index", "enrol", "identity-cards", "audit", "threshold", "train", "fine-tune", "service")
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
REQUESTS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}


def page(name: str, text: str) -> None:
    """Write one page, with its links made right."""
    path = PAGES / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(with_links(text, Path(name)), encoding="utf-8")


def with_links(text: str, name: Path) -> str:
    """A page whose links stay within the site: reports lead to their page, sources are named and not linked."""

    def of(found: re.Match[str]) -> str:
        mark, label, target = found.groups()
        place = target.partition("#")[0]
        if "://" in target or not place:
            return found.group()
        inside = ((DOCS / name).parent / place).resolve()
        up = "../" * (len(name.parts) - 1)
        if inside.parent == RESULTS and inside.suffix == ".json":
            return f"{mark}[{label}]({up}results/{inside.stem}.md)"
        if inside.name == "report.json":
            return f"{mark}[{label}]({up}reports/{inside.parent.name}/report.html)"
        if inside == ROOT / "CHANGELOG.md":
            return f"{mark}[{label}]({up}changelog.md)"
        if inside == DOCS / "decisions":
            return f"{mark}[{label}]({up}decisions/index.md)"
        if DOCS in inside.parents and inside.is_file():
            return found.group()
        if (PAGES / name.parent / place).exists() or inside.with_suffix("") in GENERATED:
            return found.group()
        return label if inside.name in label else f"{label} (`{place.lstrip('./')}`)"

    return LINK.sub(of, text)


GENERATED = {DOCS / one for one in ("reference/cli", "reference/python", "reference/files", "reference/http",
                                    "decisions/index", "changelog")}  # fmt: skip


def cell(value: object) -> str:
    """A text in a cell of a table."""
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;").replace("{", "&#123;")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(map(cell, row)) + " |" for row in rows)]) + "\n\n"


def gather() -> None:
    """The pages that people wrote."""
    shutil.rmtree(PAGES, ignore_errors=True)
    for folder in FOLDERS:
        shutil.copytree(DOCS / folder, PAGES / folder)
    for name in COPIED:
        shutil.copy(DOCS / name, PAGES / name)
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (PAGES / "changelog.md").write_text(changes.replace("](docs/", "]("), encoding="utf-8")
    for path in sorted(PAGES.rglob("*.md")):
        name = path.relative_to(PAGES)
        path.write_text(with_links(path.read_text(encoding="utf-8"), name), encoding="utf-8")


def commands() -> str:
    """Every verb with its help and options."""
    from mien.cli.verbs import VERBS, load_verb

    parts = ["# Commands\n\n`mien VERB --help` shows the same. Every verb takes `--debug`, which shows tracebacks.\n"]
    for name in VERBS:
        parts.extend(_command(load_verb(name), f"mien {name}", 2))
    return "\n".join(parts)


def _command(command: Any, name: str, level: int) -> Iterator[str]:  # noqa: ANN401 - typer keeps its own click
    yield f"{'#' * level} {name}\n"
    about, _, examples = (command.help or "").replace("Example:", "Examples:").partition("Examples:")
    yield about.strip().replace("<", "&lt;") + "\n"
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    if lines:
        yield "```sh\n" + "\n".join(lines) + "\n```\n"
    rows = []
    for one in command.params:
        if one.name not in ("debug", "help") and not getattr(one, "hidden", False):
            called = ", ".join(f"`{each}`" for each in (*one.opts, *one.secondary_opts)) or f"`{one.name}`"
            rows.append((called, getattr(one, "help", None) or ""))
    if rows and not getattr(command, "commands", None):
        yield table(("argument or option", "meaning"), rows)
    for key, each in getattr(command, "commands", {}).items():
        yield from _command(each, f"{name} {key}", level + 1)


def python_names() -> str:
    """Every public name, its docstring rendered by mkdocstrings."""
    import mien

    parts = ["# Python API\n\n`import mien` loads no engine; a name is imported when it is first used.\n"]
    for name in sorted(mien.__all__, key=str.lower):
        place = mien._HOMES[name].replace(":", ".")
        parts.append(f"::: {place}\n")
    return "\n".join(parts)


def files() -> str:
    """The forms of files, from the schemas that check them."""
    from mien.evaluate.report import Report
    from mien.models.card import ModelCard
    from mien.portrait.rules.schema import RuleSet
    from mien.settings import Settings
    from mien.train.detectors.recipe import DetectorRecipe
    from mien.train.recognizers.recipe import RecognizerRecipe

    parts = ["# Forms of files\n\nUnknown keys are errors that name the nearest right one.\n"]
    parts.append("## mien.toml\n\n`mien config list` shows every value and where it comes from.\n")
    rows = [(f"`{one.name}`", f"`{one.default!r}`", one.metadata["about"]) for one in dataclasses.fields(Settings)]
    parts.append(table(("setting", "default", "meaning"), rows))
    for title, model in (
        ("Model card (card.toml)", ModelCard),
        ("Rule file", RuleSet),
        ("Recipe of a recognizer", RecognizerRecipe),
        ("Recipe of a detector", DetectorRecipe),
        ("report.json", Report),
    ):
        parts.append(f"## {title}\n")
        parts.extend(_schema(model.model_json_schema()))
    return "\n".join(parts)


def _schema(schema: dict[str, Any]) -> Iterator[str]:
    for name, one in ({schema["title"]: schema} | schema.get("$defs", {})).items():
        if one.get("type") == "object" and "properties" in one:
            about = one.get("description", "").partition("\n\n")[0]
            yield f"### {name}\n\n{' '.join(about.split())}\n"
            needed = set(one.get("required", ()))
            rows = [
                (f"`{key}`", _kind(value), "needed" if key in needed else f"`{value.get('default')!r}`")
                for key, value in one["properties"].items()
            ]
            yield table(("key", "value", "default"), rows)


def _kind(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return value["$ref"].rpartition("/")[2]
    if "anyOf" in value:
        return " or ".join(_kind(one) for one in value["anyOf"])
    if "enum" in value or "const" in value:
        return ", ".join(f"`{one}`" for one in value.get("enum", [value.get("const")]))
    ends = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = " ".join(f"{sign} {value[key]:g}" for key, sign in ends.items() if key in value)
    inner = f" of {_kind(value['items'])}" if isinstance(value.get("items"), dict) else ""
    return f"{value.get('type', 'any')}{inner} {limits}".strip()


def http() -> str:
    """Every operation of the service."""
    found = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))
    parts = ["# HTTP operations\n\n[The OpenAPI document](../openapi.json) describes all of this for programs.\n"]
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for path, operations in found["paths"].items():
        for method, one in operations.items():
            about = (one.get("description") or one.get("summary") or "").partition("\n\n")[0]
            group = (one.get("tags") or ["other"])[0]
            groups.setdefault(group, []).append((f"`{method.upper()}`", f"`{path}`", about))
    for group, rows in groups.items():
        parts.append(f"## {group}\n\n{table(('method', 'path', 'what it does'), rows)}")
    return "\n".join(parts)


def results() -> Iterator[tuple[str, str]]:
    """A page for each result of a benchmark: what it measures, how to make it again, and all of its figures."""
    for path in sorted(RESULTS.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            found = {"rows": found}
        source = ROOT / "benchmarks" / f"{path.stem}.py"
        about = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) if source.exists() else ""
        machine = found.pop("machine", {})
        command = found.pop("command", "")
        rows = [(where, value) for where, value in leaves(found)]
        text = f"# {path.stem}\n\n{html.escape(about or '', quote=False)}\n\n"
        text += f"Made by `{command}`.\n\n" if command else ""
        text += table(("machine", ""), list(leaves(machine))) if machine else ""
        yield f"results/{path.stem}.md", text + table(("figure", "value"), rows)


def leaves(value: object, place: str = "") -> Iterator[tuple[str, object]]:
    """Every figure of a result with its place; long lists are cut, with their length."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, f"{place} / {key}" if place else str(key))
    elif isinstance(value, list) and value and isinstance(value[0], dict | list) and len(value) <= 40:
        for number, one in enumerate(value):
            yield from leaves(one, f"{place} / {number + 1}")
    elif isinstance(value, list) and len(value) > 12:
        yield place, f"{', '.join(map(str, value[:12]))} ... ({len(value)} values)"[:400]
    elif isinstance(value, float):
        yield place, f"{value:.6g}"
    else:
        yield place, ", ".join(map(str, value)) if isinstance(value, list) else str(value)[:400]


def tree() -> str:
    """The packages and modules with the first sentence of each."""
    lines = []
    source = ROOT / "src" / "mien"
    for path in sorted(source.rglob("*.py")):
        name = path.relative_to(source)
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first = re.split(r"(?<=[.:;])\s", " ".join(docstring.split()))[0].rstrip(":;")
        if path.name == "__init__.py":
            depth = len(name.parts) - 1
            lines.append(f"{'  ' * depth}{name.parent.name or 'mien'}/  {first}")
        else:
            lines.append(f"{'  ' * len(name.parts)}{path.name}  {first}")
    return "\n## The tree\n\n```text\n" + "\n".join(lines) + "\n```\n"


def decisions() -> str:
    """The list of decisions by their titles."""
    parts = ["# Decisions\n\nOne page each: what was chosen, what was measured, and what was not taken.\n"]
    for path in sorted((DOCS / "decisions").glob("[0-9]*.md")):
        title = path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        parts.append(f"- {path.name[:4]} [{title}]({path.name})")
    return "\n".join(parts) + "\n"


def reports() -> list[str]:
    """The published reports with their charts, drawn from report.json; their names."""
    from mien.evaluate.render import write_report
    from mien.evaluate.report import read_report

    made = []
    for path in sorted((DOCS / "reports").glob("*/report.json")):
        write_report(read_report(path), PAGES / "reports" / path.parent.name)
        for extra in PAGES.glob(f"reports/{path.parent.name}/report.md"):
            extra.unlink()
        made.append(path.parent.name)
    return made


def navigation() -> list[dict[str, Any]]:
    """The tabs and their pages."""

    def pages(folder: str, names: Sequence[str]) -> list[str]:
        return [f"{folder}/{name}.md" for name in names]

    guides = sorted(path.stem for path in (PAGES / "guide").glob("*.md"))
    taken = sorted(path.stem for path in (PAGES / "decisions").glob("[0-9]*.md"))
    measured = sorted(path.stem for path in (PAGES / "results").glob("*.md"))
    return [
        {"mien": ["index.md", "install.md", "glossary.md", "changelog.md"]},
        {"Tutorials": pages("tutorials", TUTORIALS)},
        {"Guides": pages("guide", guides)},
        {"Reference": pages("reference", ("cli", "python", "files", "http"))},
        {"Benchmarks": ["benchmarks.md", {"Reports": "reports.md"}, {"All results": pages("results", measured)}]},
        {"Design": ["architecture.md", {"Decisions": pages("decisions", ("index", *taken))}, "log.md"]},
        {"Tiếng Việt": pages("vi", ("index", "identity-cards", "audit", "service"))},
    ]


class Requests(HTMLParser):
    """What a page loads from another host."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note an address that a browser would fetch by itself."""
        given = dict(attributes)
        address = given.get(REQUESTS.get(tag, "")) or ""
        fetched = tag != "link" or (given.get("rel") or "") not in ("canonical", "next", "prev", "alternate")
        if fetched and re.match(r"(https?:)?//", address):
            self.found.append(f"{tag} {address}")


def requests_of(site: Path) -> list[str]:
    """Every request to another host that a page or a style sheet of the site makes."""
    found = []
    for path in sorted(site.rglob("*.html")):
        parser = Requests()
        parser.feed(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(site)}: {one}" for one in parser.found]
    for path in sorted(site.rglob("*.css")):
        styles = re.findall(r"(?:url\(|@import )[\"']?((?:https?:)?//[^\"')]+)", path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(site)}: {one}" for one in styles]
    return found


def make_pages() -> None:
    """All pages, written and generated."""
    gather()
    architecture = (PAGES / "architecture.md").read_text(encoding="utf-8")
    (PAGES / "architecture.md").write_text(architecture + tree(), encoding="utf-8")
    page("decisions/index.md", decisions())
    for name, make in (("cli", commands), ("python", python_names), ("files", files), ("http", http)):
        page(f"reference/{name}.md", make())
    for name, text in results():
        page(name, text)
    links = "\n".join(f"- [{name}](reports/{name}/report.html)" for name in reports())
    (PAGES / "reports.md").write_text(
        f"# Reports\n\nDrawn from docs/reports, without images of people.\n\n{links}\n", encoding="utf-8"
    )


def main() -> int:
    """Gather, build, check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", action="store_true", help="gather the pages only")
    chosen = parser.parse_args()
    make_pages()
    if chosen.pages:
        return 0
    config = PAGES.parent / "mkdocs.json"
    places = {"docs_dir": str(PAGES), "site_dir": str(SITE)}
    config.write_text(json.dumps({"INHERIT": str(ROOT / "mkdocs.yml"), "nav": navigation(), **places}))
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", str(config)]
    # mkdocs-material recommends its successor on every run: docs/decisions/0032-installing.md.
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=quiet, check=False)
    if built.returncode:
        return built.returncode
    requests = requests_of(SITE)
    print("\n".join(requests) or f"built {len(list(SITE.rglob('*.html')))} pages in site/; none asks another host")
    return 1 if requests else 0


if __name__ == "__main__":
    sys.exit(main())
