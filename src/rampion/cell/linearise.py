"""The spectrum of the cell at any transient state, by exact linearisation of its equations around the frozen state.

With u = (c − c₀)/c₀, κ = D/L² and the current's perturbation δJ = J_lim·δj, the perturbation of the concentration is

    iω δu = κ δu_ξξ,   δu_ξ(0) = 2δj,   odd about ½   ⇒   δu = −2δj·sinh[q(½ − ξ)] / [q cosh(q/2)],   q = √(iω/κ)

and the voltage follows term by term: δJ·R(c) + J·δR(c) + the concentration overpotential + charge transfer ∥ interface
capacitance at each face + the interface terms with their states. ∫δu/c² is taken on a mesh of its own that
resolves both √(D/ω) and the depleted layer c_s/c_ξ; on the mesh of the march it would be wrong.

Assumes: a perturbation small against RT/F, and a state that stands still during one period. Fails when: the state
moves: against eight periods of excitation in the time domain the relative error is about 3|dφ/dt|/(πf); it is returned
for each frequency, and a flag names the frequency below which it exceeds 1 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from rampion.cell.march import State, Structure, interface
from rampion.cell.mesh import Mesh
from rampion.cell.parameters import Cell
from rampion.errors import InputError, RefusedError
from rampion.estimate import FlagKind, Severity
from rampion.measurement import FrequencyScan, Protocol, Spectrum

_FROZEN = 0.01


class SpectrumFlag(FlagKind):
    """What a simulated spectrum may have to say."""

    STATE_MOVES = (
        Severity.WARNING,
        "Below {frequency:.3g} Hz the state changes by more than 1 % during a measurement: the frozen spectrum is not "
        "what an instrument would measure there.",
    )


def frequencies(scan: FrequencyScan) -> Float[np.ndarray, " n"]:
    """The scan's frequencies from high to low [Hz], both ends included."""
    if not 0 < scan.low <= scan.high:
        raise InputError(f"The scan goes from {scan.high:g} Hz to {scan.low:g} Hz; expected high ≥ low > 0.")
    decades = math.log10(scan.high / scan.low)
    return np.geomspace(scan.high, scan.low, max(1, round(decades * scan.points_per_decade)) + 1)


def _fine_profile(state: State, mesh: Mesh, j: float, highest: float, pace: float, node: float | None) -> tuple:
    """A mesh that resolves the wall, and 1 ± u on it; the smallest of both is accurate to rounding."""
    from scipy.interpolate import CubicSpline

    phi = float(np.asarray(state.unknown)[0])
    low, high = 2.0 / (1.0 + math.exp(min(phi, 700.0))), 2.0 / (1.0 + math.exp(min(-phi, 700.0)))
    u = np.append(mesh.shapes @ np.asarray(state.modes), 0.0)
    u[0] = -math.tanh(0.5 * phi)
    layer = min(low, high) / max(2.0 * abs(j), 1e-12)
    first = 1e-2 * min(layer, math.sqrt(pace / (2.0 * math.pi * highest)), 1e-3)
    x = np.geomspace(max(first, 1e-40), 0.5, max(400, int(100 * math.log10(0.5 / max(first, 1e-40)))))
    extra = [node] if node is not None else []
    x = np.unique(np.concatenate([[0.0], x, mesh.position[1:], extra]))
    ends: Any = ((1, 2.0 * j), (2, 0.0))
    rise = CubicSpline(mesh.position, u - u[0], bc_type=ends)(x)
    plating = np.maximum(low + rise, 0.5 * low if j > 0 else 1e-300)
    stripping = np.maximum(high - rise, 0.5 * high if j < 0 else 1e-300)
    return x, plating, stripping


def _weighted(x, top, bottom):
    """∫top/bottom² over each interval with both linear in it; top (k, n) complex, bottom (n,)."""
    p, q, h = bottom[:-1], bottom[1:], np.diff(x)
    a, b = top[:, :-1], top[:, 1:]
    gap = (q - p) / p
    small = np.abs(gap) < 1e-3
    safe = np.where(small, 1.0, gap)
    first = np.where(small, 0.5 - gap * (2.0 / 3.0 - 0.75 * gap), (np.log1p(safe) - safe / (1.0 + safe)) / safe**2)
    return h * (a / (p * q) + (b - a) * first / p**2)


