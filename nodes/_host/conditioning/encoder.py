"""The host's Wan 2.1 encoder, fed a few frames at a time, leaving out what a still clip would have it compute again.

The encoder is causal: what a layer gives depends on its input now and on the one or two inputs before, which the host
keeps. Where these have not changed since the call before, neither has what it gives. How often a clip's frames have
repeated is counted once, on the pixels; each layer's depth in time says how much of that is left behind it.
Every layer that does run is the host's own, called as the host calls it, in the same order and with the same shapes: so
the latents are the host's, bit for bit.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import comfy.ldm.wan.vae as wan
import torch
from torch import Tensor, nn

CHUNK = 2  # frames that the host encodes at a time, but for the first
# How many of its inputs before this one a layer looks at, in calls: one for each causal convolution in it.
DEPTH = {wan.CausalConv3d: 1, wan.ResidualBlock: 2, wan.AttentionBlock: 0, wan.Resample: 0}
HALVES_TIME = "downsample3d"


def is_known_encoder(network: nn.Module) -> bool:
    """Whether a VAE's network is the one that `encode_stream` knows, in its order of layers and its way of caching."""
    encoder = getattr(network, "encoder", None)
    if type(network) is not wan.WanVAE or type(encoder) is not wan.Encoder3d or "encode" in vars(network):
        return False
    if "final" not in inspect.signature(wan.Encoder3d.forward).parameters or not hasattr(wan, "count_cache_layers"):
        return False  # older hosts number their caches otherwise
    layers = [encoder.conv1, *encoder.downsamples, *encoder.middle]
    halvings = sum(getattr(layer, "mode", None) == HALVES_TIME for layer in layers)
    head = [isinstance(layer, wan.CausalConv3d) for layer in encoder.head]
    return all(type(layer) in DEPTH for layer in layers) and halvings == 2 and head == [False, False, True]


