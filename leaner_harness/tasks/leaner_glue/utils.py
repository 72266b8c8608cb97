"""What the YAML files beside this one refer to."""

from leaner_harness.lm_eval_plugin.glue_task import LeanerGlueTask
