"""Averages and spreads of numbers, computed exactly and rounded once, as by CPython's module."""

from __future__ import annotations

import math
from typing import Any

StatisticsError = ValueError
_DIGITS = 2**53


def mean(data: Any) -> Any:
    """The arithmetic mean."""
    values = _values(data, 1, "mean")
    total, scale = _sums(values)[0], _sums(values)[2]
    return _result(total, scale * len(values), values)


def fmean(data: Any) -> float:
    """The arithmetic mean, as a float."""
    values = _values(data, 1, "fmean")
    return math.fsum(values) / len(values)


def median(data: Any) -> Any:
    """The middle value, or the mean of the two in the middle."""
    values, half = _sorted(data)
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def median_low(data: Any) -> Any:
    """The middle value, or the lower of the two in the middle."""
    values, half = _sorted(data)
    return values[half] if len(values) % 2 else values[half - 1]


def median_high(data: Any) -> Any:
    """The middle value, or the higher of the two in the middle."""
    values, half = _sorted(data)
    return values[half]


def mode(data: Any) -> Any:
    """The most common value, the first of them."""
    found = multimode(data)
    if not found:
        raise StatisticsError("no mode for empty data")
    return found[0]


def multimode(data: Any) -> Any:
    """The most common values, in the order of their first appearance."""
    counts: Any = {}
    for value in data:
        counts[value] = counts.get(value, 0) + 1
    most = max(counts.values(), default=0)
    return [value for value in counts if counts[value] == most]


def variance(data: Any) -> Any:
    """The variance of a sample."""
    values = _values(data, 2, "variance")
    squares, scale = _squares(values)
    return _result(squares, scale * (len(values) - 1), values)


def pvariance(data: Any) -> Any:
    """The variance of a population."""
    values = _values(data, 1, "pvariance")
    squares, scale = _squares(values)
    return _result(squares, scale * len(values), values)


def stdev(data: Any) -> float:
    """The standard deviation of a sample."""
    values = _values(data, 2, "stdev")
    squares, scale = _squares(values)
    return _root(squares, scale * (len(values) - 1))


def pstdev(data: Any) -> float:
    """The standard deviation of a population."""
    values = _values(data, 1, "pstdev")
    squares, scale = _squares(values)
    return _root(squares, scale * len(values))


def _values(data: Any, least: int, name: str) -> Any:
    values = list(data)
    if len(values) >= least:
        return values
    if least == 2:
        raise StatisticsError(f"{name} requires at least two data points")
    raise StatisticsError(f"{name} requires at least one data point")


def _sorted(data: Any) -> Any:
    values = sorted(data)
    if not values:
        raise StatisticsError("no median for empty data")
    return values, len(values) // 2


def _sums(values: Any) -> Any:
    """Sum and sum of squares of the values, both as integers, and what they are to be divided by.

    The sum of squares is to be divided by the square of it.
    """
    ratios = [_ratio(value) for value in values]
    scale = max([bottom for _, bottom in ratios])
    numbers = [top * (scale // bottom) for top, bottom in ratios]
    return sum(numbers), sum([number * number for number in numbers]), scale


def _squares(values: Any) -> Any:
    """The sum of squared distances from the mean, as numerator and denominator."""
    total, squares, scale = _sums(values)
    return len(values) * squares - total * total, len(values) * scale * scale


def _ratio(value: Any) -> Any:
    """A number as numerator and denominator, the latter a power of two."""
    if isinstance(value, int):
        return int(value), 1
    if not isinstance(value, float) or not math.isfinite(value):
        raise TypeError(f"can't convert {value!r} to a ratio of whole numbers")
    fraction, exponent = math.frexp(value)
    top, bottom = int(fraction * _DIGITS), _DIGITS
    if exponent >= 0:
        top *= 2**exponent
    else:
        bottom *= 2**-exponent
    return top, bottom


def _result(top: int, bottom: int, values: Any) -> Any:
    floats = [value for value in values if not isinstance(value, int)]
    return _quotient(top, bottom) if floats or top % bottom else top // bottom


def _quotient(top: int, bottom: int) -> float:
    """The nearest float to a ratio of whole numbers."""
    common = math.gcd(top, bottom) or 1
    return (top // common) / (bottom // common)


def _root(top: int, bottom: int) -> float:
    """The nearest float to the square root of a ratio: its first 109 bits decide."""
    if top == 0:
        return 0.0
    shift = (len(bin(top)) - len(bin(bottom)) - 109) // 2
    if shift >= 0:
        return float(_rough_root(top, bottom * 4**shift) * 2**shift)
    return _quotient(_rough_root(top * 4**-shift, bottom), 2**-shift)


def _rough_root(top: int, bottom: int) -> int:
    """The root rounded down, its last bit set where that left something."""
    root = math.isqrt(top // bottom)
    return root if root * root * bottom == top else root | 1
