"""The processes a fitted circuit holds: its arcs and tails, each with resistance, capacitance, exponent, frequency."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rampion.estimate import Estimate, Flag
from rampion.impedance.circuit import Element, Node, arc_time, elements_of, parameter_kinds, serial_parts
from rampion.impedance.circuit_fit import CircuitFit, derive, sum_of
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.notation import print_circuit

UNKNOWN = Estimate(math.nan)
LEAST_EXPONENT = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process in series with the others.

    Attributes
    ----------
    part : its place in the circuit, ``p(R1,CPE1)``. kind : ``series`` (a resistance without relaxation), ``arc``,
        ``diffusion`` or ``blocking``.
    resistance [Ω]. exponent : of the constant-phase element. frequency : of the apex [Hz].
    capacitance, capacitance_brug : effective capacitances [F] after Hsu-Mansfeld and Brug; equal for a true capacitor.
    What a process does not have is NaN.
    """

    part: str
    kind: str
    resistance: Estimate = UNKNOWN
    capacitance: Estimate = UNKNOWN
    capacitance_brug: Estimate = UNKNOWN
    exponent: Estimate = UNKNOWN
    frequency: Estimate = UNKNOWN
    flags: tuple[Flag, ...] = ()


def elements_in(part: str) -> set[str]:
    """Names of the elements of a part as printed: ``R1`` and ``CPE1`` of ``p(R1,CPE1)``."""
    return {name for branch in part.replace("p(", "").replace(")", "").split("-") for name in branch.split(",")}


def effective_capacitance(resistance: float, admittance: float, exponent: float) -> float:
    """Capacitance [F] of R parallel CPE for time constants distributed through the layer (Hsu-Mansfeld).

    C = Q^{1/α} R^{(1-α)/α} = Q ω_max^{α-1}; right for a serial arc in a ceramic.
    Fails when α is well below 0.7: the capacitance of so wide a distribution has no single value.

    References
    ----------
    Hsu, Mansfeld, Corrosion 57 (2001) 747, doi:10.5006/1.3280607; Hirschorn et al., Electrochim. Acta 55 (2010) 6218,
    doi:10.1016/j.electacta.2009.10.065.
    """
    return admittance ** (1 / exponent) * resistance ** ((1 - exponent) / exponent)


def effective_capacitance_brug(resistance: float, admittance: float, exponent: float, before: float) -> float:
    """Capacitance [F] of R parallel CPE for time constants distributed along the electrode (Brug).

    C = Q^{1/α} (1/R_Ω + 1/R)^{(α-1)/α}, R_Ω the resistance ``before`` the arc, at higher frequency [Ω].

    References
    ----------
    Brug et al., J. Electroanal. Chem. 176 (1984) 275, doi:10.1016/S0022-0728(84)80324-1.
    """
    joined = (1 / before if before > 0 else math.inf) + 1 / resistance
    if math.isinf(joined):
        return math.nan
    return admittance ** (1 / exponent) * joined ** ((exponent - 1) / exponent)


def processes_of(fit: CircuitFit) -> tuple[Process, ...]:
    """The serial processes of a fitted circuit, the fastest first, tails last.

    An arc is flagged as not resolved when its exponent is below 0.6 or its apex lies outside the measured window.
    """
    found = [_process(part, fit) for part in serial_parts(fit.circuit)]
    known = [process for process in found if process is not None]
    rank = {"series": 0, "arc": 1, "diffusion": 2, "blocking": 3}

    def place(process: Process) -> tuple[int, float]:
        frequency = process.frequency.value
        return rank[process.kind], -frequency if math.isfinite(frequency) else 0.0

    return tuple(sorted(known, key=place))


def _process(part: Node, fit: CircuitFit) -> Process | None:
    text = print_circuit(part)
    elements = elements_of(part)
    if isinstance(part, Element):
        return _single(part, fit)
    if len(elements) == 2:
        names = {element.symbol: element.name for element in elements}
        if set(names) == {"R", "CPE"}:
            return _arc(text, fit, names["R"], f"{names['CPE']}.Q", f"{names['CPE']}.alpha")
        if set(names) == {"R", "C"}:
            return _arc(text, fit, names["R"], names["C"], "")
        if set(names) == {"R", "L"}:  # leads with losses: no resistance to a direct current
            return None
    resistors = [name for name in parameter_kinds(part) if name.startswith("R")]
    total = sum_of(fit, resistors) if resistors else UNKNOWN
    return Process(part=text, kind="arc" if resistors else "blocking", resistance=total, flags=total.flags)


