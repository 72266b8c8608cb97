"""Large numbers in few characters: 999k, 1.56M, 2.5T."""

from __future__ import annotations

_UNITS = (("E", 1e18), ("P", 1e15), ("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3))


def short(value: float) -> str:
    """A number in three figures and a unit; below a thousand as it is, such as 0.25."""
    rounded = float(f"{value:.3g}")  # first, or 999,700 would be 1e+03k
    for unit, size in _UNITS:
        if abs(rounded) >= size:
            return f"{rounded / size:.3g}{unit}"
    return f"{round(value, 6) + 0.0:g}"
