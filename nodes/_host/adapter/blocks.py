"""The adapter's blocks in one model call: run behind the base's, their hints added to its tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from ....vace_core.adapter import layer_mapping
from ....vace_core.strength import num_active_blocks


def install_blocks(
    entries: dict,
    adapter: object,
    network: object,
    context: Tensor,
    strengths: Sequence,
    live: dict[int, tuple[float, ...]],
) -> None:
    """Put the adapter's blocks that have an effect into the table of block replacements, behind what is there."""
    count = max(map(num_active_blocks, live.values()), default=0)  # none live: nothing is added, so nothing is computed
    run = _Run(adapter.diffusion_model, context[:, list(live)], [strengths[vcu] for vcu in live], list(live.values()))
    mapping = layer_mapping(len(network.blocks), adapter.shape.num_layers, adapter.layers)
    for index, layer in enumerate(mapping[:count]):
        key = ("double_block", layer)
        entries[key] = run.block(index, entries.get(key), last=index == count - 1)


@dataclass
class _Run:
    """State of one model call; never kept on a model, so calls in threads and windows do not meet."""

    blocks: object
    context: Tensor  # [B, VCUs, 96, t, h, w]
    strengths: Sequence
    factors: Sequence[Sequence[float]]  # for each VCU, one for each adapter block
    hints: list[Tensor] = field(default_factory=list)
    first_tokens: Tensor | None = None

    def start(self, tokens: Tensor) -> None:
        """Embed every VCU; each is a sequence of the base's width."""
        batch = self.context.shape[0]
        flat = self.context.movedim(0, 1).flatten(0, 1)  # [VCUs * B, 96, t, h, w]
        embedded = self.blocks.vace_patch_embedding(flat.float()).to(flat.dtype)
        self.hints = list(embedded.flatten(2).transpose(1, 2).split(batch))
        self.first_tokens = tokens

    def block(self, index: int, previous: Callable | None, last: bool) -> Callable:
        """A block replacement that runs the base's block, then the adapter's, and adds its hints."""

        def replaced(args: dict, extra: dict) -> dict:
            if index == 0 or not self.hints:  # layer-skipping nodes may leave the first block out
                self.start(args["img"])
            out = previous(args, extra) if previous else extra["original_block"](args)
            # What comes back may be the very tensor that went in, which later blocks still need as it was.
            img = self.add_hints(index, args, extra, out["img"])
            if last:
                self.hints, self.first_tokens = [], None
            return {**out, "img": img}

        return replaced

    def add_hints(self, index: int, args: dict, extra: dict, img: Tensor) -> Tensor:
        """The tokens with every VCU's hint of this block; tokens behind the VCU's own get none."""
        n = self.hints[0].shape[1]
        own = img is not args["img"]
        options = args.get("transformer_options") or extra.get("transformer_options") or {}
        for vcu, strength in enumerate(self.strengths):
            hint, self.hints[vcu] = self.blocks.vace_blocks[index](
                self.hints[vcu],
                x=self.first_tokens[:, :n],
                e=args["vec"],
                freqs=args["pe"][:, :n],
                context=args["txt"],
                context_img_len=None,
                transformer_options=options,
            )
            img = img if own else img.clone()
            own = True
            factor = self.factors[vcu][index]
            if factor != 0:
                img[:, :n] += hint * (strength * factor)
        return img
