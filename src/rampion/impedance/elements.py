"""Circuit elements: formula, units, source, impedance and its slopes with respect to the logarithms of the parameters.

Every function takes parameter values (m, p), one row a fit, and the angular frequency (n,) or (m, n) [rad/s]; it gives
the impedance (m, n) [Ω] and ∂Z/∂ln(parameter) (m, p, n) [Ω]. All parameters are positive, so that logarithms serve
as coordinates of every fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LEAST_EXPONENT = 0.1  # of constant-phase elements; below 0.3 to 0.5 one is objected to when a circuit is chosen
Response = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class ParameterKind:
    """One parameter of an element: its suffix, unit, and how its size follows from |Z| and ω.

    A typical size is ``|Z|^ohms · ω^-seconds`` for any of ``seconds``; ``low`` and ``high`` bound pure numbers.
    """

    suffix: str
    unit: str
    ohms: float = 0.0
    seconds: tuple[float, ...] = (0.0,)
    low: float = 0.0
    high: float = math.inf
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class ElementKind:
    """One kind of element: symbol, name, parameters, formula, source and response."""

    symbol: str
    name: str
    parameters: tuple[ParameterKind, ...]
    formula: str
    source: str
    respond: Callable[[np.ndarray, np.ndarray], Response]


def _column(values: np.ndarray, place: int) -> np.ndarray:
    return values[:, place, None]


def _stack(impedance: np.ndarray, *slopes: np.ndarray) -> Response:
    out = np.empty((len(impedance), len(slopes), impedance.shape[1]), complex)
    for place, slope in enumerate(slopes):
        out[:, place] = slope
    return impedance, out


def resistor(values: np.ndarray, omega: np.ndarray) -> Response:
    """Z = R."""
    impedance = _column(values, 0) + np.zeros_like(omega, dtype=complex)
    return _stack(impedance, impedance)


def capacitor(values: np.ndarray, omega: np.ndarray) -> Response:
    """Z = 1/(jωC)."""
    impedance = -1j / (omega * _column(values, 0))
    return _stack(impedance, -impedance)


def inductor(values: np.ndarray, omega: np.ndarray) -> Response:
    """Z = jωL."""
    impedance = 1j * omega * _column(values, 0)
    return _stack(impedance, impedance)


def constant_phase(values: np.ndarray, omega: np.ndarray) -> Response:
    """Z = 1/(Q(jω)^α); Q is an admittance (some programs give 1/Q)."""
    size, exponent = _column(values, 0), _column(values, 1)
    logarithm = np.log(omega)
    impedance = np.exp(-exponent * logarithm) * (np.exp(-0.5j * math.pi * exponent) / size)
    return _stack(impedance, -impedance, -exponent * (logarithm + 0.5j * math.pi) * impedance)


def warburg(values: np.ndarray, omega: np.ndarray) -> Response:
    """Z = A_W (1 - j)/√ω; A_W is the Warburg coefficient (some programs give the admittance 1/(√2 A_W))."""
    impedance = _column(values, 0) * ((1 - 1j) / np.sqrt(omega))
    return _stack(impedance, impedance)


def _diffusion_argument(time: np.ndarray, omega: np.ndarray) -> np.ndarray:
    return np.sqrt(0.5 * omega * time) * (1 + 1j)  # √(jωτ)


def _transmissive(argument: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """tanh(s)/s and its slope with respect to ln τ, s = √(jωτ)."""
    tangent = np.tanh(argument)
    shape = tangent / argument
    return shape, 0.5 * ((1 - tangent**2) - shape)


def warburg_short(values: np.ndarray, omega: np.ndarray) -> Response:
    """Z = R tanh(s)/s, s = √(jωτ), τ = L²/D: diffusion to a wall that keeps its concentration."""
    size = _column(values, 0)
    shape, slope = _transmissive(_diffusion_argument(_column(values, 1), omega))
    return _stack(size * shape, size * shape, size * slope)


def warburg_open(values: np.ndarray, omega: np.ndarray) -> Response:
    """Z = R coth(s)/s, s = √(jωτ), τ = L²/D: diffusion to a wall that lets nothing through."""
    size, argument = _column(values, 0), _diffusion_argument(_column(values, 1), omega)
    cotangent = 1 / np.tanh(argument)
    shape = cotangent / argument
    return _stack(size * shape, size * shape, size * 0.5 * ((1 - cotangent**2) - shape))


def gerischer(values: np.ndarray, omega: np.ndarray) -> Response:
    """Z = R/√(1 + jωτ): diffusion with a reaction of rate 1/τ on the way."""
    turn = 1j * omega * _column(values, 1)
    impedance = _column(values, 0) / np.sqrt(1 + turn)
    return _stack(impedance, impedance, -0.5 * turn / (1 + turn) * impedance)


def _power(time: np.ndarray, exponent: np.ndarray, omega: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(jωτ)^α and ln(jωτ)."""
    logarithm = np.log(omega * time)
    power = np.exp(exponent * logarithm) * np.exp(0.5j * math.pi * exponent)
    return power, logarithm + 0.5j * math.pi


