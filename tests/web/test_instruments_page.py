"""The view of learned instruments in a real browser."""

import numpy as np
import pytest
import soundfile
from serving import running

from ddx7.resynthesis.instrument import SHIPPED


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("page")) as server:
        yield server


@pytest.mark.slow
def test_a_recording_is_played_by_an_instrument_and_a_knob_changes_it(opened):
    page = opened().page
    page.get_by_role("link", name="Instruments").click()
    page.locator(".track", has_text="violin").wait_for(timeout=300_000)
    page.get_by_role("button", name="Hide the piano").click()
    with page.expect_request(lambda request: "instruments/play" in request.url) as request:
        page.get_by_role("slider", name="Transpose").press("PageUp")
    assert request.value.post_data_json["transpose"] == 6
    with page.expect_request(lambda request: "instruments/play" in request.url) as request:
        page.get_by_role("radio", name="flute").click()
    assert request.value.post_data_json["model"] == "flute"
    page.locator(".track", has_text="flute").click(timeout=300_000)
    page.get_by_role("button", name="Pause", exact=True).first.wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save .wav").click()
    samples, _ = soundfile.read(download.value.path())
    assert np.abs(samples).max() > 0.01


@pytest.mark.slow
def test_an_instrument_of_the_player_is_added_by_its_two_files(opened, server, tmp_path):
    for suffix in (".safetensors", ".json"):
        (tmp_path / f"my flute{suffix}").write_bytes((SHIPPED / f"flute{suffix}").read_bytes())
    page = opened().page
    page.get_by_role("link", name="Instruments").click()
    page.get_by_role("button", name="Hide the piano").click()
    with page.expect_file_chooser() as alone:
        page.get_by_role("button", name="Add your own").click()
    alone.value.set_files(tmp_path / "my flute.safetensors")
    page.locator(".problem", has_text="Choose my flute.json together with my flute.safetensors").wait_for()
    assert page.get_by_role("radio", name="my flute").count() == 0
    with page.expect_file_chooser() as both:
        page.get_by_role("button", name="Add your own").click()
    both.value.set_files(sorted(tmp_path.iterdir()))
    own = page.get_by_role("radio", name="my flute")
    own.wait_for(timeout=300_000)
    assert own.get_attribute("aria-checked") == "true"
    assert {path.name for path in (server.services.folder / "instruments").iterdir()} == {
        "my flute.safetensors",
        "my flute.json",
    }
    page.locator(".track", has_text="my flute").wait_for(timeout=300_000)
