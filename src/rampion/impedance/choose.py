"""Which circuit: the number of arcs and the tail by evidence, within a family that has a physical name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rampion.errors import InputError
from rampion.estimate import Flag
from rampion.impedance.circuit import parameter_kinds
from rampion.impedance.circuit_fit import CircuitFit
from rampion.impedance.family import search_family
from rampion.impedance.fit import check_limits, fit_circuit
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.kramers_kronig import check_kramers_kronig
from rampion.impedance.notation import parse_circuit
from rampion.impedance.processes import Process, elements_in, processes_of, too_fast
from rampion.measurement import Spectrum

_CLOSE = 6.0  # of the criterion: too little to tell circuits apart
_PRICE = 25.0  # of the criterion: the evidence it takes to outweigh one objection
_IMPOSSIBLE = 25.0  # of the criterion, besides: for a part that cannot be what it is called
_BEYOND_NOISE = 1.25  # of the noise about the Kramers-Kronig model: residuals that hold something more
_LESS = 0.999  # of the chosen circuit's residual: a smaller one


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One circuit of the family: its criterion (smaller is better), what speaks against it besides, and its price."""

    circuit: str
    criterion: float
    whiteness: float
    price: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Description:
    """A circuit that leaves smaller residuals than the chosen one, and why it is not taken.

    ``bic_difference`` : its BIC less that of the chosen circuit; negative where the data ask for it.
    """

    fit: CircuitFit
    objections: tuple[str, ...]
    bic_difference: float
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CircuitChoice:
    """The chosen fit and all candidates, the best first; ``description`` is there where another leaves less."""

    fit: CircuitFit
    candidates: tuple[Candidate, ...]
    criterion: str
    description: Description | None = None


def objections(fit: CircuitFit, processes: Sequence[Process]) -> list[str]:
    """Where a fitted circuit claims more than the data show; empty when it does not.

    Every parameter must be told (of an arc its resistance and capacitance are enough), every resistance within 50 %
    (one standard uncertainty), every arc have an exponent of at least 0.5 and its apex within a decade of the measured
    window, a blocking tail one of at least 0.3, and no diffusion turn above 10 kHz.
    """
    found, counted = [], set()
    low, high = fit.frequency.min() / 10, fit.frequency.max() * 10
    for process in processes:
        if process.kind in ("series", "arc", "diffusion") and not process.resistance.relative < 0.5:
            found.append(f"the resistance of {process.part} is not told by the data")
            counted |= {name for name in fit.parameters if process.resistance.value == fit.parameters[name].value}
        elif process.kind == "arc" and not low <= process.frequency.value <= high:
            found.append(f"the apex of {process.part} lies more than a decade outside the window")
        elif process.kind == "arc" and process.exponent.value < 0.5:
            found.append(f"the exponent of {process.part} is below 0.5")
        elif process.kind == "blocking" and process.exponent.value < 0.3:
            found.append(f"the exponent of {process.part} is below 0.3")
        if process.kind == "arc" and not math.isnan(process.capacitance.std):
            counted |= {f"{element}.{kind}" for element in elements_in(process.part) for kind in ("Q", "alpha")}
        if too_fast(process):
            found.append(f"{process.part} turns faster than any diffusion")
    untold = [name for name, e in fit.parameters.items() if any(flag.code == "unidentifiable" for flag in e.flags)]
    return found + [f"{name} is not told by the data" for name in untold if name not in counted]


def price_of(against: Sequence[str], processes: Sequence[Process]) -> float:
    """What the objections cost of the criterion: 25 each, and twice as much that a diffusion turns above 10 kHz."""
    return _PRICE * len(against) + _IMPOSSIBLE * any(map(too_fast, processes))


