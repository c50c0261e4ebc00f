"""The model: notes in, a distribution over voices out, one token after the other.

    pictures ──Eye──► what was heard ─┐
    tokens so far ──sums of what they say──► state of each token ──► distribution of its value

Several voices make one sound, and their average makes none of them. So the model does not answer with one voice: it
gives the probability of each byte in view of the sound and of all bytes before it, as NADE does (Larochelle and Murray,
2011), and voices are drawn from it. What was written before is remembered as sums of embeddings: of the whole voice, of
the operator at hand, and of the same parameter in the operator before. Sums cost nothing to extend, so drawing a token
is one small step, and all tokens of a known voice are judged at once.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num

from ddx7.encoder.spectrogram import BANDS, FRAMES
from ddx7.encoder.tokens import (
    KIND,
    N_FIRST,
    N_KINDS,
    N_OF_OPERATOR,
    N_TOKENS,
    N_VALUES,
    OPERATOR,
    SIZES,
)
from ddx7.voice.spec import N_OPERATORS

_OUT_OF_RANGE = -1e9
_PICTURE_MAX = 240.0
_OPERATORS = slice(N_FIRST, N_FIRST + N_OPERATORS * N_OF_OPERATOR)
# Which of its eight parts a token lies in: before the operators, the six of them, after.
_PART = np.where(OPERATOR >= 0, OPERATOR + 1, np.where(np.arange(N_TOKENS) < N_FIRST, 0, N_OPERATORS + 1))
_LEGAL = np.arange(N_VALUES) < SIZES[:, None]


class EncoderSize(NamedTuple):
    """How large a model is."""

    patch: tuple[int, int] = (8, 8)
    """Frames and bands of a picture that become one vector."""
    look: int = 128
    """Width while looking at a picture."""
    layers: int = 2
    heard: int = 320
    """Width of what was heard."""
    write: int = 192
    """Width while writing a voice."""


class Mixer(nn.Module):
    """A block of MLP-Mixer (Tolstikhin et al., 2021): places see each other, then each thinks by itself."""

    width: int

    @nn.compact
    def __call__(self, x: Float[Array, "*batch place width"]) -> Float[Array, "*batch place width"]:
        """One block."""
        places = x.shape[-2]
        y = jnp.swapaxes(nn.LayerNorm()(x), -1, -2)
        y = nn.Dense(places)(nn.relu(nn.Dense(places)(y)))
        x = x + jnp.swapaxes(y, -1, -2)
        y = nn.LayerNorm()(x)
        return x + nn.Dense(self.width)(nn.relu(nn.Dense(2 * self.width)(y)))


class NoteEncoder(nn.Module):
    """Pictures of one to several notes, and how they were played, as one vector."""

    size: EncoderSize

    @nn.compact
    def __call__(
        self,
        pictures: Num[Array, "batch note frame band"],
        hands: Float[Array, "batch note 3"],
        present: Float[Array, "batch note"],
    ) -> Float[Array, "batch heard"]:
        """What is heard; notes that are not `present` (1 or 0) are ignored."""
        size = self.size
        tall, wide = FRAMES // size.patch[0], BANDS // size.patch[1]
        x = pictures.astype(jnp.float32) / _PICTURE_MAX
        x = x.reshape(*x.shape[:2], tall, size.patch[0], wide, size.patch[1])
        x = jnp.swapaxes(x, -3, -2).reshape(*x.shape[:2], tall * wide, -1)
        x = nn.Dense(size.look)(x) + self.param("place", nn.initializers.normal(0.02), (tall * wide, size.look))
        for _ in range(size.layers):
            x = Mixer(size.look)(x)
        # Places of each frame row are merged before they are laid side by side: most of the weights would be there.
        x = nn.Dense(size.look // 4)(nn.LayerNorm()(x)).reshape(*x.shape[:2], -1)
        played = nn.Dense(size.heard)(note_event_features(hands))
        x = nn.relu(nn.Dense(size.heard)(x) + played)
        x = x + nn.Dense(size.heard)(nn.relu(nn.Dense(size.heard)(nn.LayerNorm()(x))))
        # Notes are a set: their mean, and how many there are.
        weight = present[..., None]
        count = weight.sum(axis=-2)
        mean = (x * weight).sum(axis=-2) / jnp.maximum(count, 1)
        return mean + nn.Dense(size.heard)(jnp.where(count > 1, 1.0, 0.0))


def note_event_features(hands: Float[Array, "*batch 3"]) -> Float[Array, "*batch feature"]:
    """Key, velocity and gate as numbers near 0, with their squares and a few waves of the key."""
    key, velocity, gate_s = hands[..., 0], hands[..., 1], hands[..., 2]
    base = jnp.stack([(key - 60) / 24, (velocity - 90) / 40, jnp.log(jnp.maximum(gate_s, 0.01))], axis=-1)
    return jnp.concatenate([base, base**2, jnp.sin(base * 3), jnp.cos(base * 3)], axis=-1)


class VoiceDecoder(nn.Module):
    """The distribution of every token, given what was heard and the tokens before it."""

    width: int

    def setup(self) -> None:
        """Tables of what each value says, and the layers that all tokens share."""
        normal = nn.initializers.normal
        self.says = self.param("says", normal(0.3), (N_KINDS, N_VALUES, self.width))
        self.place = self.param("place", normal(0.3), (N_TOKENS, self.width))
        self.operator = self.param("operator", normal(1.0), (N_OPERATORS + 1, self.width))
        self.head = self.param("head", normal(0.02), (N_KINDS, self.width, N_VALUES))
        self.bias = self.param("bias", normal(0.0), (N_TOKENS, N_VALUES))
        self.context = nn.Dense(self.width)
        self.gather = nn.Dense(self.width)
        self.norms = [nn.LayerNorm() for _ in range(3)]
        self.wide = [nn.Dense(2 * self.width) for _ in range(2)]
        self.narrow = [nn.Dense(self.width) for _ in range(2)]

    def __call__(self, heard: Float[Array, "batch heard"], tokens: Int[Array, "batch token"]) -> Array:
        """Logits of all tokens of known voices, [batch, token, value]; each sees only those before it."""
        said = self.say(tokens)
        before = _before(said)
        state = self.think(self.context(heard)[:, None], before, jnp.arange(N_TOKENS))
        first, last = state[:, :N_FIRST], state[:, _OPERATORS.stop :]
        middle = state[:, _OPERATORS].reshape(len(state), N_OPERATORS, N_OF_OPERATOR, -1)
        head = self.head
        logits = [
            jnp.einsum("btd,tdv->btv", first, head[:N_FIRST]),
            jnp.einsum("botd,tdv->botv", middle, head[N_FIRST : N_FIRST + N_OF_OPERATOR]).reshape(
                len(state), -1, N_VALUES
            ),
            jnp.einsum("btd,tdv->btv", last, head[N_FIRST + N_OF_OPERATOR :]),
        ]
        return jnp.where(_LEGAL, jnp.concatenate(logits, axis=1) + self.bias, _OUT_OF_RANGE)

    def say(self, tokens: Int[Array, "batch token"]) -> Float[Array, "batch token width"]:
        """What each token adds to what is known."""
        return self.says[KIND, tokens] * self.operator[OPERATOR]

    def think(
        self, context: Array, before: tuple[Array, Array, Array], token: Int[Array, "*token"]
    ) -> Float[Array, "batch *token width"]:
        """The state from which a token's distribution is read."""
        x = context + self.place[token] + self.gather(jnp.concatenate(before, axis=-1))
        for norm, wide, narrow in zip(self.norms, self.wide, self.narrow, strict=False):
            x = x + narrow(nn.relu(wide(norm(x))))
        return self.norms[-1](x)

    def draw(
        self, heard: Float[Array, "voice heard"], key: Array, temperature: Float[Array, ""]
    ) -> Int[Array, "voice token"]:
        """Draw voices, token by token.

        Args:
          heard: one row for each voice to draw.
          key: of JAX's random numbers.
          temperature: 1 draws as learned, less keeps to what is likely.
        """
        n = len(heard)
        context = self.context(heard)
        nothing = jnp.zeros((n, self.width))

        def step(carry: tuple, at: tuple) -> tuple:
            whole, own, previous = carry
            token, kind, operator, starts, chance = at
            own = jnp.where(starts, 0.0, own)
            slot = jnp.clip(kind - N_FIRST, 0, N_OF_OPERATOR - 1)
            inside = operator >= 0
            same = jnp.where(inside, previous[slot], 0.0)
            state = self.think(context, (whole, own, same), token)
            logits = state @ self.head[kind] + self.bias[token]
            logits = jnp.where(jnp.asarray(_LEGAL)[token], logits, _OUT_OF_RANGE)
            value = jax.random.categorical(chance, logits / temperature)
            said = self.says[kind, value] * self.operator[operator]
            previous = jnp.where(inside, previous.at[slot].set(said), previous)
            return (whole + said, own + said, previous), value

        starts = np.diff(_PART, prepend=0) != 0
        at = (jnp.arange(N_TOKENS), jnp.asarray(KIND), jnp.asarray(OPERATOR), starts, jax.random.split(key, N_TOKENS))
        carry = (nothing, nothing, jnp.zeros((N_OF_OPERATOR, n, self.width)))
        return jax.lax.scan(step, carry, at)[1].T


