"""How likely a checkpoint finds texts: any that a model type scores, an n-gram model, too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leaner_harness.errors import CheckpointError, UsageError
from leaner_harness.provenance import weights_digest

_BATCH = 16


def _went_on(said: Mapping[str, Any]) -> bool:
    """Whether a record is of a run that began with the weights of another."""
    return bool((said.get("recipe") or {}).get("init_from"))


class Reference:
    """A checkpoint that texts are scored with, as lm-eval would: rolling log-likelihoods."""

    def __init__(self, checkpoint: Path) -> None:
        """Raises CheckpointError where the folder is none."""
        self.path = checkpoint
        self.digest: str = weights_digest(checkpoint)
        """Of its weights."""
        if not self.digest:
            raise CheckpointError(
                f"{checkpoint} has no weights.", "Give the folder that `leaner train` wrote."
            )
        self._model: Any = None

    @property
    def settings_digest(self) -> str:
        """Of all besides its weights that its likelihoods depend on."""
        said = hashlib.sha256(Path(__file__).read_bytes())
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "leaner.json"):
            path = self.path / name
            content = path.read_bytes() if path.is_file() else b""
            if name == "leaner.json" and content:  # of a long record, how lm-eval is to call it
                content = json.dumps(json.loads(content).get("lm_eval")).encode()
            said.update(hashlib.sha256(content).digest())
        return said.hexdigest()

    @property
    def record(self) -> dict[str, Any]:
        """What its `leaner.json` says of it and its cost; or nothing."""
        try:
            said = json.loads((self.path / "leaner.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        keys = ("recipe_name", "parameters", "tokens_seen", "flops", "curriculum", "began_with")
        found = {key: said[key] for key in keys if key in said}
        # What it began with was paid for, too; it may not be known by how much.
        return found | ({"began_with": {}} if _went_on(said) and "began_with" not in found else {})

    def nats(self, texts: Sequence[str]) -> list[float]:
        """The negative log-likelihood of each text, as a document of its own.

        Raises CheckpointError where it is no number, UsageError for a masked model.
        """
        from lm_eval.api.instance import Instance

        requests = [
            Instance("loglikelihood_rolling", {}, (text,), number)
            for number, text in enumerate(texts)
        ]
        found = [-float(each) for each in self._scorer().loglikelihood_rolling(requests, True)]
        if any(each != each or each in (float("inf"), -float("inf")) for each in found):
            raise CheckpointError(f"{self.path} gives a text a likelihood that is no number.")
        return found

    def _scorer(self) -> Any:
        if self._model is None:
            from leaner_harness.models.auto import LeanerLM

            arguments = {"pretrained": str(self.path), "batch_size": _BATCH}
            self._model = LeanerLM.create_from_arg_obj(arguments)
            if getattr(self._model, "scorer", "") == "masked":
                self._model = None
                raise UsageError(
                    f"{self.path} is a masked model, which reads a text once for each of its "
                    "tokens: no order saves what that costs.",
                    "Give a causal reference, or an n-gram model: leaner train ngram",
                )
            # Texts are not shared out over processes: it shall not wait for others.
            self._model._rank, self._model._world_size = 0, 1
        return self._model
