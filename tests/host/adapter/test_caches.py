"""Caches and skipped layers of user nodes, which replace the forward or stand around it, on the attached adapter."""

import gc

import pytest
import torch

from .test_adapter import sample

pytestmark = pytest.mark.host


class Forward:
    """A whole forward of the tokens as such nodes write it: a loop of their own over the blocks.

    Args:
        model: The MODEL it is for.
        style: Where block replacements find the options: "args" as the host, "extra" as TeaCache nodes, or "nowhere".
        reuse: Every second call adds the change of the tokens of the call before and runs no block.
        skipped: Blocks left out, on every second call alone if ``sometimes``.
        knows_vace: Whether it runs VACE blocks where the network has them inside, which user nodes do not.
    """

    def __init__(self, model, style="extra", reuse=False, skipped=(), sometimes=False, knows_vace=True):
        self.network = model.get_model_object("diffusion_model")
        self.style, self.reuse, self.skipped, self.sometimes = style, reuse, skipped, sometimes
        self.knows_vace = knows_vace
        self.calls, self.change = 0, {}

    def __call__(self, x, t, context, clip_fea=None, freqs=None, transformer_options=None, **kwargs):
        """The host's ``forward_orig``."""
        from comfy.ldm.wan.model import sinusoidal_embedding_1d

        net, options = self.network, transformer_options
        self.calls += 1
        x = net.patch_embedding(x.float()).to(x.dtype)
        grid, first = x.shape[2:], x.flatten(2).transpose(1, 2)
        e = net.time_embedding(sinusoidal_embedding_1d(net.freq_dim, t).to(x.dtype))
        shared = {"e": net.time_projection(e).unflatten(1, (6, net.dim)), "freqs": freqs}
        shared["context"] = net.text_embedding(context)
        key = tuple(options["cond_or_uncond"])
        if self.reuse and self.calls % 2 == 0:
            x = first + self.change[key]
        else:
            x = self._blocks(first, shared, options, **kwargs)
            self.change[key] = x - first
        return net.unpatchify(net.head(x, e), grid)

    def _blocks(self, x, shared, options, vace_context=None, vace_strength=None, **_):
        net, first, hints, n = self.network, x, [], 0
        if vace_context is not None and self.knows_vace:
            batch, flat = len(vace_context), vace_context.movedim(0, 1).flatten(0, 1)
            embedded = net.vace_patch_embedding(flat.float()).to(flat.dtype)
            hints = list(embedded.flatten(2).transpose(1, 2).split(batch))
            n = hints[0].shape[1]  # a longer sequence has others' tokens behind these
        own = {**shared, "freqs": shared["freqs"][:, :n]}
        for index, block in enumerate(net.blocks):
            if index in self.skipped and not (self.sometimes and self.calls % 2):
                continue
            x = self._block(index, block, x, shared, options)
            layer = net.vace_layers_mapping.get(index) if hints else None
            for vcu in range(len(hints) if layer is not None else 0):
                hint, hints[vcu] = net.vace_blocks[layer](
                    hints[vcu], x=first[:, :n], context_img_len=None, transformer_options=options, **own
                )
                x = torch.cat([x[:, :n] + hint * vace_strength[vcu], x[:, n:]], dim=1)
        return x

    def _block(self, index, block, x, shared, options):
        replaced = options.get("patches_replace", {}).get("dit", {}).get(("double_block", index))
        if replaced is None:
            return block(x, context_img_len=None, transformer_options=options, **shared)

        def original(args):
            return {"img": block(args["img"], context=args["txt"], e=args["vec"], freqs=args["pe"],
                                 context_img_len=None, transformer_options=options)}  # fmt: skip

        args = {"img": x, "txt": shared["context"], "vec": shared["e"], "pe": shared["freqs"]}
        extra = {"original_block": original}
        {"args": args, "extra": extra, "nowhere": {}}[self.style]["transformer_options"] = options
        return replaced(args, extra)["img"]


def forward(**how):
    def change(model):
        clone = model.clone()
        clone.add_object_patch("diffusion_model.forward_orig", Forward(model, **how))
        return clone

    return change


def model_function(model):
    """Every second call gives what the one before gave, at the outermost place of a model call."""
    clone, last, calls = model.clone(), {}, []

    def wrapper(apply_model, args):
        calls.append(1)
        key = tuple(args["cond_or_uncond"])
        if len(calls) % 2:
            last[key] = apply_model(args["input"], args["timestep"], **args["c"])
        return last[key]

    clone.set_model_unet_function_wrapper(wrapper)
    return clone


def diffusion_model(model):
    """The same around the network alone."""
    from comfy.patcher_extension import WrappersMP

    clone, last, calls = model.clone(), [], []

    def wrapper(executor, *args, **kwargs):
        calls.append(1)
        if len(calls) % 2:
            last[:] = [executor(*args, **kwargs)]
        return last[0]

    clone.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "reuse", wrapper)
    return clone


