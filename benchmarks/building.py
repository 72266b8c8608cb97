"""What `leaner build pretrain` takes beside a model's time: chunks a second, waiting, memory.

    python benchmarks/building.py [--chunks 10000] [--data FOLDER] [--latency 1 0.2] [--json]

Each build is a process of its own, with everything on disk as always, by stage: `echo`, and `rules`
on half as many chunks; a tenth as many, for what memory grows by; and against a real HTTP server
that takes so long for a reply, which share of calls in flight / latency the rewriting reaches. The
text is the embedded one, four documents in one, so that chunks are as long as those of real text;
or what a folder has. It is held against the embedded benchmarks, and those of `LEANER_DATA`.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from llm_engine import in_process
from memory import peak
from small_llm import running  # which llm_engine has made known

from leaner_harness.data.text import read_documents
from leaner_harness.dataset import pretrain
from leaner_harness.dataset.build import Source
from leaner_harness.provenance import hardware

GOAL, SHARE = 300, 0.95
"""Chunks a second without a model; share of calls in flight / latency."""
STAGES = {
    "read, filter, chunk": (pretrain.Job, "read"),
    "rewrite, verify, note": (pretrain.Job, "rewrite"),
    "assemble": (pretrain, "assemble"),
    "card": (pretrain.Job, "_write_card"),
}
_TOGETHER, _WORDS = 4, 200
"""Embedded documents in one, and words in a chunk, about."""

Record = dict[str, Any]


def write_source(path: Path, count: int) -> None:
    """Leave text of about so many chunks in a file."""
    documents = read_documents("mini", genres=["wiki", "textbook"], words=10**12)
    with path.open("w") as file:
        for _ in range(count // 2):
            text = "\n\n".join(next(documents).text for _ in range(_TOGETHER))
            file.write(json.dumps({"text": text}) + "\n")


def build(out: Path, source: Source, rewriter: str, arguments: Mapping[str, Any]) -> Record:
    """Build, and return the seconds and the peak memory of each stage, and what came of it."""
    stages: dict[str, Record] = {}
    before = peak()
    for name, (owner, function) in STAGES.items():
        setattr(owner, function, _timed(name, getattr(owner, function), stages))
    settings = pretrain.Settings(source, rewriter, arguments)
    began = time.perf_counter()
    with pretrain.Job(out, settings) as job:
        manifest = job.run()
    seconds = time.perf_counter() - began
    chunks = {key: manifest["chunks"][key] for key in ("in", "kept", "rejected", "failed")}
    words = sum(each["words"] for each in manifest["files"])
    return {
        "chunks": chunks, "documents": manifest["documents"]["kept"], "words": words,
        "seconds": seconds, "chunks_per_second": chunks["in"] / seconds,
        "before": before, "peak": peak(), "stages": stages,
    }  # fmt: skip


def _timed(name: str, function: Any, stages: dict[str, Record]) -> Any:
    @functools.wraps(function)
    def run(*arguments: Any, **options: Any) -> Any:
        if name in stages:  # the reading is asked for twice
            return function(*arguments, **options)
        began, worked = time.perf_counter(), time.process_time()
        found = function(*arguments, **options)
        stages[name] = {
            "seconds": time.perf_counter() - began,
            "processor": time.process_time() - worked,
            "peak": peak(),
        }
        return found

    return run


def served(folder: Path, source: Source, latency: float, concurrency: int) -> Record:
    """Build with the replies of a server; which share of the possible the rewriting reached."""
    with running(folder, "rewrite_server.py", str(latency)) as server:
        arguments = {"base_url": f"{server.root}/v1", "concurrency": concurrency}
        found = in_process(build, folder / "out", source, "openai:test", arguments)
        found["most_in_flight"] = server.report()["most"]
    rate = found["chunks"]["in"] / found["stages"]["rewrite, verify, note"]["seconds"]
    return found | {"per_second": rate, "share": rate / (concurrency / latency)}


def measure(options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Record]]:
    """The builds by name, one after another."""

    def source(count: int) -> Source:
        if options.data:
            return Source((options.data,), words=count * _WORDS)
        path = folder / f"{count}.jsonl"
        write_source(path, count)
        return Source((str(path),))

    count = options.chunks
    for rewriter, some in (("echo", count), ("echo", count // 10), ("rules", count // 2)):
        name = f"{rewriter} {some}"
        yield name, in_process(build, folder / name, source(some), rewriter, {})
    for latency in options.latency:
        name = f"a reply in {latency:g} s"
        aside = folder / name
        aside.mkdir()
        yield name, served(aside, source(options.requests), latency, options.concurrency)


def summary(found: Mapping[str, Record], count: int) -> Record:
    """What was asked of it, and whether it holds."""
    large, small = found[f"echo {count}"], found[f"echo {count // 10}"]
    more = large["chunks"]["in"] - small["chunks"]["in"]
    shares = {name: each["share"] for name, each in found.items() if "share" in each}
    return {
        "machine": hardware(),
        "chunks_per_second": large["chunks_per_second"],
        "fast_enough": large["chunks_per_second"] >= GOAL,
        "shares": shares,
        "waits_well": all(share >= SHARE for share in shares.values()),
        "megabytes_per_1000_chunks": 1000 * (large["peak"] - small["peak"]) / more,
    }


def show(found: Mapping[str, Record], about: Record) -> None:
    print(f"{about['machine']}\n")
    for name, each in found.items():
        chunks = each["chunks"]
        print(
            f"{name}: {chunks['in']} chunks ({chunks['kept']} kept, {each['words']} words) in "
            f"{each['seconds']:.1f} s: {each['chunks_per_second']:.0f}/s; peak {each['peak']:.0f} "
            f"MB, {each['before']:.0f} at the start"
        )
        for stage, one in each["stages"].items():
            rate = chunks["in"] / one["seconds"]
            print(
                f"  {stage:22} {one['seconds']:7.2f} s ({one['processor']:.2f} of the processor) "
                f"{rate:8.0f}/s {one['peak']:6.0f} MB"
            )
        if "share" in each:
            rate, share = each["per_second"], each["share"]
            print(f"  {rate:.1f} replies/s: {share:.1%} of calls in flight / latency")
    print(f"\nmemory: {about['megabytes_per_1000_chunks']:.2f} MB more for 1,000 chunks more")
    print(f"at least {GOAL} chunks/s: {about['fast_enough']}")
    print(f"at least {SHARE:.0%} of calls in flight / latency: {about['waits_well']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--data", help="a folder of text, as for leaner build")
    parser.add_argument("--latency", type=float, nargs="*", default=[1.0, 0.2], help="seconds")
    parser.add_argument("--requests", type=int, default=4_000, help="chunks that a server is sent")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--json", action="store_true", help="one JSON value")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        os.environ["LEANER_HOME"] = f"{place}/home"  # no reply is there from before
        found = dict(measure(options, Path(place)))
    about = summary(found, options.chunks)
    if options.json:
        print(json.dumps(about | {"builds": found}, indent=1))
    else:
        show(found, about)


if __name__ == "__main__":
    main()
