"""The JSON in a reply is found, or the reply is named for what it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaner_harness.llm.reading import read_object, without_thoughts
from leaner_harness.llm.records import InvalidReply, Request

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
talk = st.text(alphabet=st.characters(exclude_characters="{}"), max_size=30)


@given(st.dictionaries(st.text(), values), talk, talk)
def test_an_object_is_found_among_words(value, before, after):
    assert read_object(f"{before}{json.dumps(value)}{after}") == value
    assert read_object(f"{before}```json\n{json.dumps(value, indent=1)}\n```{after}") == value


@given(st.text())
def test_any_text_is_read_or_named(text):
    try:
        assert isinstance(read_object(text), dict)
    except InvalidReply as error:
        assert error.state in ("unparsable", "refused")


def test_the_last_object_counts():
    said = 'The answer says {"grade": 5}. My verdict: {"grade": 1}'
    assert read_object(said) == {"grade": 1}


def test_thoughts_do_not_count():
    assert without_thoughts("<think>{} or {}</think> well") == "well"
    assert without_thoughts("no tag before</think>well") == "well"
    with pytest.raises(InvalidReply):
        read_object('<think>{"grade": 5}</think> no')


@pytest.mark.parametrize("text", ["I'm sorry, no.", "I cannot do that", "As an AI model I ..."])
def test_a_refusal_is_one(text):
    with pytest.raises(InvalidReply) as caught:
        read_object(text)
    assert caught.value.state == "refused"


def test_deep_nesting_ends_by_itself():
    with pytest.raises(InvalidReply):
        read_object('{"a":' * 100_000)


def test_the_key_of_a_request_is_all_that_its_reply_depends_on():
    base = {"id": "1", "messages": ({"role": "user", "content": "Hi"},), "read": str}
    whole = Request(**base).key("http://host/v1", "model")
    assert Request(**{**base, "id": "2"}).key("http://host/v1", "model") == whole
    changes = (
        {"messages": ({"role": "user", "content": "Ho"},)}, {"schema": {}}, {"max_tokens": 9},
        {"sampling": {"seed": 1}}, {"sample": 1},
    )  # fmt: skip
    keys = {Request(**{**base, **change}).key("http://host/v1", "model") for change in changes}
    keys |= {Request(**base).key("http://other/v1", "model"), Request(**base).key("h", "m")}
    assert len(keys) == 7 and whole not in keys
