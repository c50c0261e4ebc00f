"""`match`: a recording of a note or a phrase in, DX7 voices out, in four steps.

    recording ─► prepare ─► PreparedRecording ─► propose ─► Proposals
              ─► search ─► SearchResult ─► finalise ─► Candidates

Each step is a function of its own, from one frozen dataclass to the next: `ddx7.matching.prepare.prepare`,
`ddx7.matching.propose.propose`, `ddx7.matching.search.search` and `ddx7.matching.finalise.finalise`. The search reduces
the perceptual distance of rendered voices, and the last step ranks the candidates by it at full rate. The log-mel
distance of all notes stands beside it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path

import numpy as np

from ddx7.audio import Note, fast_distance
from ddx7.encoder import load_weights
from ddx7.engine import Profile, as_profile, renderer
from ddx7.errors import ArgumentError, Ddx7Error
from ddx7.matching.differences import differences
from ddx7.matching.effort import AUDIO_PER_EFFORT
from ddx7.matching.finalise import Candidates, finalise
from ddx7.matching.held import held_parts
from ddx7.matching.joint_search import search_together
from ddx7.matching.peak_floor import peak_floor
from ddx7.matching.prepare import Excerpt, PreparedRecording, prepare, read_excerpt
from ddx7.matching.propose import Proposals, propose
from ddx7.matching.result import Match, MatchReport, Progress
from ddx7.matching.search import SearchResult, rank_proposals, search
from ddx7.matching.segmentation import READINGS, Reading, how_read, note_source
from ddx7.matching.target import RATE, SEARCH_RATE, Target
from ddx7.matching.together import matched_recordings, prepare_together
from ddx7.voice import Voice
from ddx7.voice.single import load_one

LONGEST_SEARCH_S = 3600.0
FAST_ROUNDS = 2
"""Rounds of refinement of a fast match."""
Recording = str | Path | tuple[np.ndarray, int] | Excerpt
"""A file, (samples [time], sample rate), or a decoded recording."""


def match(
    recording: Recording | Sequence[Recording],
    *,
    candidates: int = 4,
    seconds: float | int = 30.0,
    effort: float | int | None = None,
    seed: int = 0,
    name: str | None = None,
    library: Sequence[str | Path] = (),
    fast: bool = False,
    use_encoder: bool = True,
    weights: str | Path | None = None,
    profile: str = "dexed",
    progress: Callable[[Progress], None] | None = None,
    notes: Sequence[Note] | Reading | str | Path = "auto",
    note: int | Sequence[int] | None = None,
    velocity: int | Sequence[int] | None = None,
    start_s: float | int = 0.0,
    end_s: float | int = inf,
    start: Voice | str | Path | None = None,
    lock: Collection[str] = (),
) -> Match:
    """Find DX7 voices that sound like a recorded note or phrase: one voice for all its notes.

    Several recordings of one instrument, at other dynamics and pitches, give one voice whose velocity sensitivity,
    level scaling and rate scaling fit all of them.

    Args:
      recording: an audio file, (samples [time], sample rate), or an `Excerpt`. Of more than 60 s the loudest 60 count.
        A list of 2 to 16 of them gives one voice for all.
      candidates: number of distinct voices to return, 1-32.
      seconds: time of the search, 1-3600. Compiling comes on top: half a minute on a machine's first use, then a few
        seconds.
      effort: an amount of work instead of a time, 1-3600; the same seed and effort give the same voices again, on any
        machine whose processor rounds alike. 120 takes about half a minute on two quiet cores.
      seed: seed of the random generator.
      name: name of the voices, at most ten characters; the file's name by default.
      library: folders or files with voices that the search may start from.
      fast: render and rank the proposals of the preset encoder and refine four of them, without a search. This takes
        some three seconds, more where several gates are possible, and seven for the first match of a process;
        `seconds` has no effect.
      use_encoder: start from voices that the preset encoder proposes, too, and not from random voices alone.
      weights: of the preset encoder, as `ddx7 train encoder` writes them; None takes those of the package.
      profile: what plays the voice: "dexed", "hardware" for the DX7 itself, or "hardware+dac" with its noise.
      progress: called a few times a second.
      notes: the notes of the recording, if they are known: those of `ddx7.audio.find_notes`, or the path of a MIDI file
        that begins with the recording. "one" and "many" say how many there are; "auto" lets the sound decide.
      note: MIDI note of the strongest note, if it is known; one for each of several recordings.
      velocity: MIDI velocity of the loudest note; 100 by default. The velocities of the others follow from their
        levels, if a list does not give one for each of several recordings.
      start_s: beginning of the part of the recording to match, in seconds.
      end_s: its end.
      start: a voice that the search begins with, or its file ("bank.syx:3"); `found.voices[1]` goes on from the second
        candidate of an earlier match.
      lock: parts of that voice that every answer keeps, some of `ddx7.voice.sections.PART_NAMES`, such as ("algorithm",
        "ratios", "lfo").

    Returns:
      the best voices first. An interrupt (Ctrl-C) ends the search early with the best voices so far.

    Raises:
      AudioError: the recording cannot be read, is silent, or has no pitch.
      SysexError: the file of the voice to start from cannot be read.
      Ddx7Error: an argument is out of range, the library holds no voice, the weights are of something else, or the
        voice to start from is silent on the notes of the recording.
    """
    if not 1 <= candidates <= 32:
        raise ArgumentError(f"candidates: found {candidates}, wanted 1 to 32")
    if not 1 <= seconds <= 3600:
        raise ArgumentError(f"seconds: found {seconds:g}, wanted 1 to 3600")
    if effort is not None and not 1 <= effort <= 3600:
        raise ArgumentError(f"effort: found {effort:g}, wanted 1 to 3600")
    if fast and not use_encoder:
        raise Ddx7Error("fast and use_encoder: found fast without the encoder, wanted at least one source of voices")
    first = start if isinstance(start, Voice) or start is None else load_one(start)
    held = held_parts(first, lock)
    encoder = None if weights is None else load_weights(Path(weights))
    prepared = _prepared(recording, as_profile(profile), notes, note, velocity, start_s, end_s)
    excerpt = prepared.excerpt
    if effort is not None:
        _compile_kernels()
    if progress:
        progress(Progress(0.0, float(seconds), "proposing voices", 0, inf))
    proposed = partial(propose, seed=seed, use_encoder=use_encoder, encoder=encoder, start=first, held=held)
    proposals = proposed(prepared, library=library, progress=progress)
    if not proposals.prior.free.any():
        raise ArgumentError("lock: found every part that the recording determines, wanted one that may change")
    if fast:
        found = rank_proposals(proposals, rounds=FAST_ROUNDS, progress=progress)
    else:
        budget = None if effort is None else effort * AUDIO_PER_EFFORT
        limit = seconds if effort is None else LONGEST_SEARCH_S
        work = partial(search, proposals)
        if prepared.strongest is not None:
            alone = proposed(replace(prepared, hypotheses=(prepared.strongest,)))
            work = partial(search_together, alone, proposals)
        found = work(seconds=limit, seed=seed, budget=budget, progress=progress)
    best = finalise(found.target, found.voices, candidates=candidates, name=name or excerpt.name, held=held)
    made = _match(prepared, proposals, found, best, seed=seed, seconds=seconds, effort=effort, profile=profile)
    return replace(made, report=replace(made.report, start=first.name if first else "", lock=tuple(lock)))


def _compile_kernels() -> None:
    """Compile what renders and compares before the first match of a machine, too.

    A search that began with JAX would end elsewhere than later ones: its sums are rounded otherwise.
    """
    renderer.warm()
    fast_distance.warm()


def _prepared(
    recording: Recording | Sequence[Recording],
    profile: Profile,
    notes: Sequence[Note] | Reading | str | Path,
    note: int | Sequence[int] | None,
    velocity: int | Sequence[int] | None,
    start_s: float | int,
    end_s: float | int,
) -> PreparedRecording:
    """The first step, for one recording or several."""
    if not isinstance(several := _one_or_several(recording), list):
        excerpt = several if isinstance(several, Excerpt) else read_excerpt(several, start_s=start_s, end_s=end_s)
        if not isinstance(note, int | None) or not isinstance(velocity, int | None):
            raise ArgumentError("recording: found one with several notes or velocities, wanted one of each")
        given = note_source(notes, excerpt.samples, excerpt.sample_rate)
        return prepare(excerpt, profile, given, note=note, velocity=velocity)
    reading: Reading | None = None
    for known in READINGS:
        if notes == known:
            reading = known
    if reading is None or (start_s, end_s) != (0.0, inf):
        raise ArgumentError("recordings: found notes or a part of several, wanted whole recordings and 'one' or 'many'")
    excerpts = [one if isinstance(one, Excerpt) else read_excerpt(one) for one in several]
    return prepare_together(excerpts, profile, reading, note=note, velocity=velocity)


def _one_or_several(recording: Recording | Sequence[Recording]) -> Recording | list[Recording]:
    """A recording as it is, and several as a list."""
    if isinstance(recording, str | Path | Excerpt):
        return recording
    match recording:
        case (np.ndarray() as samples, int() | np.integer() as sample_rate):
            return samples, int(sample_rate)
    return list(recording)


def _level_distance(target: Target, voice: Voice) -> float:
    """What the levels of several notes against each other add to the distance of a voice."""
    if len(target.chosen) < 2:
        return 0.0
    return round(float(target.objective().parts(np.frombuffer(voice.to_vced(), np.uint8)[None])[1][0]), 4)


def _match(
    prepared: PreparedRecording,
    proposals: Proposals,
    found: SearchResult,
    best: Candidates,
    *,
    seed: int,
    seconds: float | int,
    effort: float | int | None,
    profile: str,
) -> Match:
    """Put the results of all steps together."""
    target, excerpt = found.target, prepared.excerpt
    merged = len(prepared.hypotheses[0].notes) if len(target.notes) == 1 and prepared.read_as == "compared" else 1
    decoding = excerpt.decoding
    if decoding is not None and excerpt.sample_rate != RATE:
        decoding = replace(decoding, resampled_to=RATE)
    report = MatchReport(
        seed=seed,
        seconds=seconds,
        effort=effort,
        elapsed_s=round(found.elapsed_s, 2),
        renders=found.renders,
        late=found.late,
        proposals=len(proposals.prior.proposed),
        stages=found.stages,
        sample_rate=RATE,
        search_rate=SEARCH_RATE,
        cut=excerpt.cut,
        from_s=excerpt.start_s,
        to_s=excerpt.end_s,
        scored_notes=target.chosen,
        library=proposals.library.hits,
        profile=profile,
        library_unread=proposals.library.unread,
        decoding=decoding,
        target_from_s=round(excerpt.start_s + target.start_s, 4),
        remarks=(*how_read(prepared.read_as, merged, len(target.notes)), *prepared.remarks),
        recordings=matched_recordings(target, best.voices[0], best.audio, prepared.joined),
        level_distance=_level_distance(target, best.voices[0]),
        least_distance=round(best.least_distance, 4),
    )
    phrase = target.notes if len(target.notes) > 1 else ()
    labels = [part.name for part in prepared.joined for _ in range(part.n_notes)]
    named = differences(target.sound, best.audio, RATE, phrase, merged=merged, labels=labels)
    return Match(
        voices=best.voices,
        distances=best.distances_db,
        perceptual_distances=best.distances,
        audio=best.audio,
        target=target.sound,
        sample_rate=RATE,
        notes=target.notes,
        events=target.events,
        strongest=target.chosen[0],
        differences=named,
        report=report,
        interrupted=found.interrupted,
        floor=peak_floor(target),
    )
