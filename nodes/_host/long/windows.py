"""Context windows whose references stand in front of every window.

The host's handler cuts, runs and blends; it is asked for windows over the video alone, and the references are put in
front of each. Everything the host slices by a window's indices is right by that: the latent and the VCUs' context.
"""

from collections.abc import Callable, Iterable, Sequence

import comfy.context_windows
from comfy.context_windows import ContextFuseMethods, ContextSchedules, IndexListContextHandler, IndexListContextWindow
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ....vace_core.long import WindowSettings, count_references
from ..conditioning import FRAMES, REFERENCES
from ..models import CONTEXT_HANDLER, add_sampling_check
from ..strength import cut_strengths_to_windows
from ..types import BaseModel, Conds, Guider, ModelPatcher

SCHEDULES = (
    ContextSchedules.UNIFORM_STANDARD,
    ContextSchedules.STATIC_STANDARD,
    ContextSchedules.UNIFORM_LOOPED,
    ContextSchedules.BATCHED,
)
LOOPED, BATCHED = ContextSchedules.UNIFORM_LOOPED, ContextSchedules.BATCHED
FUSE_METHODS = tuple(ContextFuseMethods.LIST_STATIC)
WINDOWS_KEY = "wan_vace_context_windows"
# Of the host's own node, in the model's wrappers; what it set before is replaced.
HOST_KEYS = (
    (WrappersMP.PREPARE_SAMPLING, "ContextWindows_prepare_sampling"),
    (WrappersMP.SAMPLER_SAMPLE, "ContextWindows_sampler_sample"),
)
# Number of references, from one call of the handler to the methods that it is not handed to.
WINDOW_REFERENCES_KEY = "wan_vace_window_references"
TIME = 2  # axis of [B, C, t, h, w]


def set_windows(model: ModelPatcher, settings: WindowSettings) -> ModelPatcher:
    """A clone of a VACE ``model``, attached or merged, that samples in windows.

    Raises:
        VaceInputError: While sampling, as `count_references` and `ReferencePlan.require_fit` say.
    """
    clone = cut_strengths_to_windows(model)
    for kind, key in HOST_KEYS:
        clone.remove_wrappers_with_key(kind, key)
        clone.remove_wrappers_with_key(kind, WINDOWS_KEY)
    clone.model_options[CONTEXT_HANDLER] = VaceContextHandler(settings)
    add_sampling_check(clone, WINDOWS_KEY, _shape_of_window)
    clone.add_wrapper_with_key(WrappersMP.SAMPLER_SAMPLE, WINDOWS_KEY, _shuffle_noise)
    return clone


class VaceWindow(IndexListContextWindow):
    """A window of the host's over the video, and the latent frames in front of it."""

    def __init__(self, video: IndexListContextWindow, seen: Sequence[int], references: int) -> None:
        """Take the window's place among all latent frames.

        Args:
            video: The window, its indices counted without the references.
            seen: Indices of the references it sees.
            references: R.
        """
        vars(self).update(vars(video))  # what it holds differs between versions of the host
        self.video, self.seen, self.references = video, seen, references
        # The model takes the first latent frame after the references for one of a single picture, as the VAE makes the
        # video's first. A window that begins later gets its predecessor in that place, and its result is dropped. The
        # host does so too (``causal_window_fix``), but in front of the whole list, where the references stand.
        begin = video.index_list[0]
        lead = [*seen, references + begin - 1] if begin > 0 else [*seen]
        self.lead = len(lead)
        self.index_list = [*lead, *(references + index for index in video.index_list)]
        self.total_frames = references + video.total_frames


