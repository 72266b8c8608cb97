"""Fine-tuning's classifier: one head on every body, with padding, sentences and strangers' own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from small_finetune import setting

from leaner_harness.conformance.architecture import byte_tokenizer
from leaner_harness.contracts import ArchitectureSpec
from leaner_harness.data.glue import TASKS
from leaner_harness.errors import CheckpointError, PluginError
from leaner_harness.models.finetune import encoding, training
from leaner_harness.models.finetune.classifier import build_classifier


def test_padding_changes_no_prediction(checkpoint: Path) -> None:
    model = build_classifier(str(checkpoint), 2, from_scratch=False).eval()
    ids = [[1, 2, 3], [4, 5, 6, 7, 8, 9]]
    encoded = encoding.Encoded(ids, [[0] * len(i) for i in ids], [0.0, 1.0], 0, 128)
    device = torch.device("cpu")
    together = model(encoding.collate(encoded, np.array([0, 1]), 0, device))
    alone = model(encoding.collate(encoded, np.array([0]), 0, device))
    torch.testing.assert_close(together[:1], alone, atol=1e-6, rtol=0)


def _alone(model: torch.nn.Module, ids: list[int], sentence: int) -> torch.Tensor:
    encoded = encoding.Encoded([ids], [[sentence] * len(ids)], [0.0], 0, 128)
    found: torch.Tensor = model(encoding.collate(encoded, np.array([0]), 0, torch.device("cpu")))
    return found


@pytest.mark.parametrize(("name", "told"), [("GPT2", False), ("Roberta", False), ("Bert", True)])
def test_a_body_is_told_of_sentences_where_it_has_an_embedding_for_them(
    name: str, told: bool, tmp_path: Path
) -> None:
    """GPT-2 would add the embedding of token 0 to the first sentence's tokens, of token 1 to the
    second's; a RoBERTa has one kind of segment, and no place for a second."""
    kinds = {"type_vocab_size": 1} if name == "Roberta" else {}  # as on the hub
    config = getattr(transformers, f"{name}Config")(**SMALL, **kinds)
    head = {"GPT2": "GPT2LMHeadModel"}.get(name, f"{name}ForMaskedLM")
    getattr(transformers, head)(config).save_pretrained(tmp_path)
    model = build_classifier(str(tmp_path), 2, from_scratch=False).eval()
    ids = [1, 2, 3]
    bare = model.body(input_ids=torch.tensor([ids]))[0]
    pooled = bare[:, -1] if name == "GPT2" else bare.mean(1)
    torch.testing.assert_close(_alone(model, ids, 0), model.head(pooled), atol=1e-5, rtol=0)
    if not told:
        assert torch.equal(_alone(model, ids, 0), _alone(model, ids, 1))


