"""A simulated run as plain data, as text, and as files; always marked synthetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rampion.measurement import WORKING_POTENTIAL
from rampion.records import to_json, to_plain
from rampion.units import show

_PROFILES = 8

if TYPE_CHECKING:
    from rampion.cell.simulate import Simulation
    from rampion.measurement import Experiment, Sweep


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
        **_columns(simulation),
        "spectra": [
            {
                "potential": spectrum.potential,
                "time": spectrum.time,
                "frequency": spectrum.frequency,
                "impedance_real": np.real(spectrum.impedance),
                "impedance_imag": np.imag(spectrum.impedance),
                "flags": to_plain(spectrum.flags),
            }
            for spectrum in simulation.spectra
        ],
        "flags": to_plain(simulation.flags),
    }


def _columns(simulation: Simulation) -> dict[str, Any]:
    """The run at the points of its traces, between which straight lines keep its tolerance."""
    traces, empty = simulation.traces, np.zeros(0)
    time = np.concatenate([empty, *(trace.time for trace in traces)])
    current = np.concatenate([empty, *(trace.current for trace in traces)])
    columns: dict[str, Any] = {
        "time": time,
        "potential": np.concatenate([empty, *(trace.potential for trace in traces)]),
        "current_density": current / simulation.cell.area,
    }
    if time.size:
        surface = np.interp(time, simulation.time, np.log(simulation.surface_concentration))
        columns["surface_concentration"] = np.exp(surface)
    if simulation.cell.reference is not None:
        columns["working_potential"] = np.concatenate([empty, *(one.extra[WORKING_POTENTIAL] for one in traces)])
    if simulation.states:
        states = simulation.states.items()
        columns["states"] = {name: np.interp(time, simulation.time, state) for name, state in states}
    return columns


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
    simulation: Simulation, folder: str | Path, make: str | None = None, seen: Mapping[str, float] | None = None
) -> None:
    """``simulation.json``, tables, figures and, for a make of instrument, its files.

    With a make, or with anything in ``seen``, the records are those of the virtual laboratory instrument
    (:func:`~rampion.cell.instrument.measure`); without both they are the simulation's own. ``seen`` holds ``seed``,
    ``noise`` (relative) and fields of :class:`~rampion.cell.instrument.Instrument` [SI].

    Figures: ``simulation``; ``profiles`` in time; ``spectra``, where there are any; and of a sweep ``voltammograms``
    over scan rates and thicknesses around its own, and ``regimes``, the map with this cell on it.
    """
    from rampion.results_folder import new_set

    seen = dict(seen or {})
    with new_set(folder, "simulate", {"cell": simulation.cell.name, "write": make, **seen}) as made:
        experiment = simulation.experiment
        if make is not None or seen:
            experiment = _measured(experiment, seen)
        _write(simulation, experiment, made.folder, make)


def _measured(experiment: Experiment, seen: Mapping[str, float]) -> Experiment:
    from rampion.cell.instrument import laboratory_instrument, measure

    changes: dict[str, object] = {name: value for name, value in seen.items() if name not in ("seed", "noise")}
    if "noise" in seen:
        changes |= {"current_noise": seen["noise"], "impedance_noise": seen["noise"]}
    instrument, seed = laboratory_instrument(**changes), int(seen.get("seed", 0))
    parts = tuple(measure(part, instrument, seed + number) for number, part in enumerate(experiment.parts))
    return replace(experiment, parts=parts)


def _write(simulation: Simulation, experiment: Experiment, folder: Path, make: str | None) -> None:
    from rampion.report.folder import file_name
    from rampion.report.tables import curve_columns, write_columns

    (folder / "simulation.json").write_text(to_json(simulation_entry(simulation)) + "\n", encoding="utf-8")
    for number, part in enumerate(experiment.parts, 1):
        name = file_name(part.technique or "part")
        write_columns(folder / f"{number:03d}_{name}.csv", curve_columns(part), synthetic=True)
    _write_figures(simulation, folder)
    if make is not None:
        from rampion.cell.files import write_experiment

        write_experiment(experiment, folder / make, make)


def _write_figures(simulation: Simulation, folder: Path) -> None:
    from rampion.cell.profiles import profiles_in_time
    from rampion.figures.profiles import draw_profiles
    from rampion.figures.save import save
    from rampion.figures.simulation import draw_simulation
    from rampion.figures.transient_spectra import draw_transient_spectra
    from rampion.measurement import Sweep

    save(draw_simulation(simulation), folder / "simulation")
    if simulation.time.size > 1:
        times = np.linspace(0.0, float(simulation.time[-1]), _PROFILES + 1)[1:]
        save(draw_profiles(profiles_in_time(simulation, times)), folder / "profiles")
    if simulation.spectra:
        save(draw_transient_spectra(simulation.spectra), folder / "spectra")
    sweep = next((protocol for protocol in simulation.protocols if isinstance(protocol, Sweep)), None)
    if sweep is not None:
        _write_sweep_figures(simulation, sweep, folder)


def _write_sweep_figures(simulation: Simulation, sweep: Sweep, folder: Path) -> None:
    """The sweep among its neighbours and on the map, without its pauses."""
    from rampion.cell.families import sweep_family
    from rampion.cell.parameters import thermal_voltage
    from rampion.cell.regimes import map_regimes, scan_number
    from rampion.figures.families import draw_family
    from rampion.figures.regimes import draw_regimes
    from rampion.figures.save import save

    cell = simulation.cell
    start = 0.0 if np.isnan(sweep.start) else sweep.start
    plain = replace(sweep, start=start, pause=None)
    save(draw_family(sweep_family(cell, plain, accuracy=simulation.accuracy)), folder / "voltammograms")
    own = scan_number(cell, sweep.rate), cell.transference
    end = abs(sweep.stop) / thermal_voltage(cell)
    save(draw_regimes(map_regimes(), own, end, cell.name or "this cell"), folder / "regimes")
