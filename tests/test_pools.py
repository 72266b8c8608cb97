"""The order within a stage: every block's place, from seed, stage and number alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from leaner_trainers.pools import Pool

lengths = st.lists(st.integers(1, 30), min_size=1, max_size=25)


def pool_of(lengths, chosen=None, seed=0, stage=0, block_size=8):
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    documents = np.arange(len(lengths)) if chosen is None else np.array(chosen)
    return Pool(documents, offsets, block_size, seed, stage)


@given(lengths, st.integers(0, 3), st.data())
def test_a_pass_reads_each_document_of_the_pool_from_its_beginning(lengths, seed, data):
    chosen = data.draw(st.sets(st.integers(0, len(lengths) - 1), min_size=1).map(sorted))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    pool = pool_of(lengths, chosen, seed)
    places = pool.places(np.arange(pool.blocks))
    stream = places[:, :-1].ravel()
    whole = {place for d in chosen for place in range(offsets[d], offsets[d + 1])}
    assert set(stream) <= whole
    assert len(stream) >= min(pool.tokens - 8, 8)
    if pool.tokens > 8:
        assert len(set(stream)) == len(stream)  # nothing twice in a pass
    for here, after in zip(stream, stream[1:], strict=False):
        ends = here + 1 in set(offsets[1:])
        assert after in offsets[:-1] if ends else after == here + 1
    # The token after a block is the first of the next.
    assert (places[:-1, -1] == places[1:, 0]).all()


def test_order_depends_on_seed_stage_and_pass_alone():
    lengths = [5] * 40
    first = pool_of(lengths).places(np.arange(50))
    assert (pool_of(lengths).places(np.arange(50)) == first).all()
    shuffled = np.random.default_rng(0).permutation(50)
    assert (pool_of(lengths).places(shuffled) == first[shuffled]).all()
    assert (pool_of(lengths, seed=1).places(np.arange(24)) != first[:24]).any()
    assert (pool_of(lengths, stage=1).places(np.arange(24)) != first[:24]).any()
    per_pass = pool_of(lengths).blocks
    assert per_pass == 24 and (first[24:48] != first[:24]).any()


def test_a_pool_shorter_than_a_block_is_read_round_and_round():
    places = pool_of([3, 9], [0]).places(np.array([0, 5]))
    assert places.tolist() == [[0, 1, 2] * 3] * 2


def test_what_was_read_are_the_documents_of_the_blocks():
    lengths = [5] * 40
    pool = pool_of(lengths)
    for n_blocks in (0, 1, 3, 24, 100):
        read = pool.read_by(n_blocks)
        found = set(pool.places(np.arange(min(n_blocks, 24)))[:, :-1].ravel() // 5)
        assert set(read.tolist()) == (found if n_blocks < 24 else set(range(40)))
