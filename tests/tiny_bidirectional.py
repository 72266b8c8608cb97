"""Tiny masked and permutation models, tokenizers of both kinds, and mini sentences to score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    BertConfig,
    BertForMaskedLM,
    PreTrainedTokenizerFast,
    XLNetConfig,
    XLNetLMHeadModel,
)

from leaner_harness.data.mini.text import documents

VOCABULARY = 420


def sentences(number: int) -> list[str]:
    """Different sentences of the mini text, one a document, half of them from its harder side."""
    found: dict[str, None] = {}
    stream = _sentences()
    while len(found) < number:
        found[next(stream)] = None
    return list(found)


def _sentences() -> Iterator[str]:
    sides = (documents("simple", "validation"), documents("harder", "validation"))
    for turn, pair in enumerate(zip(*sides, strict=True)):
        lines = pair[turn % 2].text.replace("? ", "?\n").replace(". ", ".\n").split("\n")
        fitting = [line.strip() for line in lines if 3 <= len(line.split()) <= 12]
        if fitting:
            yield fitting[turn % len(fitting)]


def training_text(words: int = 40_000) -> Iterator[str]:
    yield from (document.text for document in documents("simple", "train", words))
    yield from (document.text for document in documents("harder", "train", words // 4))


def word_piece() -> PreTrainedTokenizerFast:
    """As BERT's: pieces after the first begin with ##, and [CLS] text [SEP]."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(training_text(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **dict(zip(names, special, strict=True))
    )


def byte_level() -> PreTrainedTokenizerFast:
    """As GPT-2's: a space is the beginning of the token after it; nothing is put around a text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        show_progress=False,
        special_tokens=["<pad>", "<s>", "</s>", "<mask>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(training_text(), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        mask_token="<mask>",
    )


def bert(**options: Any) -> BertForMaskedLM:
    """Random weights, far enough apart that tokens and contexts score differently."""
    torch.manual_seed(0)
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 48, "intermediate_size": 96}
    sizes |= {"num_hidden_layers": 2, "num_attention_heads": 3, "max_position_embeddings": 128}
    config = BertConfig(**sizes | {"initializer_range": 0.3, "pad_token_id": 0} | options)
    return BertForMaskedLM(config).eval()


def xlnet(**options: Any) -> XLNetLMHeadModel:
    """The same of a permutation model."""
    torch.manual_seed(0)
    sizes = {"vocab_size": VOCABULARY, "d_model": 48, "d_inner": 96, "n_layer": 2, "n_head": 3}
    config = XLNetConfig(**sizes | {"initializer_range": 0.3, "pad_token_id": 0} | options)
    return XLNetLMHeadModel(config).eval()
