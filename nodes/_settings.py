"""Sockets of the samplers: settings by name or of one's own, the seed, the negative prompt, the second expert."""

from comfy_api.latest import io

from ..vace_core.sampling import CUSTOM, DEFAULT, NEGATIVE_PROMPT, PRESETS, SamplerSettings, choose_settings
from ._host.sampling import SAMPLERS, SCHEDULERS


def settings_socket() -> io.Input:
    """Settings by name, each without further widgets, and custom with all of them."""
    option = io.DynamicCombo.Option
    return io.DynamicCombo.Input(
        "settings",
        options=[*(option(name, []) for name in PRESETS), option(CUSTOM, _custom())],
        optional=True,
        tooltip="Steps, cfg, shift, sampler and scheduler by name. official and balanced: the model alone. The others "
        "are for the few-step LoRA they name, which you load on the model yourself; the help page lists files and "
        "strengths. custom: your own numbers.",
    )


def read_settings(settings: dict) -> SamplerSettings:
    """The settings of what the socket gives.

    Raises:
        VaceInputError: If a number cannot be used.
    """
    given = dict(settings)
    return choose_settings(given.pop("settings"), given)


def nested(settings: dict) -> dict:
    """What the socket gives, as a prompt names it: ``settings``, ``settings.steps`` ..."""
    return {name if name == "settings" else f"settings.{name}": value for name, value in settings.items()}


def negative_prompt_socket() -> io.Input:
    """What is not to be seen."""
    return io.String.Input(
        "negative_prompt",
        multiline=True,
        default=NEGATIVE_PROMPT,
        optional=True,
        tooltip="What to avoid. The default says what the official one does; unused at cfg 1.",
    )


def seed_socket(tooltip: str, each_queue_anew: bool = True) -> io.Input:
    """The seed of the noise.

    Args:
        tooltip: What it decides.
        each_queue_anew: Whether the front end offers another one for each queue.
    """
    return io.Int.Input(
        "seed",
        default=2025,
        optional=True,
        min=0,
        max=0xFFFFFFFFFFFFFFFF,
        control_after_generate=each_queue_anew,
        tooltip=tooltip,
    )


def boundary_socket() -> io.Input:
    """Where the second expert takes over."""
    return io.Float.Input(
        "boundary",
        default=0.875,
        optional=True,
        min=0.0,
        max=1.0,
        step=0.001,
        tooltip="Noise level below which low_noise_model takes over; 0.875 is official for Wan 2.2 text to video. "
        "Unused without low_noise_model.",
        advanced=True,
    )


def low_noise_socket() -> io.Input:
    """The second expert of Wan 2.2."""
    return io.Model.Input(
        "low_noise_model",
        optional=True,
        tooltip="Wan 2.2 only: its low-noise model, with VACE as well; model is then the high-noise one.",
    )


def _custom() -> list[io.Input]:
    standard = PRESETS[DEFAULT]
    return [
        io.Int.Input(
            "steps",
            default=standard.steps,
            optional=True,
            min=1,
            max=10000,
            tooltip="25 as the official demo, 50 as the official script.",
        ),
        io.Float.Input(
            "cfg",
            default=standard.cfg,
            optional=True,
            min=0.0,
            max=100.0,
            step=0.1,
            tooltip="Prompt guidance; 1 for few-step LoRAs.",
        ),
        io.Float.Input(
            "shift",
            default=standard.shift,
            optional=True,
            min=0.0,
            max=100.0,
            step=0.1,
            tooltip="Timestep shift; 16 is official for VACE. 0 leaves the model's own.",
        ),
        io.Combo.Input(
            "sampler",
            options=SAMPLERS,
            default=standard.sampler,
            optional=True,
            tooltip="official unipc is VACE's own solver; the others are ComfyUI's.",
        ),
        io.Combo.Input(
            "scheduler",
            options=SCHEDULERS,
            default=standard.scheduler,
            optional=True,
            tooltip="How the steps are spaced; official as VACE's own code does.",
        ),
    ]
