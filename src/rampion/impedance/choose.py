"""Which circuit: the number of arcs and the tail by evidence, within a family that has a physical name.

The family of a pellet between two electrodes: leads (L, or L parallel to R where they have losses), a resistance of
what relaxes above the window (bulk), up to four depressed arcs (bulk or grain boundary, interface, slow interface), and
a tail: none, blocking electrode (CPE) or diffusion of finite length (Ws).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rampion.errors import InputError
from rampion.impedance.circuit import parameter_kinds
from rampion.impedance.circuit_fit import CircuitFit
from rampion.impedance.fit import fit_circuit
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.notation import parse_circuit
from rampion.impedance.processes import Process, processes_of
from rampion.measurement import Spectrum

MOST_ARCS = 4
TAILS = ("", "CPE", "Ws")
LEADS = ("", "L0", "p(L0,R9)")  # none; an inductance; with losses (eddy currents in what surrounds it)
FASTEST_DIFFUSION = 1e4  # Hz: through any layer thicker than a few nm, nothing diffuses faster
_CLOSE = 6.0  # of the criterion: too little to tell circuits apart
_PRICE = 25.0  # of the criterion: the evidence it takes to outweigh one objection


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One circuit of the family: its criterion (smaller is better), and what speaks against it besides."""

    circuit: str
    criterion: float
    whiteness: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CircuitChoice:
    """The chosen fit and all candidates, the best first."""

    fit: CircuitFit
    candidates: tuple[Candidate, ...]
    criterion: str


def family_circuit(arcs: int, tail: str = "", leads: str = "", series: bool = True) -> str:
    """The member of the pellet family with that many arcs: ``L0-R0-p(R1,CPE1)-…-CPE3``; ``leads`` of :data:`LEADS`."""
    parts = [leads] * bool(leads) + ["R0"] * series
    parts += [f"p(R{number},CPE{number})" for number in range(1, arcs + 1)]
    if tail:
        parts.append(f"{tail}{arcs + 1}")
    return "-".join(parts)


def objections(fit: CircuitFit, processes: Sequence[Process]) -> list[str]:
    """Where a fitted circuit claims more than the data show; empty when it does not.

    Every parameter must be told, every resistance within 50 % (one standard uncertainty), every arc have an exponent of
    at least 0.5 and its apex within a decade of the measured window, and no diffusion turn above 10 kHz.
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
        if process.kind == "diffusion" and process.frequency.value > FASTEST_DIFFUSION:
            found.append(f"{process.part} turns faster than any diffusion")
    untold = [name for name, e in fit.parameters.items() if any(flag.code == "unidentifiable" for flag in e.flags)]
    return found + [f"{name} is not told by the data" for name in untold if name not in counted]


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
    parameter that the data do not tell (:func:`objections`) costs a circuit 25.

    Parameters
    ----------
    family : circuits to compare; the pellet family when absent. criterion : ``bic`` or ``aicc``.
    """
    if criterion not in ("bic", "aicc"):
        raise InputError(f"{criterion!r} is no criterion; expected bic or aicc.")

    def attempt(circuit: str, near: CircuitFit | None = None) -> CircuitFit | None:
        """The fit, or none where there are fewer than three data for two parameters; ``near`` gives a start more."""
        names = parameter_kinds(parse_circuit(circuit))
        if 2 * len(spectrum) < 3 * len(names):
            return None
        start = None
        if near is not None:
            start = {name: estimate.value for name, estimate in near.parameters.items() if name in names}
        return fit_circuit(
            spectrum, circuit, weighting=weighting, deviation=deviation, start=start, starts=6, iterations=30
        )

    if family is not None:
        fits = [fit for fit in map(attempt, family) if fit is not None]
    else:
        fits = _pellet_family(spectrum, attempt)
    if not fits:
        raise InputError(f"The spectrum has {len(spectrum)} points, too few for any circuit of the family.")
    correlation = _correlation(min(fits, key=lambda fit: fit.bic))
    scored = []
    for fit in fits:
        against = objections(fit, processes_of(fit))
        value = _criterion(fit, criterion, correlation)
        scored.append((value + _PRICE * len(against), "; ".join(against), fit, value))
    scored.sort(key=lambda item: item[0])
    close = [item for item in scored if item[0] - scored[0][0] < _CLOSE]
    score, _, best, _ = max(close, key=lambda item: (item[2].degrees, -item[0]))
    best = fit_circuit(
        spectrum, best.circuit, weighting=weighting, deviation=deviation,
        start={name: estimate.value for name, estimate in best.parameters.items()},
    )  # fmt: skip
    flags = [
        ImpedanceFlag.AMBIGUOUS_CIRCUIT.flag(circuit=best.notation, other=fit.notation, difference=value - score)
        for value, _, fit, _ in close
        if fit.notation != best.notation
    ]
    return CircuitChoice(
        fit=replace(best, flags=(*best.flags, *flags[:1])),
        candidates=tuple(
            Candidate(circuit=fit.notation, criterion=value, whiteness=fit.whiteness, reason=reason)
            for _, reason, fit, value in scored
        ),
        criterion=criterion,
    )