def area_impedance(
    cell: Cell,
    state: State,
    mesh: Mesh,
    structure: Structure,
    frequency: Float[np.ndarray, " n"],
    *,
    pressed: bool = True,
    electrode: str = "cell",
) -> Complex[np.ndarray, " n"]:
    """Z·area [Ω·m²] of the frozen state at the frequencies [Hz]; ``electrode`` is 'cell' or 'working' (to the
    reference plane)."""
    import jax

    from rampion.cell.simulate import numbers_of

    if cell.closure is not None:
        raise RefusedError("Spectra of a cell with functions of the concentration are not computed: leave closure out.")
    numbers = numbers_of(cell)
    pace = numbers["diffusivity"] / cell.thickness**2
    limit = numbers["limiting_current"]
    extra = np.asarray(state.unknown)[1:]
    ionic = float(np.asarray(state.ionic))
    j = ionic / limit
    reference = cell.reference if electrode == "working" else None
    near_reference = None if reference is None else min(reference, 1.0 - reference)
    x, low, high = _fine_profile(state, mesh, j, float(np.max(frequency)), pace, near_reference)
    omega = 2.0 * math.pi * frequency
    q = np.sqrt(1j * omega / pace)[:, None]
    # −sinh[q(½ − x)]/(q cosh(q/2)) without overflow, per unit δj times 2
    grown = np.exp(-q * x) - np.exp(-q * (1.0 - x))
    change = -2.0 * grown / (q * (1.0 + np.exp(-q)))
    steps = np.diff(x)
    if cell.conduction == "proportional":
        mean_low, mean_high = (np.log(v[1:] / v[:-1]) / np.where(np.diff(v) == 0, 1.0, np.diff(v)) for v in (low, high))
        mean_low = np.where(np.abs(np.diff(low)) < 1e-9 * low[1:], 1.0 / low[1:], mean_low) * steps
        mean_high = np.where(np.abs(np.diff(high)) < 1e-9 * high[1:], 1.0 / high[1:], mean_high) * steps
        bend_low, bend_high = -_weighted(x, change, low), _weighted(x, change, high)
    else:
        mean_low = mean_high = steps
        bend_low = bend_high = np.zeros((frequency.size, steps.size))
    ohmic = cell.thickness / cell.conductivity
    at = None if reference is None else int(np.argmin(np.abs(x - near_reference)))
    thermal = numbers["thermal_voltage"]
    factor = 2.0 * (1.0 - cell.transference) * cell.thermodynamic_factor * thermal
    wall = change[:, 0]
    if at is None:
        integral = mean_low.sum() + mean_high.sum()
        bending = bend_low.sum(axis=1) + bend_high.sum(axis=1)
        relative = -wall / high[0] - wall / low[0]
        share, faces = 1.0, ((low[0], wall, 0), (high[0], -wall, 1))
    else:
        far = reference is not None and reference > 0.5
        integral = mean_low.sum() + mean_high[at:].sum() if far else mean_low[:at].sum()
        bending = bend_low.sum(axis=1) + bend_high[:, at:].sum(axis=1) if far else bend_low[:, :at].sum(axis=1)
        there = -change[:, at] / high[at] if far else change[:, at] / low[at]
        relative = there - wall / low[0]
        share, faces = 0.5, ((low[0], wall, 0),)
    impedance = _arcs(cell, "electrolyte", ohmic * integral, omega) + j * ohmic * bending
    impedance = impedance + _arcs(cell, "interface", share * cell.interface_resistance, omega)
    impedance = impedance + factor * relative / limit
    if structure.kinetics:
        for concentration, moved, k in faces:
            exchange = cell.exchange_current * math.sqrt(concentration)
            if structure.capacitance:
                eta = float(extra[k])
                faradaic = 2.0 * exchange * math.sinh(0.5 * eta)
            else:
                faradaic = ionic
                eta = 2.0 * math.asinh(0.5 * ionic / exchange)
            admittance = exchange * math.cosh(0.5 * eta) / thermal + 1j * omega * cell.interface_capacitance
            impedance = impedance + (1.0 - faradaic * moved / (2.0 * concentration * limit)) / admittance
    if not structure.terms:
        return impedance + share * cell.series_resistance
    # The terms: real derivatives of what they add, then a small complex system for their states.
    states = extra[2:] if structure.capacitance else extra
    given = np.concatenate(
        [[ionic, float(state.potential), cell.concentration * low[0], cell.concentration * high[0]], states]
    )

    def added(z):
        current, whole, working, rates, _ = interface(
            z[1], z[1], z[0], z[2], z[3], z[4:], state.time, float(pressed), numbers, structure
        )
        import jax.numpy as jnp

        return jnp.concatenate([jnp.stack([current, working if at is not None else whole]), rates])

    # The electrolyte's own voltage is what is left of the cell's when the terms' share is taken away.
    given[1] = _electrolyte_voltage(added, given, float(state.potential), at)
    matrix = np.asarray(jax.jacfwd(added)(given))
    moving = np.stack(
        [np.ones_like(impedance), impedance, wall * cell.concentration / limit, -wall * cell.concentration / limit]
    )
    result = np.empty_like(impedance)
    for k, w in enumerate(omega):
        direct = matrix[:, :4] @ moving[:, k]
        if states.size:
            s = np.linalg.solve(1j * w * np.eye(states.size) - matrix[2:, 4:], direct[2:])
            direct = direct[:2] + matrix[:2, 4:] @ s
        result[k] = direct[1] / direct[0]
    return result


def _electrolyte_voltage(added: Any, given: np.ndarray, potential: float, at: int | None) -> float:
    """The electrolyte's voltage for which the terms and the leads make up the cell's; a secant, monotone."""
    if at is not None:
        return potential
    trial = given.copy()

    def miss(v: float) -> float:
        trial[1] = v
        return float(added(trial)[1]) - potential

    a, b = 0.0, potential if potential else 1e-3
    fa, fb = miss(a), miss(b)
    for _ in range(50):
        if fb == fa or abs(fb) < 1e-12:
            break
        a, fa, b = b, fb, b - fb * (b - a) / (fb - fa)
        fb = miss(b)
    return b


