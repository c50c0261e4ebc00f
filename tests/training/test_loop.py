"""The training loop: exact resume, one folder for one run, interrupts, broken numbers and torn files."""

import json
import signal
from collections.abc import Callable
from dataclasses import fields
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ddx7.errors import Ddx7Error
from ddx7.training import Evaluation, FitResult, FitSchedule, TrainState, apply_gradients, fingerprint, fit, update_ema
from ddx7.training.checkpoint import CHECKPOINT, METRICS, append_metrics, read_metrics, restore

TARGET = np.array([3.0, -2.0], np.float32)
OPTIMISER = optax.adam(0.1)


def init() -> TrainState:
    return TrainState.create({"w": jnp.zeros(2)}, OPTIMISER)


@jax.jit
def _step(state: TrainState, target: jax.Array, step: jax.Array) -> tuple[TrainState, jax.Array]:
    return apply_gradients(
        state, lambda params: jnp.square(params["w"] - target).sum(), OPTIMISER, ema_decay=0.9, step=step
    )


def update(state: TrainState, step: int) -> tuple[TrainState, dict[str, jax.Array]]:
    noise = np.random.default_rng(step).normal(0, 0.1, 2).astype(np.float32)
    state, loss = _step(state, TARGET + noise, np.int32(step))
    return state, {"loss": loss}


def evaluate(state: TrainState, _: float) -> Evaluation:
    loss = float(np.square(np.asarray(state.ema_params["w"]) - TARGET).sum())
    return Evaluation(state.ema_params, loss, {"held_out": loss})


def run(folder, n_steps: int = 9, **others: Any) -> FitResult:
    options: dict[str, Any] = {"run": {"config": {"rate": 0.1}}, "evaluate_every": 3, **others}
    schedule = {f.name: options.pop(f.name) for f in fields(FitSchedule) if f.name in options}
    return fit(
        init,
        options.pop("update", update),
        evaluate,
        lambda state: state.ema_params,
        folder,
        FitSchedule(n_steps, **schedule),
        **options,
    )


def without_clock(lines: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in line.items() if name != "steps_per_s"} for line in lines]


def test_stopped_and_resumed_equals_not_stopped(tmp_path):
    whole = run(tmp_path / "whole")
    for stop_after in (3, 6, None):
        parts = run(tmp_path / "parts", stop_after=stop_after)
    jax.tree.map(np.testing.assert_array_equal, whole.state, parts.state)
    jax.tree.map(np.testing.assert_array_equal, whole.best_params, parts.best_params)
    assert without_clock(read_metrics(tmp_path / "whole")) == without_clock(read_metrics(tmp_path / "parts"))


def test_metrics_are_means_since_the_last_evaluation(tmp_path):
    state, losses = init(), []
    for step in range(6):
        state, metrics = update(state, step)
        losses.append(float(metrics["loss"]))
    found = run(tmp_path, 6)
    lines = read_metrics(tmp_path)
    assert [line["step"] for line in lines] == [3, 6]
    np.testing.assert_allclose([line["loss"] for line in lines], [np.mean(losses[:3]), np.mean(losses[3:])], rtol=1e-6)
    assert found.metrics["held_out"] == pytest.approx(evaluate(state, np.inf).loss)


def test_the_last_step_is_evaluated_even_out_of_turn(tmp_path):
    run(tmp_path, 7)
    assert [line["step"] for line in read_metrics(tmp_path)] == [3, 6, 7]


def test_the_best_parameters_are_kept_not_the_last(tmp_path):
    losses, lowest = iter([3.0, 1.0, 2.0]), []

    def scripted(state: TrainState, best_loss: float) -> Evaluation:
        lowest.append(best_loss)
        loss = next(losses)
        return Evaluation({"w": jnp.full(2, loss)}, loss, {"held_out": loss})

    found = fit(init, update, scripted, lambda state: state.params, tmp_path, FitSchedule(9, 3), run={})
    np.testing.assert_array_equal(found.best_params["w"], [1.0, 1.0])
    assert found.best_metrics["step"] == 6
    assert lowest == [np.inf, 3.0, 1.0]
    assert found.metrics["step"] == 9


def test_a_finished_run_gives_its_result_again_without_a_step(tmp_path):
    first = run(tmp_path)

    def never(state: TrainState, step: int) -> Any:
        raise AssertionError("a finished run made a step")

    again = run(tmp_path, update=never)
    assert again.metrics == first.metrics
    jax.tree.map(np.testing.assert_array_equal, first.best_params, again.best_params)


def test_a_folder_holds_one_run_and_the_message_names_the_difference(tmp_path):
    flute = {"data": {"instrument": "flute", "fingerprint": fingerprint(TARGET)}}
    run(tmp_path, run=flute)
    run(tmp_path, run=flute)
    violin = {"data": {"instrument": "violin", "fingerprint": fingerprint(TARGET)}}
    with pytest.raises(Ddx7Error, match=r"data\.instrument: found 'flute', wanted 'violin'"):
        run(tmp_path, run=violin)
    other = {"data": {"instrument": "flute", "fingerprint": fingerprint(TARGET + 1)}}
    with pytest.raises(Ddx7Error, match=r"data\.fingerprint: found other data"):
        run(tmp_path, run=other)


