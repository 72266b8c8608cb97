"""How facts become sentences: articles, agreement, voice, negation, questions and frames.

Clauses are lower case without a full stop; a `Frame` makes them a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass

from leaner_harness.data.mini.world import Noun, Square, Verb

PREPOSITIONS = ("near", "behind", "beside", "with")


@dataclass(frozen=True, slots=True)
class Event:
    """Someone does something to someone; the names are full phrases such as "the big dog"."""

    agent: str
    verb: Verb
    patient: str

    @property
    def active(self) -> str:
        """The dog chased the cat."""
        return f"{self.agent} {self.verb.past} {self.patient}"

    @property
    def passive(self) -> str:
        """The cat was chased by the dog."""
        return f"{self.patient} was {self.verb.past} by {self.agent}"

    @property
    def swapped(self) -> Event:
        """The same verb with its two beings exchanged."""
        return Event(self.patient, self.verb, self.agent)

    @property
    def asked(self) -> str:
        """Did the dog chase the cat."""
        return f"did {self.agent} {self.verb.base} {self.patient}"

    @property
    def passive_asked(self) -> str:
        """Was the cat chased by the dog."""
        return f"was {self.patient} {self.verb.past} by {self.agent}"

    @property
    def denied(self) -> str:
        """The dog did not chase the cat."""
        return f"{self.agent} did not {self.verb.base} {self.patient}"

    @property
    def passive_denied(self) -> str:
        """The cat was not chased by the dog."""
        return f"{self.patient} was not {self.verb.past} by {self.agent}"


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands before and after a clause: the part of a template that never crosses splits."""

    front: str = ""
    back: str = ""

    @property
    def name(self) -> str:
        """How it shows in a template id."""
        words = f"{self.front} _ {self.back}".replace(",", "").replace(":", "").split()
        return "-".join(words)

    @property
    def turned(self) -> Frame:
        """The same phrase at the other end of the sentence."""
        return Frame(f"{self.back}," if self.back else "", self.front.rstrip(","))

    def say(self, clause: str, end: str = ".") -> str:
        """The clause as a whole sentence."""
        return sentence(f"{self.front} {clause} {self.back}", end)

    def ask(self, clause: str) -> str:
        """The clause as a question."""
        return self.say(clause, "?")


def sentence(clause: str, end: str = ".") -> str:
    """A clause with a capital and a stop."""
    text = " ".join(clause.split()).replace(" ,", ",")
    return text[:1].upper() + text[1:] + end


def the(noun: Noun, adjective: str = "") -> str:
    """The dog; the big dog."""
    return f"the {adjective} {noun.one}" if adjective else f"the {noun.one}"


def a(phrase: str) -> str:
    """A dog; an owl."""
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def opposite(square: Square, word: str) -> str:
    """The word across the square from `word`, in the same place of its pair."""
    here, there = (
        (square.left, square.right) if word in square.left else (square.right, square.left)
    )
    return there[here.index(word)]


def synonym(square: Square, word: str) -> str:
    """The other word of the same side."""
    side = square.left if word in square.left else square.right
    return side[1 - side.index(word)]