def choose_circuit(
    spectrum: Spectrum,
    family: Sequence[str] | None = None,
    *,
    criterion: str = "bic",
    weighting: str = "modulus",
    deviation: Float[np.ndarray, "n 2"] | None = None,
) -> CircuitChoice:
    """The circuit of the family with the best criterion among those whose every process the data tell.

    BIC = N ln(χ²/N) + k ln N, AICc = N ln(χ²/N) + 2k + 2k(k+1)/(N-k-1). Where the residuals of the richest circuits
    still follow a pattern, the points do not count as independent: N is then reduced to N(1-r)/(1+r), r their
    correlation from point to point, so that systematic errors do not breed arcs.

    Assumes the true circuit is in the family, or nearly. Fails when two processes have time constants closer than
    their width: one arc is then reported (and the residuals are white). Of circuits within 6 of the best criterion the
    one with the fewest parameters is chosen, and the other named in a flag. Each process or
    parameter that the data do not tell (:func:`objections`) costs a circuit 25, a diffusion faster than any 50: it may
    stand for the flank of an arc above the window. Where a circuit so put off leaves smaller residuals, it is the
    ``description``, and flagged when its BIC is lower too.

    Parameters
    ----------
    family : circuits to compare; the pellet family when absent. criterion : ``bic`` or ``aicc``.
    """
    if criterion not in ("bic", "aicc"):
        raise InputError(f"{criterion!r} is no criterion; expected bic or aicc.")

    def attempt(circuit: str, starts: Sequence[dict[str, float]] = ()) -> CircuitFit | None:
        """The fit, or none where there are fewer than three data for two parameters."""
        if 4 * len(spectrum) < 3 * len(parameter_kinds(parse_circuit(circuit))):
            return None
        return fit_circuit(
            spectrum, circuit, weighting=weighting, deviation=deviation, start=starts, starts=6, iterations=30,
            rough=True,
        )  # fmt: skip

    noise = check_kramers_kronig(spectrum).noise

    def patterned(fit: CircuitFit) -> bool:
        """Whether something is left to describe, as far as that can be told."""
        return fit.whiteness < 1e-3 or not fit.noise <= _BEYOND_NOISE * noise

    if family is not None:
        fits = [fit for fit in map(attempt, family) if fit is not None]
    else:
        fits = search_family(spectrum, attempt, patterned)
    if not fits:
        raise InputError(f"The spectrum has {len(spectrum)} points, too few for any circuit of the family.")
    correlation = _correlation(min(fits, key=lambda fit: fit.bic))
    scored = sorted(_scored(fits, criterion, correlation, deviation), key=lambda item: item[0])
    close = [item for item in scored if item[0] - scored[0][0] < _CLOSE]
    score, _, best, _ = max(close, key=lambda item: (item[2].degrees, -item[0]))

    def finished(fit: CircuitFit, starts: int | None = None) -> CircuitFit:
        start = {name: estimate.value for name, estimate in fit.parameters.items()}
        return fit_circuit(
            spectrum, fit.circuit, weighting=weighting, deviation=deviation, start=start, starts=starts
        )  # fmt: skip

    best = finished(best)
    flags = [
        ImpedanceFlag.AMBIGUOUS_CIRCUIT.flag(circuit=best.notation, other=fit.notation, difference=value - score)
        for value, _, fit, _ in close
        if fit.notation != best.notation
    ][:1]
    description, least = None, min(fits, key=lambda fit: fit.noise)
    if least.notation != best.notation:
        least = finished(least, None if patterned(best) else 3)
        description = describe(least, best)
        flags += description.flags if description else ()
    return CircuitChoice(
        fit=replace(best, flags=(*best.flags, *flags)),
        candidates=tuple(
            Candidate(
                circuit=fit.notation,
                criterion=value,
                whiteness=fit.whiteness,
                price=score - value,
                reason="; ".join(against),
            )
            for score, value, fit, against in scored
        ),
        criterion=criterion,
        description=description,
    )


_Scored = tuple[float, float, CircuitFit, list[str]]


def _scored(
    fits: Sequence[CircuitFit], criterion: str, correlation: float, deviation: np.ndarray | None
) -> list[_Scored]:
    """Score with the price of the objections, criterion, fit and objections, the best first.

    The limits of a fit are looked for only where its criterion could still win: they can only add objections.
    """
    found: list[_Scored] = []
    best = math.inf
    for value, fit in sorted(((_criterion(f, criterion, correlation), f) for f in fits), key=lambda pair: pair[0]):
        seen = check_limits(fit, deviation) if value < best + _CLOSE else fit
        processes = processes_of(seen)
        against = objections(seen, processes)
        found.append((value + price_of(against, processes), value, seen, against))
        best = min(best, found[-1][0])
    return sorted(found, key=lambda item: item[0])


def describe(closest: CircuitFit, chosen: CircuitFit) -> Description | None:
    """The fit that comes closest to the points beside the chosen one; none where that is the chosen one."""
    if closest.notation == chosen.notation or not closest.noise < _LESS * chosen.noise:
        return None
    against = objections(closest, processes_of(closest))
    gain = closest.bic - chosen.bic
    flags = ()
    if gain < -_CLOSE:
        reason = "; ".join(against) or "its residuals are no more independent"
        flags = (
            ImpedanceFlag.DESCRIBED_BETTER.flag(
                circuit=chosen.notation, other=closest.notation, residual=chosen.noise, smaller=closest.noise,
                difference=-gain, reason=reason,
            ),
        )  # fmt: skip
    return Description(fit=closest, objections=tuple(against), bic_difference=gain, flags=flags)


def _correlation(fit: CircuitFit) -> float:
    """Correlation of neighbouring residuals, no less than zero; zero where they are white."""
    if not fit.whiteness < 0.01:
        return 0.0
    row = fit.residual[np.argsort(fit.frequency)]
    power = float(np.sum(np.abs(row) ** 2))
    return min(max(float(np.real(np.vdot(row[1:], row[:-1]))) / power, 0.0), 0.6)


def _criterion(fit: CircuitFit, criterion: str, correlation: float) -> float:
    shrink = (1 - correlation) / (1 + correlation)
    if shrink == 1.0 or fit.weighting == "measured":
        return max(fit.bic, fit.aicc) if criterion == "bic" else fit.aicc  # few data: AICc is the stricter
    full = 2 * fit.frequency.size
    known = full - fit.degrees + 1
    count = max(full * shrink, known + 2.0)
    likelihood = count * math.log(max(fit.chi_square, 1e-300) / full)
    if criterion == "bic":
        return likelihood + known * math.log(count)
    return likelihood + 2 * known + 2 * known * (known + 1) / max(count - known - 1, 1.0)
