"""Steps of a training: an interrupt lets the step at hand end and saves it; a second one does not wait."""

import signal

import pytest

from ddx7.runs import steps


def work(done: list[int], saved: list[list[int]], interrupts: int) -> None:
    """Six steps, in the third of which someone presses Ctrl-C."""
    for step in steps(3, 9, lambda: saved.append(list(done))):
        for _ in range(interrupts if step == 5 else 0):
            signal.raise_signal(signal.SIGINT)
        done.append(step)


def test_an_interrupt_ends_after_the_step_at_hand_with_everything_saved():
    done, saved = [], []
    with pytest.raises(KeyboardInterrupt):
        work(done, saved, interrupts=1)
    assert saved == [done] == [[3, 4, 5]]


def test_a_second_interrupt_does_not_wait():
    done, saved = [], []
    with pytest.raises(KeyboardInterrupt):
        work(done, saved, interrupts=2)
    assert done == [3, 4]
    assert saved == []


def test_afterwards_an_interrupt_means_what_it_did_before():
    before, done = signal.getsignal(signal.SIGINT), []
    work(done, [], interrupts=0)
    assert done == [3, 4, 5, 6, 7, 8]
    assert signal.getsignal(signal.SIGINT) is before
