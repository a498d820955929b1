"""The cell and the ramp of the parameter sweeps' tests."""

from rampion.cell.parameters import Cell
from rampion.measurement import Sweep

CELL = Cell(thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8, name="test")
RAMP = Sweep(rate=5e-5, start=0.0, stop=0.8)
