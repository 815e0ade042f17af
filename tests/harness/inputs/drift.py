"""A synthetic model of colour drift: what samplers do to the colours of a long video, and nothing else they do."""

import torch
import torch.nn.functional as F

from wan_vace.vace_core.long.colour import apply_colour_map, fit_colour_map
from wan_vace.vace_core.long.frame_file import from_8bit, to_8bit
from wan_vace.vace_core.long.segments import known_weight, segment_vcu
from wan_vace.vace_core.vcu.unit import REPAINT, Vcu, empty_vcu

SIZE = (64, 96)


def textured_clip(num_frames, size=SIZE, seed=0):
    """A moving, colourful, textured clip whose content and light change.

    Three layers of random colours pan at different speeds, coarse to fine; another scene fades in and out.

    Args:
        num_frames: T.
        size: (H, W).
        seed: Of the colours.

    Returns:
        [T, H, W, 3], in [0, 1].
    """
    generator = torch.Generator().manual_seed(seed)
    H, W = size

    def layer(cells, amplitude, speed):
        picture = torch.rand(1, 3, cells, 2 * cells, generator=generator) - 0.5
        wide = F.interpolate(picture, (H, 2 * W), mode="bicubic")[0].permute(1, 2, 0) * amplitude
        return torch.stack([wide.roll(int(speed * t), 1)[:, :W] for t in range(num_frames)])

    def scene():
        return 0.5 + layer(3, 0.7, 0.5) + layer(9, 0.35, 1.5) + layer(24, 0.25, -1)

    first, second = scene(), scene()
    time = torch.arange(num_frames).view(-1, 1, 1, 1) * torch.pi
    mixed = torch.lerp(second, first, (time / 40).cos() * 0.5 + 0.5) + (time / 55).sin() * 0.04
    return mixed.clamp(0, 1)


def turned(hue=0.0, gain=(1.0, 1.0, 1.0), offset=(0.0, 0.0, 0.0), contrast=1.0):
    """A change of colour: turned about the grey axis, then gain and contrast about 0.5, then an offset.

    Args:
        hue: Angle in radians.
        gain: Of red, green, blue.
        offset: Of red, green, blue, in [0, 1].
        contrast: About 0.5.

    Returns:
        ``(matrix, shift)``, [3, 3] and [3].
    """
    axis = torch.full((3,), 3**-0.5)
    cross = torch.linalg.cross(axis.expand(3, 3), torch.eye(3))
    angle = torch.tensor(float(hue))
    turn = angle.cos() * torch.eye(3) + angle.sin() * cross + (1 - angle.cos()) * torch.outer(axis, axis)
    return torch.diag(torch.tensor(gain)) @ turn * contrast, torch.tensor(offset) + 0.5 * (1 - contrast)


class DriftingSampler:
    """Makes the true clip, in colours that go on from the kept frames and shift a little more in every segment.

    Args:
        clip: [T, H, W, 3], what a perfect sampler would make.
        change: What each segment adds to its colours, see `turned`.
        growth: How much the change grows along a segment: at its first frame it is 1 - growth / 2 of what it is in
            the middle, at its last 1 + growth / 2.
        gamma: An exponent that each segment adds, which no map of low order undoes.
        noise: Standard deviation of the error of single pixels.
        flicker: Standard deviation of the error of whole frames.
        redrawn: Share of a kept frame that comes back as something else.
        first_too: Whether the first segment drifts; without a source nobody can tell, so its colours are the truth.
    """

    def __init__(self, clip, change, growth=0.0, gamma=1.0, noise=3 / 255, flicker=0.0, redrawn=0.06, first_too=True):
        self.clip, self.change, self.growth, self.gamma = clip, change, growth, gamma
        self.noise, self.flicker, self.redrawn, self.first_too = noise, flicker, redrawn, first_too
        self.generator = torch.Generator().manual_seed(1)

    def __call__(self, segment, head):
        """Decoded frames of a segment.

        Args:
            segment: Which.
            head: [o, H, W, 3], the kept frames that it goes on from; None for the first.
        """
        frames = self.clip[segment.start : segment.stop]
        if head is not None:
            frames = _carried(frames, head)
        if self.first_too or segment.index:
            frames = self._changed(frames)
        for amount, shape in ((self.noise, frames.shape), (self.flicker, (len(frames), 1, 1, 3))):
            frames = frames + torch.randn(shape, generator=self.generator) * amount
        self._redraw(frames[: segment.overlap])
        return frames.clamp(0, 1)

    def _changed(self, frames):
        matrix, shift = self.change
        size = torch.linspace(1 - self.growth / 2, 1 + self.growth / 2, len(frames)).view(-1, 1, 1, 1)
        return (frames + (frames @ (matrix - torch.eye(3)).T + shift) * size).clamp(0, 1) ** self.gamma

    def _redraw(self, frames):
        _, H, W, _ = frames.shape
        h, w = int(H * self.redrawn**0.5), int(W * self.redrawn**0.5)
        for t, frame in enumerate(frames):
            y, x = (3 * t) % (H - h), (2 * t) % (W - w)
            frame[y : y + h, x : x + w] = torch.rand(3, generator=self.generator)


def _carried(truth, head):
    """The true frames in the colours of the frames that were kept: the best affine change of all of them."""
    shown = truth[: len(head)].reshape(-1, 3)
    features = torch.cat([shown, torch.ones_like(shown[:, :1])], 1).double()
    solved = torch.linalg.lstsq(features, head.reshape(-1, 3).double()).solution.float()
    return (truth @ solved[:3] + solved[3]).clamp(0, 1)


def long_run(sampler, plan, loop=True, known=None, fit=fit_colour_map):
    """A long video of segments, each going on from what was stored of the one before.

    Args:
        sampler: Makes the frames of a segment.
        plan: What `plan_segments` gave.
        loop: Whether colours are measured and corrected.
        known: [T, H, W] bool, pixels of the true clip that the source keeps; None for text to video.
        fit: What measures.

    Returns:
        For each segment the error of its new frames (`colour_error`), and the colour map or None.
    """
    clip, stored, results = sampler.clip, None, []
    for segment in plan:
        truth = clip[segment.start : segment.stop]
        source, kept = _source(truth, None if known is None else known[segment.start : segment.stop])
        head = None if stored is None else stored[-segment.overlap :]
        vcu = segment_vcu(source, head)
        frames, colour_map = sampler(segment, head), None
        if loop:
            colour_map = fit(frames, vcu.frames, known_weight(vcu, source))
            frames = apply_colour_map(frames, colour_map)
        stored = from_8bit(to_8bit("frames", torch.where(kept[..., None], truth, frames)))
        new = slice(segment.overlap, None)
        results.append((colour_error(stored[new], truth[new], ~kept[new]), colour_map))
    return results


def _source(truth, known):
    if known is None:
        return empty_vcu(*truth.shape[:3]), torch.zeros(truth.shape[:3], dtype=torch.bool)
    return Vcu(truth, (~known).float(), kind=REPAINT, control_amount=0.0), known


def colour_error(frames, truth, where, block=8):
    """Mean absolute difference of colours in steps of 1/255, as means over blocks, in which noise averages out.

    Args:
        frames: [T, H, W, 3].
        truth: [T, H, W, 3].
        where: [T, H, W] bool; blocks that lie in it wholly count.
        block: Side of a block, in pixels.
    """
    difference = F.avg_pool2d((frames - truth).movedim(-1, 1), block)
    inside = F.avg_pool2d(where[:, None].float(), block) == 1
    return 255 * difference[inside.expand_as(difference)].abs().mean().item()
