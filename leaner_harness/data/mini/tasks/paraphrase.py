"""mrpc and qqp: do the two mean the same? True and false partners are made of the same words."""

from __future__ import annotations

from leaner_harness.data.mini.sentences import Event, Frame, the
from leaner_harness.data.mini.tables import NUMBERS
from leaner_harness.data.mini.tasks.assembly import Group, Item, Stage, Task
from leaner_harness.data.mini.world import DOING, RESTING, Noun, Square


def an_event(stage: Stage) -> Event:
    """Some being of the split does something to another."""
    one, two = stage.dice.several(stage.cast.beings, 2)
    return Event(the(one), stage.dice.pick(DOING), the(two))


def bearer(stage: Stage, square: Square) -> str:
    """Someone or something that the square's words describe."""
    if square.bears == "being":
        return stage.dice.pick(stage.cast.beings).one
    if square.bears == "person":
        return stage.dice.pick(stage.cast.people).one
    return stage.dice.pick(square.bears.split())


def _paired(first: str, same: str, other: str) -> list[Item]:
    return [Item((first, same), 1), Item((first, other), 0)]


def _turned(frame: Frame, clause: str, swapped: str, name: str) -> Group:
    """The frame moves to the other end, so that an exchange is not the mark of a paraphrase."""
    first, same, other = frame.say(clause), frame.turned.say(clause), frame.turned.say(swapped)
    return Group(_paired(first, same, other), f"{name}-turned.{frame.name}")


def _voice(stage: Stage) -> Group:
    """Active against passive: the roles kept, and the roles exchanged."""
    event, frame = an_event(stage), stage.event_frame()
    active, passive = event.active, event.passive
    if frame.name != "_" and stage.dice.chance(0.4):
        if stage.dice.chance(0.5):
            return _turned(frame, active, event.swapped.active, "active")
        return _turned(frame, passive, event.swapped.passive, "passive")
    if stage.dice.chance(0.5):
        first, same, other, name = active, passive, event.swapped.passive, "active"
    else:
        first, same, other, name = passive, active, event.swapped.active, "passive"
    say = frame.say
    return Group(_paired(say(first), say(same), say(other)), f"{name}.{frame.name}")


def word_square(stage: Stage, told: list[str]) -> list[Item]:
    """`told` holds a clause for each word of a square; each meets its synonym and its opposite."""
    a1, a2, b1, b2 = told
    pairs = ((a1, a2, 1), (a1, b2, 0), (b1, b2, 1), (b1, a2, 0))
    turned = stage.dice.chance(0.5)
    return [Item((y, x) if turned else (x, y), label) for x, y, label in pairs]


def _described(stage: Stage, square: Square) -> tuple[str, str]:
    """A clause with a gap for one of the square's words, and its name."""
    noun = bearer(stage, square)
    subject = stage.dice.pick(stage.cast.people).one
    if square.bears in ("being", "person") and stage.dice.chance(0.5):
        return f"the WORD {noun} {stage.dice.pick(RESTING).past}", "did"
    if subject != noun and stage.dice.chance(0.5):
        return f"the {subject} saw the WORD {noun}", "saw"
    return f"the {noun} was WORD", "was"


def _synonym(stage: Stage) -> Group:
    """One word replaced by a synonym or by an opposite."""
    square = stage.dice.pick(stage.cast.squares)
    clause, name = _described(stage, square)
    frame = stage.fact_frame() if name == "was" else stage.event_frame()
    told = [frame.say(clause.replace("WORD", word)) for word in square.words]
    return Group(word_square(stage, told), f"{name}.{frame.name}")


def _two_goods(stage: Stage) -> tuple[list[Noun], list[str]]:
    return stage.dice.several(stage.cast.goods, 2), stage.dice.several(NUMBERS, 2)


def _number(stage: Stage) -> Group:
    """Two apples and three pears: the list turned round, and the numbers exchanged."""
    (one, two), (some, more) = _two_goods(stage)
    who, frame = stage.dice.pick(stage.cast.people).one, stage.event_frame()
    verb = stage.dice.pick(("had", "found", "saw", "wanted"))
    first = frame.say(f"the {who} {verb} {some} {one.many} and {more} {two.many}")
    same = frame.say(f"the {who} {verb} {more} {two.many} and {some} {one.many}")
    other = frame.say(f"the {who} {verb} {more} {one.many} and {some} {two.many}")
    return Group(_paired(first, same, other), f"{verb}.{frame.name}")


