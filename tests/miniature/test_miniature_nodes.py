"""The miniature in the host: its words as a CLIP, its files in the host's loaders."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from harness.host import locations
from wan_vace.miniature.networks import models
from wan_vace.miniature.world import words

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def nodes(host):
    """The development nodes."""
    from harness.nodes.wan_vace_dev import miniature

    return miniature


@pytest.fixture
def encode(host, nodes):
    clip = nodes.load_clip()
    return lambda text: host.CLIPTextEncode().encode(clip, text)[0]


@pytest.mark.parametrize("text", ["a red circle moves right over sand", "", "the figure WALKS, left."])
def test_the_hosts_own_encoder_gives_the_vectors_that_were_trained_on(encode, text):
    ((found, extra),) = encode(text)
    assert found.shape == (1, words.CAPTION_LENGTH, words.TEXT_DIM) and found.dtype == torch.float32
    assert torch.equal(found, words.word_vectors([words.token_ids(text)]))
    assert extra["pooled_output"] is None


def test_a_clone_reads_the_same(nodes):
    clip = nodes.load_clip()
    tokens = clip.tokenize("a blue square")
    assert torch.equal(clip.clone().encode_from_tokens(tokens), clip.encode_from_tokens(tokens))


def test_words_come_with_their_places_when_asked_for(nodes):
    ((*_, last),) = nodes.load_clip().tokenize("a blue square", return_word_ids=True)["miniature"]
    assert last == (words.WORDS.index("square") + 1, 1.0, 3)


def test_an_unknown_word_is_named_with_those_that_are_known(nodes, encode):
    with pytest.raises(nodes.words.UnknownWordError, match=r"does not know purple\. It knows: a, moves, walks"):
        encode("a purple circle")


def test_the_merged_file_is_the_shipped_base_and_adapter():
    merged = locations.base_dir() / "models" / "diffusion_models" / "miniature_wan_vace.safetensors"
    shipped = {name: locations.ROOT / "miniature" / "weights" / file for name, file in models.FILES.items()}
    base, adapter, found = (load_file(path) for path in (shipped["base"], shipped["adapter"], merged))
    assert found.keys() == base.keys() | adapter.keys() and not base.keys() & adapter.keys()
    assert all(torch.equal(found[key], value) for part in (base, adapter) for key, value in part.items())
    with safe_open(merged, "pt") as file:
        assert file.metadata() == models.CONFIG


@pytest.mark.parametrize(("choice", "kind"), [("with VACE", "WAN21_Vace"), ("text to video", "WAN21")])
def test_the_hosts_loader_knows_the_files(host, nodes, choice, kind):
    (patcher,) = host.UNETLoader().load_unet(nodes.MODELS[choice], "default")
    assert type(patcher.model).__name__ == kind
    blocks = patcher.model.diffusion_model.blocks
    assert len(blocks) == models.SMALL.layers and blocks[0].dim == models.SMALL.dim
