"""The page in a real browser: Debian's Chromium, driven by Playwright."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browsing import Page
from serving import running

from ddx7 import Operator, Voice
from ddx7.matching.folder import match_files
from ddx7.voice import read_bytes, to_bytes


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("page")) as server:
        yield server


def tone(seconds=1.0, rate=44_100, hz=440.0):
    buffer = io.BytesIO()
    t = np.arange(round(seconds * rate)) / rate
    soundfile.write(buffer, 0.5 * np.sin(2 * np.pi * hz * t) * np.exp(-2 * t), rate, format="WAV")
    return {"name": "tone.wav", "mimeType": "audio/wav", "buffer": buffer.getvalue()}


def note_names(page):
    return page.locator(".note-block").all_inner_texts()


def test_the_demo_is_there_at_once_and_nothing_comes_from_elsewhere(opened, server):
    view = opened()
    view.page.locator(".recording-name", has_text="trumpet.flac").wait_for()
    view.page.get_by_role("button", name="Play", exact=True).first.click()
    view.page.get_by_role("button", name="Pause", exact=True).first.wait_for()
    assert {url.split("/")[2] for url in view.requests if not url.startswith(("blob:", "data:"))} == {
        f"127.0.0.1:{server.port}"
    }


def test_notes_are_found_corrected_and_come_back_after_a_reload(opened):
    view = opened()
    page = view.page
    page.locator(".note-block").nth(2).wait_for()
    assert note_names(page) == ["G3", "C4", "A#3"]
    page.locator(".note-block").nth(0).click()
    page.locator(".note-editor").get_by_role("button", name="Octave down").click()
    page.locator(".note-block", has_text="G2").wait_for()
    with page.expect_request(lambda request: request.method == "PUT"):
        page.get_by_label("Held, s").fill("0.2")
        page.get_by_label("Held, s").press("Enter")
    page.wait_for_timeout(600)
    page.reload()
    page.locator(".note-block", has_text="G2").wait_for()
    page.locator("body").press("Control+z")  # the steps of the session before the reload are gone
    page.get_by_role("button", name="Notes as found").click()
    page.locator(".note-block", has_text="G3").wait_for()
    page.locator("body").press("Control+z")
    page.locator(".note-block", has_text="G2").wait_for()


def test_a_file_that_is_chosen_and_a_region_of_it(opened):
    page = opened().page
    page.get_by_label("Choose recordings").set_input_files(files=[tone()])
    page.locator(".recording-name", has_text="tone.wav").wait_for()
    page.locator(".note-block", has_text="A3").wait_for()
    page.get_by_label("To, s").fill("0.5")
    page.get_by_label("To, s").press("Enter")
    page.get_by_role("button", name="Whole recording").wait_for()
    box = page.locator("canvas.wave").bounding_box()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 20, steps=5)
    page.mouse.up()
    assert float(page.get_by_label("From, s").input_value()) == pytest.approx(0.25, abs=0.02)
    assert float(page.get_by_label("To, s").input_value()) == pytest.approx(0.75, abs=0.02)
    page.locator("body").press("Control+z")
    assert float(page.get_by_label("To, s").input_value()) in (0.5, 1.0)


def test_a_file_that_is_no_sound_gets_a_sentence_where_it_was_dropped(browser, server):
    view = Page(browser, server)
    bad = {"name": "notes.wav", "mimeType": "audio/wav", "buffer": b"no sound at all"}
    view.page.get_by_label("Choose recordings").set_input_files(files=[bad])
    view.page.locator(".sources .problem", has_text="Notes.wav").or_(
        view.page.locator(".sources .problem", has_text="notes.wav")
    ).wait_for()
    view.context.close()  # Chromium's console reports the status 422, so complaints are not checked


def test_the_microphone_records_a_take(opened):
    page = opened(permissions=["microphone"]).page
    page.get_by_role("button", name="Record", exact=True).click()
    page.locator(".record-time", has_text="1.").wait_for()
    page.get_by_role("button", name="Stop and keep").click()
    page.locator(".recording-name", has_text="Take").wait_for()


def test_the_piano_plays_by_mouse_and_by_keyboard(opened):
    page = opened().page
    with page.expect_response(lambda answer: "/api/render" in answer.url) as answer:
        page.locator("body").press("KeyZ")
    assert answer.value.status == 200
    with page.expect_response(lambda answer: "/api/render" in answer.url):
        page.locator('.key[data-note="64"]').click()


def test_two_pages_have_sessions_of_their_own_and_the_last_is_offered_again(opened):
    first = opened().page
    first.locator(".note-block").first.wait_for()
    first.wait_for_timeout(600)
    second = opened().page
    second.get_by_label("Choose recordings").set_input_files(files=[tone(hz=220.0)])
    second.locator(".recording-name", has_text="tone.wav").wait_for()
    assert first.locator(".recording-name").inner_text() == "trumpet.flac"
    second.wait_for_timeout(600)
    third = opened().page
    third.get_by_role("button", name="Go on with it").click()
    third.locator(".recording-name", has_text="tone.wav").wait_for()
    fourth = opened().page
    fourth.get_by_role("button", name="Go on with it").wait_for()
    fourth.get_by_role("button", name="Find the voice").click()
    fourth.get_by_role("button", name="Go on with it").wait_for(state="detached")
    fourth.get_by_role("button", name="Cancel").click()


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(360, 740, "dark"), (768, 1024, "light"), (3840, 2160, "dark")]
)
def test_the_page_fits_every_width(opened, width, height, scheme):
    page = opened(viewport={"width": width, "height": height}, color_scheme=scheme).page
    page.locator(".note-block").first.wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert page.evaluate("() => document.documentElement.dataset.theme") == scheme


def test_every_control_has_a_name(opened):
    page = opened().page
    page.locator(".note-block").first.click()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, textarea, canvas, [role=slider]')]
            .filter((e) => !e.closest('[hidden]'))
            .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.[0]?.textContent.trim()))
            .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_the_voice_view_edits_hears_and_undoes(opened, server):
    view = opened()
    page = view.page
    page.get_by_role("link", name="Voice").click()
    page.get_by_role("button", name="Hide the piano").click()
    level = page.get_by_label("operator 2 output level")
    with page.expect_response(lambda answer: "/api/render" in answer.url):
        level.focus()
        level.press("End")
    assert level.input_value() == "99"
    page.get_by_label("Algorithm", exact=True).select_option("32")
    page.get_by_role("img", name="Algorithm 32: carriers 1, 2, 3, 4, 5, 6").wait_for()
    page.locator(".operator .eg").first.scroll_into_view_if_needed()
    dot = page.locator(".operator .eg-dot").nth(1).bounding_box()
    page.mouse.move(dot["x"] + 5, dot["y"] + 5)
    page.mouse.down()
    page.mouse.move(dot["x"] + 25, dot["y"] + 30, steps=4)
    page.mouse.up()
    changed = page.get_by_label("operator 1 L2").input_value()
    assert changed != "99"
    page.locator("h1").first.press("Control+z")
    assert page.get_by_label("operator 1 L2").input_value() == "99"
    page.locator("h1").first.press("Control+z")
    assert page.get_by_label("Algorithm", exact=True).input_value() == "1"
    page.get_by_label("Name").fill("MY VOICE")
    page.get_by_label("Name").press("Enter")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save .syx").click()
    assert b"MY VOICE  " in Path(download.value.path()).read_bytes()


def bank_file():
    loud = Operator(output_level=99)
    voices = [
        Voice(operators=(loud, Operator(output_level=9 * k + 20), *(Operator(),) * 4), name=f"V {k}") for k in range(9)
    ]
    return {"name": "nine.syx", "mimeType": "application/octet-stream", "buffer": to_bytes(voices)}


def test_a_library_is_filtered_played_and_made_into_a_bank(opened):
    page = opened(viewport={"width": 1280, "height": 1100}).page
    page.get_by_role("link", name="Library").click()
    page.get_by_label("Choose files of voices").set_input_files(files=[bank_file()])
    page.locator(".list-row", has_text="V 8").wait_for()
    page.get_by_role("searchbox", name="Search").fill("v 7")
    page.locator(".count", has_text="1 of 9").wait_for()
    with page.expect_response(lambda answer: "/api/render" in answer.url):
        page.get_by_role("searchbox", name="Search").press("Enter")  # plays the first voice of the list
    page.locator(".virtual-list").press("Enter")
    page.get_by_role("button", name="Place 1: V 7").wait_for()
    page.locator(".virtual-list").press("Shift+Enter")
    page.get_by_role("button", name="Clear filters").click()
    row = page.locator(".list-row", has_text="V 2").locator(".voice-name").bounding_box()
    place = page.get_by_role("button", name="Place 5, free").bounding_box()
    page.mouse.move(row["x"] + 10, row["y"] + 5)
    page.mouse.down()
    page.mouse.move(row["x"] + 40, row["y"] + 9, steps=3)
    page.mouse.move(place["x"] + 20, place["y"] + 9, steps=3)
    page.mouse.up()
    page.get_by_role("button", name="Place 5: V 2").press("Alt+ArrowUp")
    page.get_by_role("button", name="Place 4: V 2").wait_for()
    page.wait_for_timeout(600)
    page.reload()
    page.get_by_role("button", name="Place 4: V 2").wait_for()
    page.locator("label", has_text="Starred").click()
    page.locator(".count", has_text="1 of 9").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
    names = [voice.name for voice in read_bytes(Path(download.value.path()).read_bytes())]
    assert names[:5] == ["V 7", "INIT VOICE", "INIT VOICE", "V 2", "INIT VOICE"]


@pytest.mark.slow
def test_the_best_voice_so_far_plays_while_the_search_runs_and_can_be_kept(opened):
    page = opened().page
    page.get_by_role("button", name="Hide the piano").click()
    page.get_by_label("Choose recordings").set_input_files(files=[tone()])
    page.locator(".note-block", has_text="A3").wait_for()
    page.get_by_role("radiogroup", name="Time for the search").get_by_text("2 min", exact=True).click()
    page.get_by_role("button", name="Find the voice").click()
    hear = page.get_by_role("button", name="Hear the best so far")
    with page.expect_response(lambda answer: "/api/render" in answer.url, timeout=300_000):
        hear.click(timeout=300_000)  # once it is enabled
    page.locator(".search").get_by_role("button", name="Stop and keep").click()
    page.locator("#results:not([hidden])").wait_for(timeout=120_000)


@pytest.mark.slow
def test_voices_are_varied_morphed_kept_and_put_in_the_bank(opened):
    page = opened().page
    page.get_by_role("link", name="Make").click()
    page.get_by_role("button", name="Hide the piano").click()
    page.locator("label", has_text="Vary").click()
    page.get_by_role("button", name="Vary", exact=True).click()
    page.locator(".made").nth(1).get_by_role("button", name="Keep").click(timeout=300_000)
    card = page.locator(".made").nth(1).bounding_box()
    star = page.locator(".made").nth(1).get_by_role("button").last.bounding_box()
    assert star["x"] + star["width"] <= card["x"] + card["width"]
    page.locator("label", has_text="Morph").click()
    page.locator(".made").nth(2).get_by_role("button", name="A of the morph").click()
    page.locator(".made").nth(3).get_by_role("button", name="B of the morph").click()
    page.get_by_role("button", name="Morph", exact=True).click()
    walk = page.get_by_label("From A to B")
    walk.wait_for(timeout=300_000)
    with page.expect_response(lambda answer: "/api/render" in answer.url):
        walk.press("ArrowRight")
    assert page.locator(".morph-walk .slider-value").inner_text() == "2 of 9"
    page.get_by_role("button", name="Keep this step").click()
    page.get_by_role("button", name="To the bank").click()
    page.get_by_role("button", name="Place 2:").wait_for()


@pytest.mark.slow
def test_a_voice_is_fitted_to_a_recording_from_where_it_stands(opened):
    page = opened().page
    page.locator(".note-block").first.wait_for()
    page.get_by_role("link", name="Voice").click()
    page.get_by_role("button", name="Hide the piano").click()
    page.get_by_label("Follow").select_option(label="trumpet.flac")
    before = float(page.locator(".distance-line .mono").inner_text(timeout=300_000))
    page.locator(".fit label", has_text="5 s").first.click()
    page.locator('.fit [data-part="algorithm"]').click()
    page.get_by_role("button", name="Fit from here").click()
    page.locator(".fit .track", has_text="Fit 1").wait_for(timeout=300_000)
    assert page.get_by_label("Algorithm", exact=True).input_value() == "1"
    page.wait_for_function(
        "(before) => Number(document.querySelector('.distance-line .mono').textContent) < before - 1", arg=before
    )


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_in_any_view(opened, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = opened(color_scheme=scheme).page
    for name in ("Match", "Voice", "Library", "Make", "Instruments", "Send"):
        page.get_by_role("link", name=name).click()
        if name == "Library":
            page.get_by_label("Choose files of voices").set_input_files(files=[bank_file()])
            page.locator(".list-row", has_text="V 8").locator(".voice-name").click()
            page.get_by_role("button", name="Put in the bank").last.click()
        page.wait_for_timeout(800)  # colours fade in
        found = axe.Axe().run(page).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found] == [], name


MIDI = """
window.sent = [];
const output = { id: "o", name: "DX7", send: (bytes) => window.sent.push([...bytes]) };
const input = new EventTarget();
Object.assign(input, { id: "i", name: "Keys" });
window.midiInput = input;
navigator.requestMIDIAccess = async ({ sysex } = {}) => ({
  sysexEnabled: Boolean(sysex), inputs: new Map([["i", input]]), outputs: new Map([["o", output]]),
});
"""


def test_a_voice_is_sent_by_midi_to_the_chosen_channel(opened):
    page = opened(script=MIDI).page
    page.get_by_role("link", name="Send").click()
    page.get_by_role("button", name="Connect MIDI").click()
    page.get_by_label("MIDI channel of the instrument").select_option("3")
    page.get_by_role("button", name="Send to the edit buffer").click()
    page.get_by_text("was sent to DX7").wait_for()
    [message] = page.evaluate("() => window.sent")
    assert len(message) == 163
    assert message[:6] == [0xF0, 0x43, 0x02, 0x00, 0x01, 0x1B]
    page.evaluate(
        """(bytes) => {
          const event = new Event("midimessage");
          event.data = new Uint8Array(bytes);
          window.midiInput.dispatchEvent(event);
        }""",
        message,
    )
    page.locator(".session-list", has_text="INIT VOICE").wait_for()


def test_a_midi_keyboard_plays_with_velocity(opened):
    page = opened(script=MIDI).page
    page.get_by_role("button", name="MIDI keyboard").click()
    page.get_by_text("Play on Keys.").wait_for()
    with page.expect_request(lambda request: "/api/render" in request.url) as request:
        page.evaluate("() => window.midiInput.onmidimessage({ data: [0x90, 60, 33] })")
    assert request.value.post_data_json["velocities"] == 33
    assert request.value.post_data_json["notes"] == [60]


@pytest.mark.slow
def test_a_recording_becomes_a_file_of_a_voice(opened, server):
    page = opened().page
    page.locator(".note-block").first.wait_for()
    page.get_by_role("radiogroup", name="Time for the search").get_by_text("5 s", exact=True).click()
    page.get_by_role("button", name="Find the voice").click()
    page.locator(".search-running .big-number", has_text=".").wait_for(timeout=300_000)
    page.reload()  # the job goes on, and the page finds it again
    page.locator("#results:not([hidden])").wait_for(timeout=300_000)
    for track in page.locator(".track").all():
        track.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save .syx").click()
    voice = Path(download.value.path()).read_bytes()
    assert len(voice) == 163
    assert voice.startswith(b"\xf0\x43\x00\x00\x01\x1b")
    kept = sorted(path.name for path in (server.services.folder / "trumpet").iterdir())
    assert kept == sorted(path.name for path in match_files(Path(), "trumpet"))
    page.get_by_role("button", name="Output levels").click()
    page.get_by_role("button", name="Brighter", exact=True).click()
    page.locator(".run-row button", has_text="Brighter than TRUMPET").wait_for(timeout=300_000)
    page.locator("body").press("Control+z")
