"""Vectors of 16 floats in numba, written out as LLVM code, for `ddx7.audio.distance_kernels`.

LLVM finds no vectors in loops that read and write at many distances.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

PAIRS = 16
LANES = 2 * PAIRS
"""Sounds side by side: of the first 16 the real parts, of the others the imaginary ones."""

_FLOAT, _INT = ir.FloatType(), ir.IntType(32)
_VECTOR, _INTS = ir.VectorType(_FLOAT, PAIRS), ir.VectorType(_INT, PAIRS)
_FUSED = ("contract",)
_emitted: Any = intrinsic
"""Its functions get a first argument that their callers do not pass."""


def _log2_coefficients() -> np.ndarray:
    """Of a polynomial for log2(1 + f) / f, f from 0 to 1, highest power first; error 3e-8."""
    fit = np.polynomial.Chebyshev.interpolate(lambda f: np.log2(1 + f) / f, 9, domain=[1e-12, 1])
    return fit.convert(kind=np.polynomial.Polynomial).coef[::-1]


def _exp2_coefficients() -> np.ndarray:
    """Of a polynomial for 2^f, f from 0 to 1, highest power first; error 2e-8."""
    fit = np.polynomial.Chebyshev.interpolate(np.exp2, 6, domain=[0, 1])
    return fit.convert(kind=np.polynomial.Polynomial).coef[::-1]


_LOG2, _EXP2 = _log2_coefficients(), _exp2_coefficients()


class _Emitter:
    """Writes LLVM code for vectors of 16 floats."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context, self.builder = context, builder

    def pointer(self, kind: Any, array: Any, index: Any) -> Any:
        data = self.context.make_array(kind)(self.context, self.builder, array).data
        return self.builder.bitcast(self.builder.gep(data, [index]), _VECTOR.as_pointer())

    def load(self, kind: Any, array: Any, index: Any) -> Any:
        return self.builder.load(self.pointer(kind, array, index), align=4)

    def store(self, value: Any, kind: Any, array: Any, index: Any) -> None:
        self.builder.store(value, self.pointer(kind, array, index), align=4)

    def splat(self, value: Any) -> Any:
        single = self.builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(_INT, 0))
        return self.builder.shuffle_vector(single, ir.Constant(_VECTOR, ir.Undefined), ir.Constant(_INTS, [0] * PAIRS))

    def constant(self, value: float) -> Any:
        return ir.Constant(_VECTOR, [float(np.float32(value))] * PAIRS)

    def whole(self, value: int) -> Any:
        return ir.Constant(_INTS, [value] * PAIRS)

    def add(self, a: Any, b: Any) -> Any:
        return self.builder.fadd(a, b, flags=_FUSED)

    def subtract(self, a: Any, b: Any) -> Any:
        return self.builder.fsub(a, b, flags=_FUSED)

    def multiply(self, a: Any, b: Any) -> Any:
        return self.builder.fmul(a, b, flags=_FUSED)

    def polynomial(self, x: Any, coefficients: np.ndarray) -> Any:
        value = self.constant(coefficients[0])
        for coefficient in coefficients[1:]:
            value = self.add(self.multiply(value, x), self.constant(coefficient))
        return value

    def log2(self, x: Any) -> Any:
        """Of positive normal numbers."""
        b = self.builder
        bits = b.bitcast(x, _INTS)
        exponent = b.sitofp(b.sub(b.lshr(bits, self.whole(23)), self.whole(127)), _VECTOR)
        mantissa = b.bitcast(b.or_(b.and_(bits, self.whole(0x7FFFFF)), self.whole(0x3F800000)), _VECTOR)
        part = self.subtract(mantissa, self.constant(1.0))
        return self.add(self.multiply(part, self.polynomial(part, _LOG2)), exponent)

    def exp2(self, x: Any) -> Any:
        """Of numbers from -126 to 127."""
        b = self.builder
        floor = self._call("llvm.floor", x)
        part = self.polynomial(self.subtract(x, floor), _EXP2)
        exponent = b.shl(b.fptosi(floor, _INTS), self.whole(23))
        return b.bitcast(b.add(b.bitcast(part, _INTS), exponent), _VECTOR)

    def absolute(self, x: Any) -> Any:
        return self._call("llvm.fabs", x)

    def _call(self, name: str, x: Any) -> Any:
        kind = ir.FunctionType(_VECTOR, [_VECTOR])
        return self.builder.call(self.builder.module.declare_intrinsic(f"{name}.v{PAIRS}f32", (), kind), [x])

    def largest(self, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.fcmp_ordered(">", a, b), a, b)

    def multiply_complex(self, re: Any, im: Any, twiddle: tuple[Any, Any]) -> tuple[Any, Any]:
        cos, sin = twiddle
        return (
            self.subtract(self.multiply(re, cos), self.multiply(im, sin)),
            self.add(self.multiply(re, sin), self.multiply(im, cos)),
        )


