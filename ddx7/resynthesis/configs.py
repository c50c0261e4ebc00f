"""Configurations of models and trainings, by name."""

from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np

from ddx7.errors import ArgumentError
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.hpn import HpnSynth
from ddx7.resynthesis.model import ResynthesisModel
from ddx7.resynthesis.rnn import RnnSize
from ddx7.resynthesis.structure import (
    PAPER,
    SHALLOW_STRUCTURES,
    TONE_RATIOS,
    TURN,
    Structure,
    from_voice,
    steady_noise_beside,
    with_feedback,
)
from ddx7.resynthesis.tcn import TcnSize
from ddx7.resynthesis.training import ResynthesisTraining


@dataclass(frozen=True)
class ResynthesisConfig:
    """A model and its training.

    Attributes:
      model: without parameters.
      training: settings of the training.
    """

    model: ResynthesisModel
    training: ResynthesisTraining


DEFAULT = "fm-tcn"
"""The configuration of the shipped instruments."""
BASE = "flute"
"""The shipped instrument from which another one is learned by default."""
MAIN_NAMES = (DEFAULT, "ddx7-2", "ddx7-2pi", "ddx7-4pi", "hpn")
"""Configurations without their variants."""

PUBLISHED_TRAINING = ResynthesisTraining()
"""As published with DDX7; needs a GPU."""
LAPTOP_TRAINING = ResynthesisTraining(
    steps=750, batch=4, frames=375, context_frames=125, learning_rate=1e-3, ema_decay=0.99, evaluate_every=125
)
"""For two cores: crops of 1.5 s after half a second of context."""

DEFAULT_TRAINING = ResynthesisTraining(
    steps=10_000,
    batch=4,
    frames=500,
    context_frames=125,
    learning_rate=2e-3,
    schedule="cosine",
    mel_weight=3.0,
    harmonic_weight=2.0,
    ema_decay=0.995,
    evaluate_every=500,
)
"""For two cores and a minute of sound: crops of 2 s after half a second of context."""

INDEX_LIMITS = {"2": 2.0, "2pi": 2 * np.pi, "4pi": 4 * np.pi}
"""Highest modulation index of the paper's modulators in radians."""

_MEL_WEIGHT = 3.0  # beside the spectral distance; at the end of training, two fifths of the loss come from the bands
_FM_TCN_SIZE = TcnSize(residual="all", dropout=0.0)
_DEFAULT_SIZE = TcnSize(channels=64, residual="all", dropout=0.0, standardised=True)
_REVERB_S = 1.0
_REVERB_CONTEXT_FRAMES = 250  # a second, so that a crop starts with the tail of the sound before it
# At 1e-3, which suits fm-tcn, the published operators run into their limits and stay there.
_DDX7_LEARNING_RATE = 3e-4
# At 1e-3 the baseline diverges within a thousand steps.
_HPN_LEARNING_RATE, _HPN_PUBLISHED_LEARNING_RATE, _HPN_CLIP = 5e-4, 1e-4, 3.0


_ROOM_RATES = {"ddx7-2": 3e-4, "hpn": 5e-4}
"""Learning rates of the baselines in the schedule of `DEFAULT_TRAINING`, chosen on validation."""


def configs(instrument: str) -> dict[str, ResynthesisConfig]:
    """All configurations for an instrument.

    ``fm-tcn`` is the model of this project. ``fm-tcn-residual`` to ``fm-tcn-mel`` lead to it from DDX7 in one change
    after the other. ``ddx7-...`` are the paper's operators by highest modulation index, also with fewer operators.
    ``hpn`` is the baseline, harmonics plus noise. ``...-room`` has the losses, the schedule and the room of ``fm-tcn``,
    for fair comparisons. ``...-published`` takes the published settings of training, and
    ``...-published-reverb`` the published reverb, too.

    Args:
      instrument: flute, violin and trumpet have operators of their own. Any other has no ``ddx7-...`` and no
        ``fm-tcn-residual``, ``fm-tcn-exponential`` and ``fm-tcn-noise``, which start from the paper's operators.
    """
    shallow = SHALLOW_STRUCTURES.get(instrument, SHALLOW_STRUCTURES["flute"])
    deep = with_feedback(from_voice(shallow.voice, TURN), shallow.voice.feedback)
    paper, published = _paper(instrument, LAPTOP_TRAINING), _paper(instrument, PUBLISHED_TRAINING)
    mel = replace(_fm_tcn(shallow), training=replace(LAPTOP_TRAINING, mel_weight=_MEL_WEIGHT))
    fm_tcn = _fm_tcn_default()
    return {
        **paper,
        **{f"{name}-published": config for name, config in published.items()},
        **{f"{name}-published-reverb": _with_fir_reverb(config) for name, config in published.items()},
        "hpn-mel": replace(paper["hpn"], training=replace(paper["hpn"].training, mel_weight=_MEL_WEIGHT)),
        **_from_paper(instrument),
        "fm-tcn-parallel": _fm_tcn(deep),
        "fm-tcn-parallel-reverb": _with_reverb(_fm_tcn(deep)),
        "fm-tcn-shallow": _fm_tcn(shallow),
        "fm-tcn-mel": mel,
        "fm-tcn-reverb": _with_reverb(mel),
        "fm-tcn": fm_tcn,
        **{f"{name}-room": _in_room(paper[name], rate) for name, rate in _ROOM_RATES.items() if name in paper},
        "fm-tcn-published": replace(
            _with_fir_reverb(fm_tcn), training=replace(PUBLISHED_TRAINING, mel_weight=_MEL_WEIGHT)
        ),
    }


