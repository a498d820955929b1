"""Text as CH Instruments' software exports it (.txt): settings line by line, then comma-separated columns."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np

from rampion.measurement import ConstantCurrent, FrequencyScan, Hold, Spectrum, Steps, Sweep, Trace

FILE_NAME = "{stem}_{number:02d}_{technique}.txt"
ENCODING = "cp1252"

_TITLES = {
    "LSV": "Linear Sweep Voltammetry",
    "CA": "Amperometric i-t Curve",
    "CP": "Chronopotentiometry",
    "OCV": "Open Circuit Potential - Time",
    "PEIS": "A.C. Impedance",
    "GEIS": "A.C. Impedance",
}


def text_of(part: Trace | Spectrum, technique: str, start: datetime, mark: str) -> str:
    """The file's text: four digits of current, no time column in a sweep (its points follow from the scan rate).

    The format loses what the instrument loses: sweep times, the current of a chronopotentiogram, the time of each
    frequency. Potentials are written to 0.1 µV so that short steps survive.

    Parameters
    ----------
    start : the experiment's zero of time; the file's date is the part's first point.
    mark : the sentence that says the data are synthetic, written as the note.
    """
    known = part.time is not None and len(part) and np.isfinite(part.time[0])
    clock = start + timedelta(seconds=float(part.time[0]) if known and part.time is not None else 0.0)
    head = [
        f"{clock:%B} {clock.day}, {clock:%Y}   {clock:%H:%M:%S}",
        _TITLES[technique],
        "File: simulated",
        "Data Source:  Experiment",
        "Instrument Model:  CHI760E",
        "Header: ",
        f"Note: {mark}",
        "",
        *_settings(part),
        "",
    ]
    table = _spectrum_table(part) if isinstance(part, Spectrum) else _trace_table(part, technique)
    return "\r\n".join([*head, *table]) + "\r\n"


def _settings(part: Trace | Spectrum) -> list[str]:
    match part.protocol:
        case Sweep(rate=rate, start=low, stop=high):
            points = part.potential if isinstance(part, Trace) else np.zeros(2)
            step = abs(points[-1] - points[0]) / max(points.size - 1, 1)
            return [
                f"Init E (V) = {_known(low):g}",
                f"Final E (V) = {_known(high):g}",
                f"Scan Rate (V/s) = {rate:g}",
                f"Sample Interval (V) = {step:.6g}",
                "Quiet Time (sec) = 0",
                "Sensitivity (A/V) = 0.001",
            ]
        case Hold(potential=potential, duration=duration):
            return [
                f"Init E (V) = {potential:g}",
                f"Run Time (sec) = {_known(duration):g}",
                "Quiet Time (sec) = 0",
                "Sensitivity (A/V) = 0.001",
            ]
        case ConstantCurrent(current=current, duration=duration):
            return [f"Cathodic Current (A) = 0\r\nAnodic Current (A) = {current:g}", f"Anodic Time (s) = {duration:g}"]
        case Steps(currents=currents, durations=durations):
            return [
                row
                for number, (current, duration) in enumerate(zip(currents, durations, strict=True), 1)
                for row in (f"Step {number} Current (A) = {current:g}", f"Step {number} Time (s) = {duration:g}")
            ]
        case FrequencyScan() as scan:
            potential = part.potential if isinstance(part, Spectrum) else math.nan
            return [
                f"Init E (V) = {_known(potential):g}",
                f"High Frequency (Hz) = {scan.high:g}",
                f"Low Frequency (Hz) = {scan.low:g}",
                f"Amplitude (V) = {_known(scan.amplitude):g}",
                "Quiet Time (sec) = 0",
            ]
        case _:
            return ["Quiet Time (sec) = 0"]


def _trace_table(trace: Trace, technique: str) -> list[str]:
    elapsed = trace.time - trace.time[0] if len(trace) else trace.time
    match technique:
        case "LSV":
            rows = [f"{v:.7f}, {i:.3e}" for v, i in zip(trace.potential, trace.current, strict=True)]
            return ["Potential/V, Current/A", "", *rows]
        case "CA":
            rows = [f"{t:.6g}, {i:.3e}" for t, i in zip(elapsed, trace.current, strict=True)]
            return ["Time/sec, Current/A", "", *rows]
        case _:
            rows = [f"{t:.6g}, {v:.7f}" for t, v in zip(elapsed, trace.potential, strict=True)]
            return ["Time/sec, Potential/V", "", *rows]


def _spectrum_table(spectrum: Spectrum) -> list[str]:
    rows = []
    for frequency, impedance in zip(spectrum.frequency, spectrum.impedance, strict=True):
        size, phase = abs(impedance), math.degrees(np.angle(impedance))
        parts = ", ".join(_exponent(value) for value in (frequency, impedance.real, impedance.imag, size))
        rows.append(f"{parts}, {phase:.1f}")
    return ["Freq/Hz, Z'/ohm, Z\"/ohm, Z/ohm, Phase/deg", "", *rows]


def _known(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _exponent(value: float) -> str:
    """Four digits, the exponent with sign and without padding."""
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{mantissa}e{int(exponent):+d}"
