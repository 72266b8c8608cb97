"""The rewriter `openai:MODEL`: any server that speaks OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from leaner_harness.dataset import maths, prompts
from leaner_harness.dataset.records import Assignment, Rewrite
from leaner_harness.llm.engine import Engine
from leaner_harness.llm.records import Reply, Request


class RemoteRewriter:
    """Asks for each chunk by itself: a reply belongs to the request it answers, and to no other."""

    grades = True
    """Of maths it is asked for the grade."""

    def __init__(
        self, model: str, llm: Engine, temperature: float = 0.7, top_p: float = 0.95
    ) -> None:
        """`model` is that of the engine's settings."""
        self._engine = llm
        self._sampling = {"temperature": temperature, "top_p": top_p}

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What its texts depend on; the server's own names of the model once it has replied."""
        settings = self._engine.settings
        return {
            "kind": "openai", "model": settings.model, "endpoint": settings.endpoint,
            "prompt_version": prompts.VERSION, "grades_version": maths.VERSION,
            "sampling": self._sampling,
        }  # fmt: skip

    def request(self, assignment: Assignment) -> Request:
        """What is asked about a chunk."""
        if assignment.chunk.genre == maths.GENRE:
            return maths.request(assignment)
        return prompts.request(assignment, self._sampling)

    def rewrite(self, assignments: Iterable[Assignment]) -> Iterator[Rewrite]:
        """A rewrite of each chunk, as they come; the ids of what is under way must differ."""
        genres: dict[str, str] = {}

        def requests() -> Iterator[Request]:
            for assignment in assignments:
                genres[assignment.chunk.id] = assignment.chunk.genre
                yield self.request(assignment)

        for reply in self._engine.ask(requests()):
            yield _rewrite(reply, genres.pop(reply.id), self._took(reply))

    def _took(self, reply: Reply) -> dict[str, Any]:
        if not reply.calls:  # from the cache, or never asked: it was paid for before, or not at all
            return {"calls": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost": None}
        prompt, completion = reply.usage.prompt, reply.usage.completion
        cost = None
        if prompt is not None and completion is not None:
            cost = self._engine.settings.cost(prompt, completion)
        tokens = {"prompt_tokens": prompt, "completion_tokens": completion}
        return {"calls": reply.calls, **tokens, "cost": cost}


def _rewrite(reply: Reply, genre: str, took: Mapping[str, Any]) -> Rewrite:
    record = {"model": reply.model, "format": reply.format}
    if genre == maths.GENRE:
        record |= {"prompt_sha256": maths.digest(), "grade": reply.value or ""}
        return Rewrite(reply.id, reply.state, reason=reply.reason, record=record, took=took)
    record |= {"prompt_sha256": prompts.digest(genre)}
    return Rewrite(reply.id, reply.state, reply.value or "", reply.reason, record, took)
