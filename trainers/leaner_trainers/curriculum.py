"""The curriculum a recipe asks for: its spec, its options, and what it ranks documents by."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerFast

from leaner_harness import (
    Curriculum,
    CurriculumSpec,
    DifficultySpec,
    Document,
    ObjectiveSpec,
    Reference,
    UsageError,
    get_curriculum,
    get_difficulty,
)
from leaner_trainers.controls import following, reversed_scores, shuffled_scores
from leaner_trainers.kinds import make_options
from leaner_trainers.recipe import Recipe
from leaner_trainers.scores import Scores, static_scores
from leaner_trainers.tokens import Tokens

_OTHER_KEYS = ("curriculum_options", "difficulty", "control", "follow", "reference")


@dataclass(frozen=True)
class Chosen:
    """A curriculum, and what tells it easy from hard."""

    spec: CurriculumSpec
    curriculum: Curriculum
    difficulty: DifficultySpec | None
    """None where the pools do not depend on it."""
    reference: Reference | None
    control: str
    seed: int

    @property
    def sees_self(self) -> bool:
        """Whether the model in training has to score the text at each stage."""
        ranked_by = self.difficulty.sees if self.difficulty else ""
        return ranked_by == "self" and self.control != "random"

    @property
    def scored_by_reference(self) -> bool:
        """Whether a reference has to score the text before the first step."""
        return self.reference is not None and self.control != "random"

    @property
    def watches_loss(self) -> bool:
        """Whether the curriculum has to know the loss on other text."""
        return bool(getattr(self.curriculum, "watches_loss", False))

    @property
    def reference_tokens(self) -> int | None:
        """What the reference cost, in its tokens: 0 where none was needed, None where unknown."""
        if self.reference is None or not self.scored_by_reference:
            return 0
        said = self.reference.record
        bill = said.get("curriculum", {}).get("bill", {})
        found: int | None = bill.get("token_equivalents", said.get("tokens_seen"))
        if "began_with" not in said:
            return found
        before: int | None = said["began_with"].get("tokens_seen")
        return None if found is None or before is None else found + before

    def reference_weight(self, flops_per_token: float) -> float:
        """How many tokens of a model of that cost one of the reference's is worth.

        1 where the reference does not say what it computed, as one that counts n-grams.
        """
        said = {} if self.reference is None else self.reference.record
        if not said.get("flops") or not said.get("tokens_seen"):
            return 1.0
        return float(said["flops"]) / float(said["tokens_seen"]) / flops_per_token

    def first_scores(
        self, documents: Iterable[Document], tokens: Tokens, tokenizer: PreTrainedTokenizerFast
    ) -> tuple[Scores, float]:
        """What documents are ranked by before the first step, (n,), and the seconds it took.

        The control is dealt out already. Where that is the model's own loss, it is chance: an
        untrained model knows no order, and TinyHelen begins with a random share, too.
        """
        n = len(tokens.offsets) - 1
        if self.difficulty is None:
            return np.zeros(n, dtype=np.float32), 0.0
        if self.difficulty.sees == "self":
            return shuffled_scores(np.arange(n, dtype=np.float32), self.seed), 0.0
        found = static_scores(self.difficulty, documents, tokens, tokenizer, self.reference)
        # A random order could have done without them.
        return self.controlled(found.scores), 0.0 if self.control == "random" else found.seconds

    def controlled(self, scores: Scores) -> Scores:
        """The scores as the control deals them out, (n,)."""
        if self.control == "random":
            return shuffled_scores(scores, self.seed)
        return reversed_scores(scores) if self.control == "reversed" else scores


def choose(recipe: Recipe, objective: ObjectiveSpec) -> Chosen | None:
    """The curriculum of a recipe, or None.

    Raises UsageError for keys that do not go together, UnknownName for a name nobody registered,
    CheckpointError for a reference that is none.
    """
    given = [key for key in _OTHER_KEYS if getattr(recipe, key)]
    if not recipe.curriculum:
        if given:
            raise UsageError(f"Recipe key {given[0]!r} needs a curriculum.", "Name one: curriculum")
        return None
    spec = get_curriculum(recipe.curriculum)
    options_class = pkgutil.resolve_name(spec.curriculum)
    curriculum = make_options(options_class, recipe.curriculum_options, "curriculum_options")
    _check_whole(recipe, spec, curriculum)
    if recipe.follow:
        if not recipe.control:
            raise UsageError("Recipe key 'follow' is for a control.", 'Add control = "random".')
        curriculum = following(asdict(recipe), Path(recipe.follow).expanduser())
    if objective.answers:
        raise UsageError(
            f"Objective {objective.name!r} fits examples into blocks before training; curricula "
            "choose among documents of plain text.",
            "Leave `curriculum` empty, or train on plain text.",
        )
    if recipe.minutes is not None and spec.ranks and not spec.subset:
        raise UsageError(
            f"Curriculum {spec.name!r} goes by steps: with `minutes` it might end before the whole "
            "text was read.",
            "Leave `minutes` empty, and set `steps`.",
        )
    difficulty = _difficulty(recipe, spec, objective)
    reference = None
    if difficulty is not None and difficulty.sees == "reference":
        if not recipe.reference:
            raise UsageError(
                f"Difficulty {difficulty.name!r} needs a reference.",
                "Train one, and name its folder: leaner train ngram; --set reference=runs/ngram",
            )
        reference = Reference(Path(recipe.reference).expanduser())
    elif recipe.reference:
        raise UsageError("Recipe key 'reference' is for a difficulty that needs one: lm_loss.")
    return Chosen(spec, curriculum, difficulty, reference, recipe.control, recipe.seed)


def _check_whole(recipe: Recipe, spec: CurriculumSpec, curriculum: Curriculum) -> None:
    """Raise UsageError where the whole text would come after the last step."""
    full_at = getattr(curriculum, "full_at", 0.0)
    if not spec.subset and full_at * recipe.steps > recipe.steps - 1:
        raise UsageError(
            f"With full_at = {full_at:g} the whole text may be read only after the last of "
            f"{recipe.steps:,} steps.",
            "Choose a smaller full_at, or `subset` to leave text out.",
        )


def _difficulty(
    recipe: Recipe, spec: CurriculumSpec, objective: ObjectiveSpec
) -> DifficultySpec | None:
    if not spec.ranks:
        if recipe.difficulty or recipe.control:
            raise UsageError(f"Curriculum {spec.name!r} ranks nothing: it has no difficulty.")
        return None
    if not recipe.difficulty:
        raise UsageError(
            f"Curriculum {spec.name!r} needs a difficulty.",
            "Name one, such as sentence_length; all of them: leaner plugins. For a random order "
            'of the same pools add control = "random".',
        )
    difficulty = get_difficulty(recipe.difficulty)
    if difficulty.sees == "self" and not spec.rescores:
        raise UsageError(
            f"Difficulty {difficulty.name!r} is scored anew at each stage, which curriculum "
            f"{spec.name!r} never asks for.",
            "Take lm_loss, or a difficulty of the text; or a curriculum with stages: iterative.",
        )
    if difficulty.sees == "self" and not objective.causal:
        raise UsageError(
            f"Difficulty {difficulty.name!r} needs a model that predicts the next token, which "
            f"objective {objective.name!r} does not train.",
            "Take lm_loss with a causal reference, or a difficulty of the text.",
        )
    return difficulty
