"""Prints ``rampion/transport/peak_table.py``: peaks of the ramped binary cell over (W, t₊) and interfaces in series.

Run from the repository's root (about ten minutes of one core), into another file first:
``python benchmarks/peak_table.py > peak_table.py && mv peak_table.py src/rampion/transport/``.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable

import numpy as np

from rampion.transport.ramped_cell import ramp_cell

RATES = (21, 21.7, 22.5, 23.7, 25, 28.5, 34, 43, 60, 90, 150, 300, 700, 2e3, 6e3, 2e4, 7e4, 2.5e5, 1e6)
# even in ln t₊/(1 - t₊), in which the peak is smooth at every W
_LOGITS = np.linspace(math.log(0.02 / 0.98), math.log(0.96 / 0.04), 15)
TRANSFERENCES = tuple(round(float(t), 4) for t in 1 / (1 + np.exp(-_LOGITS)))
SERIES = (0.1, 0.4, 1.2)
LIMIT_RATES = tuple(16.0 + 0.5 * k for k in range(11))
_PLATEAU = 24.0  # RT/F: a ramp this long has reached its limit near the threshold

HEAD = '''"""Peaks of the ramped dilute binary cell: (j_p, V_pF/RT, Q_p/(Fc₀L/(1-t₊))) over W (rows) and t₊ (columns).

Beside them the factor by which interfaces in series change j_p, and the largest current near the threshold of a peak.
Computed by :mod:`rampion.transport.ramped_cell`; ``benchmarks/peak_table.py`` prints this file again.
"""

from __future__ import annotations

# fmt: off'''


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
            peak = ramp_cell(rate, transference, end, nodes=200)
            peaks[i, k] = peak.peak_current, peak.peak_potential, peak.peak_charge
            for m, series in enumerate(SERIES):
                with_series = ramp_cell(rate, transference, end and end * (1 + series), nodes=200, series=series)
                factors[m, i, k] = with_series.peak_current / peak.peak_current
    tops = [[np.max(ramp_cell(w, t, _PLATEAU, nodes=200).current) for t in TRANSFERENCES] for w in LIMIT_RATES]
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
