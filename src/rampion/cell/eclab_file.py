"""Text as BioLogic's EC-Lab exports it (.mpt): header count, settings in columns, tab-separated table, latin-1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

import numpy as np

from rampion.measurement import (
    WORKING_POTENTIAL,
    ConstantCurrent,
    FrequencyScan,
    Hold,
    Spectrum,
    Steps,
    Sweep,
    Trace,
)

FILE_NAME = "{stem}_{number:02d}_{technique}_C01.mpt"
ENCODING = "cp1252"

_TITLES = {
    "LSV": "Linear Sweep Voltammetry",
    "CA": "Chronoamperometry / Chronocoulometry",
    "CP": "Chronopotentiometry",
    "OCV": "Open Circuit Voltage",
    "PEIS": "Potentio Electrochemical Impedance Spectroscopy",
    "GEIS": "Galvano Electrochemical Impedance Spectroscopy",
}
_POTENTIOSTATIC = ("LSV", "CA")


def text_of(part: Trace | Spectrum, technique: str, start: datetime, mark: str, decimal: str = ".") -> str:
    """The file's text; times count from ``start``, as EC-Lab's elapsed time format has it.

    Currents are in mA, Ewe in single precision (8 digits) and time and current in double, as EC-Lab prints them.

    Parameters
    ----------
    mark : the sentence that says the data are synthetic, written as the comment of the header.
    decimal : ``","`` writes what EC-Lab exports on a machine with decimal commas.
    """
    columns = _spectrum_columns(part) if isinstance(part, Spectrum) else _trace_columns(part, technique)
    settings = "\r\n".join(f"{name:<20}{value:<20}" for name, value in _settings(part).items())
    begun = start.strftime("%m/%d/%Y %H:%M:%S")
    head = (
        f"{_TITLES[technique]}\r\n\r\n"
        "Run on channel : 1 (SN 0)\r\nUser : \r\nElectrode connection : standard\r\n"
        "Ewe ctrl range : min = -10.00 V, max = 10.00 V\r\n"
        f"Acquisition started on : {begun}\r\nTechnique started on : {begun}\r\n"
        "Device : none (simulated)\r\n"
        f"Comments : {mark}\r\n"
        "Electrode surface area : 0.001 cm²\r\nCharacteristic mass : 0.001 g\r\n"
        "Cycle Definition : Charge/Discharge alternance\r\n"
        f"{settings}\r\n\r\n"
    )
    lines = head.count("\r\n") + 3
    body = "\r\n".join("\t".join(row) for row in zip(*columns.values(), strict=True))
    if decimal == ",":
        head, body = head.replace("= -10.00 V, max = 10.00", "= -10,00 V, max = 10,00"), body.replace(".", ",")
        head = head.replace("0.001", "0,001")
    table = "\t".join(columns) + "\t\r\n" + body + "\r\n"
    return f"EC-Lab ASCII FILE\r\nNb header lines : {lines:<26}\r\n{head}{table}"


def _settings(part: Trace | Spectrum) -> Mapping[str, str]:
    match part.protocol:
        case Sweep(rate=rate, start=low, stop=high):
            return {
                "Ei (V)": _plain(low, 3),
                "vs.": "Ref",
                "dE/dt": _plain(rate * 1e3, 6),
                "dE/dt unit": "mV/s",
                "EL (V)": _plain(high, 3),
                "I Range": "Auto",
            }
        case Hold(potential=potential, duration=duration):
            return {"Ei (V)": _plain(potential, 4), "vs.": "Ref", "ti (h:m:s)": _clock(duration), "I Range": "Auto"}
        case ConstantCurrent(current=current, duration=duration):
            return {"Is": _plain(current * 1e3, 6), "unit Is": "mA", "vs.": "<None>", "ts (h:m:s)": _clock(duration)}
        case Steps(currents=currents, durations=durations):
            return {
                "Ns": "".join(f"{number:<20}" for number in range(len(currents))),
                "Is": "".join(f"{_plain(current * 1e3, 6):<20}" for current in currents),
                "unit Is": "".join(f"{'mA':<20}" for _ in currents),
                "ts (h:m:s)": "".join(f"{_clock(duration):<20}" for duration in durations),
            }
        case FrequencyScan() as scan:
            return {
                "Mode": "Single sine",
                "E (V)": _plain(0.0 if math.isnan(part.potential) else part.potential, 4),  # pyright: ignore
                "vs.": "Ref",
                "fi": _plain(scan.high, 3),
                "unit fi": "Hz",
                "ff": _plain(scan.low, 6),
                "unit ff": "Hz",
                "Nd": _plain(scan.points_per_decade, 0),
                "Points": "per decade",
                "spacing": "Logarithmic",
                ("Ia" if scan.galvanostatic else "Va (mV)"): _plain(scan.amplitude * 1e3, 4),
            }
        case _:
            return {"I Range": "Auto"}


def _trace_columns(trace: Trace, technique: str) -> dict[str, list[str]]:
    count = len(trace)
    mode = "2" if technique in _POTENTIOSTATIC else "1" if technique == "CP" else "3"
    columns = {
        "mode": [mode] * count,
        "ox/red": ["1" if current >= 0 else "0" for current in trace.current],
        "error": ["0"] * count,
        "time/s": _double(trace.time),
        "Ewe/V": _single(trace.potential),
    }
    if WORKING_POTENTIAL in trace.extra:
        working = trace.extra[WORKING_POTENTIAL]
        columns |= {"Ewe/V": _single(working), "Ece/V": _single(working - trace.potential)}
    if technique != "OCV":
        steps = np.concatenate([[0.0], 0.5 * np.diff(trace.time) * (trace.current[1:] + trace.current[:-1])])
        columns["<I>/mA"] = _double(trace.current * 1e3)
        columns["(Q-Qo)/C"] = _single(np.cumsum(steps[:count]))
    return columns


def _spectrum_columns(spectrum: Spectrum) -> dict[str, list[str]]:
    impedance = spectrum.impedance
    columns = {
        "freq/Hz": _single(spectrum.frequency),
        "Re(Z)/Ohm": _single(np.real(impedance)),
        "-Im(Z)/Ohm": _single(-np.imag(impedance)),
        "|Z|/Ohm": _single(np.abs(impedance)),
        "Phase(Z)/deg": _single(np.degrees(np.angle(impedance))),
    }
    if spectrum.time is not None and np.all(np.isfinite(spectrum.time)):
        columns["time/s"] = _double(spectrum.time)
    if math.isfinite(spectrum.potential):
        columns["<Ewe>/V"] = _single(np.full(len(spectrum), spectrum.potential))
    if math.isfinite(spectrum.current):
        columns["<I>/mA"] = _single(np.full(len(spectrum), spectrum.current * 1e3))
    return columns


def _single(values: np.ndarray) -> list[str]:
    return [_exponent(f"{value:.7E}") for value in values]


def _double(values: np.ndarray) -> list[str]:
    return [_exponent(f"{value:.15E}") for value in values]


def _exponent(text: str) -> str:
    """Three digits of exponent, as EC-Lab prints them."""
    mantissa, sign, digits = text[:-3], text[-3], text[-2:]
    if mantissa[-1:] == "E":
        return f"{mantissa}{sign}0{digits}"
    return text  # already three digits, or NaN


def _plain(value: float, digits: int) -> str:
    return f"{0.0 if math.isnan(value) else value:.{digits}f}"


def _clock(seconds: float) -> str:
    seconds = 0.0 if math.isnan(seconds) else seconds
    return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{seconds % 60:07.4f}"
