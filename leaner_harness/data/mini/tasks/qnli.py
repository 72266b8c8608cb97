"""qnli: does the sentence answer the question? 0 yes, 1 no; both use the same words."""

from __future__ import annotations

from leaner_harness.data.mini.sentences import Event, a
from leaner_harness.data.mini.tasks.assembly import Group, Item, Stage, Task
from leaner_harness.data.mini.tasks.paraphrase import an_event
from leaner_harness.data.mini.world import MAKING, RESTING


def _role(stage: Stage) -> Group:
    """Who chased the cat: the dog chased the cat; the cat chased the dog."""
    event, frame = an_event(stage), stage.event_frame()
    question, name = stage.dice.pick(_role_questions(event))
    passive = stage.dice.chance(0.5)
    told = [e.passive if passive else e.active for e in (event, event.swapped)]
    items = [Item((frame.ask(question), frame.say(t)), label) for label, t in enumerate(told)]
    return Group(items, f"{name}.{'passive' if passive else 'active'}.{frame.name}")


def _role_questions(event: Event) -> tuple[tuple[str, str], ...]:
    """Ways to ask for one part of the event that tell the other part."""
    agent, past, patient = event.agent, event.verb.past, event.patient
    return (
        (f"who {past} {patient}", "agent"),
        (f"who was {patient} {past} by", "agent-by"),
        (f"who did {agent} {event.verb.base}", "patient"),
        (f"who was {past} by {agent}", "patient-by"),
    )


def _crossed(
    questions: tuple[str, str], answers: tuple[str, str], stage: Stage, name: str
) -> Group:
    """Each question with its own and with the other answer."""
    frame = stage.ask_frame()
    items = [
        Item((frame.ask(questions[i]), frame_free(answers[j])), int(i != j))
        for i in (0, 1)
        for j in (0, 1)
    ]
    return Group(items, f"{name}.{frame.name}")


def frame_free(clause: str) -> str:
    """A sentence with nothing around it."""
    return clause[0].upper() + clause[1:] + "."


def _where_when(stage: Stage) -> Group:
    """Where did the dog sleep, when did it: in the barn, in the morning."""
    being, verb = stage.dice.pick(stage.cast.beings).one, stage.dice.pick(RESTING)
    place, time = stage.dice.pick(stage.cast.places), stage.dice.pick(stage.cast.times)
    questions = (f"where did the {being} {verb.base}", f"when did the {being} {verb.base}")
    answers = (f"the {being} {verb.past} {place}", f"the {being} {verb.past} {time}")
    return _crossed(questions, answers, stage, "where-when")


def _color_place(stage: Stage) -> Group:
    """What color is the ball, where is it: red, in the garden."""
    thing = stage.dice.pick(stage.cast.goods).one
    color, place = stage.dice.pick(stage.cast.colors), stage.dice.pick(stage.cast.places)
    owner = stage.dice.pick(stage.cast.people).one
    held = f"the {thing} of the {owner}"
    questions = (f"what color is {held}", f"where is {held}")
    return _crossed(questions, (f"{held} is {color}", f"{held} is {place}"), stage, "color-place")


def _two_clauses(stage: Stage) -> Group:
    """The boy found a robin and the girl drew a pear: what did the boy find, draw; and the girl."""
    dice = stage.dice
    one, two = (n.one for n in dice.several(stage.cast.people, 2))
    did, made = dice.several(MAKING, 2)
    first, second = (n.one for n in dice.several(stage.cast.goods, 2))
    told = f"the {one} {did.past} {a(first)} and the {two} {made.past} {a(second)}"
    frame = stage.event_frame()
    asked = ((one, did, 0), (one, made, 1), (two, made, 0), (two, did, 1))
    items = [
        Item((frame.ask(f"what did the {who} {verb.base}"), frame.say(told)), label)
        for who, verb, label in asked
    ]
    return Group(items, f"two-clauses.{frame.name}")


QNLI = Task(
    "qnli",
    ("question", "sentence"),
    (0, 1),
    {
        "role": _role,
        "where_when": _where_when,
        "color_place": _color_place,
        "two_clauses": _two_clauses,
    },
)
