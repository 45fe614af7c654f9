"""A vision transformer by hand: names and shapes of its weights in the public code, and the sums that they mean."""

import math

import torch
from made_up import norm_by_name

Shapes = dict[str, tuple[int, ...]]
SIZES = {
    "vit-t": (9, 256, 12, 4),
    "vit-s": (9, 512, 12, 4),
    "vit-b": (9, 512, 24, 4),
    "vit-l": (9, 768, 24, 4),
    "vit-s-cvlface": (8, 512, 12, 5),
    "vit-b-cvlface": (8, 512, 24, 3),
}
"""Patch, width, depth, and widening of the two linear layers in the public code."""

State = dict[str, torch.Tensor]


def published_shapes(patch: int, width: int, depth: int, widening: int, embedding: int = 512) -> Shapes:
    """Names and shapes as the public code gives them."""
    patches, inside = (112 // patch) ** 2, width * widening
    shapes: Shapes = {
        "pos_embed": (1, patches, width),
        "mask_token": (1, 1, width),
        "patch_embed.proj.weight": (width, 3, patch, patch),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
        "feature.0.weight": (width, width * patches),
        "feature.2.weight": (embedding, width),
    }
    for place, size in ((1, width), (3, embedding)):
        shapes[f"feature.{place}.num_batches_tracked"] = ()
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"feature.{place}.{part}"] = (size,)
    for number in range(depth):
        block = f"blocks.{number}"
        for norm in ("norm1", "norm2"):
            shapes |= {f"{block}.{norm}.weight": (width,), f"{block}.{norm}.bias": (width,)}
        shapes |= {f"{block}.attn.qkv.weight": (3 * width, width)}
        shapes |= {f"{block}.attn.proj.weight": (width, width), f"{block}.attn.proj.bias": (width,)}
        shapes |= {f"{block}.mlp.fc1.weight": (inside, width), f"{block}.mlp.fc1.bias": (inside,)}
        shapes |= {f"{block}.mlp.fc2.weight": (width, inside), f"{block}.mlp.fc2.bias": (width,)}
    return shapes


def layer_norm_by_hand(x: torch.Tensor, state: State, name: str) -> torch.Tensor:
    away = x - x.mean(-1, keepdim=True)
    scaled = away / (away.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]


def attention_by_hand(
    x: torch.Tensor, state: State, name: str, heads: int, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """One head after the other; (patches, width) to the same."""
    width = x.shape[1]
    each, mixed = width // heads, torch.zeros_like(x)
    for head in range(heads):
        query, key, value = (
            x @ state[f"{name}.qkv.weight"][part * width + head * each : part * width + (head + 1) * each].T
            for part in range(3)
        )
        logits = query @ key.T / math.sqrt(each)
        weights = (logits if bias is None else logits + bias[head]).exp()
        mixed[:, head * each : (head + 1) * each] = weights / weights.sum(1, keepdim=True) @ value
    return mixed @ state[f"{name}.proj.weight"].T + state[f"{name}.proj.bias"]


def block_by_hand(
    x: torch.Tensor, state: State, name: str, heads: int, bias: torch.Tensor | None = None
) -> torch.Tensor:
    x = x + attention_by_hand(layer_norm_by_hand(x, state, f"{name}norm1"), state, f"{name}attn", heads, bias)
    inner = layer_norm_by_hand(x, state, f"{name}norm2") @ state[f"{name}mlp.fc1.weight"].T
    inner = (inner + state[f"{name}mlp.fc1.bias"]).clamp(0, 6)
    return x + inner @ state[f"{name}mlp.fc2.weight"].T + state[f"{name}mlp.fc2.bias"]


def patches_by_hand(crop: torch.Tensor, state: State, patch: int) -> torch.Tensor:
    """(3, 112, 112) to (patches, width), row by row."""
    side, rows = 112 // patch, []
    weight = state["patch_embed.proj.weight"].flatten(1)
    for row in range(side):
        for column in range(side):
            part = crop[:, row * patch : (row + 1) * patch, column * patch : (column + 1) * patch]
            rows.append(weight @ part.flatten() + state["patch_embed.proj.bias"])
    return torch.stack(rows) + state["pos_embed"][0]


def project_by_hand(x: torch.Tensor, state: State) -> torch.Tensor:
    inner = x.flatten()[None] @ state["feature.0.weight"].T
    inner = norm_by_name(inner, state, "feature.1", 2e-5) @ state["feature.2.weight"].T
    return norm_by_name(inner, state, "feature.3", 2e-5)
