"""Code with a heading, and small sums with their answers."""

from __future__ import annotations

from leaner_harness.data.mini.draw import Dice
from leaner_harness.data.mini.genres import lore
from leaner_harness.data.mini.genres.lore import WORLD
from leaner_harness.data.mini.sentences import a, opposite, synonym
from leaner_harness.data.mini.tables import NAMES, NUMBERS

_TENS = ("zero", "one", *NUMBERS)


def _some(dice: Dice) -> tuple[str, int, int]:
    return dice.pick(WORLD.goods).many, 2 + dice.below(9), 2 + dice.below(9)


def _give(dice: Dice) -> str:
    things, x, y = _some(dice)
    (one, he), (two, _) = dice.several(NAMES, 2)
    him = "him" if he == "he" else "her"
    return (
        f"{one} has {x} {things}. {two} gives {him} {y} {things}. "
        f"How many {things} does {one} have now?\n{x} + {y} = {x + y}. {one} has {x + y} {things}."
    )


def _take(dice: Dice) -> str:
    things, x, y = _some(dice)
    (one, _), (two, _) = dice.several(NAMES, 2)
    total = x + y
    return (
        f"{one} has {total} {things}. {two} takes {x} {things}. How many {things} are left?\n"
        f"{total} - {x} = {y}. {y} {things} are left."
    )


def _rows(dice: Dice) -> str:
    things, x, y = _some(dice)
    return (
        f"There are {x} boxes. Each box has {y} {things} in it. How many {things} are there?\n"
        f"{x} * {y} = {x * y}. There are {x * y} {things}."
    )


def _more(dice: Dice) -> str:
    things, x, y = _some(dice)
    (one, _), (two, _) = dice.several(NAMES, 2)
    told = f"{one} has {x + y} {things} and {two} has {x} {things}."
    if dice.chance(0.5):
        ask, who = f"Who has more {things}?", one
        return f"{told} {ask}\n{x + y} is more than {x}, so {who} has more."
    return f"{told} How many more does {one} have?\n{x + y} - {x} = {y}. {one} has {y} more."


def _words_to_sum(dice: Dice) -> str:
    x, y = dice.below(6), dice.below(6)
    words = f"{_TENS[x].capitalize()} and {_TENS[y]} make {_TENS[x + y]}."
    return f"What is {x} + {y}?\n{x} + {y} = {x + y}. {words}"


def _both(dice: Dice) -> str:
    who = dice.pick(lore.COUPLED)
    one, two = dice.several(WORLD.goods, 2)
    x, y = 2 + dice.below(9), 2 + dice.below(9)
    return (
        f"The {who.one} found {x} {one.many} and {y} {two.many}. How many things did "
        f"{who.pronoun} find?\n{x} + {y} = {x + y}. "
        f"{who.pronoun.capitalize()} found {x + y} things."
    )


_PROBLEMS = (_give, _take, _rows, _more, _words_to_sum, _both, _both)


def math(dice: Dice) -> str:
    """Word problems, each with its sum and its answer."""
    return lore.gather(dice, _PROBLEMS, gap="\n\n")


def _count_code(dice: Dice) -> str:
    things, x, y = _some(dice)
    return (
        f"# Write code that counts {things}.\n\ndef count_{things}(one, two):\n"
        f"    # add the {things} of both\n    return one + two\n\n"
        f"print(count_{things}({x}, {y}))  # {x + y}"
    )


def _kinds_code(dice: Dice) -> str:
    kinds = dice.several(lore.COUNTED, 2)
    lines = [f'    "{m}": "{k.name}",' for k in kinds for m in dice.several(k.members, 2)]
    word = dice.pick(kinds[0].members)
    return (
        "# Write code that knows kinds.\n\nkind = {\n" + "\n".join(lines) + "\n}\n"
        f'kind["{word}"] = "{kinds[0].name}"\nprint(kind["{word}"])  # {kinds[0].name}\n'
        f"# {a(word)} is {a(kinds[0].name)}"
    )


def _opposite_code(dice: Dice) -> str:
    square = dice.pick(WORLD.squares)
    word = dice.pick(square.words)
    against, same = opposite(square, word), synonym(square, word)
    return (
        f'# Write code that knows opposites.\n\nopposite = {{"{word}": "{against}"}}\n'
        f'same = {{"{word}": "{same}"}}\nprint(opposite["{word}"])  # {against}\n'
        f'print(same["{word}"])  # {same}\n# {word} is the opposite of {against}'
    )


def _loop_code(dice: Dice) -> str:
    kind = dice.pick(lore.COUNTED)
    members = dice.several(kind.members, 3)
    listed = ", ".join(f'"{m}"' for m in members)
    return (
        f"# Write code that shows each {kind.name}.\n\nthings = [{listed}]\n"
        f"for thing in things:\n    print(thing)\n# the first {kind.name} is {a(members[0])}\n"
        "print(len(things))  # 3"
    )


def _if_code(dice: Dice) -> str:
    one, two = dice.several(lore.BEINGS, 2)
    more, less = dice.pick(WORLD.comparatives)
    x, y = dice.several(range(2, 12), 2)
    word, sign = dice.pick(((more, ">"), (less, "<")))
    said = "yes" if (x > y) == (sign == ">") else "no"
    other = less if word == more else more
    return (
        f"# Is the {one.one} {word} than the {two.one}?\n\n{one.one} = {x}\n{two.one} = {y}\n"
        f"if {one.one} {sign} {two.one}:\n"
        f'    print("yes")  # the {two.one} is {other}\nelse:\n    print("no")\n# it prints {said}'
    )


def _repeat_code(dice: Dice) -> str:
    e = lore.event(dice)
    count = 2 + dice.below(5)
    return (
        f"# Write code that says it {_TENS[count]} times.\n\ndef say(text, times):\n"
        f"    for number in range(times):\n        print(text)\n\n"
        f'say("{e.active}", {count})\n# it means that {e.passive}'
    )


_SNIPPETS = (_count_code, _kinds_code, _opposite_code, _loop_code, _if_code, _repeat_code)


def code(dice: Dice) -> str:
    """Small pieces of code under headings that say what is wanted."""
    return lore.gather(dice, _SNIPPETS, gap="\n\n")
