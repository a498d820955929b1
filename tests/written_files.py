"""Small instrument files in the formats of EC-Lab and Gamry, written from given numbers."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np


def scientific(value: float, digits: int = 7) -> str:
    """A number as EC-Lab and Gamry write it, with three digits of exponent."""
    mantissa, exponent = f"{value:.{digits}E}".split("E")
    return f"{mantissa}E{exponent[0]}{int(exponent[1:]):03d}"


def rows_of(columns: Mapping[str, np.ndarray], whole: Sequence[str] = ()) -> list[str]:
    """Tab-separated rows; columns named in ``whole`` are written as integers."""
    cells = [
        [str(int(v)) if name in whole else scientific(float(v), 15 if name == "time/s" else 7) for v in column]
        for name, column in columns.items()
    ]
    return ["\t".join(row) for row in zip(*cells, strict=True)]


WHOLE = ("mode", "ox/red", "error", "Ns", "I Range")


def mpt(
    columns: Mapping[str, np.ndarray],
    *,
    title: str = "Linear Sweep Voltammetry",
    started: str = "08/11/2023 12:40:15.500",
    settings: Sequence[tuple[str, str]] = (),
    extra: Sequence[str] = (),
    comma: bool = False,
    header: bool = True,
    announced: int | None = None,
    encoding: str = "latin-1",
    end: str = "\r\n",
) -> bytes:
    """An EC-Lab text export with these columns."""
    lines = ["EC-Lab ASCII FILE", "Nb header lines : {}", "", title, "", "Run on channel : 1 (SN 1)"]
    lines += [f"Acquisition started on : {started}", "Device : SP-200 (SN 0961)", "Electrode surface area : 0.001 cm²"]
    lines += [f"{key:<20}{value:<20}" for key, value in settings] + [*extra, ""]
    names = "\t".join(columns) + "\t"
    lines[1] = lines[1].format(len(lines) + 1 if announced is None else announced)
    table = [names, *rows_of(columns, WHOLE)]
    text = end.join([*(lines if header else []), *table, ""])
    if comma:
        first = text.index(names)
        text = text[:first] + text[first:].replace(".", ",")
    return text.encode(encoding)


def dta(
    tables: Mapping[str, tuple[Sequence[str], Sequence[str], Sequence[Sequence[str]]]],
    *,
    tag: str = "LSV",
    date: str = "16/11/2023",
    time: str = "9:59:48",
    settings: Sequence[str] = ("SCANRATE\tQUANT\t1.00000E+000\tScan Rate (mV/s)",),
    comma: bool = False,
    encoding: str = "latin-1",
    end: str = "\r\n",
) -> bytes:
    """A Gamry file with these tables: name → (column names, units, rows of cells)."""
    lines = ["EXPLAIN", f"TAG\t{tag}", "TITLE\tLABEL\tTitle\tTest Identifier", f"DATE\tLABEL\t{date}\tDate"]
    lines += [f"TIME\tLABEL\t{time}\tTime", "NOTES\tNOTES\t1\tNotes...", "\ta note", *settings]
    for name, (columns, units, rows) in tables.items():
        lines += [f"{name}\tTABLE\t{len(rows)}", "\t" + "\t".join(columns), "\t" + "\t".join(units)]
        lines += ["\t" + "\t".join(cell.replace(".", ",") if comma else cell for cell in row) for row in rows]
    text = end.join([*lines, ""])
    return text.encode(encoding)


def curve(time: np.ndarray, potential: np.ndarray, current: np.ndarray):
    """A Gamry table of a voltage ramp."""
    rows = [
        [str(k), f"{t:g}", scientific(v, 5), scientific(i, 5), scientific(0, 5), "9", "..........a", "1489.52"]
        for k, (t, v, i) in enumerate(zip(time, potential, current, strict=True))
    ]
    names = ["Pt", "T", "Vf", "Im", "Vu", "IERange", "Over", "Temp"]
    return names, ["#", "s", "V vs. Ref.", "A", "V", "#", "bits", "deg C"], rows


def zcurve(frequency: np.ndarray, impedance: np.ndarray):
    """A Gamry table of a spectrum."""
    rows = [
        [str(k), str(k + 1), f"{f:.7g}", f"{z.real:.7g}", f"{z.imag:.7g}", "1e-6", "0.25"]
        for k, (f, z) in enumerate(zip(frequency, impedance, strict=True))
    ]
    return ["Pt", "Time", "Freq", "Zreal", "Zimag", "Idc", "Vdc"], ["#", "s", "Hz", "ohm", "ohm", "A", "V"], rows


_COLUMNS = {"flags": (1, "u1"), "time/s": (4, "<f8"), "Ewe/V": (6, "<f4"), "I/mA": (8, "<f4"), "control/V": (19, "<f4")}


def mpr(columns: Mapping[str, np.ndarray], technique: int = 0x6C) -> bytes:
    """An EC-Lab binary file with settings and data, and an empty log."""
    kinds = [(name, _COLUMNS[name][1]) for name in columns]
    table = np.zeros(len(next(iter(columns.values()))), dtype=kinds)
    for name, column in columns.items():
        table[name] = column
    head = struct.pack("<IB", table.size, len(kinds)) + b"".join(
        struct.pack("<H", _COLUMNS[name][0]) for name in columns
    )
    data = head.ljust(405, b"\0") + table.tobytes()

    def module(short: bytes, long: bytes, version: int, body: bytes) -> bytes:
        return (
            b"MODULE" + short.ljust(10) + long.ljust(25) + struct.pack("<II", len(body), version) + b"08/11/23" + body
        )

    start = b"BIO-LOGIC MODULAR FILE\x1a".ljust(48) + b"\0\0\0\0"
    settings = module(b"VMP Set", b"VMP settings", 10, bytes([technique]) + bytes(200))
    return start + settings + module(b"VMP data", b"VMP data", 2, data)
