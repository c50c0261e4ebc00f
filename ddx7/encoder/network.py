"""The preset model: a distribution over voices, given the spectrograms of one to four notes.

    spectrograms ──NoteEncoder──► embedding ──┐
    previous tokens ──sums of embeddings──► state of each token ──► distribution of its value

Many voices make the same sound, and the average of two such voices makes another. The model therefore does not regress
one voice. It predicts the distribution of each byte, given the sound and all previous bytes, as NADE does (Larochelle
and Murray, 2011), and voices are sampled from it. Sums of token embeddings represent the previous bytes: of the whole
voice, of the current operator, and of the same parameter in the previous operator. Extending a sum costs little, so
sampling one token is one small step, and all tokens of a known voice are scored at once.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num

from ddx7.encoder.size import EncoderSize
from ddx7.encoder.spectrogram import BANDS, FRAMES
from ddx7.encoder.tokens import KIND, N_FIRST, N_KINDS, N_OF_OPERATOR, N_TOKENS, N_VALUES, OPERATOR, SIZES
from ddx7.voice.spec import N_OPERATORS

_ILLEGAL_LOGIT = -1e9
_SPECTROGRAM_MAX = 240.0
_OPERATORS = slice(N_FIRST, N_FIRST + N_OPERATORS * N_OF_OPERATOR)
# Section of each token: 0 before the operators, 1 to 6 for the operators, 7 after.
_SECTION = np.where(OPERATOR >= 0, OPERATOR + 1, np.where(np.arange(N_TOKENS) < N_FIRST, 0, N_OPERATORS + 1))
_LEGAL = np.arange(N_VALUES) < SIZES[:, None]


class MixerBlock(nn.Module):
    """A block of MLP-Mixer (Tolstikhin et al., 2021): one perceptron over positions, then one over channels."""

    width: int

    @nn.compact
    def __call__(self, x: Float[Array, "*batch position width"]) -> Float[Array, "*batch position width"]:
        """One block."""
        positions = x.shape[-2]
        y = jnp.swapaxes(nn.LayerNorm()(x), -1, -2)
        y = nn.Dense(positions)(nn.relu(nn.Dense(positions)(y)))
        x = x + jnp.swapaxes(y, -1, -2)
        y = nn.LayerNorm()(x)
        return x + nn.Dense(self.width)(nn.relu(nn.Dense(2 * self.width)(y)))


class NoteEncoder(nn.Module):
    """Embeds one to several notes of a sound from their spectrograms and note events."""

    size: EncoderSize

    @nn.compact
    def __call__(
        self,
        spectrograms: Num[Array, "batch note frame band"],
        note_events: Float[Array, "batch note 3"],
        present: Float[Array, "batch note"],
    ) -> Float[Array, "batch embedding"]:
        """Embeddings; notes whose `present` is 0 are ignored, those with 1 count."""
        size = self.size
        rows, columns = FRAMES // size.patch[0], BANDS // size.patch[1]
        x = spectrograms.astype(jnp.float32) / _SPECTROGRAM_MAX
        x = x.reshape(*x.shape[:2], rows, size.patch[0], columns, size.patch[1])
        x = jnp.swapaxes(x, -3, -2).reshape(*x.shape[:2], rows * columns, -1)
        shape = (rows * columns, size.encoder_width)
        x = nn.Dense(size.encoder_width)(x) + self.param("position_embedding", nn.initializers.normal(0.02), shape)
        for _ in range(size.layers):
            x = MixerBlock(size.encoder_width)(x)
        # A narrow layer before the concatenation of all positions, where most of the weights would be.
        x = nn.Dense(size.encoder_width // 4)(nn.LayerNorm()(x)).reshape(*x.shape[:2], -1)
        conditioning = nn.Dense(size.embedding_width)(note_event_features(note_events))
        x = nn.relu(nn.Dense(size.embedding_width)(x) + conditioning)
        x = x + nn.Dense(size.embedding_width)(nn.relu(nn.Dense(size.embedding_width)(nn.LayerNorm()(x))))
        # Notes are a set, represented by their mean and whether there is more than one.
        weight = present[..., None]
        count = weight.sum(axis=-2)
        mean = (x * weight).sum(axis=-2) / jnp.maximum(count, 1)
        return mean + nn.Dense(size.embedding_width)(jnp.where(count > 1, 1.0, 0.0))


def note_event_features(note_events: Float[Array, "*batch 3"]) -> Float[Array, "*batch feature"]:
    """MIDI note, velocity and log gate scaled to about 1, with their squares, sines and cosines."""
    note, velocity, gate_s = note_events[..., 0], note_events[..., 1], note_events[..., 2]
    base = jnp.stack([(note - 60) / 24, (velocity - 90) / 40, jnp.log(jnp.maximum(gate_s, 0.01))], axis=-1)
    return jnp.concatenate([base, base**2, jnp.sin(base * 3), jnp.cos(base * 3)], axis=-1)


class VoiceDecoder(nn.Module):
    """The distribution of every token, given a sound's embedding and the previous tokens."""

    width: int

    def setup(self) -> None:
        """Embedding tables, and the layers that all tokens share."""
        normal = nn.initializers.normal
        self.token_embedding = self.param("token_embedding", normal(0.3), (N_KINDS, N_VALUES, self.width))
        self.position_embedding = self.param("position_embedding", normal(0.3), (N_TOKENS, self.width))
        self.operator_gain = self.param("operator_gain", normal(1.0), (N_OPERATORS + 1, self.width))
        self.head = self.param("head", normal(0.02), (N_KINDS, self.width, N_VALUES))
        self.bias = self.param("bias", normal(0.0), (N_TOKENS, N_VALUES))
        self.context = nn.Dense(self.width)
        self.history = nn.Dense(self.width)
        self.norms = [nn.LayerNorm() for _ in range(3)]
        self.expand = [nn.Dense(2 * self.width) for _ in range(2)]
        self.contract = [nn.Dense(self.width) for _ in range(2)]

    def __call__(
        self, embedding: Float[Array, "batch embedding"], tokens: Int[Array, "batch token"]
    ) -> Float[Array, "batch token value"]:
        """Logits of all tokens of known voices; each depends on the previous tokens alone."""
        sums = _previous_sums(self.embed_tokens(tokens))
        state = self.state(self.context(embedding)[:, None], sums, jnp.arange(N_TOKENS))
        first, last = state[:, :N_FIRST], state[:, _OPERATORS.stop :]
        middle = state[:, _OPERATORS].reshape(len(state), N_OPERATORS, N_OF_OPERATOR, -1)
        head = self.head
        of_operators = jnp.einsum("botd,tdv->botv", middle, head[N_FIRST : N_FIRST + N_OF_OPERATOR])
        logits = [
            jnp.einsum("btd,tdv->btv", first, head[:N_FIRST]),
            of_operators.reshape(len(state), -1, N_VALUES),
            jnp.einsum("btd,tdv->btv", last, head[N_FIRST + N_OF_OPERATOR :]),
        ]
        return jnp.where(_LEGAL, jnp.concatenate(logits, axis=1) + self.bias, _ILLEGAL_LOGIT)

    def embed_tokens(self, tokens: Int[Array, "batch token"]) -> Float[Array, "batch token width"]:
        """Embeddings of tokens."""
        return self.token_embedding[KIND, tokens] * self.operator_gain[OPERATOR]

    def state(
        self,
        context: Float[Array, "batch *#token width"],
        sums: tuple[Array, Array, Array],
        position: Int[Array, "*token"],
    ) -> Float[Array, "batch *token width"]:
        """The state from which a token's distribution is computed.

        Args:
          context: projected embedding of the sound.
          sums: of previous tokens' embeddings, as `_previous_sums` returns them.
          position: of each token.
        """
        x = context + self.position_embedding[position] + self.history(jnp.concatenate(sums, axis=-1))
        for norm, expand, contract in zip(self.norms, self.expand, self.contract, strict=False):
            x = x + contract(nn.relu(expand(norm(x))))
        return self.norms[-1](x)

    def sample(
        self, embedding: Float[Array, "voice embedding"], key: Array, temperature: Float[Array, ""] | float
    ) -> Int[Array, "voice token"]:
        """Sample voices, token by token.

        Args:
          embedding: one row for each voice to sample.
          key: random key.
          temperature: 1 samples the learned distribution; lower values favour likely values.
        """
        n = len(embedding)
        context = self.context(embedding)
        zero = jnp.zeros((n, self.width))

        def step(carry: tuple, inputs: tuple) -> tuple:
            whole, own, previous = carry
            position, kind, operator, starts, step_key = inputs
            own = jnp.where(starts, 0.0, own)
            slot = jnp.clip(kind - N_FIRST, 0, N_OF_OPERATOR - 1)
            in_operator = operator >= 0
            same = jnp.where(in_operator, previous[slot], 0.0)
            state = self.state(context, (whole, own, same), position)
            logits = state @ self.head[kind] + self.bias[position]
            logits = jnp.where(jnp.asarray(_LEGAL)[position], logits, _ILLEGAL_LOGIT)
            value = jax.random.categorical(step_key, logits / temperature)
            embedded = self.token_embedding[kind, value] * self.operator_gain[operator]
            previous = jnp.where(in_operator, previous.at[slot].set(embedded), previous)
            return (whole + embedded, own + embedded, previous), value

        starts = np.diff(_SECTION, prepend=0) != 0
        keys = jax.random.split(key, N_TOKENS)
        inputs = (jnp.arange(N_TOKENS), jnp.asarray(KIND), jnp.asarray(OPERATOR), starts, keys)
        carry = (zero, zero, jnp.zeros((N_OF_OPERATOR, n, self.width)))
        return jax.lax.scan(step, carry, inputs)[1].T