def _at(builder: Any, index: Any, step: Any, times: int) -> Any:
    return builder.add(index, builder.mul(step, ir.Constant(index.type, times)))


@_emitted
def load_rows(typing: Any, audio: Any, at: Any, stride: Any, window: Any, first: Any, x: Any, to: Any) -> Any:
    """16 samples of 16 sounds, times the window, as 16 rows of `x` that stand `LANES` apart."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, kinds = _Emitter(context, builder), signature.args
        weights = e.load(kinds[3], args[3], args[4])
        rows = [e.multiply(e.load(kinds[0], args[0], _at(builder, args[1], args[2], k)), weights) for k in range(PAIRS)]
        for bit in (1, 2, 4, 8):  # each exchanges blocks of a matrix of samples and sounds, and all transpose it
            low = [lane if not lane & bit else PAIRS + (lane ^ bit) for lane in range(PAIRS)]
            high = [lane | bit if not lane & bit else PAIRS + lane for lane in range(PAIRS)]
            for k in (k for k in range(PAIRS) if not k & bit):
                rows[k], rows[k | bit] = (
                    builder.shuffle_vector(rows[k], rows[k | bit], ir.Constant(_INTS, order)) for order in (low, high)
                )
        for k, row in enumerate(rows):
            e.store(row, kinds[5], args[5], _at(builder, args[6], ir.Constant(args[6].type, LANES), k))
        return context.get_dummy_value()

    return types.void(audio, at, stride, window, first, x, to), code


@_emitted
def butterfly(typing: Any, x: Any, at: Any, step: Any, y: Any, to: Any, apart: Any, turns: Any, turn: Any) -> Any:
    """A butterfly of four rows of `x`, into four rows of `y`, with the powers of a root of unity."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, kinds = _Emitter(context, builder), signature.args
        half = ir.Constant(args[1].type, PAIRS)
        places = [_at(builder, args[1], args[2], k) for k in range(4)]
        re = [e.load(kinds[0], args[0], place) for place in places]
        im = [e.load(kinds[0], args[0], builder.add(place, half)) for place in places]
        table = context.make_array(kinds[6])(context, builder, args[6]).data
        roots = []
        for k in range(3):
            place = _at(builder, args[7], ir.Constant(args[7].type, 2), k)
            parts = (place, builder.add(place, ir.Constant(place.type, 1)))
            roots.append(tuple(e.splat(builder.load(builder.gep(table, [part]))) for part in parts))
        sums = [e.add(re[0], re[2]), e.add(im[0], im[2]), e.add(re[1], re[3]), e.add(im[1], im[3])]
        differences = [
            e.subtract(re[0], re[2]),
            e.subtract(im[0], im[2]),
            e.subtract(re[1], re[3]),
            e.subtract(im[1], im[3]),
        ]
        results = [
            (e.add(sums[0], sums[2]), e.add(sums[1], sums[3])),
            e.multiply_complex(
                e.add(differences[0], differences[3]), e.subtract(differences[1], differences[2]), roots[0]
            ),
            e.multiply_complex(e.subtract(sums[0], sums[2]), e.subtract(sums[1], sums[3]), roots[1]),
            e.multiply_complex(
                e.subtract(differences[0], differences[3]), e.add(differences[1], differences[2]), roots[2]
            ),
        ]
        for k, (real, imaginary) in enumerate(results):
            place = _at(builder, args[4], args[5], k)
            e.store(real, kinds[3], args[3], place)
            e.store(imaginary, kinds[3], args[3], builder.add(place, half))
        return context.get_dummy_value()

    return types.void(x, at, step, y, to, apart, turns, turn), code


