"""What a LoRA can be made of, form by form: its tensors, and what they do to a weight, by the published formulas."""

import torch

RANK, ALPHA, STRENGTH = 4, 2.0, 0.7
DORA_TOLERANCE = 1e-4  # of results up to 16: its quotient is rounded in another order
PRODUCT_TOLERANCE = 1e-4  # of the same results: three factors multiplied in another order
# Layers of the base and of VACE blocks, and how many values they take and give.
LAYERS = {
    "blocks.0.self_attn.q": (128, 128),
    "blocks.3.ffn.0": (256, 128),
    "vace_blocks.0.after_proj": (128, 128),
    "vace_blocks.1.cross_attn.o": (128, 128),
    "vace_blocks.1.ffn.2": (128, 256),
}
FLAT = [layer.replace(".", "_") for layer in LAYERS]
PEFT, KOHYA = ("lora_B.weight", "lora_A.weight"), ("lora_up.weight", "lora_down.weight")


NAMES = ("LoRA", "LoHa", "LoKr", "GLoRA", "DoRA", "LoCon", "Tucker", "LyCORIS")


def spoken(form):
    """A form's name as its makers spell it."""
    words = {name.lower(): name for name in NAMES}
    return " ".join(words.get(word, word) for word in form.split("_"))


def draw(*shape):
    return 0.2 * (torch.rand(*shape) - 0.5)


def up_and_down(rows, columns):
    return draw(rows, RANK), draw(RANK, columns)


def lora(rows, columns):
    up, down = up_and_down(rows, columns)
    return {"lora_up.weight": up, "lora_down.weight": down}, lambda w: w + STRENGTH * (up @ down)


def lora_with_alpha(rows, columns):
    up, down = up_and_down(rows, columns)
    parts = {"lora_up.weight": up, "lora_down.weight": down, "alpha": torch.tensor(ALPHA)}
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * (up @ down)