def zarc(values: np.ndarray, omega: np.ndarray) -> Response:
    """Z = R/(1 + (jωτ)^α): the depressed arc of R and a CPE in parallel, τ = (RQ)^{1/α}."""
    size, exponent = _column(values, 0), _column(values, 2)
    power, logarithm = _power(_column(values, 1), exponent, omega)
    impedance = size / (1 + power)
    fall = -exponent * (power / (1 + power)) * impedance
    return _stack(impedance, impedance, fall, logarithm * fall)


def havriliak_negami(values: np.ndarray, omega: np.ndarray) -> Response:
    """Z = R/(1 + (jωτ)^α)^β: an arc depressed and skewed."""
    size, exponent, skew = _column(values, 0), _column(values, 2), _column(values, 3)
    power, logarithm = _power(_column(values, 1), exponent, omega)
    lift = np.log(1 + power)
    impedance = size * np.exp(-skew * lift)
    fall = -exponent * skew * (power / (1 + power)) * impedance
    return _stack(impedance, impedance, fall, logarithm * fall, -skew * lift * impedance)


def binary_electrolyte(values: np.ndarray, omega: np.ndarray) -> Response:
    """Z = R[1 + (1/t₊ - 1)·tanh(s)/s], s = √(jωτ), τ = L²/4D: a binary electrolyte between two lithium electrodes.

    R = L/(σA) is the ohmic resistance and R/t the steady one, t the steady share of the first current. At rest,
    without interfaces. t is the transference number t₊ only where D = 2t₊(1-t₊)σRT/(F²c₀) (dilute); in general
    t = 1/(1 + Ne), Ne = 2RTσ(1-t₊)²/(F²Dc₀): a t that is fitted is no t₊ by itself.

    References
    ----------
    Balsara, Newman, J. Electrochem. Soc. 162 (2015) A2720, doi:10.1149/2.0651514jes (Ne, the steady current).
    """
    size, transference = _column(values, 0), _column(values, 1)
    shape, slope = _transmissive(_diffusion_argument(_column(values, 2), omega))
    excess = size * (1 / transference - 1)
    impedance = size + excess * shape
    return _stack(impedance, impedance, -size / transference * shape, excess * slope)


def constriction(values: np.ndarray, omega: np.ndarray) -> Response:
    """Z = R/(1 + jωRC): current drawn into contact spots, bridged at high frequency by the voids' capacitance C.

    R is :func:`constriction_resistance`; with no bridging voids RC is the electrolyte's ε/σ and the constriction hides
    in the bulk arc.
    """
    turn = 1j * omega * _column(values, 0) * _column(values, 1)
    impedance = _column(values, 0) / (1 + turn)
    return _stack(impedance, impedance / (1 + turn), -turn / (1 + turn) * impedance)


def constriction_resistance(conductivity: float, radius: float, spots: float, contact: float) -> float:
    """Resistance of many equal circular contact spots on one face of an electrolyte.

    R = (1 - √θ)^{3/2}/(4σaN).

    Assumes circular spots of one size, evenly spread, each at one potential; the electrolyte is thick against their
    distance. Fails when the contact fraction θ approaches one (a few percent of a vanishing number).

    Parameters
    ----------
    conductivity : σ [S/m]. radius : a of one spot [m]. spots : N. contact : θ, fraction of the face in contact.

    Returns
    -------
    [Ω]

    References
    ----------
    Cooper, Mikic, Yovanovich, Int. J. Heat Mass Transfer 12 (1969) 279, doi:10.1016/0017-9310(69)90011-8.
    """
    return (1 - math.sqrt(contact)) ** 1.5 / (4 * conductivity * radius * spots)