@pytest.mark.parametrize("torn", ['{"step": 9, "lo', '{"step": 9, "loss": 1.0}', "\x00\x00"])
def test_a_torn_last_line_of_metrics_does_not_break_a_resume(tmp_path, torn):
    run(tmp_path, stop_after=6)
    with (tmp_path / METRICS).open("a") as file:
        file.write(torn)
    run(tmp_path)
    lines = read_metrics(tmp_path)
    assert [line["step"] for line in lines] == [3, 6, 9]
    assert "held_out" in lines[-1]
    for line in (tmp_path / METRICS).read_text().splitlines():
        assert line == torn or json.loads(line)


def test_of_two_lines_for_a_step_the_later_counts(tmp_path):
    for loss in (1.0, 2.0):
        append_metrics(tmp_path, {"step": 3, "loss": loss})
    assert read_metrics(tmp_path) == [{"step": 3, "loss": 2.0}]


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_checkpoint(tmp_path):
    def broken(state: TrainState, step: int) -> Any:
        state, losses = update(state, step)
        return state, {"loss": jnp.float32(np.nan) if step == 4 else losses["loss"]}

    with pytest.raises(Ddx7Error, match="loss is nan at step 5"):
        run(tmp_path, update=broken)
    assert [line["step"] for line in read_metrics(tmp_path)] == [3]
    assert int(restore(tmp_path, lambda: _checkpoint()).step) == 3


class _Checkpoint(NamedTuple):
    step: Any
    state: Any
    best_params: Any
    best_loss: Any
    best_step: Any


def _checkpoint() -> _Checkpoint:
    state, zero = init(), jnp.zeros((), jnp.int32)
    return _Checkpoint(zero, state, state.ema_params, jnp.float32(0), zero)


def test_parameters_that_are_not_finite_show_in_the_loss():
    def silent(params: Any) -> jax.Array:
        return jnp.where(jnp.isfinite(params["w"]).all(), 0.0, 0.0) + 0.0 * jnp.nan_to_num(params["w"]).sum()

    broken = init()._replace(params={"w": jnp.array([jnp.nan, 0.0])})
    _, loss = apply_gradients(broken, silent, OPTIMISER, ema_decay=0.0, step=0)
    assert np.isnan(float(loss))


def interrupting(at: int, times: int) -> Callable[[TrainState, int], Any]:
    def interrupted(state: TrainState, step: int) -> Any:
        for _ in range(times if step == at else 0):
            signal.raise_signal(signal.SIGINT)
        return update(state, step)

    return interrupted


def test_an_interrupt_lets_the_step_end_and_saves_it(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, update=interrupting(4, 1))
    assert int(restore(tmp_path, _checkpoint).step) == 5
    resumed, whole = run(tmp_path), run(tmp_path.with_name("whole"))
    jax.tree.map(np.testing.assert_array_equal, whole.state, resumed.state)


def test_a_second_interrupt_does_not_wait(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, update=interrupting(1, 2))
    assert not (tmp_path / CHECKPOINT).exists()


def test_an_interrupt_does_not_save_parameters_that_are_not_finite(tmp_path):
    def broken(state: TrainState, step: int) -> Any:
        signal.raise_signal(signal.SIGINT)
        return state._replace(params={"w": jnp.full(2, jnp.nan)}), {"loss": jnp.float32(0)}

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, update=broken)
    assert not (tmp_path / CHECKPOINT).exists()


def test_afterwards_an_interrupt_means_what_it_did_before(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    run(tmp_path)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_checkpoint_of_another_model_is_one_sentence(tmp_path):
    tmp_path.joinpath(CHECKPOINT).write_bytes(b"not a checkpoint")
    with pytest.raises(Ddx7Error, match="no checkpoint of this model"):
        run(tmp_path)


def test_the_average_forgets_the_initialisation():
    ema, steps = {"w": jnp.float32(100.0)}, 200
    for step in range(steps):
        ema = update_ema(ema, {"w": jnp.float32(1.0)}, 0.9, step)
    # By hand: the first decay is 1/10, the second 2/11, ... and 0.9 from step 80 on.
    rest = np.prod([min(0.9, (1 + step) / (10 + step)) for step in range(steps)])
    np.testing.assert_allclose(ema["w"], 1.0 + 99.0 * rest, rtol=1e-5)


def test_a_fingerprint_tells_apart_what_differs_and_not_what_does_not():
    data = {"a": np.arange(6), "b": ["x", 1.5, None], "c": {"d": True}}
    same = {"c": {"d": True}, "b": ("x", 1.5, None), "a": np.arange(6)}
    assert fingerprint(data) == fingerprint(same)
    others = [
        {**data, "a": np.arange(6).reshape(2, 3)},
        {**data, "a": np.arange(6, dtype=np.float32)},
        {**data, "b": ["x", 1.5, ""]},
        {**data, "b": [None, 1.5, "x"]},
        {**data, "e": []},
        {"a": data["a"], "b": data["b"]},
    ]
    assert len({fingerprint(x) for x in [data, *others]}) == 7
    with pytest.raises(TypeError, match="found set"):
        fingerprint({1, 2})