class VaceContextHandler(IndexListContextHandler):
    """The host's handler, for a latent [B, 16, R + t, h, w] whose leading R are references."""

    def __init__(self, settings: WindowSettings) -> None:
        fuse, overlap = settings.fuse_method, settings.overlap
        if fuse == ContextFuseMethods.OVERLAP_LINEAR and overlap == 0:
            fuse = ContextFuseMethods.FLAT  # the same, but the host fails on a ramp over no frame
        super().__init__(
            comfy.context_windows.get_matching_context_schedule(settings.schedule),
            comfy.context_windows.get_matching_fuse_method(fuse),
            context_length=settings.length,
            context_overlap=overlap,
            closed_loop=settings.closed_loop,
            dim=TIME,
            freenoise=settings.freenoise,
            split_conds_to_windows=settings.split_prompts,
        )
        self.causal_window_fix = False  # done by `VaceWindow`
        self.settings = settings

    def num_references(self, conds: Iterable, length: int) -> int:
        """R of a latent of ``length`` frames, from the conditioning; checked with the plan."""
        entries = [entry for group in conds for entry in group or [] if FRAMES in entry]
        ours = [count for entry in entries for count in entry.get(REFERENCES, [])]
        foreign = any(len(entry.get(REFERENCES, [])) < len(entry[FRAMES]) for entry in entries)
        references = count_references(ours, foreign, self.settings.references, length)
        self.settings.plan.require_fit(references, length - references)
        return references

    def window_shape(self, noise_shape: Sequence[int], conds: Iterable) -> list[int]:
        """Shape of the largest latent that the model is called with."""
        shape = list(noise_shape)
        longest = self.num_references(conds, shape[TIME]) + self.context_length + 1
        shape[TIME] = min(shape[TIME], longest)
        return shape

    def shuffle_noise(self, noise: Tensor, conds: Iterable, seed: int) -> Tensor:
        """The noise with FreeNoise on the video; a reference's noise is its own."""
        references, noise = self.num_references(conds, noise.shape[TIME]), noise.clone()
        comfy.context_windows.apply_freenoise(
            _without_lead(noise, references), TIME, self.context_length, self.context_overlap, seed
        )
        return noise

    def should_use_context(
        self, model: BaseModel, conds: list, x_in: Tensor, timestep: Tensor, model_options: dict
    ) -> bool:
        """Whether the video is longer than a window, or a reference is hidden from all of it."""
        video = _without_lead(x_in, self.num_references(conds, x_in.shape[TIME]))
        longer = super().should_use_context(model, conds, video, timestep, model_options)
        return longer or self.settings.plan.hides

    def execute(
        self,
        calc_cond_batch: Callable,
        model: BaseModel,
        conds: list,
        x_in: Tensor,
        timestep: Tensor,
        model_options: dict,
    ) -> list[Tensor]:
        """One step, window by window."""
        references = self.num_references(conds, x_in.shape[TIME])
        counted = {**model_options["transformer_options"], WINDOW_REFERENCES_KEY: references}
        options = {**model_options, "transformer_options": counted}
        return super().execute(calc_cond_batch, model, conds, x_in, timestep, options)

    def get_context_windows(self, model: BaseModel, x_in: Tensor, model_options: dict) -> list[VaceWindow]:
        """The host's windows over the video, with the references that each sees."""
        references = model_options["transformer_options"][WINDOW_REFERENCES_KEY]
        video = _without_lead(x_in, references)
        windows = super().get_context_windows(model, video, model_options)
        seen = self.settings.plan.seen
        return [VaceWindow(w, seen(references, video.shape[TIME], w.index_list), references) for w in windows]

    def combine_context_window_results(
        self,
        x_in: Tensor,
        sub_conds_out: Sequence[Tensor],
        sub_conds: list,
        window: VaceWindow,
        window_idx: int,
        total_windows: int,
        timestep: Tensor,
        conds_final: list[Tensor],
        counts_final: list[Tensor],
        biases_final: list[list[float]],
    ) -> None:
        """Blend the video as the host does, which reckons by place in a window, and average the references."""
        count = window.references
        _average_references(window, sub_conds_out, conds_final, counts_final, biases_final)
        biases = [each[count:] for each in biases_final]
        super().combine_context_window_results(
            _without_lead(x_in, count),
            [_without_lead(out, window.lead) for out in sub_conds_out],
            sub_conds,
            window.video,
            window_idx,
            total_windows,
            timestep,
            [_without_lead(final, count) for final in conds_final],
            [_without_lead(counts, count) for counts in counts_final],
            biases,
        )
        for each, changed in zip(biases_final, biases, strict=True):
            each[count:] = changed


def _without_lead(latents: Tensor, lead: int) -> Tensor:
    """A view of [B, C, n, h, w] without the leading latent frames."""
    return latents.narrow(TIME, lead, latents.shape[TIME] - lead)


def _average_references(
    window: VaceWindow,
    outs: Sequence[Tensor],
    finals: Sequence[Tensor],
    counts: Sequence[Tensor],
    times: Sequence[list[float]],
) -> None:
    """A running mean of each reference over the windows that see it, in place; 0 where none does.

    Args:
        window: The window.
        outs: Its results, [B, 16, its length, h, w], one for each prompt.
        finals: Sums of the whole latent, which the host divides by ``counts`` in the end.
        counts: Weights; 1 for a reference, whose sum is a mean already.
        times: How often each reference was seen, in the host's list of biases.
    """
    for out, final, count, seen in zip(outs, finals, counts, times, strict=True):
        count.narrow(TIME, 0, window.references).fill_(1)
        for place, reference in enumerate(window.seen):
            seen[reference] += 1
            mean = final.select(TIME, reference)
            mean += (out.select(TIME, place) - mean) / seen[reference]


def _shape_of_window(
    _model: ModelPatcher, noise_shape: Sequence[int], conds: Conds, model_options: dict
) -> Sequence[int]:
    """Have the host make room for a window, and refuse what does not fit before any model is loaded."""
    handler = model_options.get(CONTEXT_HANDLER)
    if isinstance(handler, VaceContextHandler):  # a node behind ours may have set its own
        return handler.window_shape(noise_shape, conds.values())
    return noise_shape


def _shuffle_noise(
    executor: Callable,
    guider: Guider,
    sigmas: Tensor,
    extra_args: dict,
    callback: Callable,
    noise: Tensor,
    *args: object,
    **kwargs: object,
) -> Tensor:
    """FreeNoise, where the host's node has it."""
    handler = extra_args["model_options"].get(CONTEXT_HANDLER)
    if isinstance(handler, VaceContextHandler) and handler.freenoise:
        noise = handler.shuffle_noise(noise, guider.conds.values(), extra_args["seed"])
    return executor(guider, sigmas, extra_args, callback, noise, *args, **kwargs)
