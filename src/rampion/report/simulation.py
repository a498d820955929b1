"""A simulated run as plain data, as text, and as files; always marked synthetic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rampion.records import to_json, to_plain
from rampion.report.folder import SYNTHETIC, file_name
from rampion.report.tables import curve_columns, write_columns
from rampion.units import show

if TYPE_CHECKING:
    from rampion.cell.simulate import Simulation


def simulation_entry(simulation: Simulation) -> dict[str, Any]:
    """The keys of ``rampion simulate --json``: SI, current density of the whole cell, cell voltage."""
    peak = simulation.peak
    kept = ("current_density", "potential", "charge", "time")
    return {
        "synthetic": True,
        "cell": simulation.cell.name,
        "assumed": list(simulation.cell.assumed),
        "peak": {name: getattr(peak, name) for name in kept} if peak else None,
        "limiting_current_density": simulation.limiting_current_density,
        "time": simulation.time,
        "potential": simulation.potential,
        "current_density": simulation.current_density,
        "surface_concentration": simulation.surface_concentration,
        "spectra": [
            {
                "potential": spectrum.potential,
                "frequency": spectrum.frequency,
                "impedance_real": np.real(spectrum.impedance),
                "impedance_imag": np.imag(spectrum.impedance),
                "flags": to_plain(spectrum.flags),
            }
            for spectrum in simulation.spectra
        ],
        "flags": to_plain(simulation.flags),
    }


def simulation_text(simulation: Simulation, entry: dict[str, Any]) -> str:
    """The run in a few lines."""
    lines = ["synthetic: computed, not measured"]
    peak = simulation.peak
    if peak is not None:
        told = show(peak.current_density, "current_density", 5)
        lines.append(f"peak {told} at {show(peak.potential, 'potential', 4)} after {show(peak.charge, 'charge', 4)}")
    elif simulation.time.size:
        last = show(float(simulation.current_density[-1]), "current_density", 5)
        lines.append(f"no peak; {last} at {show(float(simulation.potential[-1]), 'potential', 4)} in the end")
    lines.append(f"limiting current density {show(simulation.limiting_current_density, 'current_density', 5)}")
    if simulation.surface_concentration.size:
        lowest = float(np.min(simulation.surface_concentration))
        lines.append(f"lowest concentration at the plating face {lowest:.3g} mol/m³")
    effect = entry.get("pause_effect")
    if effect and effect["paused"] and effect["uninterrupted"]:
        share = 1.0 - effect["ratio"]
        without = show(effect["uninterrupted"].current_density, "current_density", 4)
        lines.append(f"the pauses took {share:.1%} off the peak ({without} without them)")
    if simulation.spectra:
        lines.append(f"{len(simulation.spectra)} spectra: see --json or -o DIR")
    if simulation.cell.assumed:
        lines.append(
            f"assumed, not stated by {simulation.cell.source or 'the source'}: {', '.join(simulation.cell.assumed)}"
        )
    return "\n".join(lines + [f"  · {flag.message}" for flag in simulation.flags])


def write_simulation(
    simulation: Simulation, folder: str | Path, make: str | None, noise: float | None, seed: int
) -> None:
    """``simulation.json``, tables, a figure and, for a make of instrument, its files with the instrument's noise."""
    from rampion.figures.save import save
    from rampion.figures.simulation import draw_simulation

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "simulation.json").write_text(to_json(simulation_entry(simulation)) + "\n", encoding="utf-8")
    experiment = simulation.experiment
    if noise is not None or make is not None:
        from dataclasses import replace

        from rampion.cell.instrument import laboratory_instrument, measure

        changes: dict[str, object] = {} if noise is None else {"current_noise": noise, "impedance_noise": noise}
        instrument = laboratory_instrument(**changes)
        parts = tuple(measure(part, instrument, seed + number) for number, part in enumerate(experiment.parts))
        experiment = replace(experiment, parts=parts)
    for number, part in enumerate(experiment.parts, 1):
        name = file_name(part.technique or "part")
        write_columns(folder / f"{number:03d}_{name}.csv", curve_columns(part), SYNTHETIC)
    save(draw_simulation(simulation), folder / "simulation")
    if make is not None:
        from rampion.cell.files import write_experiment

        write_experiment(experiment, folder / make, make)
