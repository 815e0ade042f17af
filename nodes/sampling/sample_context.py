"""The sampler for what VACE Apply Context gives."""

from comfy_api.latest import io

from ...vace_core.notes import collect_notes
from .._host.conditioning import trim_references
from .._host.report import publish
from .._host.sampling import SamplingInputs, sample_context
from .._node import VaceNode
from .._settings import boundary_socket, low_noise_socket, read_settings, seed_socket, settings_socket


class VaceSampleContext(VaceNode):
    """The host's sampling, with references, two experts and a preview of the video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceSampleContext",
            display_name="VACE Sample Context",
            category="vace",
            description=(
                "Samples what VACE Apply Context gives, by VACE's own solver or as KSampler does: settings by name, "
                "both Wan 2.2 models in one node, and a preview that shows the video instead of a reference."
            ),
            search_aliases=["ksampler", "ksampler advanced", "wan 2.2 high noise low noise", "sampler custom advanced"],
            inputs=[
                io.Latent.Input(
                    "latent",
                    tooltip="From VACE Apply Context; or a video of the VCU's size, encoded, for denoise below 1. A "
                    "noise mask is respected.",
                ),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="A Wan2.1-VACE model, or one with VACE Apply Adapter; LoRAs included. Not with guider.",
                ),
                io.Conditioning.Input(
                    "positive", optional=True, tooltip="From VACE Apply Context. Not with guider, which has its own."
                ),
                io.Conditioning.Input(
                    "negative", optional=True, tooltip="From VACE Apply Context. Not with guider, which has its own."
                ),
                seed_socket("The same seed and inputs give the same video."),
                settings_socket(),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    optional=True,
                    min=0.01,
                    max=1.0,
                    step=0.01,
                    tooltip="1 makes the video anew. Less begins from latent, which must hold an encoded video.",
                ),
                low_noise_socket(),
                io.Guider.Input(
                    "guider",
                    optional=True,
                    tooltip="From CFG Guider or another, instead of model, positive and negative. Its own cfg stands, "
                    "and its model's own shift.",
                ),
                io.Sigmas.Input(
                    "sigmas",
                    optional=True,
                    tooltip="Noise levels, instead of the steps and scheduler of settings. Needs denoise 1 here.",
                ),
                io.Sampler.Input("sampler_object", optional=True, tooltip="Instead of the sampler of settings."),
                boundary_socket(),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="latent", tooltip="What was sampled, references included; for VACE Decode Latent."
                ),
                io.Latent.Output(
                    display_name="video_latent", tooltip="The same without references, for nodes of other packs."
                ),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def execute(cls, latent, seed, settings, **sockets: object) -> io.NodeOutput:
        inputs = SamplingInputs(latent, seed, read_settings(settings), **sockets)
        with collect_notes() as notes:
            sampled = sample_context(inputs)
        if notes:
            publish(cls, notes)
        return io.NodeOutput(sampled, trim_references(sampled, None))
