"""The studies say what their runs say, also where these do not fit a grid."""

from __future__ import annotations

import importlib
import json
import math
import re
import subprocess
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

BEST = {"adamw": 4e-3, "muon": 8e-3}


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks"))
    return importlib.import_module("fewer_tokens")


@pytest.fixture
def report(study: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    """Runs the report on made-up losses: Muon's is AdamW's at a share of the tokens, by seed."""

    def run(shares: tuple[float, ...], best: dict[str, float] = BEST, *words: str) -> Any:
        def made(options, name, optimizer, part, seed, keys):
            off = math.log2(keys["rate"] / best[optimizer]) ** 2 + len(keys) - 1
            loss = 2 + 0.1 * off - (optimizer == "muon") * 0.1 * math.log(part / shares[seed - 1])
            return {"keys": keys, "loss": loss, "data_tokens": 2_500_000}

        monkeypatch.setattr(study, "made", made)
        paths = ["--out", str(tmp_path), "--results", str(tmp_path)]
        monkeypatch.setattr("sys.argv", ["study", "report", "--json", *paths, *words])
        study.main()
        said = json.loads(capsys.readouterr().out)
        name = said["source"]
        runs = json.loads((tmp_path / f"{name}.json").read_text())["runs"]
        return SimpleNamespace(**said, runs=runs, page=(tmp_path / f"{name}.md").read_text())

    return run


def test_the_share_lies_between_the_parts(report: Any) -> None:
    found = report((0.35, 0.45, 0.55))
    mean, low, high = found.share
    assert mean == pytest.approx(0.45) and high - mean == pytest.approx(mean - low)
    assert high == pytest.approx(0.45 + 4.3027 * 0.1 / math.sqrt(3), abs=1e-4)
    assert (found.passes, found.gate, found.goal) == (2.0, True, True)
    assert found.at_edge == {"adamw": False, "muon": False}
    assert len(found.runs) == (5 + 4 + 2) + (5 + 2 + 1) + 3 + (4 + 3 + 2)
    for words in (
        "0.450 of AdamW's tokens", "interval below 0.85): passed", "Goal (at most 0.5): passed",
        "5,000,000 tokens, 2.00 passes", "with one seed on 0.6 of the budget:", "rate 0.032",
    ):  # fmt: skip
        assert words in found.page


def test_a_share_below_the_parts_gets_smaller_ones_for_its_seed(report: Any) -> None:
    found = report((0.17, 0.4, 0.4))
    assert found.shares["1"] == "0.170"
    small = [name for name in found.runs if name.startswith(("muon-0.2-", "muon-0.15-"))]
    assert len(small) == 2 and all("seed1" in name for name in small)
    assert not [name for name in found.runs if name.startswith(("muon-0.7-", "muon-1-"))]


def test_what_is_reached_at_the_least_part_is_at_most_that(report: Any) -> None:
    found = report((0.1, 0.4, 0.4))
    assert found.shares["1"] == "at most 0.150"
    assert "needs at most 0.317" in found.page


def test_a_seed_that_does_not_get_there_is_no_crash(report: Any) -> None:
    found = report((0.4, 0.9, 0.4))  # between the parts that are made for it alone
    assert found.shares["2"] == "0.900" and not found.goal
    found = report((0.4, 1.2, 0.4), BEST, "--size", "3M")
    assert found.shares["2"] == "not reached"
    assert (found.share, found.gate, found.goal) == (None, False, False)
    assert "gate and goal are missed" in found.page


def test_the_gate_is_held_against_the_interval_too(report: Any) -> None:
    found = report((0.3, 0.6, 0.7))
    assert found.share[0] < 0.7 and not found.gate and "0.85): missed" in found.page


@pytest.mark.parametrize(
    ("best", "rates", "is_edge"),
    [
        (2e-2, {3.2e-2}, False), (3.2e-2, {3.2e-2, 6.4e-2}, False), (1, {3.2e-2, 6.4e-2}, True),
        (9e-4, {5e-4}, False), (1e-5, {5e-4, 2.5e-4}, True),
    ],
)  # fmt: skip
def test_a_grid_grows_where_its_best_rate_is_an_edge(
    report: Any, best: float, rates: set[float], is_edge: bool
) -> None:
    found = report((0.4, 0.4, 0.5), {**BEST, "adamw": best})
    runs = [name for name in found.runs if name.startswith("adamw")]
    wider = {float(re.search(r"-rate=([^-]+(?:-\d+)?)", name)[1]) for name in runs}
    assert wider - {1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2} == rates
    assert found.at_edge["adamw"] is is_edge
    assert ("The best rate is at the edge" in found.page) is is_edge


@pytest.mark.parametrize(("embedding", "rate"), [(3.2e-2, 2e-3), (2e-3, 2e-3), (5e-4, 2e-3)])
def test_the_embeddings_rate_is_followed_and_then_the_other(
    study: ModuleType, monkeypatch: pytest.MonkeyPatch, embedding: float, rate: float
) -> None:
    """The best is 0.002, and the embedding's own; where both are one it lies between them."""

    def loss(keys: dict[str, float]) -> float:
        own = keys["rate"] * keys.get("embedding_times", 1.0)
        off = math.log2(keys["rate"] / 2e-3) ** 2 + math.log2(own / embedding) ** 2
        return off + len(keys.keys() & {"beta2", "weight_decay"})

    monkeypatch.setattr(study, "try_all", lambda _, __, all_: [(keys, loss(keys)) for keys in all_])
    tried = study.tune_one(SimpleNamespace(), "adamw")
    best = study.best_of(tried)
    assert (best["rate"] * best.get("embedding_times", 1.0), best["rate"]) == (embedding, rate)
    assert len(tried) == len({str(sorted(keys.items())) for keys, _ in tried})


def test_more_decay_is_tried_where_the_most_of_it_is_best(
    study: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loss(keys: dict[str, float]) -> float:
        return abs(keys.get("weight_decay", 0.1) - 0.7) + abs(math.log2(keys["rate"] / 2e-3))

    monkeypatch.setattr(study, "try_all", lambda _, __, all_: [(keys, loss(keys)) for keys in all_])
    tried = study.tune_one(SimpleNamespace(), "adamw")
    assert study.best_of(tried)["weight_decay"] == 0.6
    assert 1.2 in {keys.get("weight_decay") for keys, _ in tried}


def test_other_text_takes_muon_as_mini_tuned_it(
    report: Any, study: ModuleType, tmp_path: Path
) -> None:
    """Its decay alone is tried anew: AdamW is tuned with more care, which is not to Muon's good."""
    with pytest.raises(SystemExit, match="first `measure --data mini`"):
        report((0.4, 0.4, 0.5), BEST, "--data", str(tmp_path))
    report((0.4, 0.4, 0.5))
    found = report((0.4, 0.4, 0.5), {"adamw": 2e-3, "muon": 3.2e-2}, "--data", str(tmp_path))
    assert found.source == "leaner"
    assert found.best == {"adamw": {"rate": 2e-3}, "muon": {"rate": BEST["muon"]}}
    made = {name.split("-", 3)[3] for name in found.runs if name.startswith("muon")}
    assert made == {"rate=0.008", "rate=0.008-weight_decay=0.3"}
    assert "tuned, with one seed on 0.6 of the budget, its rates on `mini`" in found.page


def test_rates_of_another_text_have_no_edge(report: Any, study: ModuleType) -> None:
    tried = [({"rate": 4e-3, "embedding_times": 8.0}, 1.0)]
    assert not importlib.import_module("fewer_tokens_report").at_edge(tried)


def test_another_size_is_another_study(report: Any, tmp_path: Path) -> None:
    assert report((0.4, 0.4, 0.5), BEST, "--size", "3M").source == "mini-3M"
    assert json.loads((tmp_path / "mini-3M.json").read_text())["setting"]["size"] == "3M"


def test_a_run_that_diverged_has_no_loss_and_another_failure_ends_the_study(
    study: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = SimpleNamespace(
        out=tmp_path, name="mini", source="mini", data="mini", size="1M", bf16=False
    )
    for words, code in (("Training stopped at step 3: loss nan", 1), ("No such recipe", 2)):
        done = subprocess.CompletedProcess([], code, "", words)
        monkeypatch.setattr(subprocess, "run", lambda *_, _done=done, **__: _done)
        if code == 1:
            assert study.made(options, "a", "adamw", 1.0, 0, {"rate": 1.0})["loss"] is None
        else:
            with pytest.raises(SystemExit, match="a: No such recipe"):
                study.made(options, "a", "adamw", 1.0, 0, {"rate": 1.0})


def test_a_model_is_below_the_3_gram_only_with_every_seed(study: ModuleType) -> None:
    against = importlib.import_module("against_ngram")
    losses = {"ngram": 1.6, "llama-seed0": 1.5, "llama-seed1": 1.59, "qwen3-seed0": 1.7}
    found = {name: {against.KEPT[0]: loss} for name, loss in losses.items()}
    said = against.report(found | {"mamba2-seed0": {against.KEPT[0]: 1.6}})
    assert "| `llama-1m` | 2 | 1.545 (1.500-1.590) | every seed |" in said
    for model in ("qwen3", "mamba2"):
        assert re.search(rf"`{model}-1m` \| 1 \| .* \| not every seed", said)
