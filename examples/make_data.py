"""Make the example files: four simulated samples of known truth, written as four instruments would (synthetic data).

Run ``python examples/make_data.py`` to write them anew into ``examples/data``.
"""

from pathlib import Path

from rampion.measurement import FrequencyScan, Pause, Sweep
from rampion.planning.virtual_campaign import BINARY, PlannedRun, write_campaign

SCAN = FrequencyScan(high=600e3, low=10.0, points_per_decade=8, amplitude=0.01)
PAUSE = Pause(every=0.1, duration=90.0, scan=SCAN)
RUNS = (
    PlannedRun(
        sample="peak", pellet="P1", relative_density=0.99, thickness=1e-3, make="eclab",
        protocols=(Sweep(rate=5e-5, start=0.0, stop=0.6),), purpose="slow sweep of a dense pellet",
    ),
    PlannedRun(
        sample="penetrated", pellet="P2", relative_density=0.95, thickness=1e-3, make="gamry",
        protocols=(Sweep(rate=1e-3, start=0.0, stop=0.6),), purpose="fast sweep",
    ),
    PlannedRun(
        sample="paused", pellet="P1", relative_density=0.99, thickness=1e-3, make="eclab",
        protocols=(SCAN, Sweep(rate=5e-5, start=0.0, stop=0.5, pause=PAUSE)), purpose="paused for spectra",
    ),
    PlannedRun(
        sample="stopped", pellet="P1", relative_density=0.99, thickness=1e-3, make="csv",
        protocols=(Sweep(rate=5e-5, start=0.0, stop=0.15),), purpose="stopped early",
    ),
)  # fmt: skip

if __name__ == "__main__":
    for sample in write_campaign(BINARY, Path(__file__).parent / "data", seed=7, runs=RUNS):
        print("wrote", sample)