def _previous_sums(embedded: Float[Array, "batch token width"]) -> tuple[Array, Array, Array]:
    """Sums of the embeddings before each token: of the voice, of its section, and its like in the operator before."""
    first, middle, last = embedded[:, :N_FIRST], embedded[:, _OPERATORS], embedded[:, _OPERATORS.stop :]
    blocks = middle.reshape(len(embedded), N_OPERATORS, N_OF_OPERATOR, -1)
    own = [_exclusive_sums(first), _exclusive_sums(blocks).reshape(middle.shape), _exclusive_sums(last)]
    totals = jnp.concatenate([first.sum(1, keepdims=True), blocks.sum(2), last.sum(1, keepdims=True)], axis=1)
    within = jnp.concatenate(own, axis=1)
    whole = within + _exclusive_sums(totals)[:, _SECTION]
    same = jnp.pad(middle[:, :-N_OF_OPERATOR], ((0, 0), (N_OF_OPERATOR, 0), (0, 0)))
    ends = ((0, 0), (N_FIRST, last.shape[1]), (0, 0))
    return whole, within, jnp.pad(same, ends)


def _exclusive_sums(x: Float[Array, "*batch position width"]) -> Float[Array, "*batch position width"]:
    """Sums over all earlier positions, by a matrix product, which is much faster than XLA's cumulative sum."""
    return jnp.tri(x.shape[-2], k=-1) @ x


