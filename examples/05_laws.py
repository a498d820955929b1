"""What the binary model says of √v and 1/L: the peak against scan rate and thickness (synthetic data).

``python examples/05_laws.py FILE.png`` writes the picture. The exponents are local slopes of simulated peaks; they lie
on b = 2a − 1, far from the pair (½, −1) that √v and 1/L at one scan rate would need.
"""

import sys

import numpy as np

import rampion
from rampion.cell.parameters import Cell
from rampion.figures.style import BLACK, BLUE, GREY, ORANGE, RED, mark_synthetic, new_figure
from rampion.measurement import Sweep


def peak(rate: float, thickness: float, transference: float = 0.8) -> float:
    cell = Cell(thickness=thickness, conductivity=0.06, concentration=430.0, transference=transference)
    found = rampion.simulate(cell, Sweep(rate=rate, start=0.0, stop=8.0 if rate > 1e-3 else 2.5)).peak
    return found.current_density if found else np.nan


def slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.gradient(np.log(y), np.log(x))


rates = np.geomspace(8e-6, 2e-3, 9)
by_rate = np.array([peak(rate, 1e-3) for rate in rates])
thicknesses = np.geomspace(0.4e-3, 6e-3, 9)
by_thickness = np.array([peak(5e-5, thickness) for thickness in thicknesses])

figure, (against_rate, against_thickness, plane) = new_figure(11.5, 3.7, columns=3)
against_rate.loglog(1e3 * rates, 0.1 * by_rate, "o-", ms=4, color=BLUE, label="binary cell, 1 mm")
against_rate.loglog(1e3 * rates, 0.1 * by_rate[4] * (rates / rates[4]) ** 0.5, "--", color=ORANGE, label="√v")
against_rate.set_xlabel("v (mV/s)")
against_thickness.loglog(1e3 * thicknesses, 0.1 * by_thickness, "o-", ms=4, color=BLUE, label="binary cell, 0.05 mV/s")
inverse = by_thickness[4] * thicknesses[4] / thicknesses
against_thickness.loglog(1e3 * thicknesses, 0.1 * inverse, "--", color=ORANGE, label="1/L")
against_thickness.set_xlabel("L (mm)")
for axis in (against_rate, against_thickness):
    axis.set_ylabel("J_p (mA/cm²)")
    axis.set_yticks([0.5, 1.0, 2.0, 4.0], ["0.5", "1", "2", "4"])
    axis.minorticks_off()
against_rate.set_xticks([0.01, 0.1, 1.0], ["0.01", "0.1", "1"])
against_thickness.set_xticks([0.5, 1.0, 2.0, 5.0], ["0.5", "1", "2", "5"])

grid = np.linspace(-0.02, 0.6, 10)
plane.plot(grid, 2 * grid - 1, color=BLUE, lw=1, label="bulk: b = 2a − 1")
plane.plot(grid, -grid, color=ORANGE, lw=1, label="interface: b = −a")
for transference, colour in ((0.3, GREY), (0.8, BLACK)):
    # at one v·L² both slopes belong to the same state, so the thickness is varied about each rate
    pairs = []
    for rate in np.geomspace(1.2e-5, 1e-3, 6):
        ends = [peak(rate * step, 1e-3, transference) for step in (0.97, 1.03)]
        sides = [peak(rate, 1e-3 * step, transference) for step in (0.97, 1.03)]
        span = np.log(1.03 / 0.97)
        pairs.append((np.log(ends[1] / ends[0]) / span, np.log(sides[1] / sides[0]) / span))
    a, b = np.array(pairs).T
    plane.plot(a, b, "o", ms=4, color=colour, mfc="white", label=f"binary cell, t₊ = {transference}")
plane.plot(0.0, -1.0, "s", color=BLACK, ms=6, label="steady limit")
plane.plot(0.5, -1.0, "x", color=RED, ms=8, mew=2, label="√v with 1/L")
plane.set_xlabel("a, exponent of v")
plane.set_ylabel("b, exponent of L")
for axis in (against_rate, against_thickness, plane):
    axis.legend(fontsize=7, frameon=False)
    mark_synthetic(axis)
print("exponent of v at 1 mm:", np.round(slopes(rates, by_rate), 3))
if len(sys.argv) > 1:
    figure.savefig(sys.argv[1], dpi=110)
