"""The published LEANER set: which files it has, how to tell that a file is one, where they lie.

It is the GitHub repository EmpathYang/TinyHelen at one commit. The manifest beside this module
holds the git blob id of every file, so a download, a checkout or a copy can be verified offline.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from leaner_harness.errors import DataError, DownloadError, UnknownName
from leaner_harness.files import home

GROUPS = ("glue", "eval", "instruct", "pretrain", "tokenizer")
GENRES = ("web", "book", "wiki", "textbook", "conversation", "code", "math")
SIDES = ("leaner", "ori")
TIERS = ("10M", "100M")
GLUE = "data/leaner/glue"
GITHUB = "https://raw.githubusercontent.com"

_PREFIXES = {
    "glue": f"{GLUE}/",
    "eval": "data/leaner/eval/",
    "instruct": "data/leaner/instruction",
    "tokenizer": "tokenizer/",
}
_PRETRAIN = re.compile(
    rf"data/({'|'.join(SIDES)})/({'|'.join(TIERS)})/(train|validation|test)"
    rf"/({'|'.join(GENRES)})\d{{4}}\.jsonl?(?:\.zst)?"
)
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """One commit of a repository: its files, as path -> git blob id."""

    repository: str
    commit: str
    licence: str
    files: Mapping[str, str]


class PretrainFile(NamedTuple):
    """What the path of a pre-training file says of it."""

    side: str
    """`leaner` (simplified) or `ori` (the text it was rewritten from)."""
    tier: str
    """`10M` or `100M`; upstream's size "100M" is the files of both."""
    split: str
    genre: str


PACKAGED = Path(__file__).with_name("published_files.json")


def load_manifest(path: Path | None = None) -> Manifest:
    """Read a manifest: `path`, else the file `LEANER_DATA_MANIFEST` names, else the packaged one.

    Raises DataError when it cannot be read or names a path outside its folder.
    """
    chosen = path or os.environ.get("LEANER_DATA_MANIFEST")
    source = Path(chosen or PACKAGED).expanduser()
    try:
        manifest = Manifest(**json.loads(source.read_text(encoding="utf-8")))
        wrong = [name for name, blob in manifest.files.items() if not _sound(name, blob)]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{source} is no manifest: {error}.", _MANIFEST_CURE) from error
    if wrong:
        raise DataError(
            f"{source}: {wrong[0]!r} is not a relative path with a git blob id.", _MANIFEST_CURE
        )
    return manifest


_MANIFEST_CURE = (
    'It is JSON with "repository", "commit", "licence" and "files": {path: git blob id}. '
    "Unset LEANER_DATA_MANIFEST to use the packaged one."
)


def _sound(name: str, blob: str) -> bool:
    # A manifest may come with a mirror: it must not be able to write outside the target folder.
    path = PurePosixPath(name)
    inside = not path.is_absolute() and ".." not in path.parts and not {"\\", ":"} & set(name)
    return inside and re.fullmatch(r"[0-9a-f]{40}", blob) is not None


def git_blob_id(path: Path) -> str:
    """The id git gives a file's content: hex sha1 of `blob <size>\\0<content>`, read in blocks."""
    with path.open("rb") as file:
        digest = hashlib.sha1(usedforsecurity=False)
        digest.update(b"blob %d\0" % os.fstat(file.fileno()).st_size)
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def verified(path: Path, blob: str) -> bool:
    """Whether `path` is a file with that git blob id."""
    return path.is_file() and git_blob_id(path) == blob


def is_published(path: Path, manifest: Manifest | None = None) -> bool:
    """Whether the file holds what was published under its name, wherever it lies.

    The name may be any end of a published path: `cola_test.jsonl` alone is enough, and of
    `10M/test/wiki0000.jsonl` the folders count, since seven published files share its last part.
    """
    manifest = manifest or load_manifest()
    ids = {manifest.files[name] for name in _namesakes(path, manifest.files)}
    return bool(ids) and path.is_file() and git_blob_id(path) in ids


def _namesakes(path: Path, names: Iterable[str]) -> list[str]:
    """The published paths that share most trailing parts with `path`, at least the file name."""
    mine = path.absolute().parts[::-1]
    shared: dict[str, int] = {}
    for name in names:
        pairs = zip(mine, PurePosixPath(name).parts[::-1], strict=False)
        shared[name] = next((i for i, (a, b) in enumerate(pairs) if a != b), name.count("/") + 1)
    most = max(shared.values(), default=0)
    return [name for name, length in shared.items() if length == most > 0]


def pretrain_file(path: str) -> PretrainFile | None:
    """Side, tier, split and genre of a published pre-training path; None for any other path."""
    match = _PRETRAIN.fullmatch(path)
    return PretrainFile(*match.groups()) if match else None


def group_of(path: str) -> str | None:
    """The group a published path belongs to; None for paths no command fetches."""
    if pretrain_file(path):
        return "pretrain"
    return next((group for group, start in _PREFIXES.items() if path.startswith(start)), None)


def select(
    groups: Iterable[str],
    *,
    genres: Iterable[str] = GENRES,
    sides: Iterable[str] = ("leaner",),
    tiers: Iterable[str] = TIERS,
    manifest: Manifest | None = None,
) -> list[str]:
    """Published paths of some groups, sorted; genres, sides and tiers narrow `pretrain` only.

    Raises UnknownName for a group, genre, side or tier that does not exist.
    """
    groups = _known("data group", groups, GROUPS)
    genres = _known("genre", genres, GENRES)
    sides = _known("side", sides, SIDES)
    tiers = _known("tier", tiers, TIERS)

    def wanted(path: str) -> bool:
        file = pretrain_file(path)
        narrow = file is None or (
            file.genre in genres and file.side in sides and file.tier in tiers
        )
        return narrow and group_of(path) in groups

    return sorted(filter(wanted, (manifest or load_manifest()).files))


def _known(kind: str, names: Iterable[str], choices: Sequence[str]) -> set[str]:
    chosen = set(names)
    for name in sorted(chosen.difference(choices)):
        raise UnknownName(kind, name, choices)
    return chosen


def file_url(path: str, manifest: Manifest) -> str:
    """Where a published path is fetched from: below `LEANER_DATA_URL`, else GitHub.

    A query in the base, such as a mirror's key, stays a query. Raises DownloadError when the base
    is no http(s) URL.
    """
    default = f"{GITHUB}/{manifest.repository}/{manifest.commit}"
    cure = (
        "Correct it, or unset it to fetch from GitHub. "
        "Files on this machine need no download: LEANER_DATA=DIR."
    )
    try:
        base = urlsplit(os.environ.get("LEANER_DATA_URL") or default)
        base.geturl().encode("ascii")
    except ValueError as error:
        raise DownloadError("LEANER_DATA_URL is no URL of plain letters.", cure) from error
    if base.scheme not in ("http", "https") or not base.hostname:
        raise DownloadError(
            f"LEANER_DATA_URL={shown(base.geturl())} is no http or https URL.", cure
        )
    return base._replace(path=f"{base.path.rstrip('/')}/{quote(path)}", fragment="").geturl()


def shown(url: str) -> str:
    """A URL as it may be printed: without user, password, query and fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()


def folder(manifest: Manifest | None = None) -> Path:
    """Where `leaner data pull` keeps the set, in the repository's own layout."""
    return home() / "published" / (manifest or load_manifest()).commit[:12]


def glue_folder(manifest: Manifest | None = None) -> Path:
    """Where the LEANER-GLUE files lie once pulled; they need not be there."""
    return folder(manifest) / GLUE
