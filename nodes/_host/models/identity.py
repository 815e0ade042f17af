"""What tells one loaded model from another, across restarts: for refusing to mix two runs."""

import hashlib
from collections.abc import Iterable

from torch import Tensor

from ..types import ModelPatcher
from .vace_model import ADAPTER_KEY, FIELDS_KEY

SAMPLES = 16  # tensors of which some values are looked at
VALUES = 64


def model_identity(patcher: ModelPatcher) -> str:
    """A hash of a model's weights, patches and adapters, quickly: names and shapes of all, values of a few.

    Two models that differ in any LoRA, its strength, the file or its precision have different ones; a fine-tune that
    happens to agree in every value looked at would not.

    Args:
        patcher: The host's ModelPatcher.
    """
    digest = hashlib.blake2b(digest_size=16)
    _add_model(digest, patcher)
    return digest.hexdigest()


def _add_model(digest: hashlib.blake2b, patcher: ModelPatcher) -> None:
    weights = patcher.model.state_dict()
    names = sorted(weights)
    for name in names:
        _add(digest, name, tuple(weights[name].shape), str(weights[name].dtype))
    for name in names[:: max(len(names) // SAMPLES, 1)]:
        _add_values(digest, weights[name])
    for name in sorted(patcher.patches):
        for strength, patch, scale, *_ in patcher.patches[name]:
            _add(digest, name, strength, scale)
            for tensor in _tensors(patch):
                _add_values(digest, tensor)
    for name, value in sorted(patcher.object_patches.items()):
        if isinstance(value, Tensor):
            _add(digest, name)
            _add_values(digest, value)
    options = patcher.model_options.get("transformer_options", {})
    _add(digest, repr(options.get(FIELDS_KEY)), patcher.get_attachment(ADAPTER_KEY))
    for adapter in patcher.get_additional_models_with_key(ADAPTER_KEY):
        _add_model(digest, adapter)


def _tensors(patch: object) -> Iterable[Tensor]:
    """Tensors of a patch, whatever the host wraps them in."""
    if isinstance(patch, Tensor):
        return [patch]
    parts = patch if isinstance(patch, tuple | list) else getattr(patch, "weights", ()) or ()
    return [tensor for part in parts for tensor in _tensors(part)]


def _add_values(digest: hashlib.blake2b, tensor: Tensor) -> None:
    _add(digest, tuple(tensor.shape), str(tensor.dtype))
    if tensor.device.type != "meta":
        _add(digest, tensor.detach().flatten()[:VALUES].float().cpu().tolist())


def _add(digest: hashlib.blake2b, *facts: object) -> None:
    digest.update(repr(facts).encode())
