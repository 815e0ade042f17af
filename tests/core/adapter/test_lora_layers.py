"""Which layers of a LoRA are whole, and which fit a weight of 6 x 4."""

import pytest

from wan_vace.vace_core.adapter.lora_layers import require_fit, require_whole_layers
from wan_vace.vace_core.errors import VaceInputError

LORA = {"lora_up.weight": (6, 2), "lora_down.weight": (2, 4)}
LOHA = {"hada_w1_a": (6, 2), "hada_w1_b": (2, 4), "hada_w2_a": (6, 3), "hada_w2_b": (3, 4)}
LOKR = {"lokr_w1": (2, 2), "lokr_w2": (3, 2)}
FACTORED = {"lokr_w1_a": (2, 1), "lokr_w1_b": (1, 2), "lokr_w2_a": (3, 1), "lokr_w2_b": (1, 2)}
GLORA = {"a1.weight": (4, 2), "a2.weight": (2, 4), "b1.weight": (6, 2), "b2.weight": (2, 4)}
OLD_GLORA = {"a1.weight": (2, 4), "a2.weight": (4, 2), "b1.weight": (2, 4), "b2.weight": (6, 2)}
WHOLE = {
    "LoRA": LORA,
    "LoRA with alpha": LORA | {"alpha": ()},
    "DoRA by rows": LORA | {"dora_scale": (6, 1)},
    "DoRA by columns": LORA | {"dora_scale": (1, 4)},
    "LoHa": LOHA,
    "LoKr": LOKR,
    "LoKr of products": FACTORED,
    "LoKr of both": {"lokr_w1": (2, 2), "lokr_w2_a": (3, 1), "lokr_w2_b": (1, 2), "alpha": ()},
    "GLoRA": GLORA | {"alpha": ()},
    "GLoRA of early LyCORIS": OLD_GLORA,
    "full": {"diff": (6, 4), "diff_b": (6,)},
    "a bias alone": {"diff_b": (6,)},
    "LoRA and bias": LORA | {"diff_b": (6,)},
}
LAYER = "blocks.0.ffn.0"
WEIGHTS = {
    f"{LAYER}.weight": (6, 4),
    f"{LAYER}.bias": (6,),
    "blocks.0.modulation": (1, 6, 4),
    "conv.weight": (6, 1, 4),
    "norm.weight": (6,),
    "patch_embedding.weight": (6, 4, 1, 2, 2),
}
CORE, POINT = (2, 2, 1, 2, 2), (1, 1, 1)
FLAT = {"alpha", "dora_scale", "diff", "diff_b"}  # what may have fewer than two axes
# Forms of a change of the patch embedding, as LyCORIS writes them: a Tucker product, and what else has a kernel.
CONVOLUTIONS = {
    "LoCon": {"lora_up.weight": (6, 2, *POINT), "lora_down.weight": (2, 4, 1, 2, 2)},
    "LoCon of Tucker": {
        "lora_up.weight": (6, 2, *POINT),
        "lora_down.weight": (2, 4, *POINT),
        "lora_mid.weight": CORE,
    },
    "LoCon with a scale by columns": {
        "lora_up.weight": (6, 2, *POINT),
        "lora_down.weight": (2, 4, 1, 2, 2),
        "dora_scale": (1, 4, *POINT),
    },
    "LoHa of Tucker": {
        "hada_w1_a": (2, 6),
        "hada_w1_b": (2, 4),
        "hada_w2_a": (2, 6),
        "hada_w2_b": (2, 4),
        "hada_t1": CORE,
        "hada_t2": CORE,
    },
    "LoKr of Tucker": {"lokr_w1": (2, 2), "lokr_w2_a": (2, 3), "lokr_w2_b": (2, 2), "lokr_t2": CORE},
    "LoKr with a kernel": {"lokr_w1": (2, 2), "lokr_w2": (3, 2, 1, 2, 2)},
    "LoKr of products": {"lokr_w1": (2, 2), "lokr_w2_a": (3, 1), "lokr_w2_b": (1, 8)},
    "GLoRA": {
        "a1.weight": (4, 2, *POINT),
        "a2.weight": (2, 4, *POINT),
        "b1.weight": (6, 2, *POINT),
        "b2.weight": (2, 4, 1, 2, 2),
    },
    "GLoRA of Tucker": {
        "a1.weight": (4, 2, *POINT),
        "a2.weight": (2, 4, *POINT),
        "b1.weight": (6, 2, *POINT),
        "b2.weight": (2, 4, *POINT),
        "bm.weight": CORE,
    },
}


