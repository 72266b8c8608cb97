"""The documents: their blocks of code, and every `leaner` command that stands in them."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from conftest import ROOT

from leaner_harness.cli import VERBS
from leaner_harness.train import read_recipe, recipe_folders

DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in (
        "*.md", "docs/*.md", "trainers/README.md", "leaner_harness/tasks/*/README.md"
    )
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"
)  # fmt: skip
SHELL = ("bash", "console", "sh", "")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`(leaner [^`]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    document: str
    language: str
    text: str

    @property
    def name(self) -> tuple[str, str]:
        """Its document and first line, which name it in the list of blocks."""
        return self.document, self.text.splitlines()[0].split("  #")[0].strip()

    def commands(self) -> list[str]:
        """Its commands: a line each, comments left out, lines that go on joined."""
        joined = self.text.replace("\\\n", " ")
        lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
        return [re.sub(r"\s+", " ", line.removeprefix("$ ")) for line in lines if line]


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str) -> list[Block]:
    found = _FENCE.findall(read(document))
    return [Block(document, language, text) for language, text in found if language != "text"]


def leaner_commands(document: str) -> Iterator[str]:
    """Every `leaner ...` of a document, in blocks and in running text."""
    for block in blocks(document):
        if block.language in SHELL:
            for line in block.commands():
                yield from _leaner_parts(line)
    for span in _SPAN.findall(_FENCE.sub("", read(document))):
        yield from _leaner_parts(re.sub(r"\s+", " ", span))


def _leaner_parts(line: str) -> Iterator[str]:
    for part in re.split(r";|&&", line):
        part = re.sub(r"^(\w+=\S+ )+", "", part.strip()).removeprefix(".venv/bin/")
        if part.startswith("leaner "):
            yield part


def complaint(command: str) -> str:
    """What the parser, or the recipe's class, has against a command; empty if nothing."""
    words = shlex.split(command)[1:]
    if words[0] not in VERBS:
        return "" if words[0] in ("--help", "VERB") else f"there is no verb {words[0]}"
    module = importlib.import_module(f"leaner_harness.cli.{words[0].replace('-', '_')}")
    parser = argparse.ArgumentParser(prog=f"leaner {words[0]}")
    module.configure(parser)
    is_name = all(re.fullmatch(r"[a-z][a-z-]*", word) for word in words)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            args = parser.parse_args([word for word in words[1:] if word != "..."])
    except SystemExit as ended:
        # A command that is only named need not have what it is about: `leaner results verify`.
        lacks = "arguments are required" in said.getvalue()
        allowed = not ended.code or (lacks and (is_name or "..." in words))
        return "" if allowed else said.getvalue().splitlines()[-1]
    return _unknown_keys(args)


def _unknown_keys(args: argparse.Namespace) -> str:
    """Keys after `--set` that the recipe does not have."""
    if not getattr(args, "overrides", None) or args.recipe not in recipe_folders():
        return ""
    fields = {field.name for field in dataclasses.fields(read_recipe(args.recipe).recipe)}
    wrong = [key for pair in args.overrides if (key := pair.partition("=")[0]) not in fields]
    return f"{args.recipe} has no {wrong}" if wrong else ""
