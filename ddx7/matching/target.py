"""The target of a search: the notes of a recording that the objective compares, and the events that play them."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, UInt8

from ddx7.audio import MelTarget, Note, mel_target, partials, resample
from ddx7.audio.noise import noise_spectrum
from ddx7.audio.transcription import velocities
from ddx7.encoder.examples import RELEASE_S, batch_spectrograms
from ddx7.encoder.sampler import MAX_NOTES, NoteInputs
from ddx7.encoder.spectrogram import RATE as SPECTROGRAM_RATE
from ddx7.encoder.spectrogram import SPAN_S
from ddx7.engine import DEXED, Patch, Profile, plan, play
from ddx7.engine.clock import first_block_at
from ddx7.engine.tables import BLOCK
from ddx7.matching.measured_note import MeasuredNote, measure
from ddx7.matching.objective import FADE_S, NoteEvent, NoteTarget, Objective, fit_length
from ddx7.matching.prior import Prior
from ddx7.matching.touch import TouchReference

RATE = 44_100
"""Sample rate in Hz of the target, of polishing and of the result."""
SEARCH_RATE = 22_050
"""Sample rate in Hz of the search before polishing."""
LONGEST_NOTE_S = 4.0
LONGEST_OF_SEVERAL_S = 1.4  # of each note where there are several: they share the time of one
VELOCITY = 100  # of the loudest note
NOISE_ENDS_S = 0.05  # before the first onset: an attack may begin before it
CONFIDENT = 0.4  # confidence from which a pitch is clear, as `ddx7.audio.Note` says
TOGETHER_S = 6.0  # of all notes where each is a recording of its own, if that is longer
SEVERAL_PITCHES = 5  # semitones between the lowest and the highest note that determine level scaling
SEVERAL_VELOCITIES = 10  # between the softest and the loudest note that determine velocity sensitivity


@dataclass(frozen=True, eq=False)
class Target:
    """A recording with its notes, ready for a search.

    Attributes:
      sound: from the first onset to the end of the last note, at `RATE`.
      mel: log-mel spectrum of `sound`, for the distance that `match` reports.
      notes: all notes, with onsets from the start of `sound`.
      events: the events that play them.
      chosen: indices of the notes in the objective, the most informative first.
      profile: engine profile that renders the voices.
      start_s: time of the first onset in the recording, in seconds.
      noise: spectrum of the recording's noise, measured before the first onset.
      noises: that of each note, where each note has a recording of its own.
      separate: whether the notes are of several recordings, each of which ends in silence.
    """

    sound: Float[np.ndarray, " sample"]
    mel: MelTarget
    notes: tuple[Note, ...]
    events: tuple[NoteEvent, ...]
    chosen: tuple[int, ...]
    profile: Profile = DEXED
    start_s: float = 0.0
    noise: Float[np.ndarray, " frequency"] | None = None
    noises: tuple[Float[np.ndarray, " frequency"] | None, ...] = ()
    separate: bool = False

    @property
    def cents(self) -> float:
        """Median pitch of the chosen notes against their MIDI notes, in cents."""
        return float(np.median([self.notes[i].cents for i in self.chosen]))

    def objective(self, sample_rate: int = RATE) -> Objective:
        """Distance of voices from the chosen notes, at a sample rate in Hz."""
        objective = Objective(tuple(self.note_target(i) for i in self.chosen))
        return objective if sample_rate == RATE else objective.at_rate(sample_rate)

    def with_gate(self, gate_s: float | int) -> "Target":
        """Change the gate of a recording of one note."""
        [note] = self.notes
        [event] = self.events
        events = (event._replace(gate_s=min(gate_s, LONGEST_NOTE_S)),)
        return replace(self, notes=(replace(note, gate_s=gate_s),), events=events)

    def with_gates_of(self, objective: Objective) -> "Target":
        """Take the gates of the chosen notes from an objective of this target."""
        notes, events = list(self.notes), list(self.events)
        for i, note_target in zip(self.chosen, objective.note_targets, strict=True):
            notes[i], events[i] = replace(notes[i], gate_s=note_target.event.gate_s), note_target.event
        return replace(self, notes=tuple(notes), events=tuple(events))

    def encoder_inputs(self, below: int = 0) -> NoteInputs:
        """The chosen notes as inputs of the preset encoder.

        Args:
          below: semitones by which the true pitch lies below the measured one; the MIDI notes are those of that pitch.
        """
        sounds, rows = [], []
        scored = self.chosen[:MAX_NOTES]
        for i in scored:
            note_target, event = self.note_target(i), self.events[i]
            n_samples = round(min(event.gate_s + RELEASE_S, SPAN_S) * RATE)
            sound = resample((note_target.target * note_target.window)[:n_samples], RATE, SPECTROGRAM_RATE)
            sounds.append(np.pad(sound, (0, max(0, round(SPAN_S * SPECTROGRAM_RATE) - len(sound)))))
            rows.append((event.note - below, event.velocity, event.gate_s))
        events = np.array(rows, np.float32)
        f0_hz = np.array([self.notes[i].f0_hz for i in scored]) / 2.0 ** (below / 12)
        return NoteInputs(batch_spectrograms(np.stack(sounds), f0_hz, events[:, 2]), events)

    def measured(self, lowest_hz: float | int = np.inf) -> MeasuredNote:
        """Partials over time of the strongest note.

        Args:
          lowest_hz: the lowest fundamental frequency that it may have, if that is below the measured one.
        """
        note, note_target = self.notes[self.chosen[0]], self.note_target(self.chosen[0])
        return measure(
            note_target.target * note_target.window,
            RATE,
            f0_hz=note.f0_hz,
            lowest_f0_hz=min(lowest_hz, note.f0_hz),
            gate_s=note.gate_s,
            duration_s=min(note.duration_s, note_target.scored_s),
        )

    def prior(self) -> Prior:
        """Distribution of the voices that a search draws for this recording."""
        first = self.notes[self.chosen[0]]
        excerpt = self.sound[round(first.onset_s * RATE) :][: round(LONGEST_NOTE_S * RATE)]
        peaks = partials(excerpt, RATE, first.f0_hz, start_s=min(0.05, first.duration_s / 4))
        events = [self.events[i] for i in self.chosen]
        midi_notes, midi_velocities = [event.note for event in events], [event.velocity for event in events]
        several_pitches = max(midi_notes) - min(midi_notes) >= SEVERAL_PITCHES
        several_velocities = max(midi_velocities) - min(midi_velocities) >= SEVERAL_VELOCITIES
        reference = TouchReference(
            events[0].note, events[0].velocity, self.profile.levels, several_velocities, several_pitches
        )
        return Prior(
            peaks,
            self.cents,
            sustains=first.gate_s < 0.9 * first.duration_s or (len(self.notes) > 1 and not self.separate),
            several_pitches=several_pitches,
            several_velocities=several_velocities,
            touch=reference if self.separate and (several_pitches or several_velocities) else None,
        )

    def render(self, vced: UInt8[np.ndarray, "voice 155"]) -> Float[np.ndarray, "voice sample"]:
        """Render all notes with each voice, as long as `sound`."""
        audio = np.zeros((len(vced), len(self.sound)), np.float32)
        patch = Patch.from_vced(np.repeat(vced, len(self.notes), axis=0))
        note, velocity, gate_s = (np.tile(list(column), len(vced)) for column in zip(*self.events, strict=True))
        gates = first_block_at(gate_s, RATE)
        starts = np.array([round(note.onset_s * RATE) for note in self.notes])
        until = np.append(starts[1:], len(self.sound)) if self.separate else len(self.sound)
        lengths = np.minimum(until - starts, gates[: len(starts)] * BLOCK + round(LONGEST_NOTE_S * RATE))
        plans = plan(patch, note, velocity, gates, RATE, profile=self.profile)
        for row, sound in enumerate(play(plans, np.tile(lengths, len(vced)))):
            voice, k = divmod(row, len(self.notes))
            length = lengths[k]
            fade = np.minimum(np.arange(length, 0, -1) / (FADE_S * RATE), 1) if self.separate else 1
            audio[voice, starts[k] : starts[k] + length] += (sound[:length] * fade).astype(np.float32)
        return audio

    def distances_db(self, audio: Float[np.ndarray, "voice sample"]) -> list[float]:
        """`ddx7.audio.log_mel_distance` of each sound from the recording, in dB."""
        return [self.mel.distance(sound, RATE) for sound in audio]

    @property
    def _longest_s(self) -> float:
        """Seconds of a note that are scored at most."""
        if len(self.chosen) == 1:
            return LONGEST_NOTE_S
        if not self.separate:
            return LONGEST_OF_SEVERAL_S
        return float(np.clip(TOGETHER_S / len(self.chosen), LONGEST_OF_SEVERAL_S, LONGEST_NOTE_S))

    def note_target(self, index: int) -> NoteTarget:
        """One note, as the objective scores it."""
        note, begin = self.notes[index], round(self.notes[index].onset_s * RATE)
        next_s = self.notes[index + 1].onset_s if index + 1 < len(self.notes) else len(self.sound) / RATE
        longest_s = self._longest_s
        length_s = min(next_s - note.onset_s, longest_s)
        excerpt = fit_length(self.sound[begin : begin + round(longest_s * RATE)])
        # After its last note a recording is silent, and the objective holds voices to that silence, too.
        ends = index + 1 == len(self.notes) and note.duration_s <= longest_s
        scored_s = len(excerpt) / RATE if ends else length_s
        noise = self.noises[index] if self.noises else self.noise
        return NoteTarget(excerpt, RATE, self.events[index], scored_s, length_s, self.profile, noise)


def make_target(
    samples: Float[np.ndarray, " sample"],
    sample_rate: int,
    notes: tuple[Note, ...],
    profile: Profile = DEXED,
    velocity: int = VELOCITY,
) -> Target:
    """Make the target of a search from a recording and its notes.

    Args:
      samples: the recording.
      sample_rate: in Hz.
      notes: notes of the recording, in order, at least one.
      profile: engine profile that renders the voices.
      velocity: of the loudest note, 1-127; notes with a velocity of their own keep it.

    Raises:
      AudioError: the notes are silent.
    """
    begin_s = notes[0].onset_s
    last = notes[-1]
    longest_s = LONGEST_NOTE_S if len(notes) == 1 else last.duration_s
    end_s = last.onset_s + min(last.duration_s, longest_s)
    sound = resample(samples[round(begin_s * sample_rate) : round(end_s * sample_rate)], sample_rate, RATE)
    notes = tuple(replace(note, onset_s=note.onset_s - begin_s) for note in notes)
    events, chosen = _events(notes, longest_s, velocity), _most_informative(notes)
    noise = noise_spectrum(samples[: max(0, round((begin_s - NOISE_ENDS_S) * sample_rate))], sample_rate)
    return Target(sound, mel_target(sound, RATE), notes, events, chosen, profile, begin_s, noise)


def _events(notes: tuple[Note, ...], longest_s: float, loudest: int) -> tuple[NoteEvent, ...]:
    return tuple(
        NoteEvent(int(np.clip(note.note, 0, 127)), note.velocity or velocity, min(note.gate_s, longest_s))
        for note, velocity in zip(notes, velocities(notes, loudest), strict=True)
    )


def _most_informative(notes: tuple[Note, ...]) -> tuple[int, ...]:
    """Choose the strongest note, then those that differ most from the chosen ones in pitch, loudness and length."""
    energy_db = np.array([note.loudness_db + 10 * np.log10(min(note.duration_s, 1.0)) for note in notes])
    confident = np.array([note.confidence >= CONFIDENT for note in notes])
    usable = confident if confident.any() else np.ones(len(notes), bool)
    usable &= energy_db >= energy_db.max() - 30
    # Five semitones, six decibels and a doubling of length weigh the same.
    places = np.array([(note.note / 5, note.loudness_db / 6, np.log2(note.gate_s + 0.05)) for note in notes])
    chosen = [int(np.argmax(np.where(usable, energy_db, -np.inf)))]
    while len(chosen) < min(MAX_NOTES, usable.sum()):
        apart = np.abs(places[:, None] - places[chosen]).sum(-1).min(-1)
        worth = np.where(usable, apart * np.minimum([note.duration_s for note in notes], 0.5), -1)
        chosen.append(int(np.argmax(worth)))
    return tuple(chosen)