def _pellet_family(spectrum: Spectrum, attempt: Callable[..., CircuitFit | None]) -> list[CircuitFit]:
    """Members in order of size, each tail grown until two more arcs bring nothing, then leads and bulk varied."""
    fits: dict[str, CircuitFit] = {}
    made: dict[str, tuple[int, str, str]] = {}

    def add(arcs: int, tail: str, leads: str, series: bool = True, near: str = "") -> CircuitFit | None:
        circuit = family_circuit(arcs, tail, leads, series)
        if circuit and circuit not in fits:
            fit = attempt(circuit, fits.get(near))
            if fit is not None:
                fits[circuit], made[circuit] = fit, (arcs, tail, leads)
        return fits.get(circuit)

    order = np.argsort(spectrum.frequency)[::-1]
    top = spectrum.impedance[order][: max(3, len(spectrum) // 6)]
    inductive = bool(np.any(np.imag(top) > 0))
    for leads in LEADS[1:] if inductive else LEADS[:1]:
        grown, patience = 0, 0
        for arcs in range(MOST_ARCS + 1):
            fit = add(arcs, "", leads)
            best = fits.get(family_circuit(grown, "", leads))
            if fit is None or best is None:
                break
            if arcs == 0 or fit.bic < best.bic - 2:
                grown, patience = arcs, 0 if fit.whiteness > 1e-3 else 1  # a pattern may need two arcs at once
            elif patience:
                patience -= 1
            else:
                break
        for tail in TAILS[1:]:
            for arcs in (grown - 1, grown, grown - 2):
                if arcs >= 0:
                    add(arcs, tail, leads)
    for circuit in sorted(fits, key=lambda text: fits[text].bic)[:2]:
        arcs, tail, leads = made[circuit]
        # what is told to a tenth cannot be left out, nor the only part
        loose = bool(arcs or tail) and not fits[circuit].parameters["R0"].relative < 0.1
        others = [other for other in LEADS if other != leads]
        if leads and fits[circuit].parameters["L0"].relative < 0.1:
            others.remove("")
        for other in (leads, *others):
            add(arcs, tail, other, near=circuit)
            if loose:
                add(arcs, tail, other, False, near=circuit)
    # losses of the leads that the data do not tell are none
    return [fit for fit in fits.values() if "R9" not in fit.parameters or fit.parameters["R9"].relative < 0.5]


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
        return fit.bic if criterion == "bic" else fit.aicc
    full = 2 * fit.frequency.size
    known = full - fit.degrees + 1
    count = max(full * shrink, known + 2.0)
    likelihood = count * math.log(max(fit.chi_square, 1e-300) / full)
    if criterion == "bic":
        return likelihood + known * math.log(count)
    return likelihood + 2 * known + 2 * known * (known + 1) / max(count - known - 1, 1.0)
