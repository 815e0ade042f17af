"""Training runs: interrupted anywhere and resumed, they end where an uninterrupted one ends, to the bit."""

import json

import pytest
import torch
from torch import nn

from wan_vace.training import trainer

pytestmark = pytest.mark.usefixtures("gradients")

STEPS, EVERY = 9, 4


def module():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


def begun(folder, stop=None, net=None, steps=STEPS, told=None):
    """A run that is interrupted at step ``stop``."""
    net = module() if net is None else net

    def loss(step, generator):
        if step == stop:
            raise KeyboardInterrupt
        x = torch.randn(16, 4, generator=generator)
        return (net(x) - x.prod(1, keepdim=True)).square().mean()

    def check(step):
        return {"size": float(sum(weight.abs().sum() for weight in net.parameters()))}

    tell = (lambda _: None) if told is None else told.append
    parameters = trainer.all_parameters(net)
    common = loss, steps, 0.01, 5, 0.9, check, EVERY, tell
    return trainer.TrainingRun("small", folder, net, parameters, *common, matrices=[net[0].weight])


def weights(run):
    return [weight.detach().clone() for weight in run.module.parameters()]


def same(left, right):
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


def log_of(folder):
    lines = [json.loads(line) for line in (folder / "small.jsonl").read_text("utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


@pytest.fixture(scope="module")
def whole(gradients, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    run = begun(folder)
    run.run()
    return weights(run), log_of(folder)


@pytest.mark.parametrize("stop", range(STEPS))
def test_an_interrupted_run_ends_like_a_whole_one(stop, whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        begun(tmp_path, stop).run()
    resumed = begun(tmp_path)
    assert resumed.step == stop // EVERY * EVERY
    resumed.run()
    assert same(weights(resumed), whole[0])
    steps = [line["step"] for line in log_of(tmp_path)]
    assert steps == [4, 8, 9]
    if stop >= EVERY:
        first = whole[1][: stop // EVERY]
        assert log_of(tmp_path)[: len(first)] == first


def test_a_finished_run_is_not_trained_again(whole, tmp_path):
    begun(tmp_path).run()
    again = begun(tmp_path, stop=STEPS)
    again.run()
    assert same(weights(again), whole[0])


def test_what_the_log_says_after_the_state_is_dropped(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        begun(tmp_path, stop=6).run()
    with (tmp_path / "small.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"step": 8, "loss": 9}\n')
    told = []
    begun(tmp_path, told=told)
    assert [line["step"] for line in log_of(tmp_path)] == [4]
    assert told == ["small: goes on at step 4 of 9"]


def test_a_state_that_was_not_written_to_its_end_leaves_the_one_before(tmp_path, monkeypatch):
    save = torch.save

    def broken(state, path):
        if state["step"] > EVERY:
            path.write_bytes(b"half")
            raise OSError("No space left on device")
        save(state, path)

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(OSError, match="No space left"):
        begun(tmp_path).run()
    monkeypatch.undo()
    assert begun(tmp_path).step == EVERY


def test_the_result_is_the_average_and_checks_see_it(tmp_path):
    run = begun(tmp_path, steps=EVERY)
    run.run()
    state = torch.load(tmp_path / "small.state", weights_only=True)
    assert same(weights(run), state["average"])
    assert not same(state["weights"], state["average"])
    size = sum(float(weight.abs().sum()) for weight in state["average"])
    assert log_of(tmp_path)[-1]["size"] == pytest.approx(size, abs=1e-4)


def test_only_what_is_chosen_is_trained():
    net = module()
    chosen = trainer.chosen_parameters(net, ["2."])
    assert [weight.requires_grad for weight in net.parameters()] == [False, False, True, True]
    assert chosen == list(net[2].parameters())


def test_the_rate_rises_in_a_line_and_falls_to_its_end():
    rates = [trainer.rate_at(step, 1000) for step in range(1001)]
    assert rates[0] == pytest.approx(1 / trainer.WARM_UP, rel=0.01)
    assert rates.index(max(rates)) == trainer.WARM_UP - 1
    assert rates[-1] == pytest.approx(trainer.FINAL_RATE)


def test_a_line_of_the_log_that_was_not_written_to_its_end_is_dropped(whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        begun(tmp_path, stop=EVERY + 1).run()
    with (tmp_path / "small.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"step": 8, "los')
    resumed = begun(tmp_path)
    resumed.run()
    assert same(weights(resumed), whole[0]) and log_of(tmp_path) == whole[1]


@pytest.mark.parametrize("half", [False, True])
def test_half_precision_is_for_computing_and_not_for_the_weights(half, tmp_path):
    net, seen = module(), []

    def output():
        seen.append(net(torch.ones(1, 4)))
        return seen[-1].float().square().mean()

    run = trainer.TrainingRun(
        "small", tmp_path, net, trainer.all_parameters(net), lambda *_: output(), 1, 0.01,
        check=lambda _: {"loss": float(output())}, tell=lambda _: None, half=half,
    )  # fmt: skip
    run.run()
    assert {made.dtype for made in seen} == {torch.bfloat16 if half else torch.float32} and len(seen) == 2
    assert {weight.dtype for weight in net.parameters()} == {torch.float32}
