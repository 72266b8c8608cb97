"""The lm-eval task class behind every LEANER-GLUE YAML: loads rows, shares ties, reports its data.

A YAML says `class: !function utils.LeanerGlueTask` and, in `dataset_kwargs`, `leaner_task` and for
the embedded set `leaner_source: mini`. Source, split, fingerprint and defects of the rows end up
in lm-eval's own result file, under `configs.<task>.metadata.leaner`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import datasets
from lm_eval.api.samplers import ContextSampler
from lm_eval.api.task import ConfigurableTask

from leaner_harness import __version__, baselines, scoring
from leaner_harness.data import sources
from leaner_harness.data.glue import GlueTask
from leaner_harness.data.sources import TaskRows

# A child of lm-eval's logger, so that its verbosity and format apply.
log = logging.getLogger("lm_eval.leaner_harness")

UNSCORED = "leaner_state"
"""Column of the one placeholder row that stands for a task that cannot run."""


class LeanerGlueTask(ConfigurableTask):  # type: ignore[misc]
    """One LEANER-GLUE task; lm-eval builds it from YAML."""

    found: TaskRows

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config={key: value for key, value in config.items() if key != "class"})

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **_: Any) -> None:
        """Load the rows of the chosen split; a task that cannot run gets one placeholder row."""
        arguments = {**self.config.metadata, **(dataset_kwargs or {})}
        self._source = arguments.get("leaner_source")
        self._folder = arguments.get("leaner_data")
        name = arguments["leaner_task"]
        split = sources.chosen_split(arguments.get("leaner_split"))
        self.found = sources.load(name, split, source=self._source, folder=self._folder)
        self._tell()
        self._serve()

    def _serve(self, processes: int = 1) -> None:
        """Put the rows, or placeholders, where lm-eval looks; their account in the config.

        lm-eval stops when one of several processes gets no row, so each gets a placeholder.
        """
        record = self.found.record() | {"harness": __version__}
        if self.config.num_fewshot:
            record["train_fingerprint"] = self.train_rows.record()["fingerprint"]
        self.config.metadata = {**self.config.metadata, "leaner": record}
        rows = self.found.rows or [self._placeholder()] * processes
        self.dataset = {"test": datasets.Dataset.from_list(rows)}

    @property
    def glue(self) -> GlueTask:
        """The task's definition."""
        return self.found.task

    def _tell(self) -> None:
        """Say what a reader of the scores must know about the rows."""
        name = self.config.task
        if self.found.state != "ok":
            log.warning("%s cannot run (%s): %s", name, self.found.state, self.found.reason)
        for kind, defect in self.found.defects.record().items():
            fate = "kept" if defect["kept"] else "left out"
            where = ", ".join(defect["places"])
            log.warning("%s: %d rows %s (%s): %s", name, defect["count"], fate, kind, where)
        if self.glue.name == "wnli":
            log.warning(
                "%s: its train rows contradict its test rows, so learning lowers the score. It is "
                "no evidence about a model and is in no average.",
                name,
            )

    def _placeholder(self) -> dict[str, Any]:
        texts = dict.fromkeys(self.glue.fields, "")
        return texts | {"label": 0, "idx": -1, "part": "", UNSCORED: self.found.state}

    def has_test_docs(self) -> bool:
        """Always: the reported split is served as lm-eval's test split."""
        return True

    def test_docs(self) -> datasets.Dataset:
        """The rows of the reported split, in evaluation order."""
        return self.dataset["test"]

    def fewshot_docs(self) -> None:
        """None while the task is built: training rows are read when a prompt first needs them."""
        return None

    def set_fewshot_seed(self, seed: int | None = None) -> None:
        """Seed the few-shot sampler, without building it."""
        self._fewshot_seed = seed

    @cached_property
    def train_rows(self) -> TaskRows:
        """The training rows, for few-shot prompts."""
        return self._load_train_rows()

    def _load_train_rows(self) -> TaskRows:
        if self.found.split == "train":  # prompts and baselines would hold the answers
            reason = "The training rows are the reported ones."
            return TaskRows(self.glue, "train", "none", "no_train_file", reason)
        return sources.load(self.glue.name, "train", source=self._source, folder=self._folder)

    @cached_property
    def sampler(self) -> ContextSampler:
        """The few-shot sampler over the training rows."""
        return ContextSampler(self.train_rows.rows, rnd=getattr(self, "_fewshot_seed", None))

    def build_all_requests(self, **kwargs: Any) -> None:
        """Build the prompts; without training rows a few-shot run of this task has a state."""
        fewshot = self.config.num_fewshot
        if fewshot and self.found.rows:
            self._use_train_rows()
        if not self.found.rows:
            self.config.num_fewshot = 0
        if fewshot or not self.found.rows:  # only then has anything changed since `download`
            self._serve(processes=int(kwargs.get("world_size") or 1))
        if self.found.rows and not (kwargs.get("limit") or kwargs.get("samples")):
            self._add_baselines()
        if kwargs.get("cache_requests"):
            # lm-eval keys that cache by task name, and one name stands for any split and folder.
            log.warning("%s: --cache_requests is ignored, rows may differ", self.config.task)
        super().build_all_requests(**kwargs | {"cache_requests": False})

    def _use_train_rows(self) -> None:
        """Few-shot prompts hold training rows, so these count in the account of the data too."""
        if not self.train_rows.rows:
            reason = f"Few-shot prompts need training rows. {self.train_rows.reason}"
            self.found.state, self.found.reason = "missing_train_file", reason
            self.found.rows = []
            self._tell()
        elif self.train_rows.source == "local":
            self.found.source = "local"

    def _add_baselines(self) -> None:
        """Put what word counts alone would score on these rows into the account of the data."""
        record = self.config.metadata["leaner"]
        if "baselines" in record:
            return
        train = self.train_rows if self.config.num_fewshot else self._load_train_rows()
        scores = baselines.score(self.glue, train.rows, self.found.rows)
        about = {"state": train.state, "reason": train.reason, "train_source": train.source}
        record["baselines"] = scores | about

    def process_results(self, doc: dict[str, Any], results: Sequence[Any]) -> dict[str, Any]:
        """One row's share in every metric; nothing for the placeholder of a task that cannot run.

        `results` holds (log-likelihood, is_greedy) per choice, in label order; of a fine-tuned
        model (log-likelihood, is_greedy, [one per training seed]).
        """
        if doc.get(UNSCORED):
            return {}
        scores: list[Any] = [float(result[0]) for result in results]
        if len(results[0]) > 2:
            scores = list(zip(*(result[2] for result in results), strict=True))
        row = scoring.scored_row(self.glue, doc, scores)
        return dict.fromkeys(scoring.metric_names(self.glue), row)

    def aggregation(self) -> dict[str, Callable[[list[Any]], float]]:
        """Metric name -> function of all rows."""
        return {name: self._aggregator(name) for name in scoring.metric_names(self.glue)}

    def _aggregator(self, name: str) -> Callable[[list[Any]], float]:
        # Rows gathered from other processes arrive as the same tuples.
        return lambda rows: scoring.values(self.glue, rows)[name]

    def higher_is_better(self) -> dict[str, bool]:
        """The metrics that have a better end."""
        names = scoring.metric_names(self.glue)
        return {name: True for name in names if name in scoring.HIGHER_IS_BETTER}
