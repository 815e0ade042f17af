"""Sampler settings by name: the official ones, a quicker one, and those that few-step LoRAs were published with.

Sources. The official solver and schedule are those of the first; "simple" spaces steps as ComfyUI does:

- official: ``vace_gradio.py`` and ``vace_wan_inference.py`` of ali-vilab/VACE, ``generate.py`` of Wan-Video/Wan2.1:
  unipc, shift 16, guidance 5; 25 steps in the demo, 50 in the scripts.
- balanced: our own, measured on the miniature only: the official shift and guidance, ComfyUI's euler on its "beta"
  spacing, which is finer at both ends of the schedule. It is nearer to the converged solution than the official 25
  steps (``benchmarks/results/solver_error.md``), and shows as well what was asked for (``solver_quality.md`` there).
- CausVid, 4 steps: ComfyUI's templates ``video_wan_vace_14B_t2v``, ``_v2v`` and ``_ref2v``: KSampler with uni_pc,
  strength from their note.
- CausVid, 12 steps: ``docs/LORAS.md`` of deepbeepmeep/Wan2GP, which recommends it over fewer steps.
- AccVid: the command of aejion/AccVideo for WanX (unipc, 10 steps); shift and guidance from Wan2GP's
  ``docs/LORAS.md``.
- lightx2v: ``configs/distill/wan_t2v_distill_4step_cfg.json`` of ModelTC/LightX2V: shift 5, no guidance, timesteps
  1000, 750, 500 and 250, which are simple's; its scheduler noises each estimate anew, which is the host's lcm.
- FusionX: Wan2GP's ``docs/LORAS.md``: 8 to 10 steps, shift 2, guidance 1, and Wan2GP's default solver unipc.
- Wan 2.2 lightx2v: ComfyUI's template ``video_wan2_2_14B_t2v``, which changes experts after step 2 as 0.875 does here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..errors import VaceInputError

CUSTOM = "custom"
# The solver and the spacing of steps that this pack has itself; all other names are the host's.
OFFICIAL_SAMPLER = "official unipc"
OFFICIAL_SCHEDULER = "official"
DEFAULT = "official demo (25 steps)"


@dataclass(frozen=True)
class SamplerSettings:
    """How to sample, in the host's words.

    Attributes:
        steps: Sampling steps.
        cfg: Prompt guidance; 1 leaves the negative prompt out.
        shift: Timestep shift of the flow schedule; 0 leaves the model's own.
        sampler: The host's name of the solver.
        scheduler: The host's name of the spacing of steps.
        belongs_to: The LoRA that these numbers are for; empty for the model alone.
    """

    steps: int
    cfg: float
    shift: float
    sampler: str = OFFICIAL_SAMPLER
    scheduler: str = OFFICIAL_SCHEDULER
    belongs_to: str = ""


# In the order of the menu.
PRESETS: Mapping[str, SamplerSettings] = MappingProxyType(
    {
        DEFAULT: SamplerSettings(25, 5.0, 16.0),
        "official (50 steps)": SamplerSettings(50, 5.0, 16.0),
        "balanced (16 steps)": SamplerSettings(16, 5.0, 16.0, "euler", "beta"),
        "CausVid LoRA (4 steps)": SamplerSettings(
            4,
            1.0,
            8.0,
            "uni_pc",
            "simple",
            belongs_to="Wan21_CausVid_14B_T2V_lora_rank32, or Wan21_CausVid_bidirect2_T2V_1_3B_lora_rank32 for 1.3B, "
            "at strength 0.3 to 0.7",
        ),
        "CausVid LoRA (12 steps)": SamplerSettings(
            12, 1.0, 7.0, belongs_to="Wan21_CausVid_14B_T2V_lora_rank32 at strength 0.3"
        ),
        "AccVid LoRA (10 steps)": SamplerSettings(
            10, 1.0, 5.0, belongs_to="the LoRA of AccVideo-WanX-T2V-14B at strength 1"
        ),
        "lightx2v LoRA (4 steps)": SamplerSettings(
            4,
            1.0,
            5.0,
            "lcm",
            "simple",
            belongs_to="Wan21_T2V_14B_lightx2v_cfg_step_distill_lora_rank32 (self-forcing) at strength 1",
        ),
        "FusionX LoRA (8 steps)": SamplerSettings(8, 1.0, 2.0, belongs_to="Wan2.1_T2V_14B_FusionX_LoRA at strength 1"),
        "Wan 2.2 lightx2v LoRAs (4 steps)": SamplerSettings(
            4,
            1.0,
            5.0,
            "euler",
            "simple",
            belongs_to="wan2.2_t2v_lightx2v_4steps_lora_v1.1_high_noise on model and ..._low_noise on "
            "low_noise_model, at strength 1",
        ),
    }
)


def choose_settings(name: str | None, custom: Mapping[str, object]) -> SamplerSettings:
    """The settings of a name.

    Args:
        name: One of `PRESETS`, or `CUSTOM`.
        custom: steps, cfg, shift, sampler and scheduler; read for `CUSTOM` only.

    Raises:
        VaceInputError: If the name is unknown, or a custom number cannot be used.
    """
    if name in PRESETS:
        return PRESETS[name]
    if name != CUSTOM:
        raise VaceInputError(f"settings must be one of {', '.join([*PRESETS, CUSTOM])}, got {name}.")
    settings = SamplerSettings(**custom)
    if settings.steps < 1:
        raise VaceInputError(f"settings.steps is {settings.steps}; set it to 1 or more.")
    if settings.shift < 0:
        raise VaceInputError(f"settings.shift is {settings.shift:g}; set it above 0, or to 0 for the model's own.")
    return settings
