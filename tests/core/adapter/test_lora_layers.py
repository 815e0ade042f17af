"""Which layers of a LoRA are whole, and which fit a weight of 6 x 4."""

import pytest

from wan_vace.vace_core.adapter.lora_layers import require_fit, require_whole_layers
from wan_vace.vace_core.errors import VaceInputError

LORA = {"lora_up.weight": (6, 2), "lora_down.weight": (2, 4)}
LOHA = {"hada_w1_a": (6, 2), "hada_w1_b": (2, 4), "hada_w2_a": (6, 3), "hada_w2_b": (3, 4)}
LOKR = {"lokr_w1": (2, 2), "lokr_w2": (3, 2)}
FACTORED = {"lokr_w1_a": (2, 1), "lokr_w1_b": (1, 2), "lokr_w2_a": (3, 1), "lokr_w2_b": (1, 2)}
WHOLE = {
    "LoRA": LORA,
    "LoRA with alpha": LORA | {"alpha": ()},
    "DoRA by rows": LORA | {"dora_scale": (6, 1)},
    "DoRA by columns": LORA | {"dora_scale": (1, 4)},
    "LoHa": LOHA,
    "LoKr": LOKR,
    "LoKr of products": FACTORED,
    "LoKr of both": {"lokr_w1": (2, 2), "lokr_w2_a": (3, 1), "lokr_w2_b": (1, 2), "alpha": ()},
    "full": {"diff": (6, 4), "diff_b": (6,)},
    "a bias alone": {"diff_b": (6,)},
    "LoRA and bias": LORA | {"diff_b": (6,)},
}
LAYER = "blocks.0.ffn.0"
WEIGHTS = {f"{LAYER}.weight": (6, 4), f"{LAYER}.bias": (6,), "blocks.0.modulation": (1, 6, 4), "conv.weight": (6, 1, 4)}


@pytest.mark.parametrize("case", WHOLE)
def test_whole_layers_that_fit_pass(case):
    require_whole_layers("x", {LAYER: {ending: ending for ending in WHOLE[case]}})
    require_fit("x", "model", {LAYER: WHOLE[case]}, WEIGHTS)


def test_layers_that_are_no_matrix_fit_too():
    require_fit("x", "model", {"blocks.0.modulation": {"diff": (1, 6, 4)}}, WEIGHTS)
    require_fit("x", "model", {"conv": {"lora_up.weight": (6, 2, 1), "lora_down.weight": (2, 1, 4)}}, WEIGHTS)


@pytest.mark.parametrize(
    "endings",
    [
        *([part] for part in (*LORA, *LOHA, *LOKR, *FACTORED)),
        *([part for part in LOHA if part != missing] for missing in LOHA),
        *([part for part in FACTORED if part != missing] for missing in FACTORED),
        [*LOKR, "lokr_w2_a", "lokr_w2_b"],
        [*LORA, *LOHA],
        [*LORA, "diff"],
        ["diff", "dora_scale"],
        ["alpha"],
        ["dora_scale", "diff_b"],
    ],
    ids=" ".join,
)
def test_layers_with_a_part_missing_are_refused(endings):
    layers = {"blocks.1.ffn.0": dict.fromkeys(LORA, "key"), LAYER: {ending: f"its.{ending}" for ending in endings}}
    with pytest.raises(VaceInputError, match=r"x is incomplete: 1 of its 2 layers .*blocks\.0\.ffn\.0 \(its\."):
        require_whole_layers("x", layers)


@pytest.mark.parametrize("layer", ["img_emb.proj.1", "blocks.0.cross_attn.k_img", "blocks.0.cross_attn.norm_k_img"])
def test_image_to_video_is_refused(layer):
    with pytest.raises(VaceInputError, match=rf"x is for image to video: it has layers such as {layer}"):
        require_whole_layers("x", {LAYER: LORA, layer: LORA})


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"vace_blocks.9.ffn.0": LORA}, r"x changes vace_blocks\.9\.ffn\.0, which model does not have"),
        ({LAYER: LORA | {"lora_up.weight": (8, 2)}}, r"is for a weight of \[8, 4\], that of model is \[6, 4\]"),
        ({LAYER: LORA | {"lora_up.weight": (6, 3)}}, r"x is damaged.*lora_up\.weight \[6, 3\]"),
        ({LAYER: LORA | {"dora_scale": (5, 1)}}, r"x is damaged.*dora_scale \[5, 1\]"),
        ({LAYER: LOHA | {"hada_w2_a": (5, 3)}}, r"x is damaged.*hada_w2_a"),
        ({LAYER: LOKR | {"lokr_w2": (3, 3)}}, r"is for a weight of \[6, 6\]"),
        ({LAYER: LOKR | {"lokr_w2": (3, 2, 1, 1)}}, r"or of a kind that ComfyUI does not know"),
        ({LAYER: {"diff": (6, 5)}}, r"is for a weight of \[6, 5\]"),
        ({LAYER: {"diff_b": (5,)}}, r"has \[5\] biases, model has \[6\]"),
        ({"blocks.0.modulation": {"diff": (6, 4)}}, r"is for a weight of \[6, 4\], that of model is \[1, 6, 4\]"),
    ],
)
def test_what_does_not_fit_is_refused(layers, message):
    with pytest.raises(VaceInputError, match=message):
        require_fit("x", "model", layers, WEIGHTS)


def test_a_lora_for_the_other_size_says_which():
    lora = {"lora_up.weight": (1536, 2), "lora_down.weight": (2, 1536)}
    with pytest.raises(VaceInputError, match=r"It is for a 1\.3B model, and this is a 14B model\. Use a LoRA"):
        require_fit("x", "model", {"blocks.0.self_attn.q": lora}, {"blocks.0.self_attn.q.weight": (5120, 5120)})
