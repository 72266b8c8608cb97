"""The moves of `fewer_tokens.py`: from the best of what was tried to what is tried next."""

from __future__ import annotations

from collections.abc import Callable

from fewer_tokens_report import Keys, Tried

TIMES = (1 / 16, 16.0)  # the embedding's rate, of the others': how far it is followed
MOST_DECAY = 2.0

Move = Callable[[Keys, float, Tried], Keys | None]
"""Of the best, a factor and all that was tried: what to try next; None if nothing."""


def embedding_moved(best: Keys, factor: float, tried: Tried) -> Keys | None:
    """The best with another rate of its embedding; None where that was tried, or is far out."""
    times = best.get("embedding_times", 1.0) * factor
    keys = best | {"embedding_times": times}
    is_known = any(keys == other for other, _ in tried) or times == 1.0
    return None if is_known or not TIMES[0] <= times <= TIMES[1] else keys


def rate_moved(best: Keys, factor: float, tried: Tried) -> Keys | None:
    """The best with another rate and its embedding's as it is, which was found after the rates.

    None where that was tried, and where one rate for all was found best.
    """
    times = best.get("embedding_times", 1.0)
    keys = best | {"rate": best["rate"] * factor, "embedding_times": times / factor}
    return None if times == 1.0 or any(keys == other for other, _ in tried) else keys


def decay_raised(best: Keys, factor: float, tried: Tried) -> Keys | None:
    """The best with three times the usual decay, if no other was tried."""
    is_tried = any("weight_decay" in keys for keys, _ in tried)
    return None if is_tried else best | {"weight_decay": 0.3}


def decay_moved(best: Keys, factor: float, tried: Tried) -> Keys | None:
    """The best with more decay, where the most that was tried is the best."""
    decay = best.get("weight_decay", 0.0) * factor
    is_more = decay > max(keys.get("weight_decay", 0.0) for keys, _ in tried)
    return best | {"weight_decay": decay} if is_more and decay <= MOST_DECAY else None


MOVES: dict[str, tuple[Move, ...]] = {
    "adamw": (embedding_moved, decay_moved, rate_moved),
    "muon": (embedding_moved, decay_raised, decay_moved),
}
