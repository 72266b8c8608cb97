"""A run with a curriculum: what is read when, the bill, and that it resumes bit for bit."""

from __future__ import annotations

import json
import signal
from dataclasses import asdict, replace

import numpy as np
import pytest
from leaner_trainers import curriculum, loop, stages
from leaner_trainers.training_text import TrainingText
from small_training import RECIPE, documents, interrupt, log_of, surroundings, weights

from leaner_harness import CurriculumSpec, DifficultySpec, PluginError, UnknownName, UsageError

# Blocks of 4 x 2 x 32 tokens a step; the text has some 9,000 tokens in 80 documents.
ITERATIVE = replace(
    RECIPE,
    steps=24,
    eval_every=2,
    sample_every=0,
    curriculum="iterative",
    difficulty="compression",
    curriculum_options={"stages": 4, "full_at": 0.5},
)
SELF = replace(ITERATIVE, difficulty="self_loss", checkpoint_at=("6 steps",))


@pytest.fixture(autouse=True, scope="module")
def around():
    with surroundings():
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An undisturbed run that scores the text itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEANER_HOME", str(tmp_path_factory.mktemp("home")))
        return loop.train(SELF, tmp_path_factory.mktemp("undisturbed") / "out")


def test_stages_are_logged_and_recorded(tmp_path):
    record = loop.train(ITERATIVE, tmp_path).record["curriculum"]
    found = record["stages"]
    assert [each["stage"] for each in found] == list(range(len(found)))
    assert found[0]["step"] == 0 and found[-1]["share"] == 1.0
    assert found[-1]["documents"] == 80 and found[0]["documents"] < 30
    assert [each["share"] for each in found[:3]] == pytest.approx([0.25, 0.5, 0.75], abs=0.02)
    assert len({each["pool"] for each in found}) == len(found) == 4
    for entry in log_of(tmp_path):
        now = [each for each in found if each["step"] < entry["step"]][-1]
        assert (entry["stage"], entry["pool_share"]) == (now["stage"], now["share"])
        assert ("development_loss" in entry) == (entry["step"] % 2 == 0)
    assert (tmp_path / "learning_curve.png").stat().st_size > 10_000


def watch_pools(monkeypatch):
    """The pools of a run, as they are chosen."""
    pools, make = [], stages.Stages._make_pool

    def watched(self, ids):
        pools.append(ids.tolist())
        return make(self, ids)

    monkeypatch.setattr(stages.Stages, "_make_pool", watched)
    return pools


def test_what_is_read_lies_in_the_pool(tmp_path, monkeypatch):
    """Every token of a block belongs to a document of the stage's pool."""
    read, seen = TrainingText.read, []

    def watched(self, places):
        owners = np.searchsorted(self.tokens.offsets, places[:, :-1], side="right") - 1
        seen.append(set(owners.ravel().tolist()))
        return read(self, places)

    monkeypatch.setattr(TrainingText, "read", watched)
    pools = watch_pools(monkeypatch)
    record = loop.train(ITERATIVE, tmp_path).record["curriculum"]
    began = [each["step"] for each in record["stages"]] + [24]
    for pool, first, last in zip(pools, began, began[1:], strict=False):
        assert set().union(*seen[2 * first : 2 * last]) <= set(pool)
    assert record["documents_read"] == len(set().union(*seen))


def test_the_bill_counts_what_was_scored(run, tmp_path):
    record, tokens = run.record["curriculum"], run.record["data"]["tokens"] - 1
    passes = len(record["stages"]) - 1  # the first pool is chance
    bill = record["bill"]
    assert bill["scored_tokens"]["self"] == passes * tokens and passes == 3
    development = bill["scored_tokens"]["development"]
    assert development > 0 and development % 12 == 0  # at each evaluation as many
    assert bill["training_tokens"] == run.record["tokens_seen"] == 24 * 8 * 32
    whole = bill["training_tokens"] + (passes * tokens + development) / 3
    assert bill["token_equivalents"] == pytest.approx(whole, abs=1)
    assert record["seconds"]["scoring"] > 0 < record["seconds"]["curriculum"]
    control = loop.train(replace(SELF, control="random"), tmp_path).record["curriculum"]
    assert "self" not in control["bill"]["scored_tokens"]
    sizes = [[each["tokens"] for each in r["stages"]] for r in (record, control)]
    assert sizes[0] == pytest.approx(sizes[1], abs=300)


def known(record):
    """What has to be the same in every run: all but the time."""
    return {key: record[key] for key in ("stages", "bill", "unique_tokens", "documents_read")}