def _resistance(suffix: str = "R", meaning: str = "resistance") -> ParameterKind:
    return ParameterKind(suffix, "ohm", 1.0, meaning=meaning)


def _capacitance(suffix: str = "C") -> ParameterKind:
    return ParameterKind(suffix, "F", -1.0, (1.0,), meaning="capacitance")


def _time(meaning: str = "relaxation time") -> ParameterKind:
    return ParameterKind("tau", "s", 0.0, (1.0,), meaning=meaning)


def _exponent(suffix: str = "alpha") -> ParameterKind:
    return ParameterKind(suffix, "", low=LEAST_EXPONENT, high=1.0, meaning="exponent")


ELEMENTS: dict[str, ElementKind] = {
    kind.symbol: kind
    for kind in (
        ElementKind("R", "resistor", (_resistance(),), "R", "", resistor),
        ElementKind("C", "capacitor", (_capacitance(),), "1/(jωC)", "", capacitor),
        ElementKind(
            "L", "inductor", (ParameterKind("L", "H", 1.0, (1.0,), meaning="inductance"),), "jωL", "", inductor
        ),
        ElementKind(
            "CPE",
            "constant-phase element",
            (
                ParameterKind("Q", "S·s^alpha", -1.0, (LEAST_EXPONENT, 1.0), meaning="admittance at 1 rad/s"),
                _exponent(),
            ),
            "1/(Q(jω)^α)",
            "10.1016/j.electacta.2009.10.065",
            constant_phase,
        ),
        ElementKind(
            "W",
            "infinite Warburg diffusion",
            (ParameterKind("A", "ohm·s^-0.5", 1.0, (-0.5,), meaning="Warburg coefficient"),),
            "A(1-j)/√ω",
            "10.1002/andp.18993030302",
            warburg,
        ),
        ElementKind(
            "Wo",
            "finite diffusion, blocked end (open)",
            (_resistance(), _time("L²/D")),
            "R·coth(√(jωτ))/√(jωτ)",
            "10.1149/1.2129668",
            warburg_open,
        ),
        ElementKind(
            "Ws",
            "finite diffusion, fixed end (short)",
            (_resistance(), _time("L²/D")),
            "R·tanh(√(jωτ))/√(jωτ)",
            "10.1149/1.2085788",
            warburg_short,
        ),
        ElementKind(
            "G", "Gerischer", (_resistance(), _time()), "R/√(1+jωτ)", "10.1016/S0167-2738(02)00185-6", gerischer
        ),
        ElementKind(
            "Zarc",
            "depressed arc (Cole-Cole)",
            (_resistance(), _time(), _exponent()),
            "R/(1+(jωτ)^α)",
            "10.1063/1.1750906",
            zarc,
        ),
        ElementKind(
            "HN",
            "Havriliak-Negami arc",
            (_resistance(), _time(), _exponent(), _exponent("beta")),
            "R/(1+(jωτ)^α)^β",
            "10.1016/0032-3861(67)90021-3",
            havriliak_negami,
        ),
        ElementKind(
            "Be",
            "binary electrolyte between two lithium electrodes",
            (
                _resistance(meaning="ohmic resistance L/(σA)"),
                ParameterKind("t", "", low=0.01, high=1.0, meaning="steady share of the first current; t₊ when dilute"),
                _time("L²/4D"),
            ),
            "R·[1+(1/t-1)·tanh(√(jωτ))/√(jωτ)]",
            "10.1149/1.2085788",
            binary_electrolyte,
        ),
        ElementKind(
            "Con",
            "constriction at contact spots",
            (_resistance(meaning="constriction resistance"), _capacitance()),
            "R/(1+jωRC)",
            "10.1016/0017-9310(69)90011-8",
            constriction,
        ),
    )
}


def element_table() -> list[tuple[str, str, str, str, str]]:
    """Symbol, name, formula, parameters with units, source: the rows of the documentation's table."""
    return [
        (
            kind.symbol,
            kind.name,
            kind.formula,
            ", ".join(f"{p.suffix} [{p.unit}]" if p.unit else p.suffix for p in kind.parameters),
            kind.source,
        )
        for kind in ELEMENTS.values()
    ]
