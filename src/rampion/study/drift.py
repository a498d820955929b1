"""Which spectra of an experiment drift together, by what measure, and what their correction changed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from rampion.impedance.finding import DriftFinding, SpectrumFinding, analyse_spectrum
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.stationarity import DriftCorrection, correct_drift
from rampion.measurement import Experiment, Sample, Spectrum, Trace
from rampion.readers.parts import BIAS

SAME_BIAS = 5e-3  # V
LARGEST_STEP = 0.15  # V between the holds of one sweep
OPPOSING = (0.5, 30.0)  # V/I over the largest |Z| between which a cell has no voltage of its own
UNSEEN = 0.1  # of |Z|: a larger correction of a spectrum that obeys the Kramers-Kronig relations is not believed
LONGEST_GAP = 3.0  # scan lengths between two scans of which nothing else is known
TOLERANCE = 5e-4  # of |Z|: what a correction may add to the violation of the Kramers-Kronig relations


def correct_spectra(experiment: Experiment) -> dict[int, DriftCorrection]:
    """The spectra that drifted while they were measured, by their place among the experiment's spectra.

    Those whose movement is told well enough are corrected; the others are as measured, not ``applied``, and flagged.

    Spectra taken in holds of a sweep are brought to one time along their direct-current resistance; spectra repeated
    in one state (same bias, nothing done between them) along time. A correction after which the spectrum breaks the
    Kramers-Kronig relations worse than before is not used, nor a large one of a spectrum that obeys them; both are
    flagged.

    Assumes all times on one clock. Fails, by leaving the spectra as they are, where times were not recorded.
    """
    found: dict[int, DriftCorrection] = {}
    holds = [hold_of(spectrum, experiment.traces) for spectrum in experiment.spectra]
    for group, held in _groups(experiment, holds):
        spectra = [experiment.spectra[place] for place in group]
        corrections = correct_drift(spectra, holds=[holds[place] for place in group] if held else None)
        for place, correction in zip(group, corrections, strict=True):
            kept = correction if not correction.applied else believed(correction, experiment.spectra[place])
            if kept.applied or _doubtful(kept):
                found[place] = kept
    return found


def _doubtful(correction: DriftCorrection) -> bool:
    """Whether a spectrum drifted, but not so that it could be corrected: its flag says how large the error may be."""
    said = any(flag.code == "drift_not_corrected" for flag in correction.spectrum.flags)
    return said and math.isfinite(correction.drift)


def believed(correction: DriftCorrection, measured: Spectrum) -> DriftCorrection:
    """The correction, or the spectrum as measured with the reason why the correction is not believed."""
    seen = correction.violation_before > TOLERANCE
    if correction.violation_after > correction.violation_before + (0.0 if seen else TOLERANCE):
        reason = (
            "its correction would break the Kramers–Kronig relations more than before "
            f"({correction.violation_after:.2g} against {correction.violation_before:.2g} of |Z|)"
        )
    elif not seen and (largest := float(np.abs(correction.correction).max())) >= UNSEEN:
        reason = f"its correction of {largest:.0%} is large for a spectrum that obeys the Kramers–Kronig relations"
    else:
        return correction
    flag = ImpedanceFlag.DRIFT_NOT_CORRECTED.flag(drift=correction.drift, reason=reason)
    return replace(
        correction,
        spectrum=replace(measured, flags=(*measured.flags, flag)),
        applied=False,
        correction=np.zeros(len(measured), complex),
        remaining=math.nan,
        violation_after=correction.violation_before,
    )


def _timed(spectrum: Spectrum) -> bool:
    assert spectrum.time is not None
    return len(spectrum) > 2 and bool(np.isfinite(spectrum.time).all()) and float(np.ptp(spectrum.time)) > 0


def _biased(spectrum: Spectrum) -> bool:
    return math.isfinite(spectrum.potential) and abs(spectrum.potential) > SAME_BIAS


def _groups(experiment: Experiment, holds: Sequence[Trace | None]) -> Iterator[tuple[list[int], bool]]:
    """Neighbouring spectra that may tell each other's drift: their places, and whether by the current of their holds.

    Holds that climb (or descend) in steps form a group; without steps, spectra between which nothing was done.
    """
    spectra = experiment.spectra
    group: list[int] = []
    kind = ""
    for place, spectrum in enumerate(spectra):
        if not _timed(spectrum):
            joins = ""
        elif group and spectra[group[-1]].galvanostatic == spectrum.galvanostatic:
            last = group[-1]
            climbs = holds[last] is not None and holds[place] is not None and _steps(spectra[last], spectrum)
            joins = "held" if climbs else "steady" if _undisturbed(spectra[last], spectrum, experiment.traces) else ""
        else:
            joins = ""
        if group and joins and kind in ("", joins):
            group.append(place)
            kind = joins
            continue
        if len(group) > 1:
            yield group, kind == "held"
        group, kind = ([place] if _timed(spectrum) else []), ""
    if len(group) > 1:
        yield group, kind == "held"


def _steps(first: Spectrum, second: Spectrum) -> bool:
    """Whether the second hold follows the first in a sweep."""
    if first.galvanostatic or not (_biased(first) and _biased(second)):
        return False
    return first.potential * second.potential > 0 and SAME_BIAS < abs(second.potential - first.potential) < LARGEST_STEP


def _undisturbed(first: Spectrum, second: Spectrum, traces: Sequence[Trace]) -> bool:
    """Whether the cell was left in one state from the first scan to the second."""
    assert first.time is not None
    assert second.time is not None
    one, other = (0.0 if math.isnan(s.potential) else s.potential for s in (first, second))
    if abs(one - other) > SAME_BIAS:
        return False
    begin, end = float(first.time.max()), float(second.time.min())
    known = False
    for trace in traces:
        inside = (trace.time > begin) & (trace.time < end)
        potential = trace.potential[inside]
        if np.isfinite(potential).any():
            known = True
            driven = np.nan_to_num(trace.current[inside]) != 0
            if driven.any() and np.nanmax(np.abs(potential[driven] - one)) > SAME_BIAS:
                return False
    return known or end - begin <= LONGEST_GAP * float(np.ptp(first.time))


def hold_of(spectrum: Spectrum, traces: Sequence[Trace]) -> Trace | None:
    """The direct voltage and current while the spectrum was taken: beside its points, else from a trace.

    A trace gives its samples during the scan, and where it was not recorded meanwhile the last one before and the
    first one after, if they are at the spectrum's bias.
    """
    if not _timed(spectrum):
        return None
    assert spectrum.time is not None
    if all(name in spectrum.extra for name in BIAS):
        potential, current = (np.asarray(spectrum.extra[name], float) for name in BIAS)
        if np.ptp(current) > 0:
            order = np.argsort(spectrum.time, kind="stable")
            return _resistive(spectrum, spectrum.time[order], potential[order], current[order])
    begin, end = float(spectrum.time.min()), float(spectrum.time.max())
    for trace in traces:
        first = max(int(np.searchsorted(trace.time, begin, side="right")) - 1, 0)
        last = min(int(np.searchsorted(trace.time, end)) + 1, len(trace))
        if last - first < 2 or not (trace.time[first] <= begin and trace.time[last - 1] >= end):
            continue
        near = np.abs(trace.potential[first:last] - spectrum.potential) < SAME_BIAS
        if near.sum() >= 2 and near[0] and near[-1]:
            kept = np.arange(first, last)[near]
            return _resistive(spectrum, trace.time[kept], trace.potential[kept], trace.current[kept])
    return None


def _resistive(spectrum: Spectrum, time: np.ndarray, potential: np.ndarray, current: np.ndarray) -> Trace | None:
    """The hold, if its voltage drives its current: of one sign, and V/I no other than the spectrum allows."""
    with np.errstate(divide="ignore"):
        ratio = potential / current / float(np.max(np.abs(spectrum.impedance)))
    if not (np.all(ratio > OPPOSING[0]) and np.all(ratio < OPPOSING[1])):
        return None
    return Trace(time=time, potential=potential, current=current)


def with_drift(
    finding: SpectrumFinding, correction: DriftCorrection, measured: Spectrum, sample: Sample
) -> SpectrumFinding:
    """The finding of a corrected spectrum with what was corrected, and its numbers without the correction; of one that
    drifted but could not be corrected, with the flag that says so."""
    if not correction.applied:
        flags = [flag for flag in correction.spectrum.flags if flag.code == "drift_not_corrected"]
        return replace(finding, flags=(*flags, *finding.flags))
    circuit = None if finding.labels else finding.circuit
    raw = analyse_spectrum(measured, sample, circuit, weighting=finding.weighting)
    size = np.abs(correction.correction)
    worst = int(np.argmax(size))
    flags = [flag for flag in correction.spectrum.flags if flag.code == "drift_corrected"]
    return replace(
        finding,
        drift=DriftFinding(
            change=correction.drift,
            correction=float(size[worst]),
            frequency=float(measured.frequency[worst]),
            time=correction.time,
            source=correction.source,
            violation_before=correction.violation_before,
            violation_after=correction.violation_after,
            total_resistance=raw.total_resistance,
            resistances={
                process.name: process.resistance for process in raw.processes if math.isfinite(process.resistance.value)
            },
        ),
        flags=(*flags, *finding.flags),
    )
