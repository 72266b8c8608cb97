"""Lets `lm_eval` find leaner-harness; elsewhere returns at once. LEANER_LM_EVAL=0 turns it off."""

import os
import sys


def start():
    """Wait for `lm_eval.tasks`, if this process is lm_eval; called twice, act once."""
    if _is_lm_eval(sys.orig_argv[1:]) and os.environ.get("LEANER_LM_EVAL") != "0":
        if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
            sys.meta_path.insert(0, _Finder())


def _is_lm_eval(words):
    while words and words[0].startswith("-") and words[0] not in ("-m", "-c"):
        words = words[2:] if words[0] in ("-X", "-W") else words[1:]
    if words[:1] == ["-m"]:
        return words[1:2] in (["lm_eval"], ["lm_eval.__main__"])
    return bool(words) and os.path.basename(words[0]).split(".")[0] in ("lm_eval", "lm-eval")


class _Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "lm_eval.tasks":
            sys.meta_path.remove(self)
            spec = next(filter(None, (f.find_spec(name, path) for f in sys.meta_path)), None)
            if spec:
                self.run, spec.loader.exec_module = spec.loader.exec_module, self.exec_module
            return spec

    def exec_module(self, module):
        self.run(module)
        try:
            __import__("leaner_harness.lm_eval_plugin")
        except Exception as error:
            print(f"leaner-harness is not available in lm_eval: {error!r}", file=sys.stderr)


start()
