"""What a search listens for: the notes of a recording that a voice is judged by, and how they are played."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ddx7.audio import Note, partials, resample
from ddx7.audio.transcription import velocities
from ddx7.encoder.examples import RELEASE_S, batch_spectrograms
from ddx7.encoder.sampler import MAX_NOTES, NoteInputs
from ddx7.encoder.spectrogram import RATE as SPECTROGRAM_RATE
from ddx7.encoder.spectrogram import SPAN_S
from ddx7.engine import DEXED, Patch, Profile, plan, play
from ddx7.engine.clock import first_block_at
from ddx7.engine.tables import BLOCK
from ddx7.matching.objective import NoteEvent, NoteTarget, Objective, fit_length
from ddx7.matching.prior import Prior

RATE = 44_100
LONGEST_NOTE_S = 4.0
LONGEST_OF_SEVERAL_S = 1.4  # several notes share the time of one
VELOCITY = 100  # of the loudest note
CONFIDENT = 0.4  # below there is no one clear pitch, as `ddx7.audio.Note` says
SEVERAL_PITCHES = 5  # semitones between the lowest and the highest note: enough to tell level scaling
SEVERAL_VELOCITIES = 10  # between the softest and the loudest: enough to tell velocity sensitivity


@dataclass(frozen=True, eq=False)
class Target:
    """A recording, ready to be searched for.

    Attributes:
      sound: from the first onset to the end of the last note, at `RATE`, float32 [sample].
      notes: all notes found, with onsets from the start of `sound`.
      hands: what plays each of them.
      chosen: indices of the notes that voices are judged by, the most telling first.
      profile: whose sound the voices make.
    """

    sound: Float[np.ndarray, " sample"]
    notes: tuple[Note, ...]
    hands: tuple[NoteEvent, ...]
    chosen: tuple[int, ...]
    profile: Profile = DEXED

    @property
    def cents(self) -> float:
        """How far the chosen notes are from their keys."""
        return float(np.median([self.notes[i].cents for i in self.chosen]))

    def audition(self) -> Objective:
        """The chosen notes, to be heard at `RATE`."""
        return Objective(tuple(self._listener(i) for i in self.chosen))

    def held(self, audition: Objective) -> "Target":
        """The same recording, its chosen notes held as long as in the audition."""
        notes, hands = list(self.notes), list(self.hands)
        for i, listener in zip(self.chosen, audition.listeners, strict=True):
            notes[i], hands[i] = replace(notes[i], gate_s=listener.hand.gate_s), listener.hand
        return replace(self, notes=tuple(notes), hands=tuple(hands))

    def heard(self, octave: int = 0) -> NoteInputs:
        """The chosen notes as the ear takes them in.

        Args:
          octave: how many octaves lower than measured to take the pitch for; the keys are those of that pitch.
        """
        sounds, hands = [], []
        for i in self.chosen:
            listener, hand = self._listener(i), self.hands[i]
            lasts = round(min(hand.gate_s + RELEASE_S, SPAN_S) * RATE)
            half = resample((listener.target * listener.window)[:lasts], RATE, SPECTROGRAM_RATE)
            sounds.append(np.pad(half, (0, max(0, round(SPAN_S * SPECTROGRAM_RATE) - len(half)))))
            hands.append((hand.key - 12 * octave, hand.velocity, hand.gate_s))
        played = np.array(hands, np.float32)
        f0_hz = np.array([self.notes[i].f0_hz for i in self.chosen]) / 2.0**octave
        return NoteInputs(batch_spectrograms(np.stack(sounds), f0_hz, played[:, 2]), played)

    def prior(self) -> Prior:
        """How to draw voices for this recording."""
        first = self.notes[self.chosen[0]]
        excerpt = self.sound[round(first.onset_s * RATE) :][: round(LONGEST_NOTE_S * RATE)]
        peaks = partials(excerpt, RATE, first.f0_hz, start_s=min(0.05, first.duration_s / 4))
        hands = [self.hands[i] for i in self.chosen]
        keys, velocity = ([hand[k] for hand in hands] for k in (0, 1))
        return Prior(
            peaks,
            self.cents,
            sustains=first.gate_s < 0.9 * first.duration_s or len(self.notes) > 1,
            several_pitches=max(keys) - min(keys) >= SEVERAL_PITCHES,
            several_velocities=max(velocity) - min(velocity) >= SEVERAL_VELOCITIES,
        )

    def perform(self, vced: np.ndarray) -> Float[np.ndarray, "voice sample"]:
        """All notes as voices, uint8 [voice, 155], play them, as long as `sound`."""
        audio = np.zeros((len(vced), len(self.sound)), np.float32)
        patch = Patch.from_vced(np.repeat(vced, len(self.notes), axis=0))
        hands = [np.tile(list(column), len(vced)) for column in zip(*self.hands, strict=True)]
        gates = first_block_at(hands[2], RATE)
        starts = np.array([round(note.onset_s * RATE) for note in self.notes])
        lengths = np.minimum(len(self.sound) - starts, gates[: len(starts)] * BLOCK + round(LONGEST_NOTE_S * RATE))
        played = play(plan(patch, hands[0], hands[1], gates, RATE, profile=self.profile), np.tile(lengths, len(vced)))
        for row, sound in enumerate(played):
            voice, note = divmod(row, len(self.notes))
            audio[voice, starts[note] : starts[note] + lengths[note]] += sound[: lengths[note]]
        return audio

    def _listener(self, index: int) -> NoteTarget:
        note, begin = self.notes[index], round(self.notes[index].onset_s * RATE)
        following = self.notes[index + 1].onset_s if index + 1 < len(self.notes) else len(self.sound) / RATE
        longest = LONGEST_NOTE_S if len(self.chosen) == 1 else LONGEST_OF_SEVERAL_S
        heard_s = min(following - note.onset_s, longest)
        excerpt = fit_length(self.sound[begin : begin + round(longest * RATE)])
        # After the end of a recording there is silence, which voices have to keep, too.
        ends = index + 1 == len(self.notes) and note.duration_s <= longest
        return NoteTarget(excerpt, RATE, self.hands[index], len(excerpt) / RATE if ends else heard_s, self.profile)


def make_target(
    samples: Float[np.ndarray, " sample"], sample_rate: int, notes: tuple[Note, ...], profile: Profile = DEXED
) -> Target:
    """Choose what to listen to.

    Args:
      samples: the recording.
      sample_rate: in Hz.
      notes: found in it, in order, at least one.
      profile: whose sound the voices make.
    """
    begin = notes[0].onset_s
    last = notes[-1]
    longest = LONGEST_NOTE_S if len(notes) == 1 else last.duration_s
    end = last.onset_s + min(last.duration_s, longest)
    sound = resample(samples[round(begin * sample_rate) : round(end * sample_rate)], sample_rate, RATE)
    notes = tuple(_from(note, begin) for note in notes)
    hands = tuple(
        NoteEvent(int(np.clip(note.note, 0, 127)), velocity, min(note.gate_s, longest))
        for note, velocity in zip(notes, velocities(notes, VELOCITY), strict=True)
    )
    return Target(sound, notes, hands, _telling(notes), profile)


def _telling(notes: tuple[Note, ...]) -> tuple[int, ...]:
    """The strongest note, then those that differ most from the ones taken, in pitch, loudness and length."""
    energy_db = np.array([note.loudness_db + 10 * np.log10(min(note.duration_s, 1.0)) for note in notes])
    sure = np.array([note.confidence >= CONFIDENT for note in notes])
    usable = sure if sure.any() else np.ones(len(notes), bool)
    usable &= energy_db >= energy_db.max() - 30
    # Units that weigh alike: five semitones, six decibels, a doubling of length.
    places = np.array([(note.note / 5, note.loudness_db / 6, np.log2(note.gate_s + 0.05)) for note in notes])
    chosen = [int(np.argmax(np.where(usable, energy_db, -np.inf)))]
    while len(chosen) < min(MAX_NOTES, usable.sum()):
        apart = np.abs(places[:, None] - places[chosen]).sum(-1).min(-1)
        worth = np.where(usable, apart * np.minimum([note.duration_s for note in notes], 0.5), -1)
        chosen.append(int(np.argmax(worth)))
    return tuple(chosen)


def _from(note: Note, begin_s: float) -> Note:
    return replace(note, onset_s=note.onset_s - begin_s)