@_emitted
def last_butterfly(typing: Any, x: Any, at: Any, step: Any, y: Any) -> Any:
    """The sum and the difference of two vectors of `x`, at the same places of `y`."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, kinds = _Emitter(context, builder), signature.args
        other = builder.add(args[1], args[2])
        a, b = (e.load(kinds[0], args[0], place) for place in (args[1], other))
        e.store(e.add(a, b), kinds[3], args[3], args[1])
        e.store(e.subtract(a, b), kinds[3], args[3], other)
        return context.get_dummy_value()

    return types.void(x, at, step, y), code


@_emitted
def bin_power(typing: Any, x: Any, at: Any, mirrored: Any, power: Any, to: Any) -> Any:
    """Power of one bin of all sounds, from the transform of the pairs at the bin and at its mirror image."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, kinds = _Emitter(context, builder), signature.args
        half = ir.Constant(args[1].type, PAIRS)
        re, other_re = (e.load(kinds[0], args[0], place) for place in (args[1], args[2]))
        im, other_im = (e.load(kinds[0], args[0], builder.add(place, half)) for place in (args[1], args[2]))

        def quarter_of_squares(a: Any, b: Any) -> Any:
            return e.multiply(e.add(e.multiply(a, a), e.multiply(b, b)), e.constant(0.25))

        e.store(quarter_of_squares(e.add(re, other_re), e.subtract(im, other_im)), kinds[3], args[3], args[4])
        second = quarter_of_squares(e.subtract(re, other_re), e.add(im, other_im))
        e.store(second, kinds[3], args[3], builder.add(args[4], half))
        return context.get_dummy_value()

    return types.void(x, at, mirrored, power, to), code


@_emitted
def add_scaled(typing: Any, total: Any, to: Any, x: Any, at: Any, factor: Any) -> Any:
    """Adds a vector times a number to another."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, kinds = _Emitter(context, builder), signature.args
        product = e.multiply(e.load(kinds[2], args[2], args[3]), e.splat(args[4]))
        e.store(e.add(e.load(kinds[0], args[0], args[1]), product), kinds[0], args[0], args[1])
        return context.get_dummy_value()

    return types.void(total, to, x, at, factor), code


@_emitted
def power_term(
    typing: Any, x: Any, at: Any, factor: Any, floor: Any, exponent: Any, target: Any, total: Any, to: Any
) -> Any:
    """Adds |(x * factor + floor)^exponent - target| to a total."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, kinds = _Emitter(context, builder), signature.args
        base = e.add(e.multiply(e.load(kinds[0], args[0], args[1]), e.splat(args[2])), e.splat(args[3]))
        value = e.exp2(e.multiply(e.log2(base), e.splat(args[4])))
        difference = e.absolute(e.subtract(value, e.splat(args[5])))
        e.store(e.add(e.load(kinds[6], args[6], args[7]), difference), kinds[6], args[6], args[7])
        return context.get_dummy_value()

    return types.void(x, at, factor, floor, exponent, target, total, to), code


@_emitted
def level_term(typing: Any, x: Any, at: Any, inverse_floor: Any, target: Any, square: Any, totals: Any, to: Any) -> Any:
    """Adds a difference of levels to three totals: plain, times the weight of the higher level, and that weight."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, kinds = _Emitter(context, builder), signature.args
        over = e.add(e.multiply(e.load(kinds[0], args[0], args[1]), e.splat(args[2])), e.constant(1.0))
        level = e.multiply(e.log2(over), e.constant(10 * np.log10(2)))
        target = e.splat(args[3])
        difference, higher = e.absolute(e.subtract(level, target)), e.largest(level, target)
        weight = builder.select(args[4], e.multiply(higher, higher), higher)
        for row, value in enumerate((difference, e.multiply(difference, weight), weight)):
            place = builder.add(args[6], ir.Constant(args[6].type, row * LANES))
            e.store(e.add(e.load(kinds[5], args[5], place), value), kinds[5], args[5], place)
        return context.get_dummy_value()

    return types.void(x, at, inverse_floor, target, square, totals, to), code
