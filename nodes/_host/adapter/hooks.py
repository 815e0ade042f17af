"""LoRA hooks of a conditioning on the attached adapters: the patches the base gets, when the base gets them.

The host puts hooks on the model that samples, and on no other. Its callbacks register them here too; they are brought
into the adapter's weights as a model call begins, whatever has loaded, unloaded or shared the adapter until then.
"""

from collections.abc import Iterable

import comfy.hooks
from comfy.patcher_extension import CallbacksMP

from ....vace_core.errors import VaceInputError
from ..models import ADAPTER_KEY
from ..types import HookGroup, ModelPatcher
from .model import clone_for_base


def carry_hooks(model: ModelPatcher) -> None:
    """Have the adapters of ``model``, a clone of ours, and of its own clones, get the hooks of every run."""
    model.add_callback_with_key(CallbacksMP.ON_REGISTER_ALL_HOOK_PATCHES, ADAPTER_KEY, _register_hooks)
    model.add_callback_with_key(CallbacksMP.ON_CLEANUP, ADAPTER_KEY, _restore_weights)
    model.add_callback_with_key(CallbacksMP.ON_CLONE, ADAPTER_KEY, _clone_adapters)


def apply_hooks(base: ModelPatcher, adapter: ModelPatcher) -> None:
    """Bring the adapter's weights to the hooks that the base has on now.

    Args:
        base: The MODEL that samples.
        adapter: One of its adapters; its weights may be shared with other models that sample meanwhile.
    """
    wanted = HooksAtStrengths.of(base.current_hooks, adapter)
    # A host that unloads takes hooks off by itself; without a backup of weights none are on.
    if wanted == (adapter.model.hooks if adapter.hook_backup else None):
        return
    for stale in [group for group in adapter.cached_hook_patches if not group.is_current()]:
        adapter.cached_hook_patches.pop(stale)
    adapter.set_hook_mode(base.hook_mode)
    adapter.patch_hooks(wanted)
    if wanted and not adapter.hook_backup:
        # The host has taken weights that it kept off again, because they are all that this model has.
        adapter.cached_hook_patches.pop(wanted)
        adapter.patch_hooks(wanted)
    adapter.model.hooks = wanted


class HooksAtStrengths(comfy.hooks.HookGroup):
    """Hooks at the strengths they had when this was made; equal to others that give the same weights.

    The host keeps patched weights by group and forgets those of the base when a keyframe changes a strength.
    Under a key that holds the strengths, those of another strength are not found in the first place.
    """

    def __init__(self, hooks: Iterable) -> None:
        super().__init__()
        for hook in hooks:
            self.add(hook)
        self.strengths = self._strengths_now()

    @classmethod
    def of(cls, hooks: HookGroup | None, adapter: ModelPatcher) -> "HooksAtStrengths | None":
        """The hooks of a group that patch this adapter; None if none does."""
        weights = hooks.get_type(comfy.hooks.EnumHookType.Weight) if hooks else ()
        return cls(found) if (found := [hook for hook in weights if adapter.hook_patches.get(hook.hook_ref)]) else None

    def is_current(self) -> bool:
        """Whether no keyframe has changed a strength since."""
        return self.strengths == self._strengths_now()

    def _strengths_now(self) -> tuple:
        return tuple((hook.hook_ref, hook.strength) for hook in self.hooks)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HooksAtStrengths) and self.strengths == other.strengths

    def __hash__(self) -> int:
        return hash(self.strengths)


def _register_hooks(
    base: ModelPatcher, _hooks: HookGroup, target: dict, options: dict | None, registered: HookGroup
) -> None:
    """Register the hooks that the base has registered on its adapters too; the host takes back what a run has left."""
    weight_hooks = comfy.hooks.HookGroup()
    for hook in registered.get_type(comfy.hooks.EnumHookType.Weight):
        if hook.weights is not None:  # None: put onto the base alone, before this node, as a LoRA loader would
            weight_hooks.add(hook)
    for model in (base, *base.get_additional_models_with_key("multigpu")):
        for adapter in model.get_additional_models_with_key(ADAPTER_KEY):
            adapter.register_all_hook_patches(weight_hooks, target, options, registered)
            if adapter.is_dynamic() and HooksAtStrengths.of(weight_hooks, adapter):
                raise VaceInputError(
                    "model has a VACE adapter in ComfyUI's dynamic VRAM, where a hook LoRA of the conditioning cannot "
                    "reach its blocks. Load it with VACE Load Adapter, or start ComfyUI with --disable-dynamic-vram."
                )


def _restore_weights(base: ModelPatcher) -> None:
    """Give the adapters their own weights back; the host does so for the base alone when a run is broken off."""
    for adapter in base.get_additional_models_with_key(ADAPTER_KEY):
        adapter.clean_hooks()
        adapter.model.hooks = None


def _clone_adapters(base: ModelPatcher, clone: ModelPatcher) -> None:
    """Take the adapters along where the host takes a clone out of dynamic VRAM, as it does for hooks."""
    if base.is_dynamic() and not clone.is_dynamic():
        adapters = base.get_additional_models_with_key(ADAPTER_KEY)
        clone.set_additional_models(ADAPTER_KEY, [clone_for_base(clone, adapter) for adapter in adapters])
