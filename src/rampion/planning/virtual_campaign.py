"""The virtual campaign: the paper's design run on simulated samples of known truth, written as instrument files.

Scan rates at 1 mm, thicknesses at two rates, three relative densities, replicates from several pellets, ramps paused
for spectra, rests with and without stack pressure, constant currents above the peak. Two truths are shipped: in one
the binary electrolyte polarizes, in the other the stripping contact is used up and mimics its plots.

Every number of a truth is chosen, none is measured: what comes out is labelled synthetic everywhere.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rampion.cell.contact import ContactLoss
from rampion.cell.files import write_experiment
from rampion.cell.instrument import Instrument, laboratory_instrument, measure
from rampion.cell.ohmic import simulate_ohmic
from rampion.cell.parameters import Cell, Relaxation
from rampion.cell.penetration import PenetrationAtCurrent
from rampion.cell.protocols import Stop
from rampion.equality import equal_by_value
from rampion.errors import InputError
from rampion.file_writing import write_file
from rampion.measurement import (
    ConstantCurrent,
    Experiment,
    FrequencyScan,
    Pause,
    Protocol,
    Rest,
    Sweep,
)
from rampion.processes import in_processes

SCAN_RATES = (3e-6, 6e-6, 1.2e-5, 2.5e-5, 5e-5, 5e-4, 1e-3)
THICKNESSES = (0.5e-3, 1e-3, 2e-3, 3e-3)
MAKES = ("eclab", "gamry", "csv")
SCAN = FrequencyScan(high=600e3, low=10.0, points_per_decade=8, amplitude=0.01)
APEX_TIME = 2e-7  # s: time constant of the merged bulk and grain-boundary arc
FOCUSING = 2e4  # a filament crosses 1 mm within about half a minute at 1 mA/cm²: the spike is sharp at 1 mV/s too
COMPLIANCE = 400.0  # A/m²: where the virtual instrument ends a run
HIGHEST = 2.0  # V: where it ends a constant current
LONG = 4e4  # s


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What nature is, in one virtual campaign (SI).

    ``thresholds`` are the mean current densities at which lithium penetrates, by relative density, and
    ``threshold_spread`` their standard deviation between samples. ``conductivity_spread`` between pellets,
    ``thickness_spread`` between cuts, and the relative standard uncertainties of measuring thickness and area.
    """

    name: str
    mechanism: str
    conductivity: float = 0.06
    concentration: float = 430.0
    transference: float = 0.8
    contact_capacity: float = math.nan
    contact_resistance: float = 5e-5
    interface_resistance: float = 1e-3
    thresholds: tuple[tuple[float, float], ...] = ((0.91, 6.0), (0.95, 11.5), (0.99, 18.0))
    threshold_spread: float = 0.06
    conductivity_spread: float = 0.03
    thickness_spread: float = 0.03
    thickness_uncertainty: float = 0.01
    area_uncertainty: float = 0.02
    area: float = 4e-6


