"""Spectra taken while the cell changes: the drift during each scan, read from the neighbours, and taken out.

ln Z(ω, p*) = ln Z(ω, p_ω) + α s(ω) (p* − p_ω) + …,  s(ω) = ∂ ln Z/∂p from the neighbouring spectra at the same
frequency, with p the measure of progress: time (spectra repeated in one state, as at rest), or ln(V/I) of the hold
during which each spectrum was taken (paused sweeps, where most of the change between spectra happens between the
scans). How far along s, and along a second direction, it moved during the scan is told by the spectrum's own violation
of the Kramers–Kronig relations (``rampion.impedance.drift_amounts``): from hold to hold a cell takes another path than
during a hold. What they do not tell is not corrected.

With time as progress and α = 1 this is the four-dimensional analysis of Stoynov and Savova-Stoynov, J. Electroanal.
Chem. 183 (1985) 133: the instantaneous spectrum read across a series.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex

from rampion.errors import InputError
from rampion.impedance.drift_amounts import Prior, continuous_log, estimate_amounts, growth_at_constant_capacitance
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.kramers_kronig import check_kramers_kronig
from rampion.measurement import Spectrum, Trace

SMALLEST_CORRECTION = 5e-4  # of |Z|, rms: less than an instrument's accuracy is left alone
SMALLEST_POTENTIAL = 1e-3  # [V] below it V/I says nothing about the resistance
CERTAINTY = 3.0, 4.0  # standard errors that the correction must exceed, with holds and with time alone
FOLLOWED = 0.1  # of the correction: how far the two directions miss the drift
# Of α and β. Holds: as simulated binary cells of other thickness, rate and transference spread, before their peak and
# behind it; time: the neighbours' direction, β as a fraction of the rms slope.
PRIOR_HOLD = Prior(mean=(0.55, 0.28), std=(0.35, 0.35), correlation=-0.8)
PRIOR_TIME = Prior(mean=(1.0, 0.0), std=(0.3, 0.2), correlation=0.0)
ONE_SIDED = 2.0  # times the doubt, where only one neighbour tells the direction


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DriftCorrection:
    """One spectrum brought to one time, and what was done to it.

    Attributes
    ----------
    spectrum : corrected, its points' time all ``time``; the measured one where nothing was corrected.
    applied : whether it was corrected.
    correction : (n,) complex, (corrected − measured)/measured.
    drift : largest relative change of Z during the scan, at any frequency; NaN when unknown.
    remaining : largest error of a point against the cell at ``time`` that is to be expected (two standard errors), as a
        fraction of |Z|; NaN when unknown.
    time : [s] to which it was brought.
    source : what the drift was read from.
    violation_before, violation_after : of the Kramers–Kronig relations, as a fraction of |Z|.
    """

    spectrum: Spectrum
    applied: bool
    correction: Complex[np.ndarray, " n"]
    drift: float
    remaining: float
    time: float
    source: str
    violation_before: float
    violation_after: float


def _interpolated(spectrum: Spectrum, values: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Values of one spectrum at other frequencies, linear in ln f; NaN outside its window by more than 1 %."""
    order = np.argsort(spectrum.frequency, kind="stable")
    known, wanted = np.log(spectrum.frequency[order]), np.log(frequency)
    inside = (wanted > known[0] - 0.01) & (wanted < known[-1] + 0.01)
    parts = [np.interp(wanted, known, part(values[order])) for part in (np.real, np.imag)]
    return np.where(inside, parts[0] + 1j * parts[1], np.nan)


def _hold_progress(spectrum: Spectrum, hold: Trace) -> tuple[np.ndarray | None, str]:
    """(n,) ln(V/I) at each point's time from the hold's trace, or why not."""
    assert spectrum.time is not None
    good = np.isfinite(hold.time) & np.isfinite(hold.potential) & np.isfinite(hold.current)
    good &= (np.abs(hold.potential) > SMALLEST_POTENTIAL) & (hold.potential * hold.current > 0)
    if good.sum() < 2:
        return None, "the hold has no current that its voltage could be divided by"
    time = hold.time[good]
    if time.max() < spectrum.time.min() or time.min() > spectrum.time.max():
        return None, "the hold and the spectrum do not overlap in time"
    progress = np.log(hold.potential[good] / hold.current[good])
    if good.sum() < 8:
        return np.interp(spectrum.time, time, progress), ""
    centre, half = (time[0] + time[-1]) / 2, max((time[-1] - time[0]) / 2, 1e-9)
    smooth = np.polynomial.Polynomial.fit((time - centre) / half, progress, 3)
    return smooth(np.clip((spectrum.time - centre) / half, -1, 1)), ""


