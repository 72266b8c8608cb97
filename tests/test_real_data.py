"""Published rows end to end: train on LEANER text, score by stock lm_eval, check independently."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from scipy import stats
from sklearn import metrics as sk

from leaner_harness.data.glue import AVERAGED, TASKS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

LIMIT = 40


@pytest.fixture(scope="module")
def output(tinyhelen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stock lm_eval leaves of a briefly trained LLaMA, 40 rows a task."""
    folder = tmp_path_factory.mktemp("real")
    settings = [
        f"data={tinyhelen}", 'genres=["wiki", "textbook"]', "words=60000", "steps=30",
        "warmup=5", "sample_every=0", "eval_every=30", "validation_words=2000",
    ]  # fmt: skip
    words = [word for setting in settings for word in ("--set", setting)]
    leaner = [sys.executable, "-m", "leaner_harness.cli"]
    model = folder / "model"
    subprocess.run([*leaner, "train", "llama-demo", *words, "--out", str(model)], check=True)
    command = [sys.executable, "-m", "lm_eval", "--model", "hf", "--tasks", "leaner_glue"]
    command += ["--model_args", f"pretrained={model}", "--batch_size", "32", "--device", "cpu"]
    command += ["--metadata", f"leaner_data={tinyhelen},leaner_split=validation"]
    command += ["--limit", str(LIMIT), "--log_samples", "--output_path", str(folder / "out")]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "out"


def samples(output: Path, task: str) -> list[dict[str, object]]:
    (path,) = output.rglob(f"samples_leaner_glue_{task}_2*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def reported(output: Path, task: str) -> dict[str, float]:
    (path,) = output.rglob("results_*.json")
    return dict(json.loads(path.read_text())["results"][f"leaner_glue_{task}"])


@pytest.mark.parametrize("task", AVERAGED)
def test_metrics_equal_scikit_learn_and_scipy(task: str, output: Path) -> None:
    rows = samples(output, task)
    gold = [row["doc"]["label"] for row in rows]  # type: ignore[index]
    scores = [[float(answer[0]) for answer in row["filtered_resps"]] for row in rows]  # type: ignore[attr-defined]
    found = reported(output, task)
    if task == "stsb":
        weights = [[math.exp(s - max(row)) for s in row] for row in scores]
        values = [sum(i * w for i, w in enumerate(row)) / sum(row) for row in weights]
        assert found["pearson,none"] == pytest.approx(stats.pearsonr(gold, values)[0], abs=1e-6)
        assert found["spearman,none"] == pytest.approx(stats.spearmanr(gold, values)[0], abs=1e-6)
        return
    best = [row.index(max(row)) for row in scores]
    assert found["acc,none"] == pytest.approx(sk.accuracy_score(gold, best), abs=1e-6)
    assert found["mcc,none"] == pytest.approx(sk.matthews_corrcoef(gold, best), abs=1e-6)
    if "f1,none" in found:
        assert found["f1,none"] == pytest.approx(sk.f1_score(gold, best, zero_division=0), abs=1e-6)


@pytest.mark.parametrize("task", AVERAGED)
def test_a_limited_run_shows_every_class_in_its_share(task: str, output: Path) -> None:
    (path,) = output.rglob("results_*.json")
    config = json.loads(path.read_text())["configs"][f"leaner_glue_{task}"]
    record = config["metadata"]["leaner"]
    assert record["source"] == "official" and record["split"] == "validation"
    seen = Counter(round(row["doc"]["label"]) for row in samples(output, task))  # type: ignore[index]
    assert set(seen) == set(range(TASKS[task].classes))
    for label, n in record["labels"].items():
        assert abs(seen[int(label)] / LIMIT - n / record["rows"]) < 0.06