class PresetModel(nn.Module):
    """The preset encoder: `NoteEncoder` and `VoiceDecoder`."""

    size: EncoderSize = EncoderSize()

    def setup(self) -> None:
        """Both parts."""
        self.note_encoder = NoteEncoder(self.size)
        self.voice_decoder = VoiceDecoder(self.size.decoder_width)

    def __call__(
        self,
        spectrograms: Num[Array, "batch note frame band"],
        note_events: Float[Array, "batch note 3"],
        present: Float[Array, "batch note"],
        tokens: Int[Array, "batch token"],
    ) -> Float[Array, "batch token value"]:
        """Logits of the tokens of known voices."""
        return self.voice_decoder(self.note_encoder(spectrograms, note_events, present), tokens)

    def embed(
        self,
        spectrograms: Num[Array, "batch note frame band"],
        note_events: Float[Array, "batch note 3"],
        present: Float[Array, "batch note"],
    ) -> Float[Array, "batch embedding"]:
        """Embeddings of sounds, from which `sample` draws voices."""
        return self.note_encoder(spectrograms, note_events, present)

    def log_likelihoods(
        self, embedding: Float[Array, "voice embedding"], tokens: Int[Array, "voice token"]
    ) -> Float[Array, " voice"]:
        """Log-likelihood of known voices given embeddings, in nats."""
        logits = nn.log_softmax(self.voice_decoder(embedding, tokens))
        return jnp.take_along_axis(logits, tokens[..., None], axis=-1)[..., 0].sum(axis=-1)

    def sample(
        self, embedding: Float[Array, "voice embedding"], key: Array, temperature: Float[Array, ""] | float
    ) -> Int[Array, "voice token"]:
        """Sample one voice for each embedding; arguments as in `VoiceDecoder.sample`."""
        return self.voice_decoder.sample(embedding, key, temperature)
