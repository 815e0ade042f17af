"""What the page is told of annotators' files: all of them, where they are, and whether they are here."""

import importlib
import re
from types import SimpleNamespace

import pytest

from harness.host.locations import ROOT
from harness.structure import schema

pytestmark = pytest.mark.host

WITHOUT_FILES = {"connected depth", "dis", "connected model", "local contrast", "grabcut"}
IN_A_PACKAGE = {"blazepose", "selfie"}
HUGGING_FACE = "https://huggingface.co"
OFFICIAL = f"{HUGGING_FACE}/ali-vilab/VACE-Annotators/resolve/main"
WHERE = {
    "netG_A_latest.pth": f"{OFFICIAL}/scribble/anime_style/netG_A_latest.pth",
    "sk_model.pth": f"{HUGGING_FACE}/lllyasviel/Annotators/resolve/main/sk_model.pth",
    # as in ComfyUI's own templates
    "raft_large_C_T_SKHT_V2-ff5fadd5.safetensors": f"{HUGGING_FACE}/Comfy-Org/void-model/resolve/main/optical_flow/"
    "raft_large_C_T_SKHT_V2-ff5fadd5.safetensors",
    "keypointrcnn_resnet50_fpn_coco-fc266e95.pth": "https://download.pytorch.org/models/"
    "keypointrcnn_resnet50_fpn_coco-fc266e95.pth",
}


@pytest.fixture
def needed(host, tmp_path, monkeypatch):
    """The answer to the page, with these files in an otherwise empty models folder."""
    import folder_paths

    module = importlib.import_module("wan_vace.nodes._host.signals.offered")
    monkeypatch.setattr(folder_paths, "models_dir", str(tmp_path / "models"))
    monkeypatch.setattr(folder_paths, "folder_names_and_paths", {"custom_nodes": ([str(tmp_path / "packs")], set())})
    monkeypatch.delenv("AUX_ANNOTATOR_CKPTS_PATH", raising=False)

    def ask(*names):
        for name in names:
            path = tmp_path / "models" / "VACE-Annotators" / "below" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return module.needed_files()

    return ask


def choices(node_id):
    (method,) = (one for one in schema.load()[node_id]["inputs"] if one["name"] == "method")
    return set(method["options"])


def test_every_method_has_its_files_and_only_those_without_have_none(needed):
    answer = needed()
    assert {node: set(methods) for node, methods in answer.items()} == {
        node: choices(node) - WITHOUT_FILES - IN_A_PACKAGE for node in answer
    }
    with_method = {node for node, one in schema.load().items() if any(i["name"] == "method" for i in one["inputs"])}
    assert with_method - set(answer) == {"VaceTrackMask"}


def test_each_file_is_where_it_is_published(needed):
    files = {file["name"]: file["url"] for methods in needed().values() for files in methods.values() for file in files}
    assert {name: files[name] for name in WHERE} == WHERE
    assert all(
        url.startswith("https://") and url.endswith(f"/{name}") and " " not in url for name, url in files.items()
    )


def test_a_file_is_here_under_any_of_its_names(needed):
    assert not any(file["here"] for methods in needed().values() for files in methods.values() for file in files)
    answer = needed("7_model.pth", "yolox_l.onnx", "raft-things.pth")
    found = {
        file["name"] for methods in answer.values() for files in methods.values() for file in files if file["here"]
    }
    assert found == {"MTEED.pth", "yolox_l.onnx", "raft-things.pth"}
    assert {file["directory"] for file in answer["VaceAnnotatePose"]["dwpose"]} == {"vace_annotators"}


def test_the_page_asks_for_no_method_without_files():
    text = (ROOT / "web" / "js" / "files.mjs").read_text("utf-8")
    (listed,) = re.findall(r"WITHOUT_FILES = /\^\((.*)\)\$/;", text)
    assert set(listed.split("|")) == WITHOUT_FILES | IN_A_PACKAGE


def test_a_second_copy_of_the_pack_does_not_keep_the_host_from_starting(host, monkeypatch):
    from aiohttp import web
    from server import PromptServer

    module = importlib.import_module("wan_vace.nodes._host.signals.offered")
    routes = web.RouteTableDef()
    routes.static("/files", ROOT)  # other packs have routes without a path of their own
    monkeypatch.setattr(PromptServer, "instance", SimpleNamespace(routes=routes), raising=False)
    for _ in range(2):
        module.serve_needed_files()
    web.Application().add_routes(routes)
    assert [route.path for route in routes if isinstance(route, web.RouteDef)] == [module.ROUTE]