@pytest.mark.parametrize("at", [3, 8, 11])
def test_a_stopped_run_goes_on_inside_a_stage(run, at, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, at, lambda: signal.raise_signal(signal.SIGINT))
        loop.train(SELF, tmp_path)
    again = loop.train(SELF, tmp_path)
    assert weights(again.path) == weights(run.path)
    assert known(again.record["curriculum"]) == known(run.record["curriculum"])
    (milestone,), (undisturbed,) = again.milestones, run.milestones
    assert known(milestone.record["curriculum"]) == known(undisturbed.record["curriculum"])
    assert len(milestone.record["curriculum"]["stages"]) < len(again.record["curriculum"]["stages"])
    assert [entry["step"] for entry in log_of(tmp_path)] == list(range(1, 25))


def test_a_crash_inside_a_rescoring_resumes_bit_for_bit(run, tmp_path, monkeypatch):
    calls = []

    def crash(*args, **options):
        calls.append(args)
        raise MemoryError

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(stages, "document_nats", crash)
        loop.train(SELF, tmp_path)
    assert len(calls) == 1
    again = loop.train(SELF, tmp_path)
    assert weights(again.path) == weights(run.path)
    assert again.record["curriculum"]["stages"] == run.record["curriculum"]["stages"]


def test_nested_pools_keep_what_was_introduced(tmp_path, monkeypatch):
    pools = watch_pools(monkeypatch)
    options = {"stages": 4, "full_at": 0.5}
    loop.train(SELF, tmp_path / "cumulative")
    assert any(not set(one) <= set(other) for one, other in zip(pools, pools[1:], strict=False))
    pools.clear()
    nested = replace(SELF, curriculum_options={**options, "nested": True})
    loop.train(nested, tmp_path / "nested")
    assert all(set(one) <= set(other) for one, other in zip(pools, pools[1:], strict=False))
    assert len(pools) == 4


