"""The processes a fitted circuit holds: its arcs and tails, each with resistance, capacitance, exponent, frequency."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rampion.estimate import Estimate, Flag
from rampion.impedance.circuit import Element, Node, arc_time, elements_of, parameter_kinds, serial_parts
from rampion.impedance.circuit_fit import CircuitFit, derive
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
    names = {element.symbol: element.name for element in elements}
    symbols = sorted(element.symbol for element in elements)
    if isinstance(part, Element):
        return _single(part, fit)
    resistors = [name for name in parameter_kinds(part) if name.startswith("R")]
    if symbols == ["CPE", "R"]:
        size, q, alpha = names["R"], f"{names['CPE']}.Q", f"{names['CPE']}.alpha"
        return _arc(text, fit, lambda v: v[size], lambda v: v[q], lambda v: v[alpha], fit.parameters[alpha], size)
    if symbols == ["C", "R"]:
        size, c = names["R"], names["C"]
        return _arc(text, fit, lambda v: v[size], lambda v: v[c], lambda v: 1.0, Estimate(1.0), size)
    total = derive(fit, lambda v: sum(v[name] for name in resistors)) if resistors else UNKNOWN
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
    if part.symbol in ("Zarc", "HN", "Con"):
        size = f"{name}.R"
        if part.symbol == "Con":
            return _arc(name, fit, lambda v: v[size], lambda v: v[f"{name}.C"], lambda v: 1.0, Estimate(1.0), size)
        alpha = f"{name}.alpha"

        def admittance(v: dict[str, float]) -> float:
            return v[f"{name}.tau"] ** v[alpha] / v[size]

        return _arc(name, fit, lambda v: v[size], admittance, lambda v: v[alpha], parameters[alpha], size)
    if part.symbol in ("Ws", "Wo", "G", "Be"):
        # the apex of tanh(s)/s with s = √(jωτ) lies at ωτ = 2.5406; the others are named by 1/(2πτ)
        turn = 2.5406 if part.symbol in ("Ws", "Be") else 1.0
        frequency = derive(fit, lambda v: turn / (2 * math.pi * v[f"{name}.tau"]))
        size = parameters[f"{name}.R"]
        kind = "diffusion"
        return Process(part=name, kind=kind, resistance=size, frequency=frequency, flags=size.flags)
    if part.symbol == "W":
        return Process(part=name, kind="diffusion", flags=parameters[name].flags)
    return None


Value = Callable[[dict[str, float]], float]


def _arc(
    text: str, fit: CircuitFit, resistance: Value, admittance: Value, exponent: Value, alpha: Estimate, size: str
) -> Process:
    def time(v: dict[str, float]) -> float:
        return (resistance(v) * admittance(v)) ** (1 / exponent(v))

    own = time(dict(zip(fit.parameters, np.exp(fit.logarithms), strict=True)))

    def before(v: dict[str, float]) -> float:
        return _resistance_before(fit.circuit, v, own, size)

    frequency = derive(fit, lambda v: 1 / (2 * math.pi * time(v)))
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
        capacitance=derive(fit, lambda v: effective_capacitance(resistance(v), admittance(v), exponent(v))),
        capacitance_brug=derive(
            fit, lambda v: effective_capacitance_brug(resistance(v), admittance(v), exponent(v), before(v))
        )
        if before(dict(zip(fit.parameters, np.exp(fit.logarithms), strict=True))) > 0
        else UNKNOWN,
        exponent=alpha,
        frequency=frequency,
        flags=tuple(dict.fromkeys((*fit.parameters[size].flags, *flags))),
    )


def _resistance_before(circuit: Node, values: dict[str, float], time: float, own: str) -> float:
    """Resistance in series at frequencies above those of the arc of that time constant [Ω]."""
    total = 0.0
    for part in serial_parts(circuit):
        sizes = [name for name in parameter_kinds(part) if name.startswith("R") or name.endswith(".R")]
        if not sizes or own in sizes:
            continue
        if (isinstance(part, Element) and part.symbol == "R") or arc_time(part, values) < time * 0.999:
            total += values[sizes[0]]
    return total
