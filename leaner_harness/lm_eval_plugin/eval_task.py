"""The lm-eval task class behind LEANER-Eval: asks the questions, and checks what is answered.

A YAML says `class: !function utils.LeanerEvalTask` and, for the embedded questions,
`leaner_source: mini` in `dataset_kwargs`. By `--metadata leaner_prompt=chat` a model gets the bare
question, for `--apply_chat_template`; else the words that surround published instructions.
With `leaner_judge=openai:MODEL` there, or LEANER_JUDGE in the environment, the answers are judged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import datasets
from lm_eval.api.metrics import mean
from lm_eval.api.task import ConfigurableTask

from leaner_harness import __version__
from leaner_harness.data.questions import Questions, load_questions
from leaner_harness.data.row_text import prompt_of
from leaner_harness.errors import UnknownName
from leaner_harness.judge.opening import Opened, asked_for, open_judge
from leaner_harness.judge.surface import CHECKS, EMPTY, check
from leaner_harness.judge.verdicts import COVERAGE, is_empty
from leaner_harness.lm_eval_plugin.judge_filter import Judged, judge_filter

# A child of lm-eval's logger, so that its verbosity and format apply.
log = logging.getLogger("lm_eval.leaner_harness")

PROMPTS = ("template", "chat")

_NO_JUDGE = (
    "%s: no judge is set, so there are surface checks alone, which are no grades. To add one: "
    "LEANER_JUDGE=openai:MODEL (or hf:PATH) before the command; or later: leaner judge OUTPUT"
)


class LeanerEvalTask(ConfigurableTask):  # type: ignore[misc]
    """LEANER-Eval's questions as one lm-eval task; lm-eval builds it from YAML."""

    found: Questions

    def __init__(self, config: dict[str, Any]) -> None:
        self._judge: Opened | None = None
        super().__init__(config={key: value for key, value in config.items() if key != "class"})
        if self._judge is not None:
            account = self.config.metadata["leaner"].setdefault("judge", {})
            self._filters.append(judge_filter(self._judge, account))

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **_: Any) -> None:
        """Load the questions; where there are none, one placeholder row with no metric.

        Raises UnknownName for a prompt that is neither `template` nor `chat`, and what opening a
        judge raises.
        """
        arguments = {**self.config.metadata, **(dataset_kwargs or {})}
        self._prompt = arguments.get("leaner_prompt", PROMPTS[0])
        if self._prompt not in PROMPTS:
            raise UnknownName("leaner_prompt", self._prompt, PROMPTS)
        source, folder = arguments.get("leaner_source"), arguments.get("leaner_data")
        self.found = load_questions(source, folder)
        if self.found.state != "ok":
            reason = self.found.reason
            log.warning("%s cannot run (%s): %s", self.config.task, self.found.state, reason)
        else:
            self._open_judge(arguments)
        self._serve()

    def _open_judge(self, arguments: dict[str, Any]) -> None:
        """The judge that is asked for; what it lacks shows now, not when all answers are there."""
        asked = asked_for(arguments)
        if asked is None:
            log.warning(_NO_JUDGE, self.config.task)
            return
        self._judge = open_judge(*asked)
        if self._judge.engine is not None:
            self._judge.engine.settings.key()

    def _serve(self, processes: int = 1) -> None:
        """Put the questions where lm-eval looks, and their account in the config.

        lm-eval stops when one of several processes gets no row, so each gets a placeholder.
        """
        record = self.found.record() | {"harness": __version__, "prompt": self._prompt}
        self.config.metadata = {**self.config.metadata, "leaner": record}
        rows = [{"id": q.id, "question": q.text, "kind": q.kind} for q in self.found.rows]
        empty = [{"id": "", "question": "", "kind": ""}] * processes
        self.dataset = {"test": datasets.Dataset.from_list(rows or empty)}

    def has_test_docs(self) -> bool:
        """Always."""
        return True

    def test_docs(self) -> datasets.Dataset:
        """The questions, in an order in which any `--limit` is a fair sample."""
        return self.dataset["test"]

    def fewshot_docs(self) -> None:
        """None: a question has no published answer."""
        return None

    def build_all_requests(self, **kwargs: Any) -> None:
        """Build the prompts; each of several processes needs a placeholder where there are none."""
        if not self.found.rows:
            self._serve(processes=int(kwargs.get("world_size") or 1))
        super().build_all_requests(**kwargs)

    def doc_to_text(self, doc: dict[str, Any], doc_to_text: Any = None) -> str:
        """The question, in the words a model was tuned on, or bare for a chat template."""
        question: str = doc["question"]
        return question if self._prompt == "chat" else prompt_of(question)

    def doc_to_target(self, doc: dict[str, Any], doc_to_target: Any = None) -> str:
        """There is none."""
        return ""

    def process_results(self, doc: dict[str, Any], results: Sequence[Any]) -> dict[str, float]:
        """The checks of one answer, or what a judge said of it.

        Nothing for the placeholder of a task that cannot run; no grades for what was not judged.
        """
        if not doc["question"]:
            return {}
        if self._judge is not None and isinstance(results[0], Judged):
            verdict = results[0].verdict
            grades = self._judge.scale.all(verdict.grades) if verdict.is_scored else {}
            return grades | {COVERAGE: float(verdict.is_scored)}
        answer = str(results[0])
        return check(doc["question"], answer) | {EMPTY: float(is_empty(answer))}

    def aggregation(self) -> dict[str, Callable[[list[float]], float]]:
        """The mean of each, so that lm-eval knows its error."""
        return dict.fromkeys((*CHECKS, EMPTY, *self._graded()), mean)

    def _graded(self) -> tuple[str, ...]:
        """The metrics that come from a judge."""
        return () if self._judge is None else (*self._judge.scale.bounds(), COVERAGE)

    def higher_is_better(self) -> dict[str, bool]:
        """All but the empty ones."""
        return {**dict.fromkeys((*CHECKS, *self._graded()), True), EMPTY: False}
