"""The miniature as a MODEL, CLIP and VAE: its closed vocabulary stands in for a text encoder."""

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace

import comfy.model_management
import comfy.sd
import torch
from comfy_api.latest import io
from comfy_execution.graph_utils import GraphBuilder

HERE = Path(__file__)
MODELS = {"with VACE": "miniature_wan_vace.safetensors", "text to video": "miniature_wan_t2v.safetensors"}
VAE = "miniature_wan_vae.safetensors"
KEY = "miniature"


def _load_words() -> ModuleType:
    """The vocabulary, from the repository: this folder is linked from there, or copied next to a copy of it."""
    roots = (HERE.resolve().parents[4], HERE.parents[1] / "wan-vace")
    path = next(path for root in roots if (path := root / "miniature" / "world" / "words.py").is_file())
    spec = importlib.util.spec_from_file_location("wan_vace_miniature_words", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


words = _load_words()


class Tokenizer:
    """Numbers of words, each with a weight of 1 as the host's tokenizers give them."""

    def __init__(self, embedding_directory: object = None, tokenizer_data: object = None) -> None: ...

    def tokenize_with_weights(self, text: str, return_word_ids: bool = False, **_: object) -> dict[str, list]:
        """The words of a prompt.

        Raises:
            UnknownWordError: If the miniature does not know one, or there are too many.
        """
        row = [(number, 1.0) for number in words.token_ids(text)]
        return {KEY: [[(*token, place) for place, token in enumerate(row, 1)] if return_word_ids else row]}

    def state_dict(self) -> dict:
        """Nothing is learnt."""
        return {}


class TextModel(torch.nn.Module):
    """The vectors of words, in the shape of the host's text encoders."""

    disable_offload = True  # there are no weights to move

    def __init__(self, device: object = None, dtype: object = None, model_options: object = None) -> None:
        super().__init__()
        self.dtypes = {torch.float32}

    def set_clip_options(self, options: dict) -> None:
        """There are no layers to choose from."""

    def reset_clip_options(self) -> None:
        """See `set_clip_options`."""

    def encode_token_weights(self, tokens: dict[str, list]) -> tuple[torch.Tensor, None]:
        """[1, 16, 64], and no pooled vector."""
        found = words.word_vectors([[token[0] for token in row] for row in tokens[KEY]])
        return found.to(comfy.model_management.intermediate_device()), None


def load_clip(disable_dynamic: bool = False) -> comfy.sd.CLIP:
    """The vocabulary in the host's own CLIP wrapper."""
    target = SimpleNamespace(clip=TextModel, tokenizer=Tokenizer, params={})
    clip = comfy.sd.CLIP(target, disable_dynamic=disable_dynamic)
    clip.patcher.cached_patcher_init = (_load_patcher, ())
    return clip


def _load_patcher(disable_dynamic: bool = False) -> object:
    return load_clip(disable_dynamic).patcher


class DevLoadMiniatureText(io.ComfyNode):
    """CLIP with the miniature's vocabulary."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Its sockets."""
        return io.Schema(
            node_id="DevLoadMiniatureText",
            display_name="Load Miniature Text (development)",
            category="vace/development",
            description=f"Reads prompts of these words: {', '.join(words.WORDS)}.",
            is_dev_only=True,
            outputs=[io.Clip.Output()],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        """Load it."""
        return io.NodeOutput(load_clip())


class DevLoadMiniature(io.ComfyNode):
    """All three parts of the miniature, in the place of VACE Load Models."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Its sockets."""
        return io.Schema(
            node_id="DevLoadMiniature",
            display_name="Load Miniature (development)",
            category="vace/development",
            description=f"A Wan VACE of 64 x 64 pixels. Its prompts are made of these words: {', '.join(words.WORDS)}.",
            is_dev_only=True,
            inputs=[io.Combo.Input("model", options=list(MODELS))],
            outputs=[io.Model.Output("model"), io.Clip.Output("clip"), io.Vae.Output("vae")],
            enable_expand=True,
        )

    @classmethod
    def execute(cls, model: str) -> io.NodeOutput:
        """Load them by the host's own loaders."""
        graph = GraphBuilder()
        unet = graph.node("UNETLoader", unet_name=MODELS[model], weight_dtype="default")
        clip = graph.node("DevLoadMiniatureText")
        vae = graph.node("VAELoader", vae_name=VAE)
        return io.NodeOutput(unet.out(0), clip.out(0), vae.out(0), expand=graph.finalize())


class DevShowVcu(io.ComfyNode):
    """What a VCU shows the model, as images."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Its sockets."""
        return io.Schema(
            node_id="DevShowVcu",
            display_name="Show VCU (development)",
            category="vace/development",
            description="What the model is given: what is kept, controls, and grey where there is neither.",
            is_dev_only=True,
            inputs=[io.Custom("VACE_VCU").Input("vcu")],
            outputs=[io.Image.Output("frames")],
        )

    @classmethod
    def execute(cls, vcu: object) -> io.NodeOutput:
        """Both halves as they are encoded, put together by the mask."""
        core = type(vcu).__module__.removesuffix(".vcu.unit")  # of the pack that made it, whatever the host calls that
        inactive, reactive, mask = importlib.import_module(f"{core}.conditioning").split_for_encoding(vcu)
        return io.NodeOutput(torch.where(mask[..., None] > 0.5, reactive, inactive)[: vcu.num_frames])
