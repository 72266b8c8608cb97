"""EXP3 in small: iterative curricula, their controls and random order, rates tuned alike, 1M LLaMA.

    python benchmarks/curricula_study.py tune --out runs/curricula --data FOLDER [--workers 2]
    python benchmarks/curricula_study.py measure --out runs/curricula --data FOLDER [--workers 2]
    python benchmarks/curricula_study.py report --out runs/curricula --data FOLDER --to results/...

`tune` trains every arm at four learning rates with the first seed. `measure` adds two seeds at
each arm's best, and, for the strict form, runs of four fifths of the budget. A control follows the
run of its arm, rate and seed: pools of the same sizes in random order, at the same steps. The
reference of `lm_loss` is a run in random order with a seed of its own. `report` is
`leaner curriculum compare`. A run that is done is not made again; one that was stopped goes on.
What `compare` reads of a run that is done is kept in results/studies/curricula, which is committed,
so that the study goes on from another machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import study_runs

from leaner_harness.files import write_atomic, write_json

STEPS, BATCH, BLOCK, EVERY, STAGES = 1000, 4, 256, 20, 5
SEEDS, REFERENCE_SEED = (0, 1, 2), 9
RATES = (2.5e-3, 5e-3, 1e-2, 2e-2)
SHORT = 0.8
DIFFICULTIES = ("sentence_length", "self_loss", "lm_loss")


class Arm(NamedTuple):
    """What is shown: in random order, or by a difficulty, or as its control."""

    difficulty: str = ""
    is_control: bool = False

    def __str__(self) -> str:
        return f"{self.difficulty or 'random'}{'-control' if self.is_control else ''}"


RANDOM = Arm()
ITERATIVE = tuple(Arm(difficulty) for difficulty in DIFFICULTIES)
CONTROLS = tuple(arm._replace(is_control=True) for arm in ITERATIVE)
ARMS = (RANDOM, *ITERATIVE, *CONTROLS)


class Job(NamedTuple):
    """One run."""

    arm: Arm
    rate: float
    seed: int
    part: float = 1.0

    @property
    def name(self) -> str:
        """Its folder."""
        return f"{self.arm}-{self.part:g}-rate{self.rate:g}-seed{self.seed}"


def train(options: argparse.Namespace, job: Job) -> float:
    """The final validation loss of a run, made if it is not there yet."""
    folder = options.out / job.name
    recall(options, job)
    if not is_done(folder, job):
        steps = round(job.part * STEPS)
        settings = {
            "data": options.data, "genres": '["wiki","textbook"]', "words": 10_000_000,
            "validation_words": 5_000, "steps": steps, "warmup": round(steps / 14),
            "batch_size": BATCH, "block_size": BLOCK, "optimizer": "muon", "schedule": "linear",
            "learning_rate": job.rate, "embedding_rate": 0.6 * job.rate, "seed": job.seed,
            "eval_every": EVERY, "sample_every": 0,
            "bf16": json.dumps(options.bf16), "compile": json.dumps(options.bf16),
            **curriculum(options, job),
        }  # fmt: skip
        study_runs.train(folder, "llama-1m", settings).check_returncode()
    keep(options, job)
    loss: float = study_runs.read(folder)["validation_bits_per_byte"]
    print(f"{loss:.4f}  {folder.name}", file=sys.stderr, flush=True)
    return loss


def is_done(folder: Path, job: Job) -> bool:
    """Whether the run needs not be made; of the reference the weights are needed, too."""
    is_reference = job.seed == REFERENCE_SEED
    return (folder / ("model.safetensors" if is_reference else "leaner.json")).exists()


def keep(options: argparse.Namespace, job: Job) -> None:
    """Keep what `compare` reads: the record, without paths of this machine, and measurements."""
    folder, kept = options.out / job.name, options.records / f"{job.name}.json"
    if kept.exists():
        return
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    measured = [entry for entry in map(json.loads, lines) if "validation_bits_per_byte" in entry]
    text = json.dumps({"record": study_runs.read(folder), "log": measured})
    for path, name in ((options.out, "OUT"), (options.data, "DATA")):
        text = text.replace(str(path), name)
    write_atomic(kept, text.encode())


def recall(options: argparse.Namespace, job: Job) -> None:
    """Put a run that was made elsewhere where `compare` looks for it.

    Raises SystemExit for one of another setting.
    """
    folder, kept = options.out / job.name, options.records / f"{job.name}.json"
    if study_runs.is_done(folder) or not kept.exists():
        return
    text = kept.read_text(encoding="utf-8")
    for path, name in ((options.out, "OUT"), (options.data, "DATA")):
        text = text.replace(f'"{name}', f'"{path}')
    found = json.loads(text)
    recipe = found["record"]["recipe"]
    setting = {"steps": round(job.part * STEPS), "batch_size": BATCH, "block_size": BLOCK}
    if any(recipe[key] != value for key, value in setting.items()):
        sys.exit(f"{kept} holds a run of another setting than {setting}: move it away.")
    folder.mkdir(parents=True, exist_ok=True)
    log = "".join(json.dumps(entry) + "\n" for entry in found["log"])
    write_atomic(folder / "log.jsonl", log.encode())
    write_json(folder / "leaner.json", found["record"])


def curriculum(options: argparse.Namespace, job: Job) -> dict[str, Any]:
    """The keys of a recipe that say what is shown."""
    arm = job.arm
    if arm == RANDOM:
        return {"curriculum": "random"}
    keys = {"curriculum": "iterative", "difficulty": arm.difficulty}
    if arm.difficulty == "lm_loss":
        reference = Job(RANDOM, RATES[1], REFERENCE_SEED)
        keys["reference"] = str(options.out / reference.name)
    keys["curriculum_options"] = f"{{stages={STAGES}}}"
    if not arm.is_control:
        return keys
    leader = options.out / job._replace(arm=Arm(arm.difficulty)).name
    return {**keys, "control": "random", "follow": str(leader)}


def train_all(options: argparse.Namespace, jobs: list[Job]) -> dict[Job, float]:
    """Final losses; what others stand on comes first."""
    found = {}
    for is_control in (False, True):
        some = [job for job in jobs if job.arm.is_control == is_control]
        with ThreadPoolExecutor(options.workers) as pool:
            found |= dict(zip(some, pool.map(lambda job: train(options, job), some), strict=True))
    return found


def tune(options: argparse.Namespace) -> dict[Arm, float]:
    """The best rate of every arm."""
    train(options, Job(RANDOM, RATES[1], REFERENCE_SEED))
    losses = train_all(options, [Job(arm, rate, SEEDS[0]) for arm in ARMS for rate in RATES])
    best = {arm: min(RATES, key=lambda rate: losses[Job(arm, rate, SEEDS[0])]) for arm in ARMS}
    for arm, rate in best.items():
        if rate in (RATES[0], RATES[-1]):
            print(f"{arm}: the best rate is at the edge of the grid", file=sys.stderr)
    return best


def measure(options: argparse.Namespace) -> list[Job]:
    """All runs that the report compares."""
    best = tune(options)
    jobs = [Job(arm, best[arm], seed) for arm in ARMS for seed in SEEDS]
    short = [Job(arm, best[arm], seed, SHORT) for arm in (RANDOM, *ITERATIVE) for seed in SEEDS]
    # A control at its own best rate follows its arm at that rate, whichever is the arm's best.
    leaders = [job._replace(arm=Arm(job.arm.difficulty)) for job in jobs if job.arm.is_control]
    train_all(options, leaders)
    train_all(options, [*jobs, *short])
    return [*jobs, *short]


def report(options: argparse.Namespace) -> None:
    """Compare, and write the report; the rates that were tried stand below it."""
    folders = [options.out / job.name for job in measure(options)]
    command = [sys.executable, "-m", "leaner_harness.cli", "curriculum", "compare", *folders]
    subprocess.run([*command, "--out", options.to], check=True)
    page = Path(f"{options.to}.md")
    write_atomic(page, f"{page.read_text(encoding='utf-8')}{rates_tried(options)}".encode())


def rates_tried(options: argparse.Namespace) -> str:
    """The table of final losses by arm and rate, all of the first seed."""
    lines = [
        "",
        f"How the rates were chosen: bits per byte at the end by rate, seed {SEEDS[0]}; the least "
        "counts. Chosen by the loss, and with a seed, that are reported: a bit too good, for all "
        "alike. A control is at its own best rate and follows its run of that rate.",
        "",
        f"| shown | {' | '.join(f'{rate:g}' for rate in RATES)} |",
        f"| --- |{' --- |' * len(RATES)}",
    ]
    for arm in ARMS:
        found = [study_runs.read(options.out / Job(arm, rate, SEEDS[0]).name) for rate in RATES]
        losses = (f"{each['validation_bits_per_byte']:.4f}" for each in found)
        lines.append(f"| `{arm}` | {' | '.join(losses)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phase", choices=("tune", "measure", "report"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", required=True, help="a folder in the published layout")
    parser.add_argument("--workers", type=int, default=1, help="runs at a time")
    parser.add_argument(
        "--bf16", action="store_true", help="in bfloat16, compiled: where units are"
    )
    parser.add_argument("--records", type=Path, default=Path("results/studies/curricula"))
    parser.add_argument("--to", type=Path, default=Path("results/curricula/llama-1m"))
    options = parser.parse_args()
    {"tune": tune, "measure": measure, "report": report}[options.phase](options)


if __name__ == "__main__":
    main()