def _before(said: Float[Array, "batch token width"]) -> tuple[Array, Array, Array]:
    """Sums over what was said before each token: in all, in its operator, and its like in the operator before."""
    first, middle, last = said[:, :N_FIRST], said[:, _OPERATORS], said[:, _OPERATORS.stop :]
    blocks = middle.reshape(len(said), N_OPERATORS, N_OF_OPERATOR, -1)
    own = [_sums_before(first), _sums_before(blocks).reshape(middle.shape), _sums_before(last)]
    totals = jnp.concatenate([first.sum(1, keepdims=True), blocks.sum(2), last.sum(1, keepdims=True)], axis=1)
    within = jnp.concatenate(own, axis=1)
    whole = (
        within + _sums_before(totals)[:, OPERATOR + 1 + (np.arange(N_TOKENS) >= _OPERATORS.stop) * (1 + N_OPERATORS)]
    )
    same = jnp.pad(middle[:, :-N_OF_OPERATOR], ((0, 0), (N_OF_OPERATOR, 0), (0, 0)))
    ends = ((0, 0), (N_FIRST, last.shape[1]), (0, 0))
    return whole, within, jnp.pad(same, ends)


def _sums_before(x: Float[Array, "*batch place width"]) -> Float[Array, "*batch place width"]:
    """Sum of all places before each; a matrix product, which is much faster than XLA's cumulative sum."""
    return jnp.tri(x.shape[-2], k=-1) @ x


class PresetModel(nn.Module):
    """`NoteEncoder` and `VoiceDecoder`."""

    size: EncoderSize = EncoderSize()

    def setup(self) -> None:
        """Both parts."""
        self.eye = NoteEncoder(self.size)
        self.writer = VoiceDecoder(self.size.write)

    def __call__(self, pictures: Array, hands: Array, present: Array, tokens: Array) -> Array:
        """Logits of the tokens of known voices, [batch, token, value]."""
        return self.writer(self.eye(pictures, hands, present), tokens)

    def hear(self, pictures: Array, hands: Array, present: Array) -> Float[Array, "batch heard"]:
        """What `draw` needs of a sound."""
        return self.eye(pictures, hands, present)

    def draw(self, heard: Array, key: Array, temperature: Array) -> Int[Array, "voice token"]:
        """Voices for sounds, one for each row."""
        return self.writer.draw(heard, key, temperature)
