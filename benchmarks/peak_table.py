"""Prints the rows of ``rampion/transport/peak_table.py``: peaks of the ramped binary cell over (W, t₊)."""

from __future__ import annotations

from rampion.transport.ramped_cell import ramp_cell

RATES = (21, 25, 32, 40, 65, 100, 200, 400, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6)
TRANSFERENCES = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.96)


def main() -> None:
    """One line per W: (j_p, φ_p, charge) for each t₊."""
    for rate in RATES:
        cells = []
        for transference in TRANSFERENCES:
            peak = ramp_cell(rate, transference, 24.0 if rate < 25 else None, nodes=160)
            cells.append(f"({peak.peak_current:.5g}, {peak.peak_potential:.5g}, {peak.peak_charge:.5g})")
        print(f"    ({', '.join(cells)}),", flush=True)


if __name__ == "__main__":
    main()
