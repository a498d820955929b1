"""Small virtual campaigns of contact loss, through files, for the tests of laws and of the report (synthetic data)."""

from __future__ import annotations

from pathlib import Path

import pytest

from rampion.measurement import ConstantCurrent, FrequencyScan, Pause, Protocol, Rest, Sweep
from rampion.planning.virtual_campaign import CONTACT, PlannedRun, write_campaign
from rampion.study import Study, read, study

RATES = (6e-6, 1.5e-5, 5e-5)
THICKNESSES = (0.5e-3, 1e-3, 2e-3)
MAKES = ("eclab", "gamry", "csv")
SCAN = FrequencyScan(high=600e3, low=10.0, points_per_decade=5, amplitude=0.01)


def planned(number: int, protocols: tuple[Protocol, ...], thickness: float = 1e-3, density: float = 0.99) -> PlannedRun:
    """One run of a campaign, its instrument in turn, its pellet crossed with designs of three by three."""
    return PlannedRun(
        sample=f"S{number}", pellet=f"P{(number + number // 3) % 3}", relative_density=density, thickness=thickness,
        protocols=protocols, make=MAKES[number % 3],
    )  # fmt: skip


def swept(rate: float, stop: float = 0.5) -> tuple[Protocol, ...]:
    """One sweep."""
    return (Sweep(rate=rate, start=0.0, stop=stop),)


def studied(folder: Path, runs: tuple[PlannedRun, ...], seed: int) -> Study:
    """The campaign written, read and studied."""
    for _ in write_campaign(CONTACT, folder, seed=seed, runs=runs):
        pass
    return study(read(folder))  # in this process, nothing remembered


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Three rates at three thicknesses, dense pellets, no penetration in reach."""
    design = [(rate, thickness) for rate in RATES for thickness in THICKNESSES]
    runs = tuple(planned(n, swept(rate), thickness) for n, (rate, thickness) in enumerate(design))
    return studied(tmp_path_factory.mktemp("campaign"), runs, 41)


@pytest.fixture(scope="session")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """One of everything that the paper shows: rates, thicknesses, densities, pauses, rests, a constant current."""
    paused = Sweep(rate=5e-5, start=0.0, stop=0.3, pause=Pause(every=0.1, duration=90.0, scan=SCAN))

    def rested(stop: float, pressed: bool) -> tuple[Protocol, ...]:
        rests = [(Rest(duration=duration, pressed=pressed), SCAN) for duration in (60.0, 900.0, 7200.0)]
        sweep = Sweep(rate=5e-5, start=0.0, stop=stop)
        return (SCAN, sweep, SCAN, *(part for rest in rests for part in rest))

    runs = [planned(n, swept(rate), density=0.95) for n, rate in enumerate((6e-6, 6e-6, 1.5e-5, 5e-5, 1e-3))]
    runs += [planned(5 + n, swept(5e-5), thickness) for n, thickness in enumerate((0.5e-3, 0.5e-3, 2e-3))]
    runs += [planned(8, swept(5e-5), density=0.91), planned(9, (SCAN, paused))]
    runs += [planned(10, rested(0.25, True)), planned(11, rested(0.4, False))]
    runs += [planned(12, (ConstantCurrent(current=6e-5, duration=3600.0),), density=0.95)]
    return studied(tmp_path_factory.mktemp("varied"), tuple(runs), 43)
