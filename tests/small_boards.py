"""Entries of boards made of numbers alone: as many as asked, with all that a result can say."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from leaner_harness.data.glue import AVERAGED
from leaner_harness.judge.surface import CHECKS, EMPTY
from leaner_harness.judge.verdicts import COVERAGE, SUM
from leaner_harness.leaderboard import board
from leaner_harness.leaderboard.entries import UNVERIFIED, VERIFIED, Entry
from leaner_harness.results import Record, Result, rules
from leaner_harness.results.answer_scores import GRADES, TASK
from leaner_harness.scoring import CENTRED, SCORE


def markdown(folder: Path) -> str:
    """The board of a results folder, as Markdown."""
    board.write(folder)
    return (folder / "README.md").read_text(encoding="utf-8")


SCRIPT = "<script>alert(1)</script>"
LONG = "name-" + "x" * 195
ARCHITECTURES = ("llama", "bert", "xlnet", "mamba2", "qwen3", "gpt", "rwkv", "t5", "ngram")
PHENOMENA = {
    task: tuple(f"{task}_{n}" for n in range(5 - i % 2)) for i, task in enumerate(AVERAGED)
}
"""As many as the embedded rows name: 36 in eight tasks."""
KINDS = ("split-0-7", "split-7-8", "split-8-9", "split-9-10")


def glue_record(name: str, number: int, **changes: Any) -> Record:
    """A fine-tuned run whose details are as long as real ones are, and differ from run to run."""
    draw = random.Random(number)
    skill = draw.random() * 0.8
    tasks = {
        task: _task(task, min(1.0, max(-1.0, draw.gauss(skill, 0.1))), draw) for task in AVERAGED
    }
    centred = sum(task["metrics"][CENTRED] for task in tasks.values()) / len(tasks)
    parameters = int(10 ** draw.uniform(5.5, 8.5))
    tokens = int(10 ** draw.uniform(6, 9.5))
    record = {
        "schema": 1,
        "board": "leaner_glue",
        "run": "quick-test-seed0",
        "model": {
            "name": name,
            "model_type": "leaner-finetune",
            "model_args": {},
            "pretrained": "",
            "dtype": "float32",
            "scorer": {"bf16": False, "from_scratch": False, "max_length": 128},
            "parameters": parameters,
            "weights_sha256": f"{number:064x}",
        },
        "protocol": {"name": "quick", "fingerprint": "9" * 64, "num_fewshot": 0},
        "data": {
            "split": "test",
            "source": "official",
            "synthetic": False,
            "fingerprint": rules.rows_fingerprint(tasks),
        },
        "tasks": tasks,
        "mean": {
            CENTRED: _mean(centred, draw),
            SCORE: _mean(BASELINE + (1 - BASELINE) * centred, draw),
        },
        "missing": [],
        "judge": None,
        "training": _training(number, parameters, tokens, draw),
        "provenance": {"evaluated": "2026-11-23", "harness": "0.1.0", "lm_eval": "0.4.13"},
        "samples": {"file": "quick-test-seed0.samples.jsonl.gz", "sha256": f"{number:064x}"},
    }
    for key, value in changes.items():
        record[key] = record[key] | value if isinstance(value, dict) else value
    return record


BASELINE = 0.5
_OK = {"state": "ok", "reason": "", "fingerprint": "f" * 64, "version": 1.0}


def _task(task: str, centred: float, draw: random.Random) -> Record:
    half = draw.uniform(0.004, 0.06)
    score = round(BASELINE + (1 - BASELINE) * centred, 9)
    values = {SCORE: score, CENTRED: round(centred, 9)}
    intervals = {name: [round(v - half, 6), round(v + half, 6)] for name, v in values.items()}
    names = ("acc", "mcc", "f1", "positive_share", "majority_acc", "ties")
    return _OK | {
        "n": 1000,
        "metrics": {name: round(draw.random(), 9) for name in names} | values,
        "intervals": intervals,
        "intervals_total": intervals,
        "majority_baseline": BASELINE,
        "baselines": {"jaccard": 0.51, "words": 0.52},
        "seeds": {"n": 3, "sd": round(draw.random() / 20, 9), "scores": [score] * 3},
        "finetuning": {"state": "ok", "rate": 0.001, "seconds": draw.random() * 1000},
        "phenomena": {name: _phenomenon(score, draw) for name in PHENOMENA[task]},
    }


def _phenomenon(score: float, draw: random.Random) -> Record:
    value, half = min(1.0, score + draw.uniform(-0.2, 0.2)), draw.uniform(0.02, 0.2)
    interval = [round(value - half, 6), round(value + half, 6)]
    found = {"n": 200, "value": round(value, 9), "majority_baseline": BASELINE}
    return found | {"interval": interval, "interval_total": interval}


def _mean(value: float, draw: random.Random) -> Record:
    half = draw.uniform(0.005, 0.05)
    return {"value": round(value, 9), "interval": [round(value - half, 6), round(value + half, 6)]}


def _training(number: int, parameters: int, tokens: int, draw: random.Random) -> Record:
    recipe = {f"setting_{key}": round(draw.random(), 6) for key in range(24)}
    recipe |= {"architecture": ARCHITECTURES[number % len(ARCHITECTURES)], "seed": number}
    curve = [
        {
            "tokens_seen": tokens * step // 40,
            "loss": round(7 / (1 + step / 4) + draw.random() / 10, 5),
            "validation_bits_per_byte": round(3 / (1 + step / 4), 5),
        }
        for step in range(1, 41)
    ]
    return {
        "recipe": recipe,
        "recipe_name": "llama-1m",
        "tokens_seen": tokens,
        "flops": 6 * parameters * tokens,
        "seconds": draw.random() * 1e4,
        "hardware": "1 x cpu (x86_64, 1 threads)",
        "train_loss": draw.random(),
        "tokenizer_digest": f"{number:064x}",
        "versions": {"torch": "2.13.0", "python": "3.11.7"},
        "curve": curve,
    }


def glue_entries(count: int, **changes: Any) -> list[Entry]:
    """Runs on one board; every tenth is unverified."""
    return [entry(glue_record(f"model-{n:04d}", n, **changes), n % 10 != 9) for n in range(count)]


def entry(record: Record, is_verified: bool = True) -> Entry:
    """An entry as it is read."""
    state = VERIFIED if is_verified else UNVERIFIED
    return Entry(Result(record), state, "Seen." if is_verified else "There are no samples.")


def answers_record(name: str, number: int, *, judged: bool = True) -> Record:
    """A run of LEANER-Eval, with kinds of questions."""
    draw = random.Random(number)
    names = (*(GRADES if judged else ()), *((COVERAGE,) if judged else ()), *CHECKS, EMPTY)
    top = {SUM: 15, **dict.fromkeys(GRADES[:-1], 5)}

    def metrics() -> dict[str, float]:
        return {name: draw.random() * top.get(name, 1) for name in names} | (
            {COVERAGE: 1.0} if judged else {}
        )

    whole = metrics()
    intervals = {name: [value * 0.9, value * 1.1] for name, value in whole.items()}
    kinds = {kind: {"n": 24, "metrics": metrics()} for kind in KINDS}
    questions = {"n": 96, "metrics": whole, "intervals": intervals, "kinds": kinds}
    mean = {SUM: {"value": whole[SUM], "interval": intervals[SUM]}} if judged else {}
    judge = {"fingerprint": {"kind": "openai", "model": "m1"}, "card": {"passed": True}}
    record = glue_record(name, number)
    return record | {
        "board": "leaner_eval",
        "data": record["data"] | {"fingerprint": _OK["fingerprint"]},
        "run": "judged-questions" if judged else "checks-questions",
        "protocol": {"name": "judged-m1" if judged else "checks", "fingerprint": "a" * 64},
        "tasks": {TASK: _OK | questions},
        "mean": mean,
        "judge": judge if judged else None,
    }


def hostile_entries() -> list[Entry]:
    """Runs whose every text is hostile, beside one that is not."""
    script, long = glue_record(SCRIPT, 1), glue_record(LONG, 2)
    for record in (script, long):
        text = record["model"]["name"]
        record["protocol"] = {"name": SCRIPT, "fingerprint": f"</style>{SCRIPT}", "num_fewshot": 0}
        record["data"] |= {
            "split": SCRIPT,
            "fingerprint": f'"><img src=x onerror=alert(1)>{SCRIPT}',
        }
        record["training"]["recipe"] |= {"architecture": text, text: text, "note": f"]]>{text}<!--"}
        record["training"]["hardware"] = f"{text}' onload='alert(1)"
        record["provenance"] |= {"harness": text, text: text}
        record["missing"] = [text]
        record["tasks"][text] = record["tasks"]["rte"]
        record["tasks"]["__proto__"] = record["tasks"]["rte"]
        record["tasks"]["cola"] = {"state": f"{text} {SCRIPT}"}
        tested = record["tasks"]["mnli"]["phenomena"]
        for name in (text, SCRIPT, "__proto__", "constructor", "a_b"):
            tested[name[:60]] = tested["mnli_0"]
    return [entry(script), entry(long), entry(glue_record("honest", 3))]