def loha(rows, columns):
    (a, b), (c, d) = up_and_down(rows, columns), up_and_down(rows, columns)
    parts = {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": d, "alpha": torch.tensor(ALPHA)}
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * ((a @ b) * (c @ d))


def lokr(rows, columns):
    one, two = draw(8, 4), draw(rows // 8, columns // 4)
    parts = {"lokr_w1": one, "lokr_w2": two, "alpha": torch.tensor(9999.0)}  # means nothing without a product
    return parts, lambda w: w + STRENGTH * torch.kron(one, two)


def lokr_of_products(rows, columns):
    one, (a, b) = draw(8, 4), up_and_down(rows // 8, columns // 4)
    parts = {"lokr_w1": one, "lokr_w2_a": a, "lokr_w2_b": b, "alpha": torch.tensor(ALPHA)}
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * torch.kron(one, a @ b)


def dora(rows, columns, scale=None):
    """The host's arithmetic: the changed weight, each row as long as its scale says against the unchanged one."""
    parts, _ = lora(rows, columns)
    scale = 1 + draw(rows) if scale is None else scale
    parts["dora_scale"] = scale[:, None]

    def by_hand(w):
        changed = w + parts["lora_up.weight"] @ parts["lora_down.weight"]
        return w + STRENGTH * (changed * (scale[:, None] / w.norm(dim=1, keepdim=True)) - w)

    return parts, by_hand


def full(rows, columns):
    change = draw(rows, columns)
    return {"diff": change}, lambda w: w + STRENGTH * change


def glora(rows, columns):
    """W + W a1 a2 + b1 b2; LyCORIS, modules/glora.py, GLoRAModule.make_weight."""
    (a1, a2), (b1, b2) = up_and_down(columns, columns), up_and_down(rows, columns)
    parts = {"a1.weight": a1, "a2.weight": a2, "b1.weight": b1, "b2.weight": b2, "alpha": torch.tensor(ALPHA)}
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * (w @ (a1 @ a2) + b1 @ b2)


def glora_of_early_lycoris(rows, columns):
    """W + W a2 a1 + b2 b1; the same function at LyCORIS's commit 1d3a9a2."""
    (a2, a1), (b2, b1) = up_and_down(columns, columns), up_and_down(rows, columns)
    parts = {"a1.weight": a1, "a2.weight": a2, "b1.weight": b1, "b2.weight": b2}
    return parts, lambda w: w + STRENGTH * (w @ (a2 @ a1) + b2 @ b1)


FORMS = {
    each.__name__: each
    for each in (lora, lora_with_alpha, loha, lokr, lokr_of_products, dora, full, glora, glora_of_early_lycoris)
}  # by name, as pytest shows it
# How far results may be off where the host multiplies in another order.
TOLERANCES = {"dora": DORA_TOLERANCE, "glora": PRODUCT_TOLERANCE, "glora_of_early_lycoris": PRODUCT_TOLERANCE}

# Both patch embeddings, and how many channels they take; both give 128.
EMBEDDINGS = {"patch_embedding": 16, "vace_patch_embedding": 96}
KERNEL, POINT = (1, 2, 2), (1, 1, 1)


def tucker(core, rows, columns):
    """W[o, i, ...], the sum of core[p, q, ...] rows[p, o] columns[q, i]; LyCORIS, functional/general.py."""
    return torch.einsum("pqabc,po,qi->oiabc", core, rows, columns)


def locon(rows, channels):
    up, down = draw(rows, RANK, *POINT), draw(RANK, channels, *KERNEL)
    parts = {"lora_up.weight": up, "lora_down.weight": down, "alpha": torch.tensor(ALPHA)}
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * torch.einsum("opxyz,piabc->oiabc", up, down)


def locon_of_tucker(rows, channels):
    up, core, down = draw(rows, RANK, *POINT), draw(RANK, RANK, *KERNEL), draw(RANK, channels, *POINT)
    parts = {"lora_up.weight": up, "lora_mid.weight": core, "lora_down.weight": down, "alpha": torch.tensor(ALPHA)}
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * tucker(core, up.flatten(1).T, down.flatten(1))


def loha_of_tucker(rows, channels):
    (a, b, t), (c, d, u) = ((draw(RANK, rows), draw(RANK, channels), 20 * draw(RANK, RANK, *KERNEL)) for _ in range(2))
    parts = {"hada_w1_a": a, "hada_w1_b": b, "hada_t1": t, "hada_w2_a": c, "hada_w2_b": d, "hada_t2": u}
    parts["alpha"] = torch.tensor(ALPHA)
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * (tucker(t, a, b) * tucker(u, c, d))


def kron(one, two):
    """LyCORIS, functional/lokr.py, make_kron: the first factor has no kernel."""
    return torch.kron(one[..., None, None, None], two.contiguous())


def lokr_with_a_kernel(rows, channels):
    one, two = draw(8, 4), draw(rows // 8, channels // 4, *KERNEL)
    return {"lokr_w1": one, "lokr_w2": two}, lambda w: w + STRENGTH * kron(one, two)


def lokr_of_tucker(rows, channels):
    one, core = draw(8, 4), 10 * draw(RANK, RANK, *KERNEL)
    a, b = draw(RANK, rows // 8), draw(RANK, channels // 4)
    parts = {"lokr_w1": one, "lokr_w2_a": a, "lokr_w2_b": b, "lokr_t2": core, "alpha": torch.tensor(ALPHA)}
    return parts, lambda w: w + STRENGTH * ALPHA / RANK * kron(one, tucker(core, a, b))


def glora_of_a_kernel(rows, channels):
    a1, a2 = draw(channels, RANK, *POINT), draw(RANK, channels, *POINT)
    b1, b2 = draw(rows, RANK, *POINT), draw(RANK, channels, *KERNEL)
    parts = {"a1.weight": a1, "a2.weight": a2, "b1.weight": b1, "b2.weight": b2, "alpha": torch.tensor(ALPHA)}

    def by_hand(w):
        turned = torch.einsum("oiabc,ij->ojabc", w, a1.flatten(1) @ a2.flatten(1))
        return w + STRENGTH * ALPHA / RANK * (turned + torch.einsum("opxyz,piabc->oiabc", b1, b2))

    return parts, by_hand


def glora_of_tucker(rows, channels):
    parts, _ = glora_of_a_kernel(rows, channels)
    core, parts["b2.weight"] = draw(RANK, RANK, *KERNEL), draw(RANK, channels, *POINT)
    parts["bm.weight"] = core
    a1, a2, b1, b2 = (parts[f"{part}.weight"].flatten(1) for part in ("a1", "a2", "b1", "b2"))

    def by_hand(w):
        turned = torch.einsum("oiabc,ij->ojabc", w, a1 @ a2)
        return w + STRENGTH * ALPHA / RANK * (turned + tucker(core, b1.T, b2))

    return parts, by_hand


CONVOLUTIONS = {
    each.__name__: each
    for each in (
        *(locon, locon_of_tucker, loha_of_tucker, lokr_with_a_kernel, lokr_of_tucker),
        *(glora_of_a_kernel, glora_of_tucker),
    )
}