def _single(part: Element, fit: CircuitFit) -> Process | None:
    name, parameters = part.name, fit.parameters
    if part.symbol == "R":
        return Process(part=name, kind="series", resistance=parameters[name], flags=parameters[name].flags)
    if part.symbol == "C":
        return Process(part=name, kind="blocking", capacitance=parameters[name], flags=parameters[name].flags)
    if part.symbol == "CPE":
        exponent = parameters[f"{name}.alpha"]
        return Process(part=name, kind="blocking", exponent=exponent, flags=exponent.flags)
    if part.symbol == "Con":
        return _arc(name, fit, f"{name}.R", f"{name}.C", "")
    if part.symbol in ("Zarc", "HN"):
        return _arc(name, fit, f"{name}.R", "", f"{name}.alpha", f"{name}.tau")
    if part.symbol in ("Ws", "Wo", "G", "Be"):
        # the apex of tanh(s)/s with s = √(jωτ) lies at ωτ = 2.5406; the others are named by 1/(2πτ)
        turn = 2.5406 if part.symbol in ("Ws", "Be") else 1.0
        time = f"{name}.tau"
        frequency = derive(fit, math.log(turn / (2 * math.pi * parameters[time].value)), {time: -1.0})
        size = parameters[f"{name}.R"]
        return Process(part=name, kind="diffusion", resistance=size, frequency=frequency, flags=size.flags)
    if part.symbol == "W":
        return Process(part=name, kind="diffusion", flags=parameters[name].flags)
    return None


def _arc(text: str, fit: CircuitFit, size: str, admittance: str, exponent: str, time: str = "") -> Process:
    """An arc from the names of R, of Q (or C) and α, or of R, α and τ; exponents absent are one."""
    resistance = fit.parameters[size].value
    alpha = fit.parameters[exponent] if exponent else Estimate(1.0)
    if time:
        tau = fit.parameters[time].value
        tau_slopes = {time: 1.0}
    else:
        tau = (resistance * fit.parameters[admittance].value) ** (1 / alpha.value)
        tau_slopes = {size: 1 / alpha.value, admittance: 1 / alpha.value}
        if exponent:
            tau_slopes[exponent] = -math.log(tau)
    frequency = derive(fit, -math.log(2 * math.pi * tau), {name: -slope for name, slope in tau_slopes.items()})
    # Q^{1/α} R^{(1-α)/α} = τ/R
    capacitance = derive(fit, math.log(tau / resistance), tau_slopes | {size: tau_slopes.get(size, 0.0) - 1.0})
    flags = []
    if alpha.value < LEAST_EXPONENT:
        reason = f"its exponent is {alpha.value:.2f}, below {LEAST_EXPONENT}"
        flags.append(ImpedanceFlag.ARC_NOT_RESOLVED.flag(process=text, reason=reason))
    if not fit.frequency.min() <= frequency.value <= fit.frequency.max():
        reason = f"its apex at {frequency.value:.3g} Hz lies outside the measured window"
        flags.append(ImpedanceFlag.ARC_NOT_RESOLVED.flag(process=text, reason=reason))
    return Process(
        part=text,
        kind="arc",
        resistance=fit.parameters[size],
        capacitance=capacitance,
        capacitance_brug=_brug(fit, size, exponent, alpha.value, tau, tau_slopes),
        exponent=alpha,
        frequency=frequency,
        flags=tuple(dict.fromkeys((*fit.parameters[size].flags, *flags))),
    )


def _brug(
    fit: CircuitFit, size: str, exponent: str, alpha: float, tau: float, tau_slopes: dict[str, float]
) -> Estimate:
    """Brug's capacitance τ R^{-1/α} (1/R_Ω + 1/R)^{(α-1)/α}; unknown when nothing is in series before the arc."""
    values = {name: estimate.value for name, estimate in fit.parameters.items()}
    before = _resistances_before(fit.circuit, values, tau, size)
    if not before:
        return UNKNOWN
    resistance, path = values[size], sum(before.values())
    joined = 1 / path + 1 / resistance
    value = effective_capacitance_brug(resistance, tau**alpha / resistance, alpha, path)
    power = (alpha - 1) / alpha
    slopes = dict(tau_slopes)
    slopes[size] = slopes.get(size, 0.0) - 1 / alpha - power / (resistance * joined)
    for name, part in before.items():
        slopes[name] = slopes.get(name, 0.0) - power * part / (path**2 * joined)
    if exponent:
        slopes[exponent] = slopes.get(exponent, 0.0) + (math.log(resistance) + math.log(joined)) / alpha
    return derive(fit, math.log(value), slopes)


def _resistances_before(circuit: Node, values: dict[str, float], time: float, own: str) -> dict[str, float]:
    """Resistances in series at frequencies above those of the arc of that time constant [Ω]."""
    found = {}
    for part in serial_parts(circuit):
        sizes = [name for name in parameter_kinds(part) if name.startswith("R") or name.endswith(".R")]
        if not sizes or own in sizes:
            continue
        if (isinstance(part, Element) and part.symbol == "R") or arc_time(part, values) < time:
            found[sizes[0]] = values[sizes[0]]
    return found
