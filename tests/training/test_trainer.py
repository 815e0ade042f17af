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


def begun(folder, stop=None, net=None, steps=STEPS, told=None, every=EVERY, work=None, **limits):
    """A run that is interrupted at step ``stop``; ``work`` is done in each step."""
    net = module() if net is None else net

    def loss(step, expected, generator):
        if step == stop:
            raise KeyboardInterrupt
        if work:
            work(step, expected)
        x = torch.randn(16, 4, generator=generator)
        return (net(x) - x.prod(1, keepdim=True)).square().mean()

    def check(step):
        return {"size": float(sum(weight.abs().sum() for weight in net.parameters()))}

    tell = (lambda _: None) if told is None else told.append
    parameters = trainer.all_parameters(net)
    common = loss, steps, 0.01, 5, 0.9, check, every, tell
    return trainer.TrainingRun("small", folder, net, parameters, *common, matrices=[net[0].weight], **limits)


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


@pytest.fixture
def clock(monkeypatch):
    """The seconds that the trainer sees; they pass when a test says so."""
    seconds = [0.0]
    monkeypatch.setattr(trainer.time, "perf_counter", lambda: seconds[0])

    def wait(more):
        seconds[0] += more

    return wait


def test_a_budget_ends_a_run_at_the_end_of_its_schedule(clock, tmp_path):
    seen = []

    def work(step, expected):
        seen.append(expected)
        clock(30.0 if step == 0 else 0.5)  # the first step waits for a compiler

    run = begun(tmp_path, steps=1000, every=1000, budget=60, work=work)
    run.run()
    assert run.over and run.step == 61 and run.spent == 60
    assert seen[:8] == [1000] * 8 and seen[8:] == pytest.approx([61] * 53)
    assert trainer.rate_at(60, seen[-1]) < 0.06  # of the most: where a whole run ends too
    assert [line["step"] for line in log_of(tmp_path)] == [61]
    again = begun(tmp_path, stop=61, steps=1000, every=1000, budget=60)
    again.run()
    assert same(weights(again), weights(run))


def test_a_pace_that_falls_still_ends_in_time(clock, tmp_path):
    run = begun(tmp_path, steps=1000, every=1000, budget=60, work=lambda step, _: clock(0.5 if step < 60 else 2.0))
    run.run()
    assert 60 <= run.spent < 62 and 70 < run.step < 80 and run.expected == pytest.approx(run.step, abs=1)


def test_a_budget_that_is_large_enough_changes_nothing(clock, whole, tmp_path):
    seen = []
    run = begun(tmp_path, budget=60, work=lambda step, expected: (clock(1.0), seen.append(expected)))
    run.run()
    assert same(weights(run), whole[0]) and log_of(tmp_path) == whole[1] and set(seen) == {STEPS}


def test_an_interruption_loses_no_more_than_the_seconds_between_two_states(clock, tmp_path):
    limits = {"every": 1000, "save_seconds": 5, "budget": 60}
    with pytest.raises(KeyboardInterrupt):
        begun(tmp_path, 33, steps=1000, work=lambda *_: clock(1.0), **limits).run()
    resumed = begun(tmp_path, steps=1000, work=lambda *_: clock(1.0), **limits)
    assert (resumed.step, resumed.spent) == (30, 30) and resumed.expected == 60
    resumed.run()
    assert (resumed.step, resumed.spent) == (60, 60)
    whole = begun(tmp_path / "whole", steps=1000, work=lambda *_: clock(1.0), **limits)
    whole.run()
    assert same(weights(resumed), weights(whole))
