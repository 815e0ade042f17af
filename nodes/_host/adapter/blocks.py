"""The adapter's blocks in one model call: run behind the base's, their hints added to its tokens."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from ....vace_core.adapter import layer_mapping
from ..strength import ActiveVcus
from ..types import WanModel
from .model import AdapterBlocks, ContextAdapter


def install_blocks(entries: dict, adapter: ContextAdapter, network: WanModel, active: ActiveVcus) -> None:
    """Put the adapter's blocks that have an effect into the table of block replacements, behind what is there.

    Args:
        entries: The host's ``patches_replace["dit"]`` of this call.
        adapter: The adapter.
        network: The base's, whose blocks are wrapped.
        active: The VCUs that have an effect through this adapter.
    """
    running = _RunningBlocks(adapter.diffusion_model, active)
    mapping = layer_mapping(len(network.blocks), adapter.shape.num_layers, adapter.layers)
    count = active.num_blocks  # counted here: what a block replacement does is compiled by torch
    for index, layer in enumerate(mapping[:count]):
        key = ("double_block", layer)
        entries[key] = running.replace_block(index, entries.get(key), is_last=index == count - 1)


@dataclass
class _RunningBlocks:
    """State of one model call; never kept on a model, so calls in threads and windows do not meet."""

    blocks: AdapterBlocks
    active: ActiveVcus
    hidden: list[Tensor] = field(default_factory=list)  # of each VCU [B, tokens, dim], what its next block takes
    first_tokens: Tensor | None = None

    def embed_vcus(self, tokens: Tensor) -> None:
        """Begin with every VCU's tokens; each is a sequence of the base's width."""
        context = self.active.context  # [B, VCUs, 96, t, h, w]
        flat = context.movedim(0, 1).flatten(0, 1)  # [VCUs * B, 96, t, h, w]
        embedded = self.blocks.vace_patch_embedding(flat.float()).to(flat.dtype)
        self.hidden = list(embedded.flatten(2).transpose(1, 2).split(context.shape[0]))
        self.first_tokens = tokens

    def replace_block(self, index: int, previous: Callable | None, is_last: bool) -> Callable:
        """A block replacement that runs the base's block, then the adapter's, and adds its hints."""

        def replaced(args: dict, extra: dict) -> dict:
            if index == 0 or not self.hidden:  # layer-skipping nodes may leave the first block out
                self.embed_vcus(args["img"])
            out = previous(args, extra) if previous else extra["original_block"](args)
            # What comes back may be the very tensor that went in, which later blocks still need as it was.
            img = self.add_hints(index, args, extra, out["img"])
            if is_last:
                self.hidden, self.first_tokens = [], None
            return {**out, "img": img}

        return replaced

    def add_hints(self, index: int, args: dict, extra: dict, img: Tensor) -> Tensor:
        """The tokens with every VCU's hint of this block; tokens behind the VCU's own get none."""
        n = self.hidden[0].shape[1]
        is_copy = img is not args["img"]
        options = args.get("transformer_options") or extra.get("transformer_options") or {}
        for vcu, (strength, factors) in enumerate(zip(self.active.strengths, self.active.factors, strict=True)):
            hint, self.hidden[vcu] = self.blocks.vace_blocks[index](
                self.hidden[vcu],
                x=self.first_tokens[:, :n],
                e=args["vec"],
                freqs=args["pe"][:, :n],
                context=args["txt"],
                context_img_len=None,
                transformer_options=options,
            )
            img = img if is_copy else img.clone()
            is_copy = True
            if factors[index] != 0:
                img[:, :n].add_(hint * (strength * factors[index]))  # += would write the sum a second time
        return img
