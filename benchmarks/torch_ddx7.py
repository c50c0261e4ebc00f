"""Training steps of DDX7 in PyTorch, from its published layer list; the comparison of `training_speed.py`.

    python benchmarks/torch_ddx7.py STEPS BATCH FRAMES CONTEXT     (needs torch; prints seconds of each step as JSON)

Written anew from the description: five blocks of two weight-normalised causal convolutions of 128 channels, six sines
with levels and pitch interpolated to samples, spectra at six scales, Adam.
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn.functional import interpolate, pad
from torch.nn.utils.parametrizations import weight_norm

RATE, HOP = 16_000, 64
RATIOS = (1.0, 1.0, 1.0, 1.0, 3.0, 14.0)
MODULATORS = ((1,), (), (3,), (4,), (5,), ())  # of OP1 to OP6 in algorithm 2
CARRIERS, LIMIT = (0, 2), 0.32
WINDOWS = (2048, 1024, 512, 256, 128, 64)


class Causal(nn.Module):
    """A causal convolution."""

    def __init__(self, n_in: int, n_out: int, dilation: int) -> None:
        super().__init__()
        self.reach = 2 * dilation
        self.layer = weight_norm(nn.Conv1d(n_in, n_out, 3, dilation=dilation))

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102
        return self.layer(pad(x, (self.reach, 0)))


class Block(nn.Module):
    """Two convolutions with one dilation."""

    def __init__(self, n_in: int, n_out: int, dilation: int, *, skip: bool, last: bool) -> None:
        super().__init__()
        self.first, self.second = Causal(n_in, 128, dilation), Causal(128, n_out, dilation)
        self.skip = nn.Conv1d(n_in, n_out, 1) if skip else None
        self.drop, self.last = nn.Dropout(0.5), last

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102
        y = self.second(self.drop(torch.relu(self.first(x))))
        if not self.last:
            y = self.drop(torch.relu(y))
        return y if self.skip is None else y + self.skip(x)


def network() -> nn.Module:
    """The five blocks."""
    sizes = [(2, 128), (128, 128), (128, 128), (128, 128), (128, 6)]
    blocks = [Block(*size, 2**k, skip=k in (0, 4), last=k == 4) for k, size in enumerate(sizes)]
    return nn.Sequential(*blocks)


def play(raw: torch.Tensor, f0_hz: torch.Tensor) -> torch.Tensor:
    """Six sines."""
    levels = interpolate(LIMIT * torch.sigmoid(raw), scale_factor=HOP, mode="linear")
    pitch = interpolate(f0_hz[:, None], scale_factor=HOP, mode="linear")[:, 0]
    omega = torch.cumsum(2 * torch.pi * pitch / RATE, dim=1)
    outputs: dict[int, torch.Tensor] = {}
    for op in reversed(range(6)):
        modulation = sum((outputs[m] for m in MODULATORS[op]), torch.zeros_like(omega))
        outputs[op] = levels[:, op] * torch.sin(RATIOS[op] * omega + 2 * torch.pi * modulation)
    return sum((outputs[op] for op in CARRIERS), torch.zeros_like(omega)) / LIMIT


def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Spectra at six scales."""
    total = torch.zeros(())
    for n in WINDOWS:
        taper = torch.hann_window(n)
        x, y = (
            torch.stft(s, n, n // 4, window=taper, normalized=True, return_complex=True, pad_mode="reflect").abs()
            for s in (a, b)
        )
        total = total + (x - y).abs().mean() + ((x + 1e-7).log() - (y + 1e-7).log()).abs().mean()
    return total


def main() -> None:
    """Time the steps."""
    steps, batch, frames, context = map(int, sys.argv[1:])
    torch.manual_seed(0)
    model = network()
    n = sum(p.numel() for p in model.parameters())
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-4)
    inputs, f0_hz = torch.rand(batch, 2, context + frames), 200 + 400 * torch.rand(batch, frames)
    audio, seconds = torch.rand(batch, frames * HOP) - 0.5, []
    for _ in range(steps):
        start = time.perf_counter()
        optimiser.zero_grad()
        loss = distance(play(model(inputs)[:, :, context:], f0_hz), audio)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimiser.step()
        float(loss)
        seconds.append(time.perf_counter() - start)
    sys.stdout.write(json.dumps({"weights": n, "seconds": seconds, "torch": torch.__version__}) + "\n")


if __name__ == "__main__":
    main()
