"""Writes what follows from the service's operations: docs/openapi.json, and the types of the client's answers.

    python scripts/openapi.py            # write both
    python scripts/openapi.py --check    # exit code 1 where one of them is not up to date

Opens no model.
"""

import json
import keyword
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mien.models import store
from mien.models.defaults import DEFAULT_RECOGNIZER
from mien.service.app import create_app
from mien.service.config import ServiceConfig

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT, TYPES = ROOT / "docs" / "openapi.json", ROOT / "src" / "mien" / "client" / "answers.py"
LONGEST = 118
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
HEAD = '''"""The answers of the service as typed dictionaries. Written by scripts/openapi.py; do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict
'''


def document() -> dict[str, Any]:
    """The OpenAPI document of the service."""
    engines = SimpleNamespace(card=store.load(DEFAULT_RECOGNIZER).card, close=lambda: None)
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(ServiceConfig(folder=Path(folder)), engines)  # type: ignore[arg-type]
        found: dict[str, Any] = app.openapi()
        app.state.galleries.close()
        app.state.access.close()
    return found


def types_of(found: dict[str, Any]) -> str:
    """The module of types: one class per schema of an answer."""
    schemas = {name: one for name, one in found["components"]["schemas"].items() if one.get("type") == "object"}
    schemas = {name: one for name, one in schemas.items() if "ValidationError" not in name}
    return HEAD + "".join(_class(name, schema) for name, schema in schemas.items())


def _class(name: str, schema: dict[str, Any]) -> str:
    lines = ["", "", f"class {name}(TypedDict):", f'    """{_sentence(schema)}"""', ""]
    required = set(schema.get("required", ()))
    for field, value in schema.get("properties", {}).items():
        assert field.isidentifier() and not keyword.iskeyword(field), field
        kind = _type(value) if field in required else f"NotRequired[{_type(value)}]"
        lines.append(_wrapped(f"    {field}: {kind}"))
    return "\n".join(lines) + "\n"


def _wrapped(line: str) -> str:
    """A line as the formatter leaves it: a long list has its content on a line of its own."""
    if len(line) <= LONGEST:
        return line
    head, _, inner = line.partition("[")
    return f"{head}[\n        {inner[:-1]}\n    ]"


def _sentence(schema: dict[str, Any]) -> str:
    text = " ".join(str(schema.get("description", schema["title"])).split())
    return text.partition(". ")[0].removesuffix(".") + "."


def _type(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return str(value["$ref"].rpartition("/")[2])
    if "anyOf" in value:
        return " | ".join(_type(one) for one in value["anyOf"])
    if "const" in value:
        return f"Literal[{json.dumps(value['const'])}]"
    if "enum" in value:
        return f"Literal[{', '.join(json.dumps(one) for one in value['enum'])}]"
    if value.get("type") == "array":
        if "prefixItems" in value:
            return f"tuple[{', '.join(_type(one) for one in value['prefixItems'])}]"
        return f"list[{_type(value['items'])}]"
    return PLAIN.get(value.get("type", ""), "dict[str, Any]")


def outputs() -> dict[Path, str]:
    """What each file should hold."""
    found = document()
    return {DOCUMENT: json.dumps(found, indent=1, ensure_ascii=False) + "\n", TYPES: types_of(found)}


def main(arguments: list[str]) -> int:
    """Write both files, or say which is not up to date."""
    stale = [path for path, text in outputs().items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in arguments:
        print(*(f"{path.relative_to(ROOT)} is not up to date: python scripts/openapi.py" for path in stale), sep="\n")
        return 1 if stale else 0
    for path, text in outputs().items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
