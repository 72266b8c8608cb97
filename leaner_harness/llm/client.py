"""One call over HTTP through the openai client: a reply, or a failure and what it means."""

from __future__ import annotations

import asyncio
import email.utils
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from leaner_harness.llm.dialect import Dialect
from leaner_harness.llm.records import Digits, Request, Usage
from leaner_harness.llm.settings import OPENAI, Settings

AGAIN, NEVER, STOP, REWORD = "again", "never", "stop", "reword"
"""What a failure means: it may pass; not for this request; not for any; the server does not
understand the request as it is worded."""

_NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_WRONG_FOR_ALL = {
    401: "the key was refused",
    404: "no such model or path",
}
_ASKED_WRONGLY = (400, 422)
_LONGEST_REASON = 300
_DIGITS = tuple("0123456789")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server replied."""

    text: str
    finish: str
    refusal: str
    model: str
    usage: Usage
    digits: Digits = ()


class Failure(Exception):
    """A call without a reply."""

    def __init__(
        self, meaning: str, reason: str, wait: float | None = None, *, may_cost: bool = False
    ) -> None:
        super().__init__(reason)
        self.meaning, self.reason = meaning, reason
        self.may_cost = may_cost
        """Whether the server may have done the work, and ask money for it."""
        self.wait = wait
        """Seconds after which the server wants to be asked again, if it said."""


class Client:
    """Calls to one server. To be made, used and closed inside one event loop."""

    def __init__(self, settings: Settings) -> None:
        """Raises UsageError where a key is needed and not set."""
        from openai import AsyncOpenAI  # half a second that cached runs need not wait

        self._settings, self._key = settings, settings.key()
        self._openai = AsyncOpenAI(
            base_url=settings.base_url,
            api_key=self._key,
            max_retries=0,  # the engine retries: it knows of the other calls
            timeout=settings.timeout,
            http_client=_http_client(),
        )
        self.dialect = Dialect.of(settings.base_url == OPENAI)

    async def close(self) -> None:
        """Close the connections."""
        await self._openai.close()

    async def call(
        self, request: Request, messages: Sequence[Mapping[str, str]], max_tokens: int
    ) -> Answer:
        """Ask once. Raises Failure for everything that is no reply."""
        try:
            # Around the whole: a server that drips its bytes never meets a read timeout.
            async with asyncio.timeout(self._settings.timeout):
                # Not `chat.completions.create`: its typed copies of what goes out and comes in take
                # a third of a call's processor time, and trust what a server sends.
                reply = await self._openai.post(
                    "/chat/completions",
                    cast_to=object,
                    body={
                        "model": self._settings.model,
                        "messages": list(messages),
                        **self.dialect.arguments(request, max_tokens),
                    },
                )
            return self._clean(_answer(reply))
        except Failure as failure:
            raise self._redacted(failure) from None
        except TimeoutError:
            reason = f"no reply within {self._settings.timeout:g} s"
            raise Failure(AGAIN, reason, may_cost=True) from None
        except Exception as error:  # the client leaks json's and its own: none may end a run
            raise self._redacted(_failure(error)) from None

    def _clean(self, answer: Answer) -> Answer:
        """Without what must not, or cannot, be written down."""
        return replace(
            answer,
            text=self._plain(answer.text),
            refusal=self._plain(answer.refusal),
            model=self._plain(answer.model),
        )

    def _redacted(self, failure: Failure) -> Failure:
        """Fit to be shown."""
        reason = self._plain(failure.reason)[:_LONGEST_REASON]
        return Failure(failure.meaning, reason, failure.wait, may_cost=failure.may_cost)

    def _plain(self, text: str) -> str:
        """Without the key, should a server have sent it back, and in letters that files hold."""
        if len(self._key) > 4:
            text = text.replace(self._key, "[key]")
        return text.encode("utf-8", "replace").decode()


def _http_client() -> Any:
    """openai's client on aiohttp, which takes half the processor time of its default one.

    None, for the default, where the openai package has none or cannot make it.
    """
    import openai

    make = getattr(openai, "DefaultAioHttpClient", None)
    try:
        return make() if make else None
    except (ImportError, RuntimeError):
        return None


def _answer(reply: Any) -> Answer:
    """The first choice of a chat completion, if that is what the server sent."""
    try:
        choice = reply["choices"][0]
        message = choice["message"]
        text, refusal = message.get("content") or "", message.get("refusal") or ""
        usage = reply.get("usage") or {}
        tokens = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
        known = Usage(*(each if isinstance(each, int) else None for each in tokens))
        finish, model = choice.get("finish_reason") or "", reply.get("model") or ""
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        reason = f"the reply is no chat completion: {reply!r}"
        raise Failure(AGAIN, reason, may_cost=True) from error
    if not isinstance(text, str):
        raise Failure(AGAIN, f"the reply's content is no text: {text!r}", may_cost=True)
    return Answer(text, str(finish), str(refusal), str(model), known, _digits(choice))


def _digits(choice: Mapping[str, Any]) -> Digits:
    """How probable each digit was wherever one was written; empty where the server did not say."""
    found = []
    try:
        for token in (choice.get("logprobs") or {}).get("content") or ():
            if token["token"].strip() not in _DIGITS:
                continue
            shares = dict.fromkeys(_DIGITS, 0.0)
            for other in token["top_logprobs"]:
                if (digit := other["token"].strip()) in shares:
                    shares[digit] += math.exp(min(0.0, other["logprob"]))
            found.append({digit: share for digit, share in shares.items() if share})
    except (KeyError, TypeError, AttributeError, ValueError):
        return ()  # no server is held to a form here: the reply's text still counts
    return tuple(found)


def _failure(error: Exception) -> Failure:
    from openai import APIStatusError

    if not isinstance(error, APIStatusError):
        return Failure(AGAIN, f"{type(error).__name__}: {error}")
    status, body = error.status_code, str(error.body or error.message)
    reason = f"HTTP {status}: {body}"
    code = str(getattr(error, "code", None) or "")
    if code in _NO_MONEY or any(word in body for word in _NO_MONEY):
        return Failure(STOP, f"the quota is used up ({reason})")
    if status in _WRONG_FOR_ALL:
        return Failure(STOP, f"{_WRONG_FOR_ALL[status]} ({reason})")
    if status in _ASKED_WRONGLY:
        return Failure(REWORD, reason)
    if error.response.headers.get("x-should-retry") == "false":
        return Failure(NEVER, reason)
    if status in (408, 409, 429) or status >= 500:
        return Failure(AGAIN, reason, _asked_to_wait(error.response.headers))
    return Failure(NEVER, reason)


def _asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds, from `retry-after-ms` or `Retry-After`, which is a number or a date."""
    milliseconds, after = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if milliseconds:
            return max(0.0, float(milliseconds) / 1000)
        return max(0.0, float(after)) if after else None
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(after or "")
    except ValueError:
        return None  # whatever it means: ours is not the place to end a run over it
    return max(0.0, date.timestamp() - time.time())