SMALL = {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
SMALL |= {"intermediate_size": 32, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}


def test_no_row_of_an_xlnet_is_read_backwards(tmp_path: Path) -> None:
    shape = {"vocab_size": 300, "d_model": 32, "n_layer": 1, "n_head": 2, "d_inner": 32}
    config = transformers.XLNetConfig(**shape, bi_data=True, initializer_range=0.5)
    transformers.XLNetLMHeadModel(config).save_pretrained(tmp_path)
    model = build_classifier(str(tmp_path), 2, from_scratch=False).eval()
    encoded = encoding.Encoded([[1, 2, 3, 4]] * 2, [[0] * 4] * 2, [0.0, 0.0], 0, 128)
    both = model(encoding.collate(encoded, np.array([0, 1]), 0, torch.device("cpu")))
    torch.testing.assert_close(both[:1], both[1:], atol=1e-6, rtol=0)
    torch.testing.assert_close(both[:1], _alone(model, [1, 2, 3, 4], 0), atol=1e-6, rtol=0)


def test_rows_are_cut_to_the_positions_that_a_roberta_can_use(tmp_path: Path) -> None:
    """It counts them on from its padding id, so two of those that it states are none."""
    config = transformers.RobertaConfig(**SMALL | {"pad_token_id": 1}, max_position_embeddings=18)
    transformers.RobertaForMaskedLM(config).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    found = training.checked(setting(tmp_path, max_length=18), TASKS["sst2"])
    assert found.max_length == 16
    _alone(training.build(found, TASKS["sst2"]), [5] * found.max_length, 0)


@pytest.mark.usefixtures("without_float64")
def test_a_device_needs_no_float64(checkpoint: Path) -> None:
    model = build_classifier(str(checkpoint), 2, from_scratch=False)
    encoded = encoding.Encoded([[1, 2, 3]], [[0] * 3], [0.0], 0, 128)
    assert training.predict(model, encoded, 0, torch.device("cpu")).shape == (1, 2)


def test_from_scratch_has_other_weights_of_the_same_shapes(checkpoint: Path) -> None:
    trained = build_classifier(str(checkpoint), 2, from_scratch=False).state_dict()
    random = build_classifier(str(checkpoint), 2, from_scratch=True).state_dict()
    assert {k: v.shape for k, v in trained.items()} == {k: v.shape for k, v in random.items()}
    name = next(name for name in trained if name.endswith("q_proj.weight"))
    assert not torch.equal(trained[name], random[name])


class Misnamed(transformers.LlamaPreTrainedModel):
    """A stranger's classifier on a LLaMA that it calls by another name than the checkpoint does."""

    base_model_prefix = "body"

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.body = transformers.LlamaModel(config)
        self.score = torch.nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()


def test_no_random_body_passes_for_a_pre_trained_one(checkpoint: Path) -> None:
    misnamed = ArchitectureSpec("misnamed", "", sequence_classifier=f"{__name__}:Misnamed")
    with pytest.raises(PluginError, match=r"Misnamed has no place for \d+ weights .* model\.") as e:
        build_classifier(str(checkpoint), 2, from_scratch=False, spec=misnamed)
    assert "base_model_prefix" in e.value.cure
    kind = "transformers:LlamaForSequenceClassification"
    stock = ArchitectureSpec("stock", "", sequence_classifier=kind)
    own = build_classifier(str(checkpoint), 2, from_scratch=False, spec=stock).state_dict()
    saved = transformers.AutoModelForCausalLM.from_pretrained(checkpoint).state_dict()
    name = "model.layers.0.self_attn.q_proj.weight"
    assert torch.equal(own[f"model.{name}"], saved[name])


def test_a_scorer_of_its_own_does_not_bar_a_named_class(checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "own"))
    said = {"lm_eval": {"model": "my-scorer", "model_args": {"pretrained": "."}}}
    (folder / "leaner.json").write_text(json.dumps(said))
    with pytest.raises(CheckpointError, match="(?s)scored by my-scorer.*model_class"):
        build_classifier(str(folder), 2, from_scratch=False)
    spec = ArchitectureSpec("mine", "", model_class="transformers:LlamaForCausalLM")
    assert build_classifier(str(folder), 2, from_scratch=False, spec=spec).causal is True


class Crooked(torch.nn.Module):
    """A stranger's sequence classifier with a class too many."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.head = torch.nn.Linear(1, outputs + 1)

    @classmethod
    def from_pretrained(cls, folder: str, dtype: Any, num_labels: int) -> Crooked:
        return cls(num_labels)

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        return SimpleNamespace(logits=self.head(input_ids[:, :1].float()))


def test_a_strangers_classifier_that_does_not_fit_is_named(checkpoint: Path) -> None:
    spec = ArchitectureSpec("crooked", "", sequence_classifier=f"{__name__}:Crooked")
    model = build_classifier(str(checkpoint), 2, from_scratch=False, spec=spec)
    ids = torch.ones(3, 4, dtype=torch.long)
    with pytest.raises(PluginError, match=r"Crooked' gives logits of the shape \(3, 3\), not"):
        model(encoding.Batch(ids, ids, ids, torch.zeros(3)))
    with pytest.raises(PluginError, match="(?s)Crooked' cannot be loaded.*TypeError.*num_labels"):
        build_classifier(str(checkpoint), 2, from_scratch=True, spec=spec)
