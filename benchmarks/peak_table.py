"""Prints ``rampion/transport/peak_table.py``: peaks of the ramped binary cell over (W, t₊) and interfaces in series.

Run from the repository's root (about five minutes of one core), into another file first:
``python benchmarks/peak_table.py > peak_table.py && mv peak_table.py src/rampion/transport/``.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable

import numpy as np

from rampion.cell.binary import Numbers
from rampion.cell.binary_march import Line, march

RATES = (21, 21.7, 22.5, 23.7, 25, 28.5, 34, 43, 60, 90, 150, 300, 700, 2e3, 6e3, 2e4, 7e4, 2.5e5, 1e6)
# even in ln t₊/(1 - t₊), in which the peak is smooth at every W
_LOGITS = np.linspace(math.log(0.02 / 0.98), math.log(0.96 / 0.04), 15)
TRANSFERENCES = tuple(round(float(t), 4) for t in 1 / (1 + np.exp(-_LOGITS)))
SERIES = (0.1, 0.4, 1.2)
LIMIT_RATES = tuple(16.0 + 0.5 * k for k in range(11))
TOLERANCE = 1e-6
_PLATEAU = 24.0  # RT/F: a ramp this long has reached its limit near the threshold

HEAD = '''"""Peaks of the ramped dilute binary cell: (j_p, V_pF/RT, Q_p/(Fc₀L/(1-t₊))) over W (rows) and t₊ (columns).

Beside them the factor by which interfaces in series change j_p, and the largest current near the threshold of a peak.
Computed by :mod:`rampion.cell.binary_march`; ``benchmarks/peak_table.py`` prints this file again.
"""

from __future__ import annotations

# fmt: off'''


def ramp(rate: float, transference: float, end: float | None, series: float = 0.0) -> tuple[float, float, float, float]:
    """j_p, V_pF/RT and Q_p/(Fc₀L/(1-t₊)) of the ramped dilute cell (NaN without a peak), and the largest j.

    In units of L²/D, RT/F and g = 2j; ``end`` in RT/F, well past the expected peak when absent.
    """
    end = end or 1.8 * (8.0 + 2.0 * transference * rate ** (1 / 3)) * (1 + series)
    one = np.ones(1)
    numbers = Numbers(
        diffusion_time=one, thermal_voltage=one, current_scale=one, electrolyte=2.0 * transference * one,
        series=2.0 * transference * series * one, polarization=2.0 * (1.0 - transference) * one,
        exchange=np.inf * one, proportional=one > 0,
    )  # fmt: skip
    states = [step.state for step in march(numbers, [Line(end / rate, 0.0, rate)], TOLERANCE).steps]
    time = np.array([state.time for state in states])
    flux, charge = (np.array([getattr(state, name)[0] for state in states]) for name in ("flux", "charge"))
    top = int(np.argmax(flux))
    if top >= flux.size - 1 or flux[top] < flux[-1] * (1 + 1e-6):
        return math.nan, math.nan, math.nan, 0.5 * float(flux[top])
    near = slice(max(top - 2, 0), top + 3)
    shape = np.polynomial.Polynomial.fit(time[near], flux[near], 4)
    roots = shape.deriv().roots()
    peak = float(min(roots[np.isreal(roots)].real, key=lambda at: abs(at - time[top])))
    passed = np.polynomial.Polynomial.fit(time[near], charge[near], 4)
    return 0.5 * float(shape(peak)), rate * peak, float(passed(peak)), 0.5 * float(shape(peak))


def written(values: Iterable) -> str:
    """A nested tuple of numbers with six digits."""
    return "(" + ", ".join(written(v) if np.ndim(v) else f"{v:.6g}" for v in values) + ",)"


def show(name: str, values: Iterable, why: str = "") -> None:
    """One assignment, a row a paragraph."""
    print(f"{'# ' + why + chr(10) if why else ''}{name} = (")
    for row in values:
        text = (written(row) if np.ndim(row) else f"{row:.6g}").replace(",)", ")")
        print(textwrap.fill(f"{text},", 119, initial_indent="    ", subsequent_indent="     "), flush=True)
    print(")")


def main() -> None:
    """The whole module."""
    peaks = np.zeros((len(RATES), len(TRANSFERENCES), 3))
    factors = np.zeros((len(SERIES), *peaks.shape[:2]))
    for i, rate in enumerate(RATES):
        for k, transference in enumerate(TRANSFERENCES):
            end = _PLATEAU if rate < 26 else None
            peak = ramp(rate, transference, end)
            peaks[i, k] = peak[:3]
            for m, series in enumerate(SERIES):
                factors[m, i, k] = ramp(rate, transference, end and end * (1 + series), series)[0] / peak[0]
    tops = [[ramp(w, t, _PLATEAU)[3] for t in TRANSFERENCES] for w in LIMIT_RATES]
    print(HEAD)
    show("RATES", RATES)
    show("TRANSFERENCES", TRANSFERENCES)
    show("PEAKS", peaks)
    show("SERIES", SERIES, "factor by which a resistance in series, r = R_intσ₀/L, changes j_p: over r, W, t₊")
    show("SERIES_FACTORS", factors)
    show(
        "LIMIT_RATES",
        LIMIT_RATES,
        "largest over limiting current about the threshold of a peak (1 where it only rises)",
    )
    show("LIMITS", np.maximum(tops, 1.0))
    print("# fmt: on")


if __name__ == "__main__":
    main()
