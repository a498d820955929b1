"""Small instrument files in the formats of EC-Lab and Gamry, written from given numbers."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np


def scientific(value: float, digits: int = 7) -> str:
    """A number as EC-Lab and Gamry write it, with three digits of exponent; an empty cell for NaN."""
    if np.isnan(value):
        return ""
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


# The numbers and types under which EC-Lab's binary files store a column.
MPR_COLUMNS = {
    "flags": (1, "u1"), "time/s": (4, "<f8"), "control/V/mA": (5, "<f4"), "Ewe/V": (6, "<f4"), "dq/mA.h": (7, "<f8"),
    "I/mA": (8, "<f4"), "Ece/V": (9, "<f4"), "<I>/mA": (11, "<f8"), "(Q-Qo)/mA.h": (13, "<f8"),
    "control/V": (19, "<f4"), "cycle number": (24, "<f8"), "freq/Hz": (32, "<f4"), "|Ewe|/V": (33, "<f4"),
    "Re(Z)/Ohm": (37, "<f4"), "-Im(Z)/Ohm": (38, "<f4"), "<Ewe>/V": (77, "<f4"), "Re(Zwe-ce)/Ohm": (432, "<f4"),
    "-Im(Zwe-ce)/Ohm": (433, "<f4"), "<Ece>/V": (441, "<f4"), "Temperature/°C": (462, "<f4"),
}  # fmt: skip


def mpr_settings(technique: int, parameters: Sequence[tuple[str, float]] = (), *, new: bool = True, count: int = 0):
    """The settings module's content: the technique's number, the area's default, and a table of one sequence.

    ``parameters`` are pairs of a struct letter and a value, "v" for the reference of a potential, which EC-Lab 11.50
    stores in four bytes and older versions in one; ``count`` is the number of parameters that the table announces.
    """
    content = bytearray(6744)
    content[0] = technique
    struct.pack_into("<f", content, 0x211, 0.001)
    place = 0x1847 if new else 0x1845
    struct.pack_into("<HH", content, place, 1, count or len(parameters))
    code = "<" + "".join(letter.replace("v", "I" if new else "B") for letter, _ in parameters)
    struct.pack_into(code, content, place + 4, *(value for _, value in parameters))
    return bytes(content)


def mpr(
    columns: Mapping[str, np.ndarray],
    technique: int = 0x6C,
    *,
    settings: bytes = b"",
    numbers: Mapping[str, int] | None = None,
    loops: Sequence[int] = (),
    log: bytes = b"",
) -> bytes:
    """An EC-Lab binary file with settings and data, and with a log and a list of repetitions where they are given.

    ``numbers`` replaces the number under which a column is stored.
    """
    known = {name: (dict(numbers or {}).get(name, MPR_COLUMNS[name][0]), MPR_COLUMNS[name][1]) for name in columns}
    table = np.zeros(len(next(iter(columns.values()))), dtype=[(name, known[name][1]) for name in columns])
    for name, column in columns.items():
        table[name] = column
    head = struct.pack("<IB", table.size, len(columns))
    head += b"".join(struct.pack("<H", number) for number, _ in known.values())
    data = head.ljust(405, b"\0") + table.tobytes()

    def module(short: bytes, long: bytes, version: int, body: bytes) -> bytes:
        return (
            b"MODULE" + short.ljust(10) + long.ljust(25) + struct.pack("<II", len(body), version) + b"08/11/23" + body
        )

    content = b"BIO-LOGIC MODULAR FILE\x1a".ljust(48) + b"\0\0\0\0"
    content += module(b"VMP Set", b"VMP settings", 0, settings or bytes([technique]) + bytes(200))
    content += module(b"VMP data", b"VMP data", 2, data)
    if log:
        content += module(b"VMP LOG", b"VMP log", 0, log)
    if loops:
        body = struct.pack(f"<I{len(loops)}I", len(loops), *loops)
        content += module(b"VMP loop", b"VMP loop", 0, body)
    return content