def test_random_packs_anew_and_costs_nothing(tmp_path):
    found = loop.train(replace(RECIPE, curriculum="random"), tmp_path).record["curriculum"]
    assert len(found["stages"]) == 1 and found["stages"][0]["share"] == 1.0
    assert found["bill"]["token_equivalents"] == found["bill"]["training_tokens"]
    assert found["unique_tokens"] < found["stages"][0]["tokens"]  # the run is shorter than a pass


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"difficulty": "flesch"}, "'difficulty' needs a curriculum"),
        ({"control": "random"}, "'control' needs a curriculum"),
        ({"curriculum": "iterative"}, "'iterative' needs a difficulty"),
        ({"curriculum": "random", "difficulty": "flesch"}, "'random' ranks nothing"),
        ({"curriculum": "sorted", "difficulty": "lm_loss"}, "needs a reference"),
        ({"curriculum": "sorted", "difficulty": "flesch", "reference": "x"}, "needs one: lm_loss"),
        (
            {"curriculum": "sorted", "difficulty": "self_loss", "architecture": "mlm"},
            "which objective 'mlm' does not train",
        ),
        (
            {"curriculum": "random", "objective": "sft", "data": "questions"},
            "fits examples into blocks",
        ),
        (
            {"curriculum": "subset", "difficulty": "self_loss"},
            "which curriculum 'subset' never asks",
        ),
        ({"curriculum": "sorted", "difficulty": "flesch", "minutes": 1.0}, "goes by steps"),
        ({"curriculum": "iterative", "difficulty": "flesch", "follow": "x"}, "for a control"),
        (
            {
                "curriculum": "sorted",
                "difficulty": "flesch",
                "curriculum_options": {"full_at": 1.0},
            },
            "only after the last of 12 steps",
        ),
        ({"curriculum": "random", "curriculum_options": {"a": 1}}, "Unknown option .*'a'"),
        (
            {
                "curriculum": "sorted",
                "difficulty": "flesch",
                "curriculum_options": {"increments": 1.5},
            },
            "'curriculum_options.increments' is 1.5; it must be a whole number",
        ),
    ],
)
def test_keys_that_do_not_go_together_are_named(keys, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        loop.train(replace(RECIPE, **keys), tmp_path)
    assert not (tmp_path / "resume").exists()


def test_a_control_follows_its_run(run, tmp_path):
    easy = write_record(run, tmp_path / "easy")
    control = replace(SELF, control="random", follow=str(easy))
    found = loop.train(control, tmp_path / "control").record["curriculum"]
    for stage, own in zip(run.record["curriculum"]["stages"], found["stages"], strict=True):
        assert own["step"] == stage["step"] and own["tokens"] >= stage["tokens"]
        # The first pool of self_loss is random, too, and the last is everything.
        assert (own["pool"] != stage["pool"]) is (0 < stage["stage"] < 3)
    assert found["bill"]["scored_tokens"] == {}
    for keys, message in (
        ({"steps": 25}, "has steps 24, this one 25"),
        ({"difficulty": "flesch"}, "has difficulty 'self_loss', this one 'flesch'"),
        ({"data": "other"}, "has data 'mini', this one 'other'"),
        ({"genres": ("wiki",)}, r"has genres \[\], this one \['wiki'\]"),
        ({"follow": str(tmp_path)}, "names no finished run"),
    ):
        with pytest.raises(UsageError, match=message):
            loop.train(replace(control, **keys), tmp_path / "other")


def write_record(run, folder):
    """A run's folder, as `leaner train` leaves it, without weights."""
    folder.mkdir()
    record = {**run.record, "recipe": asdict(SELF)}
    (folder / "leaner.json").write_text(json.dumps(record))
    return folder


def test_a_wrong_name_is_named(tmp_path):
    with pytest.raises(UnknownName, match="Did you mean 'sorted'"):
        loop.train(replace(RECIPE, curriculum="sort"), tmp_path)


@pytest.mark.parametrize("name", ["sorted", "competence"])
def test_every_curriculum_with_stages_scores_anew(name, tmp_path):
    keys = {"curriculum": name, "curriculum_options": {"increments": 3, "full_at": 0.5}}
    record = loop.train(replace(SELF, **keys), tmp_path).record
    passes = record["curriculum"]["bill"]["scored_tokens"]["self"] / (record["data"]["tokens"] - 1)
    assert passes == 3 and record["curriculum"]["stages"][-1]["share"] == 1.0


def test_fixed_steps_need_no_other_text(tmp_path):
    options = {"stages": 3, "rule": "fixed"}
    record = loop.train(replace(ITERATIVE, curriculum_options=options), tmp_path).record
    assert record["curriculum"]["bill"]["scored_tokens"] == {}


def test_other_scores_than_when_the_run_began_are_refused(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 3, lambda: signal.raise_signal(signal.SIGINT))
        loop.train(ITERATIVE, tmp_path)
    spec = DifficultySpec("compression", f"{__name__}:number_of")
    monkeypatch.setattr(curriculum, "get_difficulty", lambda name: spec)
    with pytest.raises(UsageError, match="had other scores of difficulty"):
        loop.train(ITERATIVE, tmp_path)


class Stray:
    """A curriculum that keeps no contract."""

    def __init__(self, pool=(0, 1), wish="keep"):
        self._pool, self._wish = pool, wish

    def start(self, n, weights, seed):
        return {}

    def pool(self, state, ranking):
        return np.array(self._pool)

    def observe(self, state, progress):
        return state, self._wish


@pytest.mark.parametrize("pool", [[], [1, 0], [0, 0], [-1, 2], [79, 80], [0.0, 1.0]])
def test_what_is_no_pool_is_refused(pool, tmp_path, monkeypatch):
    monkeypatch.setattr(curriculum, "make_options", lambda *_: Stray(pool))
    with pytest.raises(PluginError, match="'random' chose no pool.*below 80"):
        loop.train(replace(RECIPE, curriculum="random"), tmp_path)


def test_what_is_no_answer_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(curriculum, "make_options", lambda *_: Stray(wish="more"))
    with pytest.raises(PluginError, match="answered 'more'"):
        loop.train(replace(RECIPE, curriculum="random"), tmp_path)


def number_of(examples):
    return np.float32([int(document.id) for document in examples.documents])


def test_a_strangers_difficulty_orders_the_text(tmp_path, monkeypatch):
    spec = DifficultySpec("number", f"{__name__}:number_of")
    subset = CurriculumSpec("subset", "leaner_trainers.curricula.subset:Subset", subset=True)
    monkeypatch.setattr(curriculum, "get_difficulty", lambda name: spec)
    monkeypatch.setattr(curriculum, "get_curriculum", lambda name: subset)
    pools = watch_pools(monkeypatch)
    options = {"share": 0.25, "unit": "documents"}
    keys = {"curriculum": "subset", "difficulty": "number", "curriculum_options": options}
    loop.train(replace(RECIPE, **keys), tmp_path / "easy")
    loop.train(replace(RECIPE, **keys, control="reversed"), tmp_path / "hard")
    loop.train(replace(RECIPE, **keys, control="random"), tmp_path / "random")
    assert len(list(documents("text"))) == 80
    assert pools[0] == list(range(20)) and pools[1] == list(range(60, 80))
    assert len(pools[2]) == 20 and pools[2] not in pools[:2]
