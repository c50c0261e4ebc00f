import re
from dataclasses import replace

import jax
import pytest

from ddx7.errors import Ddx7Error
from ddx7.resynthesis.configs import configs, get_config
from ddx7.resynthesis.model import ResynthesisModel, n_params
from ddx7.resynthesis.reverb import BANDS


def size(model: ResynthesisModel) -> int:
    return n_params(jax.eval_shape(model.init, jax.random.key(0)))


@pytest.mark.parametrize("instrument", ["flute", "violin", "trumpet", "kazoo"])
def test_every_configuration_survives_its_card(instrument):
    for name, config in configs(instrument).items():
        assert ResynthesisModel.from_dict(config.model.to_dict()) == config.model, name


def test_the_default_has_less_than_a_tenth_of_the_baselines_parameters():
    assert size(get_config("fm-tcn", "violin").model) < size(get_config("hpn", "violin").model) / 10


def test_published_training_has_the_published_settings():
    config = get_config("ddx7-2-published-reverb", "flute")
    training = config.training
    assert (training.steps, training.batch, training.frames, training.learning_rate) == (120_000, 16, 1000, 3e-4)
    assert size(config.model) == 399_762 + 16_002
    baseline = get_config("hpn-published", "flute").training
    assert (baseline.learning_rate, baseline.clip, baseline.steps) == (1e-4, 3.0, 120_000)
    assert get_config("hpn", "flute").training.learning_rate == 5e-4


def test_reverb_needs_context_and_adds_two_parameters_a_band():
    dry, wet = get_config("fm-tcn-parallel", "flute"), get_config("fm-tcn-parallel-reverb", "flute")
    assert (wet.model.reverb_s, wet.model.reverb_kind) == (1.0, "filtered-noise")
    assert (dry.training.context_frames, wet.training.context_frames) == (125, 250)
    assert size(wet.model) - size(dry.model) == 2 * BANDS


def test_the_default_has_mel_bands_and_reverb():
    plain, mel, full = (get_config(f"fm-tcn{suffix}", "violin") for suffix in ("-shallow", "-mel", ""))
    assert [c.training.mel_weight for c in (plain, mel, full)] == [0, 3, 3]
    assert plain.model == mel.model
    assert (mel.model.reverb_s, full.model.reverb_s) == (0, 1)
    assert get_config("hpn-mel", "flute").training.mel_weight == 3


def test_baselines_in_a_room_differ_from_the_published_ones_in_room_and_training_alone():
    ours = get_config("fm-tcn", "violin").training
    for name in ("hpn", "ddx7-2"):
        plain, fair = get_config(name, "violin"), get_config(f"{name}-room", "violin")
        assert replace(fair.model, reverb_s=0.0, reverb_kind=plain.model.reverb_kind) == plain.model
        assert (fair.model.reverb_s, fair.model.reverb_kind) == (1.0, "room")
        rate_and_clip = {"learning_rate": ours.learning_rate, "clip": ours.clip}
        assert replace(fair.training, **rate_and_clip) == ours
    assert "ddx7-2-room" not in configs("oboe")


@pytest.mark.parametrize(
    ("name", "near"),
    [("ddx8-2", "ddx7-2"), ("fm-tnc", "fm-tcn"), ("hpn-crop", "hpn-cropped")],
)
def test_an_unknown_name_gives_the_near_names(name, near):
    with pytest.raises(Ddx7Error, match=rf"^config: found '{name}'; did you mean .*\b{re.escape(near)}\b"):
        get_config(name, "flute")


def test_a_name_near_to_none_gives_the_main_ones():
    with pytest.raises(Ddx7Error, match=r"^config: found 'ours', wanted .*\bfm-tcn\b.*\bhpn\b"):
        get_config("ours", "flute")


def test_operators_of_the_paper_need_an_instrument_of_the_paper():
    with pytest.raises(Ddx7Error, match="instrument: found 'kazoo', wanted flute, violin or trumpet for ddx7-2"):
        get_config("ddx7-2", "kazoo")
