"""The nine tasks of LEANER-GLUE: their text fields, labels, metric and files."""

from __future__ import annotations

from dataclasses import dataclass

from leaner_harness.errors import UnknownName

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class GlueTask:
    """One task, as GLUE defines it (Wang et al. 2019) and the published files name it."""

    name: str
    fields: tuple[str, ...]
    """The text fields, in prompt order."""
    classes: int
    """Number of classes; a regression task (stsb) has its 0..5 scale cut into six."""
    metric: str
    """The native metric: `mcc`, `acc`, `acc_f1` or `pearson_spearman`."""
    positive: int
    """The class whose predicted share is reported as `positive_share`."""
    parts: tuple[str, ...] = ("",)
    """mnli has two evaluation files, matched and mismatched; its score is their mean."""

    @property
    def regression(self) -> bool:
        """Whether labels are real numbers (stsb, 0 to 5)."""
        return self.metric == "pearson_spearman"

    def stems(self, split: str) -> dict[str, str]:
        """Part -> file name without `.jsonl`, e.g. `{"matched": "mnli_test_matched", ...}`."""
        if split == "train" or self.parts == ("",):
            return {"": f"{self.name}_{split}"}
        return {part: f"{self.name}_{split}_{part}" for part in self.parts}


_SENTENCE = ("sentence",)
_PAIR = ("sentence1", "sentence2")

TASKS = {
    task.name: task
    for task in (
        GlueTask("cola", _SENTENCE, 2, "mcc", 1),
        GlueTask("sst2", _SENTENCE, 2, "acc", 1),
        GlueTask("mrpc", _PAIR, 2, "acc_f1", 1),
        GlueTask("qqp", ("question1", "question2"), 2, "acc_f1", 1),
        GlueTask("stsb", _PAIR, 6, "pearson_spearman", 5),
        GlueTask("mnli", ("premise", "hypothesis"), 3, "acc", 0, ("matched", "mismatched")),
        GlueTask("qnli", ("question", "sentence"), 2, "acc", 0),
        GlueTask("rte", _PAIR, 2, "acc", 0),
        GlueTask("wnli", _PAIR, 2, "acc", 1),
    )
}

# wnli's training premises return in its test rows with the opposite label, so a model that learns
# falls below chance: it is scored on request, never averaged (the paper leaves it out too).
AVERAGED = tuple(name for name in TASKS if name != "wnli")


def get_task(name: str) -> GlueTask:
    """The task of that name; raises UnknownName with the near miss."""
    if name not in TASKS:
        raise UnknownName("LEANER-GLUE task", name, TASKS)
    return TASKS[name]


def check_split(split: str) -> str:
    """The split, if it is one; raises UnknownName with the near miss."""
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS, "Set it with --metadata leaner_split=validation.")
    return split
