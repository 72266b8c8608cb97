"""What the YAML files beside this one refer to."""

from leaner_harness.lm_eval_plugin.eval_task import LeanerEvalTask
