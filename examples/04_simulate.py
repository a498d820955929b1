"""The same experiment on a cell whose truth is known: peak, spectrum, and what a measured protocol gives (synthetic).

``python examples/04_simulate.py FOLDER`` also draws the pictures of ``rampion simulate sweep -o FOLDER``.
"""

import sys
from pathlib import Path

import rampion
from rampion.cell.linearise import spectrum_at
from rampion.cell.parameters import Cell
from rampion.cell.regimes import scan_number
from rampion.cell.replay import protocols_of
from rampion.measurement import FrequencyScan, Sweep
from rampion.units import show

cell = Cell(thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8, area=4e-6)
for rate in (5e-5, 3e-6):
    simulation = rampion.simulate(cell, Sweep(rate=rate, start=0.0, stop=0.8))
    peak = simulation.peak
    told = show(peak.current_density, "current_density", 5) if peak else "no peak"
    limit = show(simulation.limiting_current_density, "current_density", 5)
    print(show(rate, "scan_rate"), told, "limit", limit, f"W = {scan_number(cell, rate):.3g}")

# The spectrum of the state that the ramp reaches at 0.3 V, behind its peak.
scan = FrequencyScan(high=600e3, low=0.1, points_per_decade=5)
spectrum = spectrum_at(cell, Sweep(rate=5e-5, start=0.0, stop=0.3), scan)
shown = zip(spectrum.frequency[::7], spectrum.impedance[::7], strict=True)
print("at 0.3 V:", *(f"{abs(z):.4g} Ω at {f:.3g} Hz" for f, z in shown))

# What was done to a measured sample, done to this cell.
(measured,) = rampion.read(next((Path(__file__).parent / "data").glob("peak_*.mpt"))).experiments
print("replayed:", show(rampion.simulate(cell, protocols_of(measured)).peak.current_density, "current_density", 5))

if len(sys.argv) > 1:
    from rampion.report.simulation import write_simulation

    write_simulation(rampion.simulate(cell, Sweep(rate=5e-5, start=0.0, stop=0.8)), sys.argv[1], None, None, 0)
