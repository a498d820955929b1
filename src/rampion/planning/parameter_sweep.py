"""One voltage ramp simulated for many cells: parameters in a grid or a table, one row of results each.

Simulations are done in chunks, on all cores or on a Dask cluster, and kept in a folder as they come
(:mod:`rampion.planning.kept_rows`), each under the SHA-256 of everything it depends on: what is there already is
taken, whoever simulated it, and counts once.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from rampion.cell.parameters import Cell
from rampion.cell.protocols import Stop
from rampion.cell.simulation import Accuracy, Simulation
from rampion.errors import InputError, RampionError, RefusedError
from rampion.estimate import Flag, FlagKind, Severity
from rampion.measurement import Sweep
from rampion.planning.kept_rows import Kept, Row, read_chunks, write_chunk, write_manifest
from rampion.processes import Lost, as_done
from rampion.records import code_digest, to_plain

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "thickness": "thickness", "conductivity": "conductivity", "concentration": "concentration",
        "transference": "transference", "diffusivity": "diffusivity", "temperature": "temperature",
        "thermodynamic_factor": "", "series_resistance": "area_resistance", "interface_resistance": "area_resistance",
        "exchange_current": "exchange_current_density", "interface_capacitance": "area_capacitance",
        "scan_rate": "scan_rate", "stop_potential": "potential",
    }
)  # fmt: skip
"""What may be varied besides the interface terms' numbers, and the quantity that each is ('' for a plain number)."""
FEWEST, MOST = 50, 1000  # simulations of a chunk: fewer are not worth starting a process for, more are lost at once
CODE = ("cell", "planning/parameter_sweep.py", "measurement.py", "quantities.py")  # what a row's numbers come from


