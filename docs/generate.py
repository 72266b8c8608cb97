"""Write the generated parts of the documents: the file tree from first docstring lines, the hooks,
the fields of a result file.

`python docs/generate.py` writes; with `--check` it only says whether anything is stale.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leaner_harness import hookspecs
from leaner_harness.results import rules

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("leaner_harness", "trainers/leaner_trainers")


def file_tree() -> str:
    """Every module with the first line of its docstring."""
    lines = []
    for package in PACKAGES:
        lines += [f"{package}/", *_folder(ROOT / package, depth=1)]
    width = max(len(name) for name, _ in map(_halves, lines)) + 2
    return "\n".join(f"{name:<{width}}{text}".rstrip() for name, text in map(_halves, lines))


def _halves(line: str) -> tuple[str, str]:
    name, _, text = line.partition("\t")
    return name, text


def _folder(folder: Path, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name)):
        if path.is_dir() and any(path.rglob("*.py")) and path.name != "__pycache__":
            yield f"{indent}{path.name}/"
            yield from _folder(path, depth + 1)
        elif path.suffix == ".py" and (text := first_line(path)):
            yield f"{indent}{path.name}\t{text}"


def first_line(path: Path) -> str:
    """The first line of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return docstring.splitlines()[0] if docstring else ""


def hooks() -> str:
    """Every hook: name, what it returns, and its docstring."""
    found = inspect.getmembers(hookspecs, inspect.isfunction)
    lines = []
    for name, function in found:
        if name.startswith("register_"):
            returned = inspect.signature(function).return_annotation
            lines.append(f"### `{name}() -> {returned}`\n\n{inspect.getdoc(function)}\n")
    return "\n".join(lines).rstrip()


def result_fields() -> str:
    """Every field of a result file that its schema describes, and what may stand there."""
    schema = rules.schema()
    lines = ["| field | what may stand there | what it is |", "|---|---|---|"]
    return "\n".join([*lines, *_fields(schema, schema["definitions"], "")])


def _fields(part: dict[str, Any], parts: dict[str, Any], place: str) -> Iterator[str]:
    for name, field in [*part.get("properties", {}).items(), *_others(part, parts)]:
        inner = _resolved(field, parts)
        about = field.get("description") or inner.get("description", "")
        optional = "" if name in part.get("required", [name]) else ", may lack"
        yield f"| `{place}{name}` | {_allowed(inner)}{optional} | {about} |"
        yield from _fields(inner, parts, f"{place}{name}.")


def _others(part: dict[str, Any], parts: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What else a part holds and how it is called here: tasks, things by name, items of a list."""
    yield from (("TASK", field) for field in part.get("patternProperties", {}).values())
    for name, key in (("NAME", "additionalProperties"), ("ITEM", "items")):
        field = part.get(key)
        if isinstance(field, dict) and "properties" in _resolved(field, parts):
            yield name, field


def _resolved(field: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = parts[field["$ref"].rsplit("/", 1)[-1]] if "$ref" in field else field
    return found


def _allowed(part: dict[str, Any]) -> str:
    if "const" in part or "enum" in part:
        return ", ".join(f"`{value}`" for value in part.get("enum", [part.get("const")]))
    kinds = part.get("type", "anything")
    text = kinds if isinstance(kinds, str) else " or ".join(kinds)
    if "minimum" in part and "maximum" in part:
        return f"{text} {part['minimum']:g} to {part['maximum']:g}"
    pattern = part.get("pattern", "").replace("|", "\\|")
    return f"{text} like `{pattern}`" if pattern else text


PARTS = {
    "CONTRIBUTING.md": {"file tree": lambda: f"```text\n{file_tree()}\n```"},
    "docs/hooks.md": {"hooks": hooks},
    "docs/results.md": {"fields": result_fields},
}


def render(document: str) -> str:
    """The document with its generated parts made anew."""
    text = (ROOT / document).read_text(encoding="utf-8")
    for name, make in PARTS[document].items():
        start, end = f"<!-- generated: {name} -->", f"<!-- end of {name} -->"
        block = f"{start}\n{make()}\n{end}"
        pattern = f"{re.escape(start)}.*?{re.escape(end)}"
        text = re.sub(pattern, lambda _, block=block: block, text, flags=re.DOTALL)
    return text


def main() -> int:
    """Write or check; exit code 1 when something is stale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = [name for name in PARTS if render(name) != (ROOT / name).read_text(encoding="utf-8")]
    for name in stale:
        if check:
            print(f"{name} is stale. Run: make docs", file=sys.stderr)
        else:
            (ROOT / name).write_text(render(name), encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
