import numpy as np
import pytest
from matplotlib.figure import Figure

from ddx7.audio.spectra_numpy import to_db
from ddx7.plot.axes import (
    BANDS_PER_OCTAVE,
    band_levels,
    draw_spectrogram,
    figure_bytes,
    frequency_axis,
    mean_spectrum,
    sound_spectra,
)

RATE = 16_000


def sine(hz: float, amplitude: float, seconds: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)


@pytest.mark.parametrize("hz", [440.0, 1000.0, 3520.0])
def test_a_sine_has_its_frequency_and_level_in_spectrogram_and_bands(hz: float) -> None:
    spectra = sound_spectra(sine(hz, 0.5), RATE)
    middle = to_db(spectra.power[len(spectra.times_s) // 2])
    assert spectra.f_hz[middle.argmax()] == pytest.approx(hz, abs=15)
    assert middle.max() == pytest.approx(20 * np.log10(0.5), abs=0.5)
    assert spectra.times_s[-1] == pytest.approx(0.5, abs=0.01)
    f_hz, level_db = band_levels(spectra)
    band = level_db[len(level_db) // 2]
    assert abs(np.log2(f_hz[band.argmax()] / hz)) <= 1 / BANDS_PER_OCTAVE
    assert band.max() == pytest.approx(middle.max(), abs=0.5)


@pytest.mark.parametrize("n_samples", [0, 1, 100, 16_000])
def test_silence_of_any_length_is_drawn_at_minus_200_db(n_samples: int) -> None:
    spectra = sound_spectra(np.zeros(n_samples), RATE)
    assert spectra.power.shape == (len(spectra.times_s), len(spectra.f_hz))
    assert np.all(band_levels(spectra)[1] == -200)
    mesh = draw_spectrogram(Figure().subplots(), spectra, range_db=80.0)
    assert mesh.get_clim() == (-280, -200)


def test_the_mean_spectrum_ends_where_it_is_told_to() -> None:
    spectra = sound_spectra(np.append(sine(1000, 1.0), np.zeros(RATE // 2)), RATE)
    _, until_key_off = mean_spectrum(spectra, 0.45)
    f_hz, whole = mean_spectrum(spectra)
    assert until_key_off.max() == pytest.approx(0, abs=0.3)
    assert whole.max() == pytest.approx(10 * np.log10(0.5), abs=0.3)  # half of the sound is silent
    assert f_hz[0] >= 40


def test_a_relative_spectrogram_has_its_peak_at_0_db() -> None:
    mesh = draw_spectrogram(Figure().subplots(), sound_spectra(sine(1000, 0.1), RATE), range_db=80.0, relative=True)
    assert mesh.get_clim() == (-80, 0)
    assert mesh.get_array().max() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("which", ["x", "y"])
def test_a_frequency_axis_is_logarithmic_with_round_ticks(which) -> None:
    axes = Figure().subplots()
    frequency_axis(axes, which, 16_000.0)
    axis = axes.xaxis if which == "x" else axes.yaxis
    assert axis.get_scale() == "log"
    assert axis.get_view_interval() == pytest.approx([40, 16_000])
    assert [axis.get_major_formatter()(hz) for hz in axis.get_majorticklocs()][:6] == [
        "50", "100", "200", "500", "1k", "2k",
    ]  # fmt: skip


@pytest.mark.parametrize(("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_figure_has_the_bytes_of_its_format(form: str, start: bytes) -> None:
    assert figure_bytes(Figure(figsize=(1, 1)), form).startswith(start)