BINARY = Truth(name="binary electrolyte", mechanism="binary")
CONTACT = Truth(name="contact loss", mechanism="contact", contact_capacity=18e3)
TRUTHS = {"binary": BINARY, "contact": CONTACT}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One sample of the design and what is done to it."""

    sample: str
    pellet: str
    relative_density: float
    thickness: float
    protocols: tuple[Protocol, ...]
    make: str = "eclab"
    purpose: str = ""


def _sweep(rate: float, stop: float = 0.8) -> tuple[Protocol, ...]:
    return (Sweep(rate=rate, start=0.0, stop=stop),)


def _relaxation(pressed: bool, stop: float) -> tuple[Protocol, ...]:
    protocols: list[Protocol] = [SCAN, Sweep(rate=5e-5, start=0.0, stop=stop), SCAN]
    for duration in (60.0, 240.0, 900.0, 3600.0, 14400.0, 57600.0):
        protocols += [Rest(duration=duration, pressed=pressed), SCAN]
    return tuple(protocols)


def plan_campaign(replicates: int = 3, area: float = 4e-6) -> tuple[PlannedRun, ...]:
    """The paper's design, with at least ``replicates`` samples in every cell of it."""
    runs: list[PlannedRun] = []

    def add(count: int, density: float, thickness: float, protocols: tuple[Protocol, ...], purpose: str) -> None:
        for replicate in range(count):
            number = len(runs) + 1
            pellet = f"P{round(density * 100)}-{replicate % 3 + 1}"
            run = PlannedRun(
                sample=f"S{number:03d}", pellet=pellet, relative_density=density, thickness=thickness,
                protocols=protocols, purpose=purpose, make=MAKES[number % len(MAKES)],
            )  # fmt: skip
            runs.append(run)

    for rate in SCAN_RATES:
        add(replicates, 0.95, 1e-3, _sweep(rate), "scan rates")
    add(max(10 - replicates, 0), 0.95, 1e-3, _sweep(5e-5), "replicates")
    for thickness in THICKNESSES:
        for rate in (5e-5, 3e-6):
            add(replicates, 0.99, thickness, _sweep(rate), "thicknesses")
    add(replicates, 0.99, 1e-3, _sweep(1e-3, 1.2), "relative density")
    for thickness in (0.5e-3, 1e-3):
        add(replicates, 0.91, thickness, _sweep(5e-5), "relative density")
    paused = Sweep(rate=5e-5, start=0.0, stop=0.6, pause=Pause(every=0.05, duration=90.0, scan=SCAN))
    add(replicates, 0.99, 1e-3, (SCAN, paused), "paused for spectra")
    for pressed in (True, False):
        add(2, 0.99, 1e-3, _relaxation(pressed, 0.35), "relaxation" if pressed else "relaxation without pressure")
    for current_density in (12.5, 15.0, 20.0):
        add(1, 0.95, 1e-3, (ConstantCurrent(current=current_density * area, duration=3600.0),), "constant current")
    for current_density in (6.0, 7.5, 9.5, 12.0):  # below what dense samples bear, above what a binary cell carries on
        run = (ConstantCurrent(current=current_density * area, duration=LONG),)
        add(1, 0.99, 1e-3, run, "constant current to depletion")
    add(1, 0.99, 1e-3, _relaxation(True, 0.6), "relaxation")
    return tuple(runs)


def _cells(runs: Sequence[PlannedRun], truth: Truth, generator: np.random.Generator) -> list[Cell]:
    """The true cell of each run; samples of one pellet share its conductivity."""
    pellets: dict[str, float] = {}
    return [_cell(run, truth, generator, pellets) for run in runs]


def _cell(run: PlannedRun, truth: Truth, generator: np.random.Generator, pellets: dict[str, float]) -> Cell:
    if run.pellet not in pellets:
        pellets[run.pellet] = truth.conductivity * math.exp(truth.conductivity_spread * generator.standard_normal())
    thickness = run.thickness * math.exp(truth.thickness_spread * generator.standard_normal())
    mean = dict(truth.thresholds)[run.relative_density]
    threshold = mean * math.exp(truth.threshold_spread * generator.standard_normal())
    terms: tuple = (PenetrationAtCurrent(critical_current=threshold, focusing=FOCUSING, area_fraction=0.2 / FOCUSING),)
    if truth.mechanism == "contact":
        contact = ContactLoss(
            capacity=truth.contact_capacity * math.exp(0.05 * generator.standard_normal()),
            resistance=truth.contact_resistance, capacitance=1e-2,
        )  # fmt: skip
        terms = (contact, *terms)
    elif truth.mechanism != "binary":
        raise InputError(f"The truth's mechanism is {truth.mechanism!r}; expected 'binary' or 'contact'.")
    resistance = thickness / pellets[run.pellet]
    merged = Relaxation(
        name="bulk and grain boundary", share=1.0, exponent=0.95,
        admittance=APEX_TIME**0.95 / resistance,
    )  # fmt: skip
    arcs = (merged, Relaxation(name="interface", share=1.0, admittance=1e-2, exponent=0.9, place="interface"))
    return Cell(
        thickness=thickness, area=truth.area, conductivity=pellets[run.pellet], concentration=truth.concentration,
        transference=truth.transference, interface_resistance=truth.interface_resistance, relaxations=arcs,
        terms=terms, name=run.sample,
    )  # fmt: skip