def get_config(name: str, instrument: str) -> ResynthesisConfig:
    """One configuration of an instrument.

    Args:
      name: a name in `configs`.
      instrument: as for `configs`.

    Raises:
      ArgumentError: no configuration has that name; the message lists the nearest names.
    """
    known = configs(instrument)
    if name in known:
        return known[name]
    if name in configs("flute"):
        raise ArgumentError(f"instrument: found {instrument!r}, wanted flute, violin or trumpet for {name}")
    if near := get_close_matches(name, known, n=4, cutoff=0.5):
        raise ArgumentError(f"config: found {name!r}; did you mean {', '.join(near)}?")
    main = ", ".join(each for each in MAIN_NAMES if each in known)
    raise ArgumentError(f"config: found {name!r}, wanted {main}, or another one of docs/resynthesis.md")


def _paper(instrument: str, training: ResynthesisTraining) -> dict[str, ResynthesisConfig]:
    """The paper's models and its baseline. One stack and two stacks are the violin's; others call four operators Y."""
    patches = {"": instrument, "-y": f"{instrument}-y", "-1x4": "violin-1x4", "-2x2": "violin-2x2", "-2op": "2"}
    ddx7_training = replace(training, learning_rate=_DDX7_LEARNING_RATE)
    hpn_rate = _HPN_PUBLISHED_LEARNING_RATE if training is PUBLISHED_TRAINING else _HPN_LEARNING_RATE
    hpn_training = replace(training, learning_rate=hpn_rate, clip=_HPN_CLIP)
    return {
        **{
            f"ddx7{suffix}-{limit_name}": ResynthesisConfig(
                ResynthesisModel(FmSynth(from_voice(PAPER[patch], limit), "sigmoid"), TcnSize()), ddx7_training
            )
            for suffix, patch in patches.items()
            if patch in PAPER
            for limit_name, limit in INDEX_LIMITS.items()
        },
        "hpn": ResynthesisConfig(ResynthesisModel(HpnSynth(), RnnSize()), hpn_training),
        "hpn-cropped": ResynthesisConfig(ResynthesisModel(HpnSynth(cropped=True), RnnSize()), hpn_training),
    }


def _from_paper(instrument: str) -> dict[str, ResynthesisConfig]:
    """First steps from DDX7 to fm-tcn, which keep the paper's operators."""
    if instrument not in PAPER:
        return {}
    paper = from_voice(PAPER[instrument], TURN)
    return {
        "fm-tcn-residual": _fm_tcn(from_voice(PAPER[instrument], 2.0), "sigmoid"),
        "fm-tcn-exponential": _fm_tcn(paper),
        "fm-tcn-noise": _fm_tcn(with_feedback(paper, 7)),
    }


def _fm_tcn_default() -> ResynthesisConfig:
    synthesizer = FmSynth(steady_noise_beside(12, *TONE_RATIOS), steady=(2,))
    model = ResynthesisModel(synthesizer, _DEFAULT_SIZE, reverb_s=_REVERB_S, reverb_kind="two-bodies")
    return ResynthesisConfig(model, DEFAULT_TRAINING)


def _fm_tcn(structure: Structure, scaling: str = "exponential") -> ResynthesisConfig:
    return ResynthesisConfig(ResynthesisModel(FmSynth(structure, scaling), _FM_TCN_SIZE), LAPTOP_TRAINING)


def _with_reverb(config: ResynthesisConfig) -> ResynthesisConfig:
    return ResynthesisConfig(
        replace(config.model, reverb_s=_REVERB_S),
        replace(config.training, context_frames=_REVERB_CONTEXT_FRAMES),
    )


def _in_room(config: ResynthesisConfig, learning_rate: float) -> ResynthesisConfig:
    """A model in the room of fm-tcn, with its training but for the rate and the clip."""
    model = replace(config.model, reverb_s=_REVERB_S, reverb_kind="room")
    training = replace(DEFAULT_TRAINING, learning_rate=learning_rate, clip=config.training.clip)
    return ResynthesisConfig(model, training)


def _with_fir_reverb(config: ResynthesisConfig) -> ResynthesisConfig:
    return replace(config, model=replace(config.model, reverb_s=_REVERB_S, reverb_kind="fir"))
