"""How the files beside this one were made: two tiny BERTs, and minicons' scores of 300 sentences.

    pip install minicons==0.3.39
    PYTHONPATH=tests python tests/minicons/freeze.py

A model that is there is kept; delete its folder to train it anew (two minutes each).
`figures.json` holds, for each model, the sum of log p over a sentence's tokens, in nats.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tiny_bidirectional import bert, byte_level, sentences, training_text, word_piece
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

HERE = Path(__file__).parent
KINDS = {"word_piece": word_piece, "byte_level": byte_level}
METRICS = ("original", "within_word_l2r")
STEPS, ROWS, LENGTH, RATE = 5000, 16, 24, 2e-3


def train(tokenizer: PreTrainedTokenizerFast) -> Any:
    """A BERT that has learnt a little, so that its scores depend on what is around a token."""
    model = bert(initializer_range=0.1, hidden_dropout_prob=0, attention_probs_dropout_prob=0)
    ids = [n for text in training_text() for n in tokenizer.encode(text, add_special_tokens=False)]
    before, after = _around(tokenizer)
    draw = torch.Generator().manual_seed(1)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    model.train()
    for _ in range(STEPS):
        starts = torch.randint(len(ids) - LENGTH, (ROWS,), generator=draw).tolist()
        whole = torch.tensor([[*before, *ids[s : s + LENGTH], *after] for s in starts])
        hidden = torch.rand(whole.shape, generator=draw) < 0.3
        labels = whole.masked_fill(~hidden, -100)
        model(whole.masked_fill(hidden, tokenizer.mask_token_id), labels=labels).loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return model.eval()


def _around(tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], list[int]]:
    if tokenizer.cls_token_id is None:
        return [], []
    return [tokenizer.cls_token_id], [tokenizer.sep_token_id]


def scores(folder: Path, texts: list[str]) -> dict[str, list[float]]:
    from minicons.scorer import MaskedLMScorer

    # transformers 5 has lost this name of __call__, which minicons 0.3.39 uses.
    PreTrainedTokenizerBase.batch_encode_plus = PreTrainedTokenizerBase.__call__
    scorer = MaskedLMScorer(str(folder), "cpu")
    return {
        metric: [
            round(scorer.sequence_score([text], lambda x: x.sum(0).item(), PLL_metric=metric)[0], 5)
            for text in texts
        ]
        for metric in METRICS
    }


def main() -> None:
    texts = sentences(300)
    figures: dict[str, Any] = {"minicons": "0.3.39", "sentences": texts}
    for kind, build in KINDS.items():
        folder = HERE / kind
        if not folder.is_dir():
            tokenizer = build()
            train(tokenizer).save_pretrained(folder)
            tokenizer.save_pretrained(folder)
        figures[kind] = scores(folder, texts)
    (HERE / "figures.json").write_text(json.dumps(figures, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
