"""The rows of the march as a record: profiles, events at their times, traces, and how a run ended."""

from __future__ import annotations

import math
from types import MappingProxyType

import numpy as np

from rampion.cell.circuit import extra_names
from rampion.cell.march import (
    DROPPED,
    EVENT,
    FAILED,
    REACHED_CHARGE,
    REACHED_CURRENT,
    REACHED_POTENTIAL,
    RUNNING,
)
from rampion.cell.mesh import whole_positions
from rampion.cell.parameters import Cell, limiting_current_density
from rampion.cell.simulation import CellFlag, Simulation, local_cubic, traces_of
from rampion.cell.terms import events_of
from rampion.estimate import Flag

_TRACED = ("time", "potential", "current_density", "charge", "working_potential")
_BETWEEN = 4  # pieces of a step in a trace: straight lines then lie sixteen times closer, below the default tolerance
_FARTHEST = 0.01  # of the value: a straight line across a step of the march is off by less than a tenth of it


def ending(code, rows, segment, state, numbers, smallest, structure) -> Flag:
    count = rows["time"].size
    names = ("time", "potential", "current", "charge", "near", "far")
    start = {"time": float(state.time), "potential": math.nan, "current": 0.0, "charge": 0.0, "near": 0.0, "far": 0.0}
    last = {name: float(rows[name][-1]) for name in names} if count else start
    share = math.exp(min(last["near"], last["far"]))
    concentration = numbers["concentration"] * share
    if code == FAILED and segment.galvanostatic and share < 1e-3:
        return CellFlag.DEPLETED.flag(time=last["time"], current=last["current"])
    sites = math.inf if structure.closure is None else structure.closure.sites
    fullest = numbers["concentration"] * math.exp(max(last["near"], last["far"]))
    if code == FAILED and segment.galvanostatic and fullest > 0.999 * sites:
        return CellFlag.FILLED.flag(time=last["time"], current=last["current"])
    kinds = {
        DROPPED: CellFlag.PEAK_PASSED, REACHED_POTENTIAL: CellFlag.POTENTIAL_REACHED, EVENT: CellFlag.EVENT_REACHED,
        REACHED_CHARGE: CellFlag.CHARGE_REACHED, REACHED_CURRENT: CellFlag.CURRENT_REACHED,
    }  # fmt: skip
    if code in kinds:
        return kinds[code].flag(**last)
    assert code in (FAILED, RUNNING)
    return CellFlag.MARCH_FAILED.flag(
        time=last["time"], potential=last["potential"], current=last["current"], concentration=concentration,
        smallest=smallest,
    )  # fmt: skip


def collected(cell, protocols, pieces, spectra, flags, mesh, structure, accuracy, state) -> Simulation:
    def joined(name: str) -> np.ndarray:
        return np.concatenate([rows[name] for _, _, rows in pieces]) if pieces else np.zeros(0)

    part = np.concatenate([np.full(rows["time"].size, s.part) for _, s, rows in pieces]) if pieces else np.zeros(0, int)
    index = np.concatenate([np.full(rows["time"].size, i) for i, _, rows in pieces]) if pieces else np.zeros(0, int)
    time, current, potential = joined("time"), joined("current"), joined("potential")
    near, far = (cell.concentration * np.exp(joined(name)) for name in ("near", "far"))
    extra = joined("extra").reshape(time.size, -1) if pieces else np.zeros((0, 0))
    names = extra_names(structure)
    kinds = sum(len(getattr(term, "EVENTS", ())) for term in cell.terms)
    margins = joined("margins").reshape(time.size, kinds)
    found = events_of(cell.terms, margins, {"time": time, "current": current, "potential": potential})
    arrays = {
        "time": time, "potential": potential, "current_density": current,
        "ionic_current_density": joined("ionic"), "charge": joined("charge"), "surface_concentration": near,
        "counter_concentration": far, "working_potential": joined("working"),
    }  # fmt: skip
    every = (*found, *flags)
    return Simulation(
        cell=cell, protocols=protocols, part=part, segment=index, **arrays,
        states=MappingProxyType({name: extra[:, k] for k, name in enumerate(names)}),
        position=cell.thickness * whole_positions(mesh),
        concentration=_profiles(cell, joined("profile").reshape(time.size, -1), near, far, mesh),
        limiting_current_density=limiting_current_density(cell),
        traces=traces_of(cell, protocols, *_between(arrays, part, index), every), spectra=tuple(spectra), flags=every,
        accuracy=accuracy, final=state,
    )  # fmt: skip


def _between(arrays: dict[str, np.ndarray], part: np.ndarray, index: np.ndarray) -> tuple[dict, np.ndarray]:
    """The columns of traces, with points between the steps of the march, and the part of each."""
    made: dict[str, list[np.ndarray]] = {name: [part[:0] * 1.0] for name in _TRACED}
    parts = [part[:0]]
    for label in np.unique(index):
        mine = index == label
        x = arrays["time"][mine]
        at = np.interp(np.arange((x.size - 1) * _BETWEEN + 1) / _BETWEEN, np.arange(x.size), x)
        at = at[np.concatenate([[True], np.diff(at) > 0])]
        for name in _TRACED:
            made[name].append(at if name == "time" else _smooth(x, arrays[name][mine], at))
        parts.append(np.full(at.size, part[mine][0]))
    return {name: np.concatenate(columns) for name, columns in made.items()}, np.concatenate(parts)


def _smooth(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Local cubics, but straight lines where a cubic leaves them by more than a step's error, as where y diverges."""
    cubic, straight = local_cubic(x, y, at), np.interp(at, x, y)
    return np.where(np.abs(cubic - straight) <= _FARTHEST * np.abs(straight), cubic, straight)


def _profiles(cell: Cell, kept: np.ndarray, near: np.ndarray, far: np.ndarray, mesh) -> np.ndarray:
    """c (n, nodes) [mol/m³] from what was kept: u of half the cell, or c/c₀ of all of it."""
    if cell.closure is None:
        kept = kept.reshape(near.size, mesh.rates.size)
        kept = np.concatenate([1.0 + kept, np.ones((near.size, 1)), 1.0 - kept[:, ::-1]], axis=1)
    profile = cell.concentration * kept.reshape(near.size, 2 * mesh.rates.size + 1)
    profile[:, 0], profile[:, -1] = near, far
    return profile