@pytest.mark.parametrize("case", WHOLE)
def test_whole_layers_that_fit_pass(case):
    require_whole_layers("x", {LAYER: {ending: ending for ending in WHOLE[case]}})
    require_fit("x", "model", {LAYER: WHOLE[case]}, WEIGHTS)


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_changes_of_the_patch_embedding_pass(case):
    shapes = CONVOLUTIONS[case]
    require_whole_layers("x", {"patch_embedding": {ending: ending for ending in shapes}})
    require_fit("x", "model", {"patch_embedding": shapes}, WEIGHTS)


@pytest.mark.parametrize("case", [case for case in CONVOLUTIONS if "Tucker" in case or "kernel" in case])
@pytest.mark.parametrize("kernel", [(2, 2, 1), (1, 2, 3), (2, 2)], ids=str)
def test_a_kernel_of_another_shape_is_refused(case, kernel):
    """Of as many values too, which the host would take without a word."""
    shapes = {
        ending: (*shape[:2], *kernel) if shape[2:] == (1, 2, 2) else shape
        for ending, shape in CONVOLUTIONS[case].items()
    }
    with pytest.raises(VaceInputError, match=r"the shapes of its patch_embedding do not go together"):
        require_fit("x", "model", {"patch_embedding": shapes}, WEIGHTS)


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_a_part_of_another_rank_is_refused(case):
    for part, shape in CONVOLUTIONS[case].items():
        if part not in ("lokr_w1", "dora_scale"):
            shapes = CONVOLUTIONS[case] | {part: (shape[0] + 1, shape[1] + 2, *shape[2:])}
            with pytest.raises(VaceInputError, match=r"do not go together|is for a weight of"):
                require_fit("x", "model", {"patch_embedding": shapes}, WEIGHTS)


def test_layers_that_are_no_matrix_fit_too():
    require_fit("x", "model", {"blocks.0.modulation": {"diff": (1, 6, 4)}}, WEIGHTS)
    require_fit("x", "model", {"conv": {"lora_up.weight": (6, 2, 1), "lora_down.weight": (2, 1, 4)}}, WEIGHTS)


