"""What samples say: several seeds, pairs of rows, every interval, and results of an older day."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from small_results import ROWS, fine_tuned, write, zero_shot

from leaner_harness import intervals, results, scoring
from leaner_harness.data.glue import AVERAGED, TASKS
from leaner_harness.errors import ResultError
from leaner_harness.results import Record, recompute


def column(samples: list[Record], seed: int) -> list[Record]:
    """What one seed alone answered, as a zero-shot model's samples."""
    return [s | {"log_likelihoods": s["log_likelihoods"][seed]} for s in samples]


def test_a_metric_is_the_mean_over_seeds_and_their_spread_is_kept_apart() -> None:
    samples = fine_tuned([0.5, 1.0, 1.5], 3)
    tasks, mean = recompute.score_samples(samples)
    alone = [recompute.score_samples(column(samples, seed)) for seed in range(3)]
    for name, record in tasks.items():
        for metric, value in record["metrics"].items():
            each = [found[0][name]["metrics"][metric] for found in alone]
            assert value == pytest.approx(np.mean(each), abs=1e-8), (name, metric)
        scores = [found[0][name]["metrics"][scoring.SCORE] for found in alone]
        assert record["seeds"]["scores"] == pytest.approx(scores)
        assert record["seeds"]["n"] == 3
        assert record["seeds"]["sd"] == pytest.approx(np.std(scores, ddof=1), abs=1e-8)
        assert set(record["intervals_total"]) == set(record["intervals"])
    for metric in (scoring.SCORE, scoring.CENTRED):
        each = [found[1][metric]["value"] for found in alone]
        assert mean[metric]["seeds"]["scores"] == pytest.approx(each)
        assert mean[metric]["seeds"]["sd"] == pytest.approx(np.std(each, ddof=1), abs=1e-8)
        (low, high), (least, most) = mean[metric]["interval"], mean[metric]["interval_total"]
        assert least < low < mean[metric]["value"] < high < most


def test_seeds_that_answer_alike_are_one_model() -> None:
    """The same rows are drawn for every seed: copies of a seed change no interval."""
    samples = zero_shot(1, 0)
    copies = [s | {"log_likelihoods": [s["log_likelihoods"]] * 3} for s in samples]
    one, three = recompute.score_samples(samples), recompute.score_samples(copies)
    for name in AVERAGED:
        assert three[0][name]["metrics"] == pytest.approx(one[0][name]["metrics"])
        for metric, interval in one[0][name]["intervals"].items():
            assert three[0][name]["intervals"][metric] == pytest.approx(interval, abs=2e-6)
        assert three[0][name]["seeds"]["sd"] == 0 and "seeds" not in one[0][name]
    assert "intervals_total" not in one[0]["cola"]


def test_one_seed_has_no_spread() -> None:
    tasks, mean = recompute.score_samples(fine_tuned([1.0], 0))
    for record in tasks.values():
        score = record["metrics"][scoring.SCORE]
        assert record["seeds"] == {"n": 1, "scores": [score]}
        assert "intervals_total" not in record
    assert "sd" not in mean[scoring.SCORE]["seeds"]
    assert "interval_total" not in mean[scoring.SCORE]


def test_every_metric_with_a_better_end_has_an_interval() -> None:
    tasks, _ = recompute.score_samples(zero_shot(1, 0))
    for name, record in tasks.items():
        better = set(scoring.metric_names(TASKS[name])) & set(scoring.HIGHER_IS_BETTER)
        assert set(record["intervals"]) == better
        for metric, (low, high) in record["intervals"].items():
            assert low <= record["metrics"][metric] <= high


def test_rows_of_a_pair_are_drawn_together() -> None:
    """Each row beside its copy: as many rows, half the news, intervals wider by the root of 2."""
    single = [s for s in zero_shot(1, 0, 100) if s["task"] in ("rte", "stsb")]
    doubled = [s | {"idx": 1000 * i + s["idx"]} for s in single for i in (0, 1)]
    pairs = [s | {"pair_id": f"p{s['idx'] % 1000}"} for s in doubled]
    loose, tied = (recompute.score_samples(rows)[0] for rows in (doubled, pairs))
    for name in ("rte", "stsb"):
        assert tied[name]["n"] == 200 and tied[name]["units"] == 100
        assert "units" not in loose[name]
        wide, narrow = (np.diff(found[name]["intervals"][scoring.SCORE]) for found in (tied, loose))
        assert wide / narrow == pytest.approx(2**0.5, rel=0.15)
        assert tied[name]["metrics"] == loose[name]["metrics"]


