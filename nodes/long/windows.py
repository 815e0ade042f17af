"""Long videos in one pass, window by window."""

from comfy_api.latest import io

from ...vace_core.long import WindowSettings, parse_plan, resolve_settings, window_size
from ...vace_core.notes import collect_notes
from .._host.long import BATCHED, FUSE_METHODS, LOOPED, SCHEDULES, set_windows
from .._host.models import require_vace_model
from .._host.report import publish
from .._node import VaceNode


class VaceSetContextWindows(VaceNode):
    """Context windows that all see the references."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceSetContextWindows",
            display_name="VACE Set Context Windows",
            category="vace/adapter",
            description=(
                "Samples a long video in overlapping windows that are blended at every step, so that memory follows "
                "the window and not the video. The references stand in front of every window, not of the first one "
                "alone. For merged VACE models and for models with VACE Apply Adapter."
            ),
            search_aliases=["long video", "wan context windows", "sliding window", "freenoise"],
            inputs=[
                io.Model.Input("model", tooltip="A Wan2.1-VACE model, or one with VACE Apply Adapter."),
                io.Int.Input(
                    "length",
                    default=81,
                    optional=True,
                    min=1,
                    max=16384,
                    step=4,
                    tooltip="Frames in a window, 4n + 1; the model was trained on 81. A video no longer than this is "
                    "sampled whole.",
                ),
                io.Int.Input(
                    "overlap",
                    default=28,
                    optional=True,
                    min=0,
                    max=16384,
                    step=4,
                    tooltip="Frames that neighbours share, in fours. More blends better and takes longer: 28 of 81 is "
                    "about half as much work again.",
                ),
                io.Combo.Input(
                    "schedule",
                    options=list(SCHEDULES),
                    default=SCHEDULES[0],
                    optional=True,
                    tooltip="standard_uniform: windows move from step to step, so seams do not stay in one place. "
                    "standard_static: the same windows at every step. looped_uniform: windows run over the end to the "
                    "start. batched: no overlap.",
                ),
                io.Combo.Input(
                    "fuse_method",
                    options=list(FUSE_METHODS),
                    default=FUSE_METHODS[0],
                    optional=True,
                    tooltip="How windows are blended: pyramid and relative trust a window's middle most, flat "
                    "averages, overlap-linear fades over the overlap.",
                ),
                io.String.Input(
                    "references_per_window",
                    default="",
                    optional=True,
                    tooltip="Which part of the video sees which reference: '1: all, 2: 50%-100%', frames such as "
                    "'2: 40-80', or '2: none'. A window sees those whose part it touches; empty is all.",
                ),
                io.Boolean.Input(
                    "split_prompts",
                    default=False,
                    optional=True,
                    tooltip="Let combined prompts (Conditioning Combine) take turns, each for its share of the video.",
                ),
                io.Boolean.Input(
                    "closed_loop",
                    default=False,
                    optional=True,
                    tooltip="In looped_uniform, also join the last frames to the first, for a video that loops.",
                    advanced=True,
                ),
                io.Boolean.Input(
                    "freenoise",
                    default=True,
                    optional=True,
                    tooltip="Start all windows from shuffled copies of the same noise (FreeNoise): steadier over time. "
                    "The references' noise is left alone.",
                    advanced=True,
                ),
                io.Int.Input(
                    "references",
                    default=-1,
                    optional=True,
                    min=-1,
                    max=16,
                    tooltip="Reference latents in front of the video. -1 reads it from VACE Apply Context; behind "
                    "WanVaceToVideo connect its trim_latent.",
                    advanced=True,
                ),
            ],
            outputs=[io.Model.Output(display_name="model", tooltip="The model with windows, for any sampler.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls, model, length, overlap, schedule, closed_loop, fuse_method, freenoise, references_per_window,
        split_prompts, references,
    ) -> io.NodeOutput:  # fmt: skip
        require_vace_model(model)
        plan = parse_plan("references_per_window", references_per_window)
        with collect_notes() as notes:
            settings = WindowSettings(
                *window_size(length, overlap), schedule, fuse_method, closed_loop, freenoise, split_prompts, plan,
                None if references < 0 else references,
            )  # fmt: skip
            windowed = set_windows(model, resolve_settings(settings, LOOPED, BATCHED))
        publish(cls, notes)
        return io.NodeOutput(windowed)
