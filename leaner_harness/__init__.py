"""What a plugin may import: the hook marker, the specs and records, and how to read training text.

Nothing heavy is loaded here; `read_documents` and others are imported when first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leaner_harness.contracts import (
    ADVANCE,
    API_VERSION,
    KEEP,
    PADDING,
    PROMPT,
    RESCORE,
    RESUME,
    TEXT,
    ArchitectureSpec,
    Blocks,
    Checkpoint,
    Curriculum,
    CurriculumSpec,
    CurriculumState,
    DifficultySpec,
    Document,
    Examples,
    JudgeSpec,
    ModelType,
    ObjectiveSpec,
    Progress,
    RewriterSpec,
    TaskFolder,
    TrainerSpec,
)
from leaner_harness.errors import (
    CheckpointError,
    DataError,
    LeanerError,
    PluginError,
    UnknownName,
    UsageError,
)

if TYPE_CHECKING:
    from leaner_harness.compiling import compiled
    from leaner_harness.data.text import default_words, held_out_documents, read_documents
    from leaner_harness.dataset.records import Assignment, Rewrite
    from leaner_harness.devices import has_bfloat16_units
    from leaner_harness.dropout import quick_dropout
    from leaner_harness.files import home, write_atomic, write_json
    from leaner_harness.hookspecs import hookimpl
    from leaner_harness.judge.verdicts import Item, Scale, Verdict
    from leaner_harness.likelihood import Reference
    from leaner_harness.ranking import Ranking
    from leaner_harness.registry import (
        get_architecture,
        get_curriculum,
        get_difficulty,
        get_objective,
    )

__version__ = "0.1.0"

__all__ = [
    "ADVANCE",
    "API_VERSION",
    "KEEP",
    "PADDING",
    "PROMPT",
    "RESCORE",
    "RESUME",
    "TEXT",
    "ArchitectureSpec",
    "Assignment",
    "Blocks",
    "Checkpoint",
    "CheckpointError",
    "Curriculum",
    "CurriculumSpec",
    "CurriculumState",
    "DataError",
    "DifficultySpec",
    "Document",
    "Examples",
    "Item",
    "JudgeSpec",
    "LeanerError",
    "ModelType",
    "ObjectiveSpec",
    "PluginError",
    "Progress",
    "Ranking",
    "Reference",
    "Rewrite",
    "RewriterSpec",
    "Scale",
    "TaskFolder",
    "TrainerSpec",
    "UnknownName",
    "UsageError",
    "Verdict",
    "compiled",
    "default_words",
    "get_architecture",
    "get_curriculum",
    "get_difficulty",
    "get_objective",
    "has_bfloat16_units",
    "held_out_documents",
    "home",
    "hookimpl",
    "quick_dropout",
    "read_documents",
    "write_atomic",
    "write_json",
]

_LAZY = {
    "Assignment": "leaner_harness.dataset.records",
    "Rewrite": "leaner_harness.dataset.records",
    "Item": "leaner_harness.judge.verdicts",
    "Scale": "leaner_harness.judge.verdicts",
    "Verdict": "leaner_harness.judge.verdicts",
    "Ranking": "leaner_harness.ranking",
    "Reference": "leaner_harness.likelihood",
    "compiled": "leaner_harness.compiling",
    "default_words": "leaner_harness.data.text",
    "get_architecture": "leaner_harness.registry",
    "get_curriculum": "leaner_harness.registry",
    "get_difficulty": "leaner_harness.registry",
    "get_objective": "leaner_harness.registry",
    "has_bfloat16_units": "leaner_harness.devices",
    "held_out_documents": "leaner_harness.data.text",
    "home": "leaner_harness.files",
    "hookimpl": "leaner_harness.hookspecs",
    "quick_dropout": "leaner_harness.dropout",
    "read_documents": "leaner_harness.data.text",
    "write_atomic": "leaner_harness.files",
    "write_json": "leaner_harness.files",
}


def __getattr__(name: str) -> Any:
    """Import a public name at first use."""
    if name not in _LAZY:
        raise AttributeError(f"module 'leaner_harness' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_LAZY[name]), name)