def test_a_row_without_a_pair_stands_alone() -> None:
    samples = [s for s in zero_shot(1, 0) if s["task"] == "rte"]
    some = [s | ({"pair_id": "p"} if s["idx"] < 4 else {}) for s in samples]
    assert recompute.score_samples(some)[0]["rte"]["units"] == ROWS - 3


def test_the_order_of_samples_changes_nothing_with_seeds_and_pairs() -> None:
    samples = [s | {"pair_id": str(s["idx"] // 2)} for s in fine_tuned([0.5, 1.0], 3)]
    assert recompute.score_samples(samples) == recompute.score_samples(samples[::-1])


def test_samples_that_differ_in_their_seeds_are_refused() -> None:
    two, three = fine_tuned([1, 1], 0), fine_tuned([1, 1, 1], 0)
    with pytest.raises(ResultError, match="cola: its samples differ"):
        recompute.score_samples([three[0], *two[1:]])
    with pytest.raises(ResultError, match="cola: its samples differ"):
        recompute.score_samples([zero_shot(1, 0)[0], *fine_tuned([1], 0)[1:]])
    mixed = [a if a["task"] == "rte" else b for a, b in zip(two, three, strict=True)]
    with pytest.raises(ResultError, match="tasks differ in their number of training seeds"):
        recompute.score_samples(mixed)


def test_an_older_result_may_lack_the_intervals_that_came_later(tmp_path: Path) -> None:
    path = write(tmp_path, "a", zero_shot(1, 0))
    record = json.loads(path.read_text())
    for task in record["tasks"].values():
        kept = (scoring.SCORE, scoring.CENTRED)
        task["intervals"] = {name: task["intervals"][name] for name in kept}
    path.write_text(json.dumps(record))
    recompute.verify(results.read(path), tmp_path)


def test_no_result_may_drop_or_change_what_it_promised(tmp_path: Path) -> None:
    path = write(tmp_path, "a", fine_tuned([0.5, 1.5], 0))
    recompute.verify(results.read(path), tmp_path)
    text = path.read_text()

    def refused(change: Callable[[Record], Any], message: str) -> None:
        record = json.loads(text)
        change(record)
        path.write_text(json.dumps(record))
        with pytest.raises(ResultError, match=message):
            recompute.verify(results.read(path), tmp_path)

    rte: Callable[[Record], Record] = lambda record: record["tasks"]["rte"]  # noqa: E731
    refused(lambda r: rte(r)["intervals"].pop(scoring.SCORE), "rte.intervals lacks leaner_score")
    refused(lambda r: rte(r).pop("intervals"), "tasks.rte lacks intervals")
    refused(lambda r: rte(r).pop("seeds"), "rte seeds has other")
    refused(lambda r: rte(r)["seeds"].pop("sd"), "rte seeds has other")
    refused(lambda r: rte(r)["seeds"].update(sd=0.0), r"rte seeds sd is 0\.0")
    refused(lambda r: rte(r)["seeds"]["scores"].pop(), "rte seeds scores is")
    refused(lambda r: rte(r)["intervals_total"].pop("acc"), "rte intervals_total has")
    refused(lambda r: rte(r)["intervals"].update(acc=[0, 1]), "rte intervals acc is")
    refused(lambda r: rte(r)["intervals"].update(bleu=[0, 1]), "rte.intervals must")
    mean = scoring.CENTRED
    refused(lambda r: r["mean"][mean].pop("interval_total"), "mean leaner_score_centred")


def test_intervals_over_seeds_end_where_the_metric_does(tmp_path: Path) -> None:
    """Two seeds far apart have a wide Student's t; no accuracy is above 1, nor below 0."""
    samples = tagged(fine_tuned([0.5, 6.0], 0))
    tasks, mean = recompute.score_samples(samples)
    for name, record in tasks.items():
        constant = record["majority_baseline"]
        signed = {"cola": ("leaner_score", "leaner_score_centred"), "stsb": record["metrics"]}
        for metric, (low, high) in record["intervals_total"].items():
            least = -1 if metric == "mcc" or metric in signed.get(name, ()) else 0
            if metric == scoring.CENTRED and not least:
                least = -constant / (1 - constant)
            assert least - 1e-6 <= low <= record["metrics"][metric] <= high <= 1, (name, metric)
        for each in record["phenomena"].values():
            assert each["interval_total"][1] <= 1
    assert tasks["rte"]["intervals_total"]["acc"] == [0, 1]
    assert mean[scoring.SCORE]["interval_total"][1] == mean[scoring.CENTRED]["interval_total"][1]


def test_an_older_interval_past_the_end_is_verified_and_brought_up_to_date(tmp_path: Path) -> None:
    path = write(tmp_path, "a", fine_tuned([0.5, 6.0], 0))
    text = path.read_text()
    record = json.loads(text)
    record["tasks"]["rte"]["intervals_total"]["acc"] = [-0.8, 2.4]
    record["mean"][scoring.SCORE]["interval_total"][1] = 1.4
    path.write_text(json.dumps(record))
    older = results.read(path)
    recompute.verify(older, tmp_path)
    assert recompute.completed(older, tmp_path).record == json.loads(text)
    record["tasks"]["rte"]["intervals_total"]["acc"] = [0.2, 2.4]
    path.write_text(json.dumps(record))
    with pytest.raises(ResultError, match="rte intervals_total acc is 0.2"):
        recompute.verify(results.read(path), tmp_path)


def tagged(samples: list[Record]) -> list[Record]:
    """Samples whose odd rows test one thing, every fourth another, and the others nothing."""
    tags = {0: {"tag": "voice"}, 1: {"tag": "number"}, 3: {"tag": "number"}}
    return [sample | tags.get(sample["idx"] % 4, {}) for sample in samples]


def test_a_phenomenon_is_scored_as_its_rows_alone_would_be() -> None:
    samples = tagged(fine_tuned([0.5, 1.5], 0))
    tasks, _ = recompute.score_samples(samples)
    for name in AVERAGED:
        phenomena = tasks[name]["phenomena"]
        assert list(phenomena) == ["number", "voice"]
        for tag, found in phenomena.items():
            rows = [s for s in samples if s["task"] == name and s.get("tag") == tag]
            alone = recompute.score_samples(rows)[0][name]
            assert found == {
                "n": len(rows),
                "value": alone["metrics"][scoring.SCORE],
                "interval": alone["intervals"][scoring.SCORE],
                "interval_total": alone["intervals_total"][scoring.SCORE],
                "majority_baseline": alone["majority_baseline"],
            }
    assert "phenomena" not in recompute.score_samples(fine_tuned([1], 0))[0]["rte"]


def test_pairs_stay_together_within_a_phenomenon() -> None:
    samples = [s | {"pair_id": str(s["idx"] // 8)} for s in tagged(zero_shot(1, 0))]
    rows = [s for s in samples if s["task"] == "rte" and s.get("tag") == "number"]
    alone = recompute.score_samples(rows)[0]["rte"]
    found = recompute.score_samples(samples)[0]["rte"]["phenomena"]["number"]
    assert alone["units"] < len(rows) and found["interval"] == alone["intervals"][scoring.SCORE]


def test_a_tag_for_every_row_names_no_phenomena() -> None:
    samples = [s | {"tag": f"row {s['idx']}"} for s in zero_shot(1, 0, 60)]
    assert "phenomena" not in recompute.score_samples(samples)[0]["rte"]


def test_phenomena_are_verified_and_an_older_result_may_lack_them(tmp_path: Path) -> None:
    path = write(tmp_path, "a", tagged(zero_shot(1, 0)))
    text = path.read_text()
    recompute.verify(results.read(path), tmp_path)
    for change, message in [
        (lambda p: p["voice"].update(value=p["voice"]["value"] - 1e-4), "phenomena voice value is"),
        (lambda p: p["voice"].update(n=9), "phenomena voice n is 9"),
        (lambda p: p["voice"].update(majority_baseline=0.1), "voice majority_baseline is 0.1"),
        (lambda p: p.pop("voice"), "rte phenomena has other entries"),
    ]:
        record = json.loads(text)
        change(record["tasks"]["rte"]["phenomena"])
        path.write_text(json.dumps(record))
        with pytest.raises(ResultError, match=message):
            recompute.verify(results.read(path), tmp_path)
    record = json.loads(text)
    for task in record["tasks"].values():
        del task["phenomena"], task["intervals"]["acc" if "acc" in task["metrics"] else "pearson"]
    path.write_text(json.dumps(record))
    older = results.read(path)
    recompute.verify(older, tmp_path)
    assert recompute.completed(older, tmp_path).record == json.loads(text)


@pytest.mark.slow
def test_committed_results_say_what_their_samples_give() -> None:
    for result in results.read_all(ROOT / "results"):
        recompute.verify(result, ROOT / "results")


def test_group_draws_are_means_of_independent_tasks() -> None:
    generator = np.random.default_rng(0)
    same = generator.normal(size=(4000, 2))
    mean = intervals.group_draws({"a": same, "b": same.copy()})
    # The very same stream of draws for both tasks is shuffled apart: sd falls by the root of 2.
    assert mean.std(0) == pytest.approx(same.std(0) / 2**0.5, rel=0.05)
    # The two columns of a task stay on the same draws.
    columns = intervals.group_draws({"a": same[:, [0, 0]], "b": same[:, [1, 1]]})
    assert (columns[:, 0] == columns[:, 1]).all()
