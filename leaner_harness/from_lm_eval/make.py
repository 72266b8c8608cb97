"""From what lm_eval wrote to a result, whichever of our boards it was on."""

from __future__ import annotations

from pathlib import Path

from leaner_harness.errors import ResultError
from leaner_harness.from_lm_eval import answers, glue
from leaner_harness.from_lm_eval.answers_run import read_answers
from leaner_harness.from_lm_eval.glue_run import read_evaluation
from leaner_harness.from_lm_eval.run import find, read_output
from leaner_harness.results import Record, Result, answer_scores, sample_rules
from leaner_harness.results.answer_scores import BOARDS


def make(
    output: Path, *, model: str = "", checkpoint: Path | None = None, partial: bool = False
) -> tuple[Result, list[Record]]:
    """The result of the newest run in an output folder, and its samples.

    Raises ResultError for a run that makes none.
    """
    path = find(output)
    try:
        result, samples = _made(path, model, checkpoint, partial=partial)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ResultError(
            f"{path} and the samples beside it are no whole output of lm_eval: {error!r}.",
            "A file was cut or changed: run lm_eval again.",
        ) from error
    checked = sample_rules.answers if answer_scores.has_answers(result) else sample_rules.choices
    try:
        return result, list(checked(samples))
    except ValueError as error:
        raise ResultError(f"The samples beside {path.name}: {error}.") from error


def _made(
    path: Path, model: str, checkpoint: Path | None, *, partial: bool
) -> tuple[Result, list[Record]]:
    if any(board in read_output(path)[1] for board in BOARDS):
        return answers.make_result(read_answers(path), model=model, checkpoint=checkpoint)
    run = read_evaluation(path)
    return glue.make_result(run, model=model, checkpoint=checkpoint, partial=partial)
