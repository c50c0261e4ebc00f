"""Scores of synthesised sound: distances of two sounds, and FAD and KAD of two sets of sounds."""

from ddx7.audio.metrics.embeddings import EMBEDDINGS as EMBEDDINGS
from ddx7.audio.metrics.embeddings import Embedding as Embedding
from ddx7.audio.metrics.embeddings import EmbeddingEntry as EmbeddingEntry
from ddx7.audio.metrics.embeddings import load_embedding as load_embedding
from ddx7.audio.metrics.frechet import FadInfinity as FadInfinity
from ddx7.audio.metrics.frechet import fad as fad
from ddx7.audio.metrics.frechet import fad_infinity as fad_infinity
from ddx7.audio.metrics.frechet import frechet_distance as frechet_distance
from ddx7.audio.metrics.kernel import kad as kad
from ddx7.audio.metrics.kernel import median_distance as median_distance
from ddx7.audio.metrics.sets import EmbeddedSet as EmbeddedSet
from ddx7.audio.metrics.sets import SetScore as SetScore
from ddx7.audio.metrics.sets import SetScores as SetScores
from ddx7.audio.metrics.sets import embed_set as embed_set
from ddx7.audio.metrics.sets import score_embedded as score_embedded
from ddx7.audio.metrics.sets import score_sets as score_sets
from ddx7.audio.metrics.spectral import log_spectral_distance as log_spectral_distance
from ddx7.audio.metrics.spectral import multi_scale_spectral_distance as multi_scale_spectral_distance
from ddx7.audio.metrics.tracks import F0Error as F0Error
from ddx7.audio.metrics.tracks import LoudnessError as LoudnessError
from ddx7.audio.metrics.tracks import f0_error as f0_error
from ddx7.audio.metrics.tracks import loudness_error as loudness_error