def _simulate(cell: Cell, run: PlannedRun, truth: Truth) -> Experiment:
    if truth.mechanism == "contact":
        limit = COMPLIANCE * cell.area
        return simulate_ohmic(cell, run.protocols, current_limit=limit, stop=Stop(highest_potential=HIGHEST)).experiment
    from rampion.cell.simulate import simulate

    stop = Stop(current_density=COMPLIANCE, highest_potential=HIGHEST)
    return simulate(cell, run.protocols, stop=stop).experiment


def _recording(run: PlannedRun, base: Instrument) -> Instrument:
    for protocol in run.protocols:
        if isinstance(protocol, Sweep):
            return replace(base, sampling_step=1e-3)
        if isinstance(protocol, ConstantCurrent) and protocol.duration >= LONG:
            return replace(base, sampling_period=2.0)
    return replace(base, sampling_period=0.1)  # a constant current that penetrates is over in seconds


def write_campaign(
    truth: Truth, folder: Path, seed: int = 1, runs: tuple[PlannedRun, ...] | None = None, workers: int | None = None
) -> Iterator[str]:
    """Write the campaign as instrument files with a sample sheet; yields each sample's name as it is done.

    The sheet holds what a laboratory would know: thickness and area as measured, with their uncertainties. Runs are
    simulated on all cores, or in ``workers`` processes; what is written depends on the seed alone.
    """
    runs = plan_campaign(area=truth.area) if runs is None else runs
    generator = np.random.default_rng(seed)
    cells = _cells(runs, truth, generator)
    seeds = generator.integers(0, 2**31, len(runs))
    jobs = ((run, cell, truth, int(one), folder) for run, cell, one in zip(runs, cells, seeds, strict=True))
    rows: list[list[object]] = []
    for run, cell, names in zip(runs, cells, in_processes(_record, jobs, workers), strict=True):
        thickness = cell.thickness * (1 + truth.thickness_uncertainty * generator.standard_normal())
        area = cell.area * (1 + truth.area_uncertainty * generator.standard_normal())
        measured = [f"{1e3 * thickness:.4f}", f"{1e3 * thickness * truth.thickness_uncertainty:.4f}"]
        measured += [f"{1e6 * area:.4f}", f"{1e6 * area * truth.area_uncertainty:.4f}"]
        pressed = all(getattr(protocol, "pressed", True) for protocol in run.protocols)
        known = [100 * run.relative_density, 25, 20, 20 if pressed else 0, run.purpose]
        rows.append([run.sample, "; ".join(names), run.pellet, *measured, *known])
        yield run.sample
    header = ["sample", "file", "pellet", "thickness [mm]", "thickness std [mm]", "area [mm²]", "area std [mm²]"]
    header += ["relative density [%]", "temperature [°C]", "stack pressure [MPa]", "rest pressure [MPa]", "purpose"]
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\n")
    writer.writerow(["# SYNTHETIC DATA made by rampion: " + truth.name])
    writer.writerow(header)
    writer.writerows(rows)
    write_file(folder / "samples.csv", sheet.getvalue())


def _record(run: PlannedRun, cell: Cell, truth: Truth, seed: int, folder: Path) -> list[str]:
    """Simulate one run, see it through the instrument, write its files; returns their names."""
    experiment = _simulate(cell, run, truth)
    recording = _recording(run, laboratory_instrument())
    seeds = np.random.default_rng(seed).integers(0, 2**31, len(experiment.parts))
    parts = tuple(measure(part, recording, int(one)) for part, one in zip(experiment.parts, seeds, strict=True))
    recorded = replace(experiment, parts=parts, name=run.sample)
    return [path.name for path in write_experiment(recorded, folder, run.make, run.sample)]
