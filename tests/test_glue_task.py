"""LEANER-GLUE inside lm_eval's own evaluator: metrics, ties, states, few-shot, limit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scipy import stats as scipy_stats
from sklearn import metrics as sk
from small_glue import ScoredLM, evaluate, noise, write_glue

from leaner_harness.data.glue import AVERAGED, TASKS

GROUP = "leaner_glue"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_glue(tmp_path_factory.mktemp("glue"), n=60)


def metadata(folder: Path) -> dict[str, str]:
    return {"leaner_data": str(folder), "leaner_split": "validation"}


def test_metrics_equal_an_independent_computation(folder: Path) -> None:
    found = evaluate(ScoredLM(noise), [GROUP], metadata(folder))
    scores = {}
    for task in AVERAGED:
        samples = found["samples"][f"{GROUP}_{task}"]
        reported = found["results"][f"{GROUP}_{task}"]
        gold = [sample["doc"]["label"] for sample in samples]
        likelihoods = [[r[0] for r in sample["filtered_resps"]] for sample in samples]
        scores[task] = _native(task, gold, likelihoods, [s["doc"]["part"] for s in samples])
        assert reported["leaner_score,none"] == pytest.approx(scores[task], abs=1e-6), task
    mean = sum(scores.values()) / len(scores)
    assert found["results"][GROUP]["leaner_score,none"] == pytest.approx(mean, abs=1e-6)


def _native(task: str, gold: list[float], lls: list[list[float]], parts: list[str]) -> float:
    """The task's score by scikit-learn and scipy, from raw log-likelihoods (no ties in these)."""
    if task == "stsb":
        weights = [[math.exp(x - max(row)) for x in row] for row in lls]
        predicted = [sum(i * w for i, w in enumerate(row)) / sum(row) for row in weights]
        pearson, spearman = (
            f(gold, predicted)[0] for f in (scipy_stats.pearsonr, scipy_stats.spearmanr)
        )
        return float((pearson + spearman) / 2)
    best = [row.index(max(row)) for row in lls]
    if task == "cola":
        return float(sk.matthews_corrcoef(gold, best))
    if task in ("mrpc", "qqp"):
        return float((sk.accuracy_score(gold, best) + sk.f1_score(gold, best)) / 2)
    by_part = []
    for part in sorted(set(parts)):
        chosen = [i for i, p in enumerate(parts) if p == part]
        by_part.append(sk.accuracy_score([gold[i] for i in chosen], [best[i] for i in chosen]))
    return float(sum(by_part) / len(by_part))


def test_a_model_without_preference_scores_a_tie(folder: Path) -> None:
    found = evaluate(ScoredLM(lambda *_: -1.0), [GROUP], metadata(folder))
    results = found["results"]
    assert results[f"{GROUP}_sst2"]["acc,none"] == 0.5
    assert results[f"{GROUP}_mnli"]["leaner_score,none"] == pytest.approx(1 / 3)
    assert results[f"{GROUP}_sst2"]["ties,none"] == 1
    assert results[f"{GROUP}_cola"]["mcc,none"] == 0
    assert results[f"{GROUP}_stsb"]["leaner_score,none"] == 0


def test_a_constant_answer_is_worth_nothing_centred(folder: Path) -> None:
    found = evaluate(ScoredLM(lambda _, choice: -float(len(choice))), [GROUP], metadata(folder))
    for task in AVERAGED:
        assert found["results"][f"{GROUP}_{task}"]["leaner_score_centred,none"] <= 1e-9, task


def test_the_result_says_where_the_rows_come_from(folder: Path) -> None:
    found = evaluate(ScoredLM(noise), [f"{GROUP}_cola"], metadata(folder))
    data = found["configs"][f"{GROUP}_cola"]["metadata"]["leaner"]
    assert data["source"] == "local" and data["split"] == "validation"
    assert len(data["fingerprint"]) == 64 and data["state"] == "ok"