CASES = {
    "forward replaced, options in args": forward(style="args"),
    "forward replaced, options in extra": forward(style="extra"),
    "forward replaced, no options": forward(style="nowhere"),
    "TeaCache": forward(reuse=True),
    "block 0 left out": forward(skipped=(0,)),
    "block 2 left out": forward(skipped=(2,)),
    "blocks 0 and 1 left out at times": forward(skipped=(0, 1), sometimes=True),
    "blocks 2 and 3 left out at times": forward(skipped=(2, 3), sometimes=True),
    "every VACE block left out": forward(skipped=(0, 2)),
    "model function wrapper": model_function,
    "diffusion model wrapper": diffusion_model,
}


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("case", CASES)
def test_attached_equals_merged(setting, case, order, same):
    s, change = setting, CASES[case]
    inputs = s.inputs(references=1)
    attached = change(s.attach()) if order == "after" else s.attach(change(s.plain))
    same(f"{case}, {order}", *(sample(s.call, model, inputs, steps=4) for model in (change(s.merged), attached)))


def test_the_adapter_stays_where_the_merged_model_loses_its_own(setting):
    """The usual forward of such nodes knows no VACE blocks inside a network."""
    s, change = setting, forward(knows_vace=False)
    inputs = s.inputs(references=1)
    merged, attached = s.both(inputs, change)
    assert torch.equal(merged, sample(s.call, s.plain, inputs))
    assert torch.equal(attached, sample(s.call, s.merged, inputs))


@pytest.mark.parametrize(
    "case", ["TeaCache", "every VACE block left out", "block 2 left out", "model function wrapper"]
)
def test_nothing_of_a_call_stays(setting, case):
    s = setting
    inputs, attached = s.inputs(), s.attach()
    expected = sample(s.call, attached, inputs)
    sample(s.call, CASES[case](attached), inputs)
    gc.collect()
    assert not [kept for kept in gc.get_objects() if type(kept).__qualname__ == "_Run"]
    assert torch.equal(sample(s.call, attached, inputs), expected)


# A sequence longer than the VCU: Phantom puts its subjects behind the video


def phantom(s, inputs):
    positive, negative, latent = inputs
    images = torch.rand(2, 32, 48, 3, generator=torch.Generator().manual_seed(5))
    size = {"width": 48, "height": 32, "length": 5, "batch_size": 1}
    positive, negative, *_ = s.call(
        "WanPhantomSubjectToVideo", positive=positive, negative=negative, vae=s.vae, images=images, **size
    )
    return positive, negative, latent


@pytest.mark.parametrize("references", [0, 1])
def test_phantom_with_vace_equals_the_merged_networks_blocks(setting, references, same):
    """The host's own forward of its merged model has no place for Phantom's subjects; `Forward` has."""
    s, plain = setting, setting.inputs(references=references)
    inputs = phantom(s, plain)
    with pytest.raises(RuntimeError, match="size of tensor"):
        sample(s.call, s.merged, inputs)
    result = sample(s.call, s.attach(), inputs)
    assert not torch.equal(result, sample(s.call, s.attach(), plain))
    same(f"Phantom, {references} references", sample(s.call, forward()(s.merged), inputs), result)


def test_hints_go_onto_the_vcus_own_tokens_alone(setting):
    s = setting
    inputs, blocks = phantom(s, s.inputs()), s.plain.get_model_object("diffusion_model").blocks
    seen = []
    hooks = [
        blocks[0].register_forward_hook(lambda _, args, out: seen.append(out.clone())),
        blocks[1].register_forward_pre_hook(lambda _, args: seen.append(args[0].clone())),
    ]
    try:
        sample(s.call, s.attach(), inputs, steps=1)
    finally:
        for each in hooks:
            each.remove()
    hints = seen[1] - seen[0]
    own = 2 * 2 * 3  # latent frames, rows and columns of tokens; as many of Phantom's follow
    assert hints.shape[1] == 2 * own
    assert (hints[:, :own] != 0).all(dim=-1).any() and (hints[:, own:] == 0).all()


# torch.compile


@pytest.mark.long
def test_compiled_it_is_one_graph_like_the_merged_model(setting, same):
    """By the host's node, without a C++ compiler; with the attention of PyTorch, which can be traced as a whole."""
    from comfy.ldm.modules.attention import attention_pytorch
    from torch._dynamo import reset
    from torch._dynamo.utils import counters

    def traced(model):
        clone = model.clone()
        options = clone.model_options["transformer_options"]
        options["optimized_attention_override"] = lambda _, *args, **kwargs: attention_pytorch(*args, **kwargs)
        return clone

    def compiled(model):
        return s.call("TorchCompileModel", model=traced(model), backend="eager")[0]

    def run(model):
        reset()
        counters.clear()
        result = sample(s.call, model, inputs, steps=1)
        return result, counters["stats"]["unique_graphs"], sum(counters["graph_break"].values())

    s, inputs = setting, setting.inputs()
    expected = sample(s.call, traced(s.merged), inputs, steps=1)
    for case, model in (
        ("merged itself, compiled", compiled(s.merged)),
        ("compiled after", compiled(s.attach())),
        ("compiled before", s.attach(compiled(s.plain))),
    ):
        result, graphs, breaks = run(model)
        assert (graphs, breaks) == (1, 0)
        same(case, expected, result)