def _sequence(stage: Stage) -> Group:
    """A slept before B: B slept after A, or A slept after B."""
    one, two = (the(n) for n in stage.dice.several(stage.cast.beings, 2))
    verb, frame = stage.dice.pick(RESTING).past, stage.event_frame()
    now, then = stage.dice.pick((("before", "after"), ("after", "before")))
    clause = f"{one} {verb} {now} {two}"
    if frame.name != "_" and stage.dice.chance(0.4):
        return _turned(frame, clause, f"{two} {verb} {now} {one}", now)
    first = frame.say(clause)
    same, other = f"{two} {verb} {then} {one}", f"{one} {verb} {then} {two}"
    return Group(_paired(first, frame.say(same), frame.say(other)), f"{now}.{frame.name}")


def _voice_question(stage: Stage) -> Group:
    """Did A chase B; was B chased by A; was A chased by B."""
    event, frame = an_event(stage), stage.ask_frame()
    if stage.dice.chance(0.5):
        first, same, other = event.asked, event.passive_asked, event.swapped.passive_asked
        name = "did"
    else:
        first, same, other = event.passive_asked, event.asked, event.swapped.asked
        name = "was"
    ask = frame.ask
    return Group(_paired(ask(first), ask(same), ask(other)), f"{name}.{frame.name}")


def _who_question(stage: Stage) -> Group:
    """Who chased B; who was B chased by; who was chased by B."""
    event, frame = an_event(stage), stage.ask_frame()
    noun, verb = event.patient, event.verb
    by_whom, whom = f"who was {noun} {verb.past} by", f"who was {verb.past} by {noun}"
    if stage.dice.chance(0.5):
        first, same, other, name = f"who {verb.past} {noun}", by_whom, whom, "who-did"
    else:
        first, same, other, name = f"who did {noun} {verb.base}", whom, by_whom, "who-did-it"
    ask = frame.ask
    return Group(_paired(ask(first), ask(same), ask(other)), f"{name}.{frame.name}")


def _synonym_question(stage: Stage) -> Group:
    """Was it big; was it large; was it little."""
    square, frame = stage.dice.pick(stage.cast.squares), stage.ask_frame()
    noun = bearer(stage, square)
    forms = (("was the NOUN WORD", "was"), ("where is the WORD NOUN", "where"),
             ("did you see the WORD NOUN", "see"))  # fmt: skip
    form, name = stage.dice.pick(forms)
    told = [frame.ask(form.replace("WORD", w).replace("NOUN", noun)) for w in square.words]
    return Group(word_square(stage, told), f"{name}.{frame.name}")


def _where_question(stage: Stage) -> Group:
    """Where, in what place; when, at what time; and crossed."""
    who, verb = stage.dice.pick(stage.cast.beings).one, stage.dice.pick(RESTING)
    frame, turned = stage.ask_frame(), stage.dice.chance(0.5)
    did = f"did the {who} {verb.base}"
    short = [frame.ask(f"{word} {did}") for word in ("where", "when")]
    long = [frame.ask(f"{words} {did}") for words in ("in what place", "at what time")]
    pairs = [(x, y, int(i == j)) for i, x in enumerate(short) for j, y in enumerate(long)]
    items = [Item((y, x) if turned else (x, y), label) for x, y, label in pairs]
    return Group(items, f"where.{frame.name}")


def _compare_question(stage: Stage) -> Group:
    """Is A bigger than B; is B smaller than A; is A smaller than B."""
    one, two, more, less = compared(stage)
    frame = stage.ask_frame()
    first = frame.ask(f"is {one} {more} than {two}")
    same = frame.ask(f"is {two} {less} than {one}")
    other = frame.ask(miscompared(stage, one, two, more, less, "is {} {} than {}"))
    return Group(_paired(first, same, other), f"is.{frame.name}")


def miscompared(stage: Stage, one: str, two: str, more: str, less: str, form: str) -> str:
    """Something false where `one` is `more` than `two`: a wrong word or a wrong order."""
    if stage.dice.chance(0.6):
        return form.format(one, less, two)
    return form.format(two, more, one)


def compared(stage: Stage) -> tuple[str, str, str, str]:
    """Two people or animals, and a comparative with its opposite, in either order."""
    one, two = (the(n) for n in stage.dice.several(stage.cast.beings, 2))
    more, less = stage.dice.shuffled(stage.dice.pick(stage.cast.comparatives))
    return one, two, more, less


MRPC = Task(
    "mrpc",
    ("sentence1", "sentence2"),
    (0, 1),
    {"voice": _voice, "synonym": _synonym, "number": _number, "sequence": _sequence},
)
QQP = Task(
    "qqp",
    ("question1", "question2"),
    (0, 1),
    {
        "voice": _voice_question,
        "who": _who_question,
        "synonym": _synonym_question,
        "where_when": _where_question,
        "compare": _compare_question,
    },
)
