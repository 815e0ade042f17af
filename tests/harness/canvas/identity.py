"""What a node tells of itself, so that a workflow travels: whose it is, of which version, and where its files are.

The front end offers a missing file for download if ``properties.models`` names it as the node's widget does, and a
missing pack for installation by ``properties.cnr_id``. Addresses are those of ComfyUI's own templates
(``comfyui-workflow-templates-json`` 0.1.27), which a test compares.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..host.locations import NEWEST, ROOT

REPACKAGED = "https://huggingface.co/Comfy-Org/Wan_2.1_ComfyUI_repackaged/resolve/main/split_files"
KIJAI = "https://huggingface.co/Kijai/WanVideo_comfy/resolve/main"
CORE = "comfy-core"


@dataclass(frozen=True)
class ModelFile:
    """A file that can be downloaded.

    Attributes:
        name: Of the file.
        directory: Among ComfyUI's models.
        home: Where it is published, without its name; the repackaged files are by directory.
    """

    name: str
    directory: str
    home: str = ""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.home or f'{REPACKAGED}/{self.directory}'}/{self.name}"

    def as_property(self) -> dict[str, str]:
        """As a node's ``properties.models`` has it."""
        return {"name": self.name, "url": self.url, "directory": self.directory}


SMALL, LARGE = "wan2.1_vace_1.3B_fp16.safetensors", "wan2.1_vace_14B_fp16.safetensors"
PLAIN = ModelFile("wan2.1_t2v_1.3B_fp16.safetensors", "diffusion_models")
# For few steps: of the 1.3B model, and of 14B.
LORA = ModelFile("Wan21_CausVid_bidirect2_T2V_1_3B_lora_rank32.safetensors", "loras", KIJAI)
LARGE_LORA = ModelFile("Wan21_CausVid_14B_T2V_lora_rank32.safetensors", "loras", KIJAI)
FILES = {
    file.name: file
    for file in (
        ModelFile(SMALL, "diffusion_models"),
        ModelFile(LARGE, "diffusion_models"),
        PLAIN,
        ModelFile("umt5_xxl_fp8_e4m3fn_scaled.safetensors", "text_encoders"),
        ModelFile("wan_2.1_vae.safetensors", "vae"),
        LORA,
        LARGE_LORA,
    )
}
# Notes belong to the front end alone.
WITHOUT = ("MarkdownNote", "Note")


def project(key: str) -> str:
    """A value of this pack's pyproject.toml, such as its ``name`` in the registry; a key as it is written there."""
    return re.search(rf'^{key} = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)[1]


def models_of(values: list) -> list[ModelFile]:
    """The files that a node names in its widgets.

    Args:
        values: Its ``widgets_values``.
    """
    return [FILES[value] for value in values if isinstance(value, str) and value in FILES]


def alternatives_of(kind: str, values: list) -> list[ModelFile]:
    """Files of the 14B model that a node may be switched to, which the front end then offers too.

    Args:
        kind: Its class.
        values: Its ``widgets_values``.
    """
    models = SMALL, FILES[LARGE]
    pairs = {"VaceLoadModels": models, "UNETLoader": models, "VaceLoadLora": (LORA.name, LARGE_LORA)}
    small, large = pairs.get(kind, (None, None))
    return [large] if small in values else []


def identify(node: dict) -> None:
    """Write into a node of a workflow for the browser whose it is and where its files are."""
    if node["type"] in WITHOUT:
        return
    ours = node["type"].startswith("Vace")
    properties = {
        "Node name for S&R": node["type"],
        "cnr_id": project("name") if ours else CORE,
        "ver": project("version") if ours else NEWEST,
    }
    values = node.get("widgets_values", [])
    models = [file.as_property() for file in (*models_of(values), *alternatives_of(node["type"], values))]
    node["properties"] = {**node.get("properties", {}), **properties, **({"models": models} if models else {})}
