"""The same experiment on a cell whose truth is known: a peak at 0.05 mV/s, none at 0.003 mV/s (synthetic data)."""

import rampion
from rampion.cell.parameters import Cell
from rampion.measurement import Sweep
from rampion.units import show

cell = Cell(thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8)
for rate in (5e-5, 3e-6):
    simulation = rampion.simulate(cell, Sweep(rate=rate, start=0.0, stop=0.8))
    peak = simulation.peak
    told = show(peak.current_density, "current_density", 5) if peak else "no peak"
    print(show(rate, "scan_rate"), told, "limit", show(simulation.limiting_current_density, "current_density", 5))
