"""A BERT that a test can make: two layers of width 16 with random weights, in the files of a real one.

And what BERT computes, written plainly in numpy: the reference that the graph must agree with.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from scipy.special import erf
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = ("card", "pay", "bill", "lost", "late", "fee", "help", "open", "account", "close", "the", "my", "is")
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
VOCABULARY = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *WORDS,
    *LETTERS,
    *(f"##{letter}" for letter in LETTERS[:10]),
)
CONFIG: dict[str, Any] = {
    "model_type": "bert",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "hidden_act": "gelu",
    "max_position_embeddings": 128,
    "type_vocab_size": 2,
    "vocab_size": len(VOCABULARY),
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
    "attention_probs_dropout_prob": 0.0,
    "hidden_dropout_prob": 0.0,
}
Weights = dict[str, NDArray[np.float32]]


def make_weights(seed: int = 0) -> Weights:
    """Random weights under Hugging Face's names, spread enough for the activations to matter."""
    rng = np.random.default_rng(seed)
    width, inner = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    shapes = {
        "embeddings.word_embeddings.weight": (CONFIG["vocab_size"], width),
        "embeddings.position_embeddings.weight": (CONFIG["max_position_embeddings"], width),
        "embeddings.token_type_embeddings.weight": (CONFIG["type_vocab_size"], width),
        "embeddings.LayerNorm.weight": (width,),
        "embeddings.LayerNorm.bias": (width,),
    }
    for layer in range(CONFIG["num_hidden_layers"]):
        at = f"encoder.layer.{layer}"
        linear = {f"attention.self.{part}": (width, width) for part in ("query", "key", "value")}
        linear |= {"attention.output.dense": (width, width), "intermediate.dense": (inner, width)}
        linear |= {"output.dense": (width, inner)}
        for name, shape in linear.items():
            shapes |= {f"{at}.{name}.weight": shape, f"{at}.{name}.bias": shape[:1]}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{at}.{name}.weight": (width,), f"{at}.{name}.bias": (width,)}
    weights = {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    return {
        name: array + 1 if name.endswith("LayerNorm.weight") else array for name, array in weights.items()
    }


def make_tokenizer() -> Tokenizer:
    """Word pieces between [CLS] and [SEP], padding and truncating as MiniLM's own file does."""
    places = {piece: place for place, piece in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(places, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", places["[CLS]"]), ("[SEP]", places["[SEP]"])],
    )
    tokenizer.enable_padding(length=32, pad_id=0, pad_token="[PAD]")
    tokenizer.enable_truncation(max_length=32)
    return tokenizer


def write_backbone(folder: Path, *, seed: int = 0, **config: object) -> Path:
    """Write the files that a backbone consists of."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | config))
    save_file(make_weights(seed), folder / "model.safetensors")
    (folder / "tokenizer.json").write_text(make_tokenizer().to_str())
    return folder


def reference_states(
    weights: Weights, config: dict[str, Any], ids: NDArray[np.int32], mask: NDArray[np.int32]
) -> list[NDArray[np.float64]]:
    """The embeddings and the state after each layer, `(batch, tokens, width)` in double precision.

    Source:
        Devlin et al. (2019), BERT, with Vaswani et al. (2017), Attention is all you need, section 3.
    """
    exact = {name.removeprefix("bert."): array.astype(np.float64) for name, array in weights.items()}
    table = {
        name: exact[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")
    }
    state = table["word"][ids] + table["position"][: ids.shape[1]] + table["token_type"][0]
    states = [_normalize(state, exact, "embeddings.LayerNorm", config)]
    for layer in range(config["num_hidden_layers"]):
        states.append(_reference_layer(states[-1], mask, exact, f"encoder.layer.{layer}", config))
    return states


def _reference_layer(state, mask, exact, at, config):
    # A layer that lost heads keeps their width.
    head_width = config["hidden_size"] // config["num_attention_heads"]
    parts = (_linear(state, exact, f"{at}.attention.self.{part}") for part in ("query", "key", "value"))
    query, key, value = (
        part.reshape(*part.shape[:2], -1, head_width).transpose(0, 2, 1, 3) for part in parts
    )
    scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(query.shape[-1])
    scores = np.where(mask[:, None, None, :] > 0, scores, -1e30)
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    mixed = (shares @ value).transpose(0, 2, 1, 3).reshape(*state.shape[:2], -1)
    attended = _linear(mixed, exact, f"{at}.attention.output.dense") + state
    attended = _normalize(attended, exact, f"{at}.attention.output.LayerNorm", config)
    grown = _activate(_linear(attended, exact, f"{at}.intermediate.dense"), config["hidden_act"])
    result = _linear(grown, exact, f"{at}.output.dense") + attended
    return _normalize(result, exact, f"{at}.output.LayerNorm", config)


def _linear(state, exact, name):
    return state @ exact[f"{name}.weight"].T + exact[f"{name}.bias"]


def _normalize(state, exact, name, config):
    centred = state - state.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + config["layer_norm_eps"])
    return centred / spread * exact[f"{name}.weight"] + exact[f"{name}.bias"]


def _activate(state, name):
    if name == "gelu":
        return state * (1 + erf(state / np.sqrt(2))) / 2
    return state * (1 + np.tanh(np.sqrt(2 / np.pi) * (state + 0.044715 * state**3))) / 2


def pool(state: NDArray[np.float64], mask: NDArray[np.int32], pooling: str) -> NDArray[np.float64]:
    """The mean over unmasked tokens, or the first one."""
    if pooling == "first":
        return state[:, 0]
    return (state * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