def _sensitivity(logs: np.ndarray, progress: np.ndarray) -> np.ndarray:
    """(n,) slope of ln Z (3, n) at the middle row's progress (3, n): of the parabola where the rows advance in order
    with like steps, else of the straight line; of two rows where the third is NaN."""
    first, second = progress[1] - progress[0], progress[2] - progress[1]
    one, two = (logs[1] - logs[0]) / first, (logs[2] - logs[1]) / second
    steady = (first * second > 0) & (np.abs(first) < 10 * np.abs(second)) & (np.abs(second) < 10 * np.abs(first))
    parabola = (one * second + two * first) / (first + second)
    centred = progress - progress.mean(axis=0)
    line = np.sum(centred * logs, axis=0) / np.sum(centred**2, axis=0)
    both = np.where(steady, parabola, line)
    return np.where(np.isfinite(both), both, np.where(np.isfinite(one), one, two))


def _filled(logarithm: np.ndarray, slope: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """The slope with its gaps filled from the nearest frequencies (points beyond the neighbours' windows)."""
    order = np.argsort(logarithm[usable])
    parts = [np.interp(logarithm, logarithm[usable][order], part(slope[usable][order])) for part in (np.real, np.imag)]
    return np.where(usable, slope, parts[0] + 1j * parts[1])


def correct_drift(
    spectra: Sequence[Spectrum], *, holds: Sequence[Trace | None] | None = None, significance: float = 3.0
) -> tuple[DriftCorrection, ...]:
    """Each spectrum of a series as it would have been at one time, the middle of its scan.

    Assumes that Z moves in step with the measure of progress during a scan, along the direction that it takes from
    spectrum to spectrum, along that of resistances which grow at constant capacitance, or between them. A spectrum
    that does not tell how far (too noisy, too short, or a drift that obeys the Kramers–Kronig relations) is left as
    measured, with a flag that says how large the error may be. Fails where the resistances change in another rhythm
    than the direct-current resistance does, or than time where no holds are given.

    Parameters
    ----------
    spectra : in order, at least two, all times on one clock (see ``rampion.measurement.on_one_clock``).
    holds : for each spectrum the trace of the hold in which it was taken, or ``None``.
    significance : a drift is there when its rms correction exceeds the noise it brings by this factor, and 5·10⁻⁴ of
        |Z|; it is corrected when the correction also exceeds its own standard error three times (by time alone: four).

    Raises
    ------
    InputError
        With fewer than two spectra, or holds of another number.
    """
    if len(spectra) < 2:
        raise InputError("Drift is read from neighbouring spectra; found one spectrum, expected at least two.")
    if holds is not None and len(holds) != len(spectra):
        raise InputError(f"There are {len(holds)} holds for {len(spectra)} spectra; expected one each (or None).")
    progress: list[np.ndarray | None] = []
    reasons: list[str] = []
    for number, spectrum in enumerate(spectra):
        assert spectrum.time is not None
        hold = holds[number] if holds is not None else None
        if not np.isfinite(spectrum.time).all():
            found, reason = None, "the times of its points are not recorded"
        elif holds is None:
            found, reason = spectrum.time, ""
        elif hold is None:
            found, reason = None, "the current of its hold is not known"
        else:
            found, reason = _hold_progress(spectrum, hold)
        progress.append(found)
        reasons.append(reason)
    source = "the neighbouring spectra" if holds is None else "the hold current and the neighbouring spectra"
    return tuple(
        _correct_one(spectra, progress, reasons, number, source, significance, holds is not None)
        for number in range(len(spectra))
    )


def _correct_one(
    spectra: Sequence[Spectrum],
    progress: Sequence[np.ndarray | None],
    reasons: Sequence[str],
    number: int,
    source: str,
    significance: float,
    held: bool,
) -> DriftCorrection:
    spectrum, own = spectra[number], progress[number]
    assert spectrum.time is not None
    before = check_kramers_kronig(spectrum)
    count = len(spectrum)

    def unchanged(drift: float, reason: str = "", remaining: float = math.nan) -> DriftCorrection:
        flag = ImpedanceFlag.DRIFT_NOT_CORRECTED.flag(drift=drift, reason=reason) if reason else None
        return DriftCorrection(
            spectrum=replace(spectrum, flags=(*spectrum.flags, flag)) if flag else spectrum,
            applied=False,
            correction=np.zeros(count, complex),
            drift=drift,
            remaining=remaining,
            time=float(np.mean(spectrum.time)) if spectrum.time is not None else math.nan,
            source=source,
            violation_before=before.violation,
            violation_after=before.violation,
        )

    if own is None:
        return unchanged(math.nan, reasons[number])
    logs = np.full((3, count), np.nan + 0j)
    steps = np.full((3, count), np.nan)
    logs[1], steps[1] = 0.0, own
    for row, other in ((0, number - 1), (2, number + 1)):
        if 0 <= other < len(spectra) and progress[other] is not None:
            neighbour = spectra[other]
            values = continuous_log(neighbour.impedance)
            theirs = np.exp(_interpolated(neighbour, values, spectrum.frequency))
            logs[row] = np.log(theirs / spectrum.impedance)
            steps[row] = np.real(_interpolated(neighbour, np.asarray(progress[other], complex), spectrum.frequency))
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = _sensitivity(logs, steps)
        reach = np.fmax.reduce(np.abs(np.diff(steps, axis=0)))
    middle = (float(spectrum.time.min()) + float(spectrum.time.max())) / 2
    order = np.argsort(spectrum.time, kind="stable")
    target = float(np.interp(middle, spectrum.time[order], own[order]))
    usable = np.isfinite(slope)
    if usable.sum() < 0.8 * count:
        return unchanged(math.nan, "no neighbour tells how it changed")
    slope = _filled(np.log(spectrum.frequency), slope, usable)
    if not math.isfinite(before.noise):
        return unchanged(math.nan, "its points are too few to tell how far")
    prior = PRIOR_HOLD if held else PRIOR_TIME
    unit = 1.0 if held else float(np.sqrt(np.mean(np.abs(slope) ** 2)))
    growth = unit * growth_at_constant_capacitance(spectrum.frequency, before.model)
    ahead = target - own
    directions = np.array([slope * ahead, growth * ahead])
    amounts = estimate_amounts(
        spectrum.frequency, spectrum.impedance, directions, before.noise, prior, before.admittance
    )
    shift, along = amounts.shift, abs(float(amounts.values[0]))
    drift = float(np.max(np.abs(amounts.values @ np.array([slope, growth]))) * np.ptp(own))
    brought = along * before.noise * np.abs(ahead) / np.maximum(np.where(usable, reach, np.nanmax(reach)), 1e-300)
    sides = int(np.isfinite(logs[[0, 2]]).any(axis=1).sum())
    doubt = np.hypot(amounts.std, brought) * (1.0 if sides == 2 else ONE_SIDED)
    largest = float(np.abs(shift).max())
    size = float(np.sqrt(np.mean(np.abs(shift) ** 2)))
    if not size > max(significance * float(np.sqrt(np.mean(brought**2))), SMALLEST_CORRECTION):
        return unchanged(drift, remaining=float(np.max(np.abs(shift) + 2 * doubt)))
    if largest > 1:
        return unchanged(drift, "its neighbours differ too much to be followed")
    if not largest > CERTAINTY[0 if held else 1] * float(doubt.max()):
        bound = float(np.max(np.abs(shift) + 2 * doubt))
        return unchanged(drift, f"how far each point moved is not told (by up to {bound:.2g} of |Z|)", bound)
    remaining = float(np.max(2 * doubt + FOLLOWED * np.abs(shift)))
    factor = np.exp(shift)
    worst = int(np.argmax(np.abs(factor - 1)))
    flag = ImpedanceFlag.DRIFT_CORRECTED.flag(
        largest=float(np.abs(factor[worst] - 1)),
        frequency=float(spectrum.frequency[worst]),
        source=source,
        remaining=remaining,
    )
    corrected = replace(
        spectrum,
        impedance=spectrum.impedance * factor,
        time=np.full(count, middle),
        flags=(*spectrum.flags, flag),
    )
    return DriftCorrection(
        spectrum=corrected,
        applied=True,
        correction=factor - 1,
        drift=drift,
        remaining=remaining,
        time=middle,
        source=source,
        violation_before=before.violation,
        violation_after=check_kramers_kronig(corrected).violation,
    )