class SweepFlag(FlagKind):
    """What one simulation of a parameter sweep, or the whole, may have to say."""

    NO_PEAK = (
        Severity.NOTE,
        "No peak: the current density is level where the ramp ends, on a plateau or at the very top.",
    )
    STILL_RISING = (Severity.NOTE, "No peak: the current density still rises where the ramp ends; let it go further.")
    NOT_SIMULATED = (Severity.INVALID, "Not simulated: {reason}")
    LOST = (Severity.INVALID, "Not simulated: {reason}. Run the same again to try it anew.")
    CHUNK_DAMAGED = (
        Severity.NOTE,
        "{count} of the kept files could not be trusted; their simulations were done again.",
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParameterSweep:
    """A ramp, a cell, and what differs from simulation to simulation.

    Parameters
    ----------
    cell, protocol : what all simulations share; a plain ramp.
    varied : name → values (n,) [SI], one per simulation. Names are those of :data:`VARIABLES` and, of the cell's
        interface terms, ``ContactLoss.capacity`` and the like.
    quantities : of varied numbers of terms, for tables and axes; a name that is absent is shown in SI.

    Raises
    ------
    InputError
        When nothing is varied, lengths differ, a value is not finite, or a name is not known.
    """

    cell: Cell
    protocol: Sweep
    varied: Mapping[str, Float[np.ndarray, " n"]]
    quantities: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    stop: Stop = field(default_factory=Stop)
    accuracy: Accuracy = field(default_factory=Accuracy)

    def __post_init__(self) -> None:
        if self.protocol.pause is not None:
            raise InputError("A parameter sweep simulates plain ramps; leave the pauses out.")
        varied = {name: np.array(values, dtype=float) for name, values in self.varied.items()}
        shapes = {values.shape for values in varied.values()}
        shape = next(iter(shapes), (0,))
        if len(shapes) != 1 or len(shape) != 1 or shape == (0,):
            told = ", ".join(map(str, shapes)) or "of nothing"
            raise InputError(
                f"The varied parameters have the shapes {told}; expected one value of each per simulation."
            )
        for name, values in varied.items():
            if not np.isfinite(values).all():
                raise InputError(f"A value of {name} is missing or infinite; give one for every simulation.")
            if "." not in name and name not in VARIABLES:
                raise InputError(f"{name!r} cannot be varied; expected one of {', '.join(VARIABLES)}.")
        object.__setattr__(self, "varied", MappingProxyType(varied))
        _places(self)

    def __len__(self) -> int:
        return next(iter(self.varied.values())).size

    def quantity_of(self, name: str) -> str:
        """The quantity that a varied parameter is; '' for a plain number or a number in SI."""
        return self.quantities.get(name, VARIABLES.get(name, ""))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SweepResults:
    """One row per simulation, in the sweep's order; ``remembered`` of them were taken from the folder."""

    sweep: ParameterSweep
    rows: tuple[Row, ...]
    remembered: int = 0
    flags: tuple[Flag, ...] = ()

    def column(self, name: str) -> Float[np.ndarray, " n"]:
        """One number of all rows [SI], NaN where there is none: ``peak_potential`` and the like."""
        return np.array([getattr(row, name) for row in self.rows], dtype=float)


def product_grid(values: Mapping[str, Sequence[float] | np.ndarray]) -> dict[str, Float[np.ndarray, " n"]]:
    """Every combination of the values, the last name varying fastest; (n,) each."""
    meshes = np.meshgrid(*(np.asarray(one, dtype=float) for one in values.values()), indexing="ij")
    return {name: mesh.ravel() for name, mesh in zip(values, meshes, strict=True)}


def simulate_sweep(
    sweep: ParameterSweep,
    folder: Path | str | None = None,
    *,
    fresh: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    chunk: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SweepResults:
    """Simulate every row that the folder does not hold yet; a row that fails is a row with a flag.

    Parameters
    ----------
    folder : where chunks are kept as they are done, and looked for at the start; ``None`` keeps nothing. Several runs
        may use one folder at once.
    fresh : simulate all of it, whatever the folder holds.
    workers, scheduler : processes here, or the address of a Dask scheduler (:func:`rampion.processes.as_done`). The
        workers need no access to the folder.
    chunk : simulations sent and kept together; by default 50 to 1,000.
    progress : told how many rows of how many are done.

    Raises
    ------
    RefusedError
        When JAX or what a cluster needs is missing, a worker there runs other code, or the cell holds user functions
        (:class:`~rampion.cell.closures.Closure`), by which no row can be known again: leave the folder out then.
    RampionError
        When the cluster is lost. What was done until then is kept in the folder.
    """
    if folder is not None and sweep.cell.closure is not None:
        raise RefusedError(
            "Results of a cell with user functions cannot be kept in a folder, as functions have no name that lasts: "
            "simulate the sweep without one."
        )
    chunks = None if folder is None else Path(folder) / "chunks"
    places = _places(sweep)
    variants = [_variant(sweep, row, places) for row in range(len(sweep))]
    keys = ["" if isinstance(one, Flag) else _key(one, sweep) for one in variants]
    repeats = Counter(keys)
    kept = Kept() if chunks is None or fresh else read_chunks(chunks)
    known = {key: kept.rows[key] for key in repeats if key in kept.rows}
    files = dict(kept.files)
    remembered = ended = sum(repeats[key] for key in known)
    wanted = {key: one for key, one in zip(keys, variants, strict=True) if not isinstance(one, Flag)}
    missing = [key for key in wanted if key not in known]
    size = chunk or _chunk_size(len(missing), workers, scheduler)
    parts = [missing[start : start + size] for start in range(0, len(missing), size)]
    jobs = [(tuple(wanted[key] for key in part), sweep.stop, sweep.accuracy) for part in parts]
    reasons: dict[str, str] = {}
    description = _description(sweep)

    def tell() -> None:
        if chunks is not None:
            write_manifest(chunks, description, len(wanted), len(known), files)
        if progress is not None:
            progress(ended + repeats[""], len(keys))

    tell()
    for place, result in as_done(_simulate_chunk, jobs, workers, scheduler) if jobs else ():
        part = parts[place]
        ended += sum(repeats[key] for key in part)
        if isinstance(result, Lost):
            reasons |= dict.fromkeys(part, result.reason)
        else:
            digest, rows = result
            _check_code(digest, scheduler)
            done = dict(zip(part, rows, strict=True))
            if chunks is not None:
                files[write_chunk(chunks, done).name] = len(done)
            known |= done
        tell()
    rows = tuple(
        Row(flags=(one,)) if isinstance(one, Flag) else known.get(key) or _not_simulated(SweepFlag.LOST, reasons[key])
        for key, one in zip(keys, variants, strict=True)
    )
    flags = (SweepFlag.CHUNK_DAMAGED.flag(count=kept.damaged),) if kept.damaged else ()
    return SweepResults(sweep=sweep, rows=rows, remembered=remembered, flags=flags)


def _chunk_size(count: int, workers: int | None, scheduler: str | None) -> int:
    """Several chunks for each core, so that none waits long for the last; a cluster may have many cores."""
    chunks = 256 if scheduler else 8 * (workers or os.cpu_count() or 1)
    return min(MOST, max(FEWEST, math.ceil(count / chunks)))


def _places(sweep: ParameterSweep) -> dict[str, tuple[int, str]]:
    """Which term and field each dotted name means."""
    dotted = [name for name in sweep.varied if "." in name]
    if not dotted:
        return {}
    from rampion.cell.sweep import places_of

    return dict(zip(dotted, places_of(sweep.cell, dotted), strict=True))


def _variant(sweep: ParameterSweep, row: int, places: Mapping[str, tuple[int, str]]) -> tuple[Cell, Sweep] | Flag:
    """The cell and the ramp of one row, or why there is none."""
    values = {name: float(column[row]) for name, column in sweep.varied.items()}
    ramp = {
        name: values.pop(long) for name, long in (("rate", "scan_rate"), ("stop", "stop_potential")) if long in values
    }
    try:
        terms = list(sweep.cell.terms)
        for name, (place, field_name) in places.items():
            terms[place] = replace(terms[place], **{field_name: values.pop(name)})
        cell, protocol = replace(sweep.cell, **values, terms=tuple(terms)), replace(sweep.protocol, **ramp)
        if not (protocol.rate > 0 and math.isfinite(protocol.stop)):
            raise InputError(f"the ramp goes to {protocol.stop:g} V at {protocol.rate:g} V/s.")
    except InputError as error:
        return _bare(SweepFlag.NOT_SIMULATED.flag(reason=str(error)))
    return cell, protocol


def _key(variant: tuple[Cell, Sweep], sweep: ParameterSweep) -> str:
    """SHA-256 of what a row depends on; a cell's name and notes are not among it."""
    cell = replace(variant[0], name="", source="", assumed=(), notes=MappingProxyType({}))
    told = repr((cell, variant[1], sweep.stop, sweep.accuracy, code_digest(*CODE)))
    return hashlib.sha256(told.encode()).hexdigest()


def _simulate_chunk(
    variants: Sequence[tuple[Cell, Sweep]], stop: Stop, accuracy: Accuracy
) -> tuple[str, tuple[Row, ...]]:
    """The rows, and by which code they were simulated: on a cluster it might be another."""
    return code_digest(*CODE), tuple(_simulate_row(*variant, stop, accuracy) for variant in variants)


def _simulate_row(cell: Cell, protocol: Sweep, stop: Stop, accuracy: Accuracy) -> Row:
    from rampion.cell.simulate import simulate

    try:
        run = simulate(cell, protocol, stop=stop, accuracy=accuracy)
        peak = run.peak
    except RefusedError:
        raise
    except Exception as error:  # one row's failure must not take the others with it
        told = str(error) if isinstance(error, RampionError) else f"{type(error).__name__}: {error}"
        return _not_simulated(SweepFlag.NOT_SIMULATED, told)
    flags = run.flags if peak is not None else (*run.flags, _why_no_peak(run).flag())
    current = run.current_density
    largest = float(current[np.argmax(np.abs(current))]) if current.size else math.nan
    return Row(
        peak_current_density=peak.current_density if peak else math.nan,
        peak_potential=peak.potential if peak else math.nan,
        peak_charge=peak.charge if peak else math.nan,
        largest_current_density=peak.current_density if peak else largest,
        limiting_current_density=run.limiting_current_density,
        flags=tuple(map(_bare, flags)),
    )


def _why_no_peak(run: Simulation) -> SweepFlag:
    """A rise of more than 1 % over the last twentieth of the ramp is no plateau; that of a resistance is 5 %."""
    if run.time.size < 2:
        return SweepFlag.NO_PEAK
    before = float(np.interp(0.95 * run.time[-1], run.time, np.abs(run.current_density)))
    rises = abs(run.current_density[-1]) > 1.01 * before
    return SweepFlag.STILL_RISING if rises else SweepFlag.NO_PEAK


def _not_simulated(kind: SweepFlag, reason: str) -> Row:
    return Row(flags=(_bare(kind.flag(reason=reason)),))


def _bare(flag: Flag) -> Flag:
    """The flag as it comes back from a file."""
    return Flag(flag.code, flag.severity, flag.message)


def _check_code(digest: str, scheduler: str | None) -> None:
    if digest != code_digest(*CODE):
        where = f"A worker of {scheduler}" if scheduler else "A process"
        raise RefusedError(
            f"{where} simulates by another rampion, numpy, scipy or jax than this one: install the same versions there."
        )


def _description(sweep: ParameterSweep) -> dict[str, Any]:
    varied = {name: {"least": values.min(), "largest": values.max()} for name, values in sweep.varied.items()}
    return to_plain({"cell": sweep.cell.name, "protocol": sweep.protocol, "varied": varied})