def test_a_task_that_cannot_run_has_no_number_and_stops_no_other(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in folder.glob("*.jsonl"):
        if not path.name.startswith("rte_"):
            (tmp_path / path.name).symlink_to(path)
    found = evaluate(ScoredLM(noise), [GROUP], metadata(tmp_path))
    assert not [key for key in found["results"][f"{GROUP}_rte"] if key.startswith("leaner_score")]
    data = found["configs"][f"{GROUP}_rte"]["metadata"]["leaner"]
    assert data["state"] == "missing_file" and "rte_validation.jsonl" in data["reason"]
    assert "leaner_score,none" in found["results"][f"{GROUP}_cola"]


def test_few_shot_examples_come_from_the_training_rows(folder: Path) -> None:
    lm = ScoredLM(noise)
    evaluate(lm, [f"{GROUP}_cola"], metadata(folder), num_fewshot=2)
    assert all(context.count("cola train sentence") == 2 for context in lm.contexts)
    again = ScoredLM(noise)
    evaluate(again, [f"{GROUP}_cola"], metadata(folder), num_fewshot=2)
    assert again.contexts == lm.contexts


def test_few_shot_without_training_rows_is_a_state(tmp_path: Path) -> None:
    write_glue(tmp_path, splits=("validation",))
    found = evaluate(ScoredLM(noise), [f"{GROUP}_cola"], metadata(tmp_path), num_fewshot=2)
    data = found["configs"][f"{GROUP}_cola"]["metadata"]["leaner"]
    assert data["state"] == "missing_train_file" and "cola_train.jsonl" in data["reason"]


def test_training_rows_that_are_reported_are_in_no_prompt_and_no_baseline(folder: Path) -> None:
    """Such a prompt could hold the very row that is asked about, with its answer."""
    asked = {"leaner_data": str(folder), "leaner_split": "train"}
    found, shot = (
        evaluate(ScoredLM(noise), [f"{GROUP}_rte"], asked, num_fewshot=n) for n in (0, 1)
    )
    data = found["configs"][f"{GROUP}_rte"]["metadata"]["leaner"]
    assert (
        data["state"] == "ok" and data["baselines"]["words"] is data["baselines"]["jaccard"] is None
    )
    data = shot["configs"][f"{GROUP}_rte"]["metadata"]["leaner"]
    assert data["state"] == "missing_train_file" and "are the reported ones" in data["reason"]


def test_a_task_that_cannot_run_stops_no_process(tmp_path: Path) -> None:
    """lm-eval refuses a process without rows, so each of several must get a placeholder."""
    from lm_eval.tasks import TaskManager

    from leaner_harness.contracts import resolve_folder

    folder = str(resolve_folder("leaner_harness:tasks"))
    write_glue(tmp_path, splits=("train",))
    manager = TaskManager(include_path=folder, include_defaults=False, metadata=metadata(tmp_path))
    task = manager.load([f"{GROUP}_rte"])["tasks"][f"{GROUP}_rte"]
    for rank in (0, 1):
        task.build_all_requests(rank=rank, world_size=2)
        assert task.process_results(task.eval_docs[rank], [(-1.0, False)] * 2) == {}


def test_few_shot_rows_count_in_the_account_of_the_data(folder: Path) -> None:
    found = evaluate(ScoredLM(noise), [f"{GROUP}_cola"], metadata(folder), num_fewshot=1)
    data = found["configs"][f"{GROUP}_cola"]["metadata"]["leaner"]
    assert len(data["train_fingerprint"]) == 64
    assert data["train_fingerprint"] != data["fingerprint"]


def test_cached_prompts_of_other_rows_are_never_used(folder: Path, tmp_path: Path) -> None:
    evaluate(ScoredLM(noise), [f"{GROUP}_cola"], metadata(folder), cache_requests=True)
    write_glue(tmp_path, n=24)
    other = evaluate(ScoredLM(noise), [f"{GROUP}_cola"], metadata(tmp_path), cache_requests=True)
    assert len(other["samples"][f"{GROUP}_cola"]) == 24


def test_a_score_that_is_not_finite_spoils_the_metric(folder: Path) -> None:
    found = evaluate(ScoredLM(lambda *_: math.nan), [f"{GROUP}_cola"], metadata(folder))
    assert math.isnan(found["results"][f"{GROUP}_cola"]["leaner_score,none"])


class SeedLM(ScoredLM):
    """A fine-tuned model: a log-likelihood per training seed, by one function each."""

    def __init__(self, *seeds: Callable[[str, str], float]) -> None:
        super().__init__(seeds[0])
        self.seeds = seeds

    def loglikelihood(self, requests: list[Any], **_: Any) -> list[Any]:
        scores = [[seed(*request.args) for seed in self.seeds] for request in requests]
        return [(sum(one) / len(one), False, one) for one in scores]


def other_noise(context: str, continuation: str) -> float:
    return noise(context[::-1], continuation)


def test_metrics_of_several_training_seeds_are_their_means(folder: Path) -> None:
    tasks = [f"{GROUP}_{name}" for name in ("stsb", "mnli")]
    alone = [evaluate(ScoredLM(f), tasks, metadata(folder)) for f in (noise, other_noise)]
    both = evaluate(SeedLM(noise, other_noise), tasks, metadata(folder))
    for task in tasks:
        reported = {k: v for k, v in both["results"][task].items() if k.endswith(",none")}
        assert "leaner_score,none" in reported
        for metric, value in reported.items():
            if "stderr" not in metric:
                each = [found["results"][task][metric] for found in alone]
                assert value == pytest.approx(sum(each) / 2), metric
    scores = [found["results"][tasks[0]]["leaner_score,none"] for found in alone]
    assert abs(scores[0] - scores[1]) > 1e-3


def test_one_seed_that_is_not_finite_spoils_the_mean(folder: Path) -> None:
    lm = SeedLM(noise, lambda *_: math.nan)
    found = evaluate(lm, [f"{GROUP}_cola"], metadata(folder))
    assert math.isnan(found["results"][f"{GROUP}_cola"]["leaner_score,none"])


def test_wnli_is_outside_the_average_and_warned_about(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = evaluate(ScoredLM(noise), [GROUP, f"{GROUP}_wnli"], metadata(folder))
    assert f"{GROUP}_wnli" not in found["group_subtasks"][GROUP]
    assert "no evidence about a model" in caplog.text


@pytest.mark.parametrize("task", AVERAGED)
def test_a_limited_run_sees_every_class_of_the_real_files(task: str, tinyhelen: Path) -> None:
    from leaner_harness.data import sources

    rows = sources.load(task, "validation", folder=str(tinyhelen)).rows
    whole = Counter(round(row["label"]) for row in rows)
    head = Counter(round(row["label"]) for row in rows[:40])
    assert set(head) == set(whole) == set(range(TASKS[task].classes))
    for label, n in whole.items():
        assert abs(head[label] / 40 - n / len(rows)) < 0.06, (label, head)
