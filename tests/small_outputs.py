"""What lm_eval leaves on disk after scoring small rows, and the results made of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from small_glue import ScoredLM, evaluate, noise, write_glue

from leaner_harness.from_lm_eval.glue import make_result
from leaner_harness.from_lm_eval.glue_run import read_evaluation
from leaner_harness.from_lm_eval.run import find
from leaner_harness.results import Result

STAMP = "2026-01-02T03-04-05.678901"


def save(output: dict[str, Any], folder: Path) -> Path:
    """Write an evaluation the way lm_eval's command line does, through its own tracker."""
    from lm_eval.loggers import EvaluationTracker

    tracker = EvaluationTracker(output_path=str(folder))
    tracker.date_id = STAMP
    tracker.general_config_tracker.model_name = "tiny"
    tracker.general_config_tracker.model_name_sanitized = "tiny"
    samples = output.pop("samples")
    tracker.save_results_aggregated(results=output, samples=samples)
    for task, rows in samples.items():
        tracker.save_results_samples(task_name=task, samples=rows)
    return folder


def altered(output: Path, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of an evaluation in `folder`, its results JSON changed."""
    for path in find(output).parent.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    path = find(folder)
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    return folder


def made(folder: Path, **options: Any) -> Result:
    """The result of an evaluation."""
    evaluation = read_evaluation(find(folder))
    return make_result(evaluation, model="tiny", **options)[0]


def whole(folder: Path) -> Path:
    """One whole evaluation on small rows."""
    glue = write_glue(folder / "glue", n=40)
    metadata = {"leaner_data": str(glue), "leaner_split": "validation"}
    return save(evaluate(ScoredLM(noise), ["leaner_glue"], metadata), folder / "out")
