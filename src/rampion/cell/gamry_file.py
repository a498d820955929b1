"""Text as Gamry's Framework writes it (.DTA): tagged settings, then one table with names and units in two rows."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np

from rampion.measurement import ConstantCurrent, FrequencyScan, Hold, Spectrum, Steps, Sweep, Trace

FILE_NAME = "{stem}_{number:02d}_{technique}.DTA"
ENCODING = "cp1252"

_TAGS = {
    "LSV": ("LSV", "Linear Sweep Voltammetry"),
    "CA": ("CHRONOA", "Chronoamperometry Scan"),
    "CP": ("CHRONOP", "Chronopotentiometry Scan"),
    "OCV": ("CORPOT", "Corrosion Potential"),
    "PEIS": ("EISPOT", "Potentiostatic EIS"),
    "GEIS": ("GALVEIS", "Galvanostatic EIS"),
}


def text_of(part: Trace | Spectrum, technique: str, start: datetime, mark: str) -> str:
    """The file's text; the table's times count from the file's own DATE and TIME, which are whole seconds.

    Parameters
    ----------
    start : the experiment's zero of time.
    mark : the sentence that says the data are synthetic, written in the notes.
    """
    tag, title = _TAGS[technique]
    time = part.time if part.time is not None and np.all(np.isfinite(part.time)) else np.arange(float(len(part)))
    begun = math.floor(time[0]) if time.size else 0
    clock = start + timedelta(seconds=begun)
    rows = [
        "EXPLAIN",
        f"TAG\t{tag}",
        f"TITLE\tLABEL\t{title}\tTest Identifier",
        f"DATE\tLABEL\t{clock:%m/%d/%Y}\tDate",
        f"TIME\tLABEL\t{clock:%H:%M:%S}\tTime",
        "NOTES\tNOTES\t1\tNotes...",
        f"\t{mark}",
        "PSTAT\tPSTAT\tSIMULATED\tPotentiostat",
        *_settings(part),
        "AREA\tQUANT\t1.00000E+000\tSample Area (cm^2)",
        *(_spectrum_table(part, time - begun) if isinstance(part, Spectrum) else _trace_table(part, time - begun)),
    ]
    return "\r\n".join(rows) + "\r\n"


def _settings(part: Trace | Spectrum) -> list[str]:
    match part.protocol:
        case Sweep(rate=rate, start=low, stop=high):
            return [
                f"VINIT\tPOTEN\t{_number(low)}\tF\tInitial E (V)",
                f"VFINAL\tPOTEN\t{_number(high)}\tF\tFinal E (V)",
                f"SCANRATE\tQUANT\t{_number(rate * 1e3)}\tScan Rate (mV/s)",
            ]
        case Hold(potential=potential, duration=duration):
            return [
                f"VSTEP1\tPOTEN\t{_number(potential)}\tF\tStep 1 Voltage (V)",
                f"TSTEP1\tQUANT\t{_number(duration)}\tStep 1 Time (s)",
            ]
        case ConstantCurrent(current=current, duration=duration):
            return [
                f"ISTEP1\tQUANT\t{_number(current)}\tStep 1 Current (A)",
                f"TSTEP1\tQUANT\t{_number(duration)}\tStep 1 Time (s)",
            ]
        case Steps(currents=currents, durations=durations):
            return [
                row
                for number, (current, duration) in enumerate(zip(currents, durations, strict=True), 1)
                for row in (
                    f"ISTEP{number}\tQUANT\t{_number(current)}\tStep {number} Current (A)",
                    f"TSTEP{number}\tQUANT\t{_number(duration)}\tStep {number} Time (s)",
                )
            ]
        case FrequencyScan() as scan:
            amplitude = scan.amplitude * 1e3 / math.sqrt(2.0)  # Gamry states the root mean square
            excitation = (
                f"IAC\tQUANT\t{_number(amplitude)}\tAC Current (mA rms)"
                if scan.galvanostatic
                else f"VAC\tQUANT\t{_number(amplitude)}\tAC Voltage (mV rms)"
            )
            return [
                f"FREQINIT\tQUANT\t{_number(scan.high)}\tInitial Freq. (Hz)",
                f"FREQFINAL\tQUANT\t{_number(scan.low)}\tFinal Freq. (Hz)",
                f"PTSPERDEC\tQUANT\t{_number(scan.points_per_decade)}\tPoints/decade",
                excitation,
            ]
        case _:
            return []


def _trace_table(trace: Trace, time: np.ndarray) -> list[str]:
    rows = [
        f"CURVE\tTABLE\t{len(trace)}",
        "\tPt\tT\tVf\tIm\tVu\tSig\tAch\tIERange\tOver\tTemp",
        "\t#\ts\tV vs. Ref.\tA\tV\tV\tV\t#\tbits\tdeg C",
    ]
    zero = _number(0.0)
    for point in range(len(trace)):
        recorded = f"{time[point]:.9g}\t{_number(trace.potential[point])}\t{_number(trace.current[point])}"
        rows.append(f"\t{point}\t{recorded}\t{zero}\t{zero}\t{zero}\t8\t...........\t0")
    return rows


def _spectrum_table(spectrum: Spectrum, time: np.ndarray) -> list[str]:
    rows = [
        "ZCURVE\tTABLE",
        "\tPt\tTime\tFreq\tZreal\tZimag\tZsig\tZmod\tZphz\tIdc\tVdc\tIERange",
        "\t#\ts\tHz\tohm\tohm\tV\tohm\t°\tA\tV\t#",
    ]
    steady = f"{_number(_known(spectrum.current))}\t{_number(_known(spectrum.potential))}"
    for point, impedance in enumerate(spectrum.impedance):
        rows.append(
            f"\t{point}\t{time[point]:.9g}\t{spectrum.frequency[point]:.7g}\t{impedance.real:.7g}\t{impedance.imag:.7g}"
            f"\t1\t{abs(impedance):.7g}\t{math.degrees(np.angle(impedance)):.7g}\t{steady}\t8"
        )
    return rows


def _known(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _number(value: float) -> str:
    """Six digits and three of exponent, as the Framework prints them."""
    mantissa, exponent = f"{_known(value):.5E}".split("E")
    return f"{mantissa}E{int(exponent):+04d}"