@pytest.mark.parametrize(
    "endings",
    [
        *([part] for part in (*LORA, *LOHA, *LOKR, *FACTORED)),
        *([part for part in LOHA if part != missing] for missing in LOHA),
        *([part for part in FACTORED if part != missing] for missing in FACTORED),
        *([part for part in GLORA if part != missing] for missing in GLORA),
        [*LOKR, "lokr_w2_a", "lokr_w2_b"],
        [*LOKR, "lokr_t2"],
        ["lora_mid.weight"],
        ["lora_up.weight", "lora_mid.weight"],
        [*LOHA, "hada_t1"],
        [*LOHA, "lora_mid.weight"],
        [*GLORA, *LORA],
        [*GLORA, "dora_scale"],
        [*LORA, "bm.weight"],
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
        ({LAYER: LORA | {"alpha": (2,)}}, r"x is damaged.*alpha \[2\]"),
        ({LAYER: LORA | {"lora_up.weight": (8, 2), "dora_scale": (8,)}}, r"is for a weight of \[8, 4\]"),
        ({LAYER: LORA | {"dora_scale": (2, 3)}}, r"x is damaged.*dora_scale \[2, 3\]"),
        ({LAYER: LORA | {"dora_scale": (4,)}}, r"x is damaged.*dora_scale \[4\]"),
        ({LAYER: LORA | {"dora_scale": ()}}, r"x is damaged.*dora_scale \[\]"),
        ({"norm": {"lora_up.weight": (6, 2), "lora_down.weight": (2, 1), "dora_scale": (6, 1)}}, r"x is damaged"),
        (
            {"patch_embedding": CONVOLUTIONS["LoCon"] | {"dora_scale": (1, 16)}},
            r"^x cannot be used: the DoRA scale of its patch_embedding is \[1, 16\], with a value for each place",
        ),
        ({LAYER: LOHA | {"hada_w2_a": (5, 3)}}, r"x is damaged.*hada_w2_a"),
        ({LAYER: LOKR | {"lokr_w2": (3, 3)}}, r"is for a weight of \[6, 6\]"),
        ({LAYER: LOKR | {"lokr_w2": (3, 2, 1, 1)}}, r"or of a kind that ComfyUI does not know"),
        ({LAYER: LORA | {"lora_mid.weight": (2, 2, 1, 1)}}, r"x is damaged.*lora_mid\.weight \[2, 2, 1, 1\]"),
        ({LAYER: GLORA | {"a1.weight": (5, 2)}}, r"x is damaged.*a1\.weight \[5, 2\]"),
        ({LAYER: GLORA | {"b1.weight": (6, 3), "b2.weight": (3, 4)}}, r"x is damaged.*b1\.weight \[6, 3\]"),
        ({LAYER: GLORA | {"b1.weight": (8, 2)}}, r"is for a weight of \[8, 4\]"),
        ({"patch_embedding": OLD_GLORA}, r"x is damaged.*a1\.weight \[2, 4\]"),
        ({LAYER: {"diff": (6, 5)}}, r"is for a weight of \[6, 5\]"),
        ({LAYER: {"diff_b": (5,)}}, r"has \[5\] biases, model has \[6\]"),
        ({"blocks.0.modulation": {"diff": (6, 4)}}, r"is for a weight of \[6, 4\], that of model is \[1, 6, 4\]"),
    ],
)
def test_what_does_not_fit_is_refused(layers, message):
    with pytest.raises(VaceInputError, match=message):
        require_fit("x", "model", layers, WEIGHTS)


@pytest.mark.parametrize("shape", [(), (4,), (0, 4)], ids=str)
@pytest.mark.parametrize(
    ("layer", "whole"),
    [
        *((LAYER, parts) for parts in WHOLE.values() if parts.keys() - FLAT),
        *(("patch_embedding", parts) for parts in CONVOLUTIONS.values()),
    ],
)
def test_a_factor_that_is_no_matrix_is_refused(layer, whole, shape):
    for part in whole.keys() - FLAT:
        with pytest.raises(VaceInputError, match=rf"x is damaged.*the shapes of its {layer} do not go together"):
            require_fit("x", "model", {layer: whole | {part: shape}}, WEIGHTS)


def test_a_glora_that_can_be_read_in_two_ways_is_refused():
    whole = dict.fromkeys(GLORA, (4, 4))
    message = r"^x can be read in two ways: .* its a fit both .* Export it anew as a full difference \(diff\), or train"
    with pytest.raises(VaceInputError, match=message):
        require_fit("x", "model", {"a": whole}, {"a.weight": (4, 4)})
    with pytest.raises(VaceInputError, match=r"is for a weight of \[4, 4\], that of model is \[6, 4\]"):
        require_fit("x", "model", {LAYER: whole}, WEIGHTS)


def test_a_lora_for_the_other_size_says_which():
    lora = {"lora_up.weight": (1536, 2), "lora_down.weight": (2, 1536)}
    with pytest.raises(VaceInputError, match=r"It is for a 1\.3B model, and this is a 14B model\. Use a LoRA"):
        require_fit("x", "model", {"blocks.0.self_attn.q": lora}, {"blocks.0.self_attn.q.weight": (5120, 5120)})
