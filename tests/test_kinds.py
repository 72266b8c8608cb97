"""Options are held to what their fields are annotated with, however that is written."""

from dataclasses import dataclass, make_dataclass

import pytest
from leaner_trainers.kinds import make_options

from leaner_harness import PluginError, UnknownName, UsageError


@dataclass(frozen=True)
class Typed:
    """Annotations are types: this module does not put them off."""

    first: float = 0.5
    parts: tuple[int, ...] = ()
    most: int | None = None


Quoted = make_dataclass("Quoted", [("first", "float", 0.5), ("parts", "tuple[int, ...]", ())])


@pytest.mark.parametrize("made", [Typed, Quoted])
def test_values_are_checked_and_lists_become_tuples(made):
    assert make_options(made, {"first": 1, "parts": [1, 2]}, "options").parts == (1, 2)
    with pytest.raises(UsageError, match="'options.first' is 'half'; it must be a number"):
        make_options(made, {"first": "half"}, "options")
    with pytest.raises(UsageError, match="it must be a list of whole numbers"):
        make_options(made, {"parts": [0.5]}, "options")
    with pytest.raises(UnknownName, match="Did you mean 'first'"):
        make_options(made, {"frist": 1}, "options")


def test_none_is_a_value_where_it_may_be_one():
    assert make_options(Typed, {"most": 3}, "options").most == 3
    with pytest.raises(UsageError, match="'options.most' is True"):
        make_options(Typed, {"most": True}, "options")


def test_what_is_no_dataclass_is_named():
    with pytest.raises(PluginError, match="must be a dataclass"):
        make_options(object, {}, "options")