def _arcs(cell: Cell, place: str, resistance: float, omega: np.ndarray) -> np.ndarray:
    total, left = np.zeros(omega.size, dtype=complex), 1.0
    for arc in cell.relaxations:
        if arc.place == place and resistance > 0:
            part = arc.share * resistance
            total += part / (1.0 + part * arc.admittance * (1j * omega) ** arc.exponent)
            left -= arc.share
    return total + left * resistance


def spectrum_of_state(
    cell: Cell,
    state: State,
    scan: FrequencyScan,
    mesh: Mesh,
    structure: Structure,
    pressed: bool = True,
    galvanostatic: bool = False,
    electrode: str = "cell",
) -> Spectrum:
    """The spectrum [Ω] of a state of the march, with its frozen error at each frequency and a flag where it matters."""
    f = frequencies(scan)
    impedance = area_impedance(cell, state, mesh, structure, f, pressed=pressed, electrode=electrode) / cell.area
    moving = 3.0 * abs(float(np.asarray(state.trend)[0]))
    error = moving / (math.pi * f)
    limit = moving / (math.pi * _FROZEN)
    flags = (SpectrumFlag.STATE_MOVES.flag(frequency=limit),) if f.min() < limit else ()
    return Spectrum(
        frequency=f,
        impedance=impedance,
        time=np.full(f.size, float(state.time)),
        technique="impedance of a simulated state",
        protocol=scan,
        potential=float(state.potential),
        current=float(state.current) * cell.area,
        amplitude=scan.amplitude,
        galvanostatic=scan.galvanostatic,
        extra={"frozen_error": error},
        synthetic=True,
        flags=flags,
    )


def spectrum_at(
    cell: Cell,
    protocol: Protocol | Sequence[Protocol],
    scan: FrequencyScan,
    *,
    potential: float = math.nan,
    electrode: str = "cell",
    accuracy: Any = None,
) -> Spectrum:
    """The spectrum at a transient state of a run: at its end, or where the cell voltage first reaches ``potential``.

    Raises
    ------
    InputError
        When the run never reaches that voltage.
    """
    from rampion.cell.protocols import Stop
    from rampion.cell.simulate import CellFlag, mesh_of, simulate, structure_of

    asked = not math.isnan(potential)
    stop = Stop(highest_potential=potential) if potential >= 0 else Stop(lowest_potential=potential)
    run = simulate(cell, protocol, stop=stop if asked else None, accuracy=accuracy)
    if asked and abs(float(run.potential[-1]) - potential) > 1e-5 + 1e-5 * abs(potential):
        raise InputError(f"The run ends at {run.potential[-1]:g} V and never reaches {potential:g} V: sweep further.")
    mesh = mesh_of(cell, run.accuracy)
    spectrum = spectrum_of_state(cell, run.final, scan, mesh, structure_of(cell, mesh), electrode=electrode)
    from dataclasses import replace

    other = tuple(flag for flag in run.flags if flag.code != CellFlag.POTENTIAL_REACHED.name.lower())
    return replace(spectrum, flags=(*other, *spectrum.flags))


def excited_impedance(cell: Cell, run: Any, frequency: float, *, amplitude: float = 1e-4, periods: int = 8) -> complex:
    """Impedance [Ω] at one frequency by exciting the state in the time domain: the check of the linearisation.

    A sine of ``amplitude`` [V] rides on the last potential of ``run``; voltage and current of the last half of the
    periods are fitted with sine, cosine and a cubic drift.
    """
    from rampion.cell import simulate as s
    from rampion.cell.protocols import Segment, Stop
    from rampion.measurement import Hold

    mesh = s.mesh_of(cell, run.accuracy)
    structure = s.structure_of(cell, mesh)
    duration = periods / frequency
    held = Segment(
        value=float(run.potential[-1]), slope=0.0, duration=duration, galvanostatic=False, part=0,
        protocol=Hold(potential=float(run.potential[-1]), duration=duration),
    )  # fmt: skip
    start = float(run.final.time)
    control = s.control_of(held, start, Stop(), False)._replace(amplitude=amplitude, frequency=frequency)
    limits = (1e-7, 1e-12 * duration, 1.0 / (frequency * 60.0))
    _, rows, _ = s._march(
        run.final, 1e-9 * duration, control, s.numbers_of(cell), s.mesh_arrays(mesh), limits, structure
    )
    late = rows["time"] > start + 0.5 * duration
    t = rows["time"][late] - start
    angle = 2.0 * math.pi * frequency * t
    scaled = t / duration
    columns = np.stack([np.sin(angle), np.cos(angle), np.ones_like(t), scaled, scaled**2, scaled**3], axis=1)
    voltage = np.linalg.lstsq(columns, rows["potential"][late], rcond=None)[0]
    current = np.linalg.lstsq(columns, rows["current"][late], rcond=None)[0]
    return complex((voltage[0] + 1j * voltage[1]) / (current[0] + 1j * current[1]) / cell.area)
