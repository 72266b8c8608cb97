"""Shares of a ranked text: sizes, ties, what was kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaner_harness import Ranking, UsageError

corpora = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 400)), min_size=1, max_size=60).map(
    lambda rows: (np.float32([s for s, _ in rows]), np.int64([w for _, w in rows]))
)
shares = st.floats(0, 1)


@given(corpora, shares)
def test_a_share_in_tokens_is_the_fewest_easiest_documents_that_reach_it(corpus, share):
    scores, weights = corpus
    ranking = Ranking(scores, weights)
    pool = ranking.easiest(share)
    assert (np.diff(pool) > 0).all() and len(pool) >= 1
    by_rank = sorted(range(len(scores)), key=lambda i: (scores[i], i))
    assert sorted(by_rank[: len(pool)]) == pool.tolist()
    wanted = share * weights.sum()
    assert weights[pool].sum() >= wanted * (1 - 1e-6)
    without_the_last = by_rank[: len(pool) - 1]
    assert len(pool) == 1 or weights[without_the_last].sum() < wanted * (1 + 1e-6)


@given(corpora, shares)
def test_a_share_in_documents_is_as_many_as_fit_into_it(corpus, share):
    scores, weights = corpus
    pool = Ranking(scores, weights).easiest(share, "documents")
    assert len(pool) == max(1, int(share * len(scores) + 1e-6))


@given(corpora, shares, st.randoms())
def test_what_is_kept_stays_in(corpus, share, random):
    scores, weights = corpus
    kept = np.flatnonzero([random.random() < 0.3 for _ in scores])
    ranking = Ranking(scores, weights)
    pool = ranking.easiest(share, kept=kept)
    assert set(kept) <= set(pool)
    added = [i for i in ranking.order if i in set(pool) - set(kept)]
    others = [i for i in ranking.order if i not in set(kept)]
    assert added == others[: len(added)]
    if added:
        assert weights[kept].sum() + weights[added[:-1]].sum() < max(
            share * weights.sum() * (1 + 1e-6), 1
        )


def test_twenty_times_a_twentieth_is_the_whole():
    ranking = Ranking(np.zeros(33, np.float32), np.ones(33, np.int64))
    assert len(ranking.easiest(sum([0.05] * 20))) == 33
    assert len(ranking.easiest(sum([0.05] * 20), "documents")) == 33
    # .05 + .05 + .05 is a hair more than .15 of 20 documents, which are three of them.
    assert len(Ranking(np.zeros(20, np.float32), np.ones(20, np.int64)).easiest(0.05 * 3)) == 3


def test_a_wrong_unit_is_named():
    with pytest.raises(UsageError, match="unit of a share is 'words'"):
        Ranking(np.zeros(2, np.float32), np.ones(2, np.int64)).easiest(0.5, "words")
