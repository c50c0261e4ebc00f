"""Steps of a training: an interrupt lets the step at hand end and keeps it; a second one does not wait."""

import signal
from pathlib import Path

import numpy as np
import pytest
from flax import serialization

from ddx7.runs import CHECKPOINT, steps


def work(done: list[float], folder: Path, interrupts: int) -> None:
    """Six steps, in the third of which someone presses Ctrl-C."""
    for step in steps(3, 9, folder, lambda: {"done": np.array(done)}):
        for _ in range(interrupts if step == 5 else 0):
            signal.raise_signal(signal.SIGINT)
        done.append(step)


def test_an_interrupt_ends_after_the_step_at_hand_with_everything_saved(tmp_path):
    done = []
    with pytest.raises(KeyboardInterrupt):
        work(done, tmp_path, interrupts=1)
    assert done == [3, 4, 5]
    saved = serialization.msgpack_restore((tmp_path / CHECKPOINT).read_bytes())
    np.testing.assert_array_equal(saved["done"], done)


def test_a_second_interrupt_does_not_wait(tmp_path):
    done = []
    with pytest.raises(KeyboardInterrupt):
        work(done, tmp_path, interrupts=2)
    assert done == [3, 4]
    assert not (tmp_path / CHECKPOINT).exists()


def test_what_is_no_number_does_not_replace_the_last_checkpoint(tmp_path):
    (tmp_path / CHECKPOINT).write_bytes(b"good")
    with pytest.raises(KeyboardInterrupt):
        work([np.nan], tmp_path, interrupts=1)
    assert (tmp_path / CHECKPOINT).read_bytes() == b"good"


def test_afterwards_an_interrupt_means_what_it_did_before(tmp_path):
    before, done = signal.getsignal(signal.SIGINT), []
    work(done, tmp_path, interrupts=0)
    assert done == [3, 4, 5, 6, 7, 8]
    assert signal.getsignal(signal.SIGINT) is before