def encode_stream(encoder: nn.Module, chunks: Iterator[Tensor], num_chunks: int, told: Callable[[], None]) -> Tensor:
    """What the host's encoder gives for a clip, before the last convolution of its VAE.

    Args:
        encoder: Of a network that `is_known_encoder`.
        chunks: The clip in the VAE's own range, [B, 3, 1, H, W] first and then [B, 3, 2, H, W].
        num_chunks: How many.
        told: Called after each.

    Returns:
        [B, 32, t, h, w].
    """
    whole, filled = None, 0
    for part in _encoded_chunks(_stages(encoder), chunks, num_chunks, told):
        whole = _unfilled(part, num_chunks // 2 + 1) if whole is None else whole  # no list of parts beside it
        whole[:, :, filled : filled + part.shape[2]] = part
        filled += part.shape[2]
    return whole[:, :, :filled]


def encode_mean(network: nn.Module, given: Tensor) -> Tensor:
    """What the last convolution of a VAE makes of what `encode_stream` gives, without the half that nobody reads.

    Args:
        network: One that `is_known_encoder`.
        given: [B, 32, t, h, w]; all of a clip, as the numbers depend on its length.

    Returns:
        [B, 16, t, h, w]; on the CPU in memory of its own, elsewhere a part of twice as much.
    """
    convolution, C = network.conv1, given.shape[1] // 2
    if given.device.type != "cpu" or not _is_untouched(convolution):
        return convolution(given)[:, :C]
    narrow = wan.CausalConv3d(convolution.in_channels, C, convolution.kernel_size)
    narrow.weight, narrow.bias = (nn.Parameter(one[:C], False) for one in (convolution.weight, convolution.bias))
    return narrow(given)


def _is_untouched(convolution: nn.Module) -> bool:
    """Whether it is the host's own, and nobody changed what it does, for a change may look at all channels."""
    if type(convolution) is not wan.CausalConv3d or {"forward", "_conv_forward"} & vars(convolution).keys():
        return False
    changes = convolution.comfy_cast_weights or convolution.weight_function or convolution.bias_function
    hooks = convolution._forward_hooks or convolution._forward_pre_hooks
    return not changes and not hooks and dict(convolution.named_parameters()).keys() == {"weight", "bias"}


def _unfilled(part: Tensor, length: int) -> Tensor:
    """A clip of so many frames like these, laid out in memory as they would be if they were concatenated."""
    B, C, _, h, w = part.shape
    last = part.is_contiguous(memory_format=torch.channels_last_3d) and not part.is_contiguous()
    order = torch.channels_last_3d if last else torch.contiguous_format
    return torch.empty(B, C, length, h, w, dtype=part.dtype, device=part.device, memory_format=order)


def _encoded_chunks(
    stages: list["_Stage"], chunks: Iterator[Tensor], num_chunks: int, told: Callable[[], None]
) -> Iterator[Tensor]:
    before, repeats = None, 0
    for number, chunk in enumerate(chunks):
        repeats = repeats + 1 if before is not None and _same(before, chunk) else 0
        before = chunk
        latents = _walk(stages, chunk, repeats, number == num_chunks - 1)
        if latents is not None:
            yield latents
        told()


@dataclass(eq=False)
class _Stage:
    """A layer of the encoder, and what it gave last.

    Attributes:
        run: Calls the layer, with whether the clip ends here; gives None while it waits for another frame.
        depth: See `DEPTH`.
        output: What it gave, where the next call may repeat it and it is still needed.
        stands: Whether the next call may repeat it.
        skipped: Whether the last call did.
    """

    run: Callable[[Tensor, bool], Tensor | None]
    depth: int
    output: Tensor | None = None
    stands: bool = False
    skipped: bool = False

    def call(self, x: Tensor | None, repeats: int, final: bool) -> tuple[Tensor | None, int, bool]:
        """What the layer gives.

        Args:
            x: Its input; None where it is not needed, as the layer will be left out.
            repeats: How many calls before this one had the same input.
            final: Whether the clip ends here.

        Returns:
            Its output, how many of the outputs before it were the same, and whether it has to wait instead.
        """
        left = max(0, repeats - self.depth)
        self.skipped = left > 0 and self.stands
        if self.skipped:
            return self.output, left, False
        given = self.run(x, final)
        self.stands = repeats >= self.depth
        self.output = given if self.stands else None
        return given, left, False

    def forget(self) -> None:
        """Let go of the output: the layer behind it is left out as well."""
        self.output = None


@dataclass(eq=False)
class _HalvingStage(_Stage):
    """The layer that makes one frame of two, and waits until it has two of these.

    Attributes:
        cache: The host's list of what its layers keep; this layer's are the input's last frame and a frame that waits.
        slot: Of the first of the two.
        latest: The frame that it made last.
        num_frames: Of what it gave last.
    """

    cache: list = field(default_factory=list)
    slot: int = 0
    latest: Tensor | None = None
    num_frames: int = 0

    def call(self, x: Tensor | None, repeats: int, final: bool) -> tuple[Tensor | None, int, bool]:
        """See `_Stage.call`; its two frames are the ones before where four frames in a row were the same."""
        is_first = self.cache[self.slot] is None
        left = max(0, repeats - self.depth)
        self.skipped = left > 0 and self.latest is not None
        given = self._pair(final) if self.skipped else self.run(x, final)
        made = self.cache[self.slot + 1] if given is None else given[:, :, -1:]
        self.latest = None if is_first or repeats < self.depth else made
        if given is None:
            return None, 0, True
        as_before = given.shape[2] == self.num_frames == 2
        self.num_frames = given.shape[2]
        return given, max(0, (left + 1) // 2 - 1) if as_before else 0, False

    def _pair(self, final: bool) -> Tensor | None:
        """The frame made last once more: it waits, or it goes on with the one that waited."""
        waiting = self.cache[self.slot + 1]
        if waiting is None and not final:
            self.cache[self.slot + 1] = self.latest
            return None
        self.cache[self.slot + 1] = None
        return self.latest if waiting is None else torch.cat([waiting, self.latest], dim=2)


def _walk(stages: list[_Stage], chunk: Tensor, repeats: int, final: bool) -> Tensor | None:
    """One chunk through all layers; None while one of them waits."""
    x, before = chunk, None
    for stage in stages:
        x, repeats, waits = stage.call(x, repeats, final)
        if stage.skipped and before is not None:
            before.forget()
        if waits:
            return None
        before = stage
    return x


def _stages(encoder: nn.Module) -> list[_Stage]:
    """The encoder's layers in order, with one cache for all, as the host numbers it."""
    cache: list = [None] * wan.count_cache_layers(encoder)
    stages, slot = [], 0
    for layer in (encoder.conv1, *encoder.downsamples, *encoder.middle, encoder.head):
        if getattr(layer, "mode", None) == HALVES_TIME:
            run = _calling(layer, cache, slot)
            stages.append(_HalvingStage(run, depth=1, cache=cache, slot=slot))
            slot += 2
        elif layer in (encoder.conv1, encoder.head):
            stages.append(_Stage(_convolving(layer, cache, slot), depth=1))
            slot += 1
        else:
            stages.append(_Stage(_calling(layer, cache, slot), DEPTH[type(layer)]))
            slot += DEPTH[type(layer)]
    return stages


def _calling(layer: nn.Module, cache: list, slot: int) -> Callable[[Tensor, bool], Tensor | None]:
    """A block, as the host's encoder calls it."""
    return lambda x, final: layer(x, cache, [slot], final=final)


def _convolving(layer: nn.Module, cache: list, slot: int) -> Callable[[Tensor, bool], Tensor]:
    """The first and the last layers, whose one causal convolution the host's encoder feeds itself."""

    def run(x: Tensor, _final: bool) -> Tensor:
        for part in layer if isinstance(layer, nn.Sequential) else [layer]:
            if isinstance(part, wan.CausalConv3d):
                last = x[:, :, -2:]
                x = part(x, cache[slot])
                cache[slot] = last
            else:
                x = part(x)
        return x

    return run


def _same(before: Tensor, chunk: Tensor) -> bool:
    return before is chunk or (before.shape == chunk.shape and torch.equal(before, chunk))
