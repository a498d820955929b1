"""Whole files with known numbers, one or more of each format that rampion reads, for faults of structure."""

from __future__ import annotations

import io
import json
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np

from rampion.cell.files import MAKES, write_experiment
from rampion.measurement import ConstantCurrent, Experiment, FrequencyScan, Hold, Rest, Spectrum, Sweep, Trace
from real_files import FOLDER
from written_files import curve, dta, mpr, mpt, zcurve

_RANDOM = np.random.default_rng(20261130)
COUNT = 40
TIME = 2.0 * np.arange(COUNT)
POTENTIAL = np.round(0.01 * np.arange(COUNT) + 0.0003 * _RANDOM.standard_normal(COUNT), 6)
CURRENT = np.round(1e-3 * POTENTIAL * (1 + 0.3 * POTENTIAL) + 2e-7 * _RANDOM.standard_normal(COUNT), 9)
FREQUENCY = np.array([float(f"{f:.6g}") for f in np.geomspace(6e5, 2.0, 28)])
_ARCS = 30 + sum(r / (1 + (2j * np.pi * FREQUENCY * r * c) ** 0.9) for r, c in ((200.0, 2e-9), (90.0, 4e-6)))
IMPEDANCE = np.round(_ARCS.real, 5) + 1j * np.round(_ARCS.imag, 5)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the table of a text is: its lines, the header's number, the rows, what separates and marks its cells."""

    lines: tuple[str, ...]
    header: int
    first: int
    stop: int
    separator: str
    mark: str = "."
    encoding: str = "utf-8"
    end: str = "\n"
    named: bool = True  # whether the header names the columns, which then may stand in any order

    def written(self, lines: Sequence[str] | None = None) -> bytes:
        """The bytes of these lines, or of the layout's own."""
        return self.end.join(self.lines if lines is None else lines).encode(self.encoding, "replace")


@dataclass(frozen=True, slots=True)
class Seed:
    """A file: its title among the formats, its name, its bytes, and for text with one table its layout."""

    title: str
    name: str
    content: bytes
    layout: Layout | None = None


def _layout(
    content: bytes, first: str, separator: str, encoding: str = "utf-8", units: int = 0, named: bool = True
) -> Layout:
    """The layout of a text whose header is the last line that begins with ``first``, with ``units`` lines below it."""
    text = content.decode(encoding)
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(end)
    header = max(number for number, line in enumerate(lines) if line.lstrip().startswith(first))
    begin = stop = header + 1 + units
    while stop < len(lines) and lines[stop].strip() and lines[stop].strip()[0] in "+-.0123456789":
        stop += 1
    mark = "," if separator != "," and "," in lines[begin] else "."
    return Layout(tuple(lines), header, begin, stop, separator, mark, encoding, end, named)


def _text(title: str, name: str, content: bytes, first: str, separator: str, **more: object) -> Seed:
    return Seed(title, name, content, _layout(content, first, separator, **more))  # type: ignore[arg-type]


def _simulated() -> list[Seed]:
    made = {
        "LSV": Trace(
            time=TIME, potential=POTENTIAL, current=CURRENT, synthetic=True, start=1.7e9,
            protocol=Sweep(rate=5e-3, start=0.0, stop=0.4),
        ),
        "CA": Trace(
            time=TIME, potential=np.full(COUNT, 0.05), current=CURRENT + 1e-6, synthetic=True, start=1.7e9,
            protocol=Hold(potential=0.05, duration=80.0),
        ),
        "CP": Trace(
            time=TIME, potential=POTENTIAL, current=np.full(COUNT, 2e-5), synthetic=True, start=1.7e9,
            protocol=ConstantCurrent(current=2e-5, duration=80.0),
        ),
        "OCV": Trace(
            time=TIME, potential=POTENTIAL, current=np.zeros(COUNT), synthetic=True, start=1.7e9,
            protocol=Rest(duration=80.0),
        ),
        "PEIS": Spectrum(
            frequency=FREQUENCY, impedance=IMPEDANCE, synthetic=True, start=1.7e9, time=3.0 + np.arange(FREQUENCY.size),
            potential=0.05, current=2e-5, protocol=FrequencyScan(high=6e5, low=2.0, amplitude=0.01),
        ),
    }  # fmt: skip
    where = {
        "eclab": (("freq/Hz", "mode"), "\t", "cp1252", 0),
        "gamry": (("Pt",), "\t", "cp1252", 1),
        "chi": (("Potential/V,", "Time/sec", "Freq/Hz"), ",", "utf-8", 1),
        "csv": (("time/s", "frequency"), ",", "utf-8", 0),
    }
    seeds = []
    for make in MAKES:
        for part in made.values():
            with tempfile.TemporaryDirectory() as folder:
                (path,) = write_experiment(Experiment(parts=(part,)), folder, make, "own")
                content = path.read_bytes()
            beginnings, separator, encoding, units = where[make]
            first = next(
                (one for one in beginnings if f"\n{one}" in content.decode(encoding).replace("\n\t", "\n")), ""
            )
            title = {"eclab": "EC-Lab text", "gamry": "Gamry", "chi": "CH Instruments", "csv": "table"}[make]
            layout = _layout(content, first, separator, encoding, units) if first else None
            seeds.append(Seed(title, path.name, content, layout))
    return seeds


def _columns(separator: str, header: str, columns: Sequence[np.ndarray], mark: str = ".", digits: int = 10) -> bytes:
    rows = [separator.join(f"{v:.{digits}g}".replace(".", mark) for v in row) for row in zip(*columns, strict=True)]
    return "\n".join([header, *rows, ""]).encode()


def _tables() -> list[Seed]:
    trace, milli = (TIME, POTENTIAL, CURRENT), (TIME, POTENTIAL * 1e3, CURRENT * 1e3)
    spectrum = (FREQUENCY, IMPEDANCE.real, -IMPEDANCE.imag)
    polar = (FREQUENCY, np.abs(IMPEDANCE), np.degrees(np.angle(IMPEDANCE)))
    comma = _columns(";", "Zeit [s];U [mV];I [mA]".replace("Zeit", "Time"), milli, ",")
    units = b"Time\tEcell\tI\n[s]\t[V]\t[mA]\n" + _columns("\t", "", (TIME, POTENTIAL, CURRENT * 1e3)).lstrip(b"\n")
    clock = "\n".join(
        ["Test Time,Voltage (V),Current (A)"]
        + [f"{int(t // 3600)}:{int(t // 60 % 60):02d}:{t % 60:06.3f},{e:.6f},{i:.9f}"
           for t, e, i in zip(*trace, strict=True)] + [""]
    ).encode()  # fmt: skip
    return [
        _text("table", "trace.csv", _columns(",", "t / s,E / V,I / mA", (TIME, POTENTIAL, CURRENT * 1e3)), "t", ","),
        _text("table", "comma.csv", comma, "Time", ";"),
        _text("table", "units.txt", units, "Time", "\t", units=1),
        _text("table", "blanks.dat", _columns(" ", "time/s Ecell/V I/A", trace), "time", " "),
        _text("table", "clock.csv", clock, "Test", ","),
        _text("table", "eis.csv", _columns(",", "freq/Hz,Re(Z)/Ohm,-Im(Z)/Ohm", spectrum), "freq", ","),
        _text("table", "polar.txt", _columns("\t", "Frequency (Hz)\t|Z| (Ohm)\tPhase (deg)", polar), "Freq", "\t"),
    ]


def _instruments() -> list[Seed]:
    sweep = {"mode": np.full(COUNT, 2), "time/s": TIME, "Ewe/V": POTENTIAL, "<I>/mA": CURRENT * 1e3}
    scan = {"freq/Hz": FREQUENCY, "Re(Z)/Ohm": IMPEDANCE.real, "-Im(Z)/Ohm": -IMPEDANCE.imag}
    settings = [("Ei (V)", "0.000"), ("dE/dt", "5.0"), ("dE/dt unit", "mV/s"), ("EL (V)", "0.400")]
    lsv = mpt(sweep, settings=settings)
    peis = mpt(scan, title="Potentio Electrochemical Impedance Spectroscopy")
    german = mpt(sweep, settings=settings, comma=True)
    nova = _columns(";", "Time (s);WE(1).Potential (V);WE(1).Current (A)", (TIME, POTENTIAL, CURRENT), ",")
    fra = _columns("\t", "Frequency (Hz)\tZ' (Ω)\t-Z'' (Ω)", (FREQUENCY, IMPEDANCE.real, -IMPEDANCE.imag))
    fra = fra.replace("\t-Z'' (Ω)".encode(), "\t-Z'' (Ω)\t-Phase (°)".encode(), 1).replace(b"\n", b"\t0\n").replace(
        b"\t0\n", b"\n", 1
    )  # fmt: skip
    zplot = "ZPLOT2 ASCII\n  Freq(Hz)\tAmpl\tBias\tTime(Sec)\tZ'(a)\tZ''(b)\tGD\tErr\tRange\nEnd Comments\n" + "".join(
        f"{f:.6E}\t1.0E-02\t0.0E+00\t{k}\t{z.real:.7E}\t{z.imag:.7E}\t0\t0\t3\n"
        for k, (f, z) in enumerate(zip(FREQUENCY, IMPEDANCE, strict=True))
    )
    relaxis = (
        "RelaxIS 3.0 Spectrum export\nDate: x\nData: Frequency\tData: Z'\tData: Z''\nDC=0.05, TM=25\tM\tn\n"
        + "".join(f"{f:.7g}\t{z.real:.8g}\t{z.imag:.8g}\n" for f, z in zip(FREQUENCY, IMPEDANCE, strict=True))
    )
    zahner = "time\tvoltage\tcurrent\tindex\n" + "".join(
        f"2024-12-06 10:{int(t // 60):02d}:{t % 60:06.3f}\t{e:.6f}\t{i:.9f}\t{k}\n"
        for k, (t, e, i) in enumerate(zip(TIME, POTENTIAL, CURRENT, strict=True))
    )
    versa = (
        "<Application>\nName=VersaStudio\n</Application>\n<Action1>\nScan Rate (V/s)=.005\nInitial Potential (V),"
        "Value=0\nFinal Potential (V),Value=0.4\nName=Linear Scan Voltammetry\n</Action1>\n<Segment1>\nType=2\n"
        "Definition=Segment #, Point #, E(V), I(A), Elapsed Time(s)\n"
        + "".join(
            f"0,{k},{e:.6f},{i:.9E},{t:g}\n" for k, (t, e, i) in enumerate(zip(TIME, POTENTIAL, CURRENT, strict=True))
        )
        + "</Segment1>\n"
    )
    maccor = "Today's Date\t11/28/2023\nDate of Test:\t11/23/2023\n" + "\t".join(
        ("Rec#", "Cyc#", "Step", "TestTime", "StepTime", "Amp-hr", "Watt-hr", "Amps", "Volts", "State", "ES",
         "DPt Time")
    ) + "\n" + "".join(
        f"{k}\t0\t1\t  0d 00:{int(t // 60):02d}:{t % 60:07.4f}\t  0d 00:{int(t // 60):02d}:{t % 60:07.4f}\t0.0\t0.0\t"
        f"{i:.10f}\t{e:.8f}\tC\t1\t11/23/2023 15:{int(t // 60):02d}:{int(t % 60):02d}\n"
        for k, (t, e, i) in enumerate(zip(TIME, POTENTIAL, CURRENT + 1e-5, strict=True), 1)
    )  # fmt: skip
    return [
        _text("EC-Lab text", "lsv.mpt", lsv, "mode", "\t", encoding="latin-1"),
        _text("EC-Lab text", "german.mpt", german, "mode", "\t", encoding="latin-1"),
        _text("EC-Lab text", "peis.mpt", peis, "freq", "\t", encoding="latin-1"),
        _text("Gamry", "lsv.DTA", dta({"CURVE": curve(TIME, POTENTIAL, CURRENT)}), "Pt", "\t",
              encoding="latin-1", units=1),
        _text("Gamry", "eis.DTA", dta({"ZCURVE": zcurve(FREQUENCY, IMPEDANCE)}, tag="EISPOT"), "Pt", "\t",
              encoding="latin-1", units=1),
        _text("NOVA", "nova.txt", nova, "Time", ";"),
        _text("NOVA", "fra.txt", fra, "Freq", "\t"),
        _text("ZPlot", "own.z", zplot.encode(), "Freq", "\t", units=1),
        _text("RelaxIS", "relaxis.txt", relaxis.encode(), "Data", "\t", units=1),
        _text("Zahner", "zahner.txt", zahner.encode(), "time", "\t"),
        _text("VersaStudio", "own.par", versa.encode(), "Definition", ","),
        _text("Maccor", "cell.001", maccor.encode(), "Rec#", "\t"),
        Seed("PalmSens", "own.pssession", json.dumps(_session(), indent=0).encode("utf-16")),
        Seed("EC-Lab binary", "own.mpr",
             mpr({"flags": np.full(COUNT, 2), "time/s": TIME, "control/V": POTENTIAL, "Ewe/V": POTENTIAL,
                  "I/mA": CURRENT * 1e3})),
        Seed("Thales", "own.isw", _isw()),
        Seed("Thales", "own.ism", _ism()),
        Seed("workbook", "own.xlsx", _workbook()),
    ]  # fmt: skip


def _cyclers() -> list[Seed]:
    """Arbin's and Basytec's text exports, whose last lines have no line end."""
    begin = datetime(2024, 9, 20, 8, 32, 34, tzinfo=UTC)
    rows = list(zip(TIME, POTENTIAL, CURRENT, strict=True))
    warmth = [f"{25 + 0.01 * (k % 7):.7g}" for k in range(COUNT)]
    arbin = ["Data Point,Date Time,Test Time (s),Step Time (s),Cycle Index,Step Index,Current (A),Voltage (V),"
             "Charge Capacity (Ah),Internal Resistance (Ohm),Aux_Temperature_1 (C)"]  # fmt: skip
    arbin += [
        f"{k + 1},\t{begin + timedelta(seconds=t):%m/%d/%Y %H:%M:%S}.000,{t:.4f},{t:.4f},1,2,{i:.7g},{e:.7g},0,,"
        + warmth[k]
        for k, (t, e, i) in enumerate(rows)
    ]
    basytec = [
        "~Resultfile from Basytec Battery Test System", "~Name of Test: own", "~Start of Test: 19.06.2023 17:56:53",
        "~Time[s]\tDataSet\tt-Step[s]\tLine\tCommand\tU[V]\tI[A]\tAh[Ah]\tT1[°C]\tCount\tState",
    ]  # fmt: skip
    basytec += [
        f"{t:.15g}\t{k + 1}\t{t:.15g}\t3\tCharge\t{e:.15g}\t{i:.15g}\t0\t{warmth[k]}\t1\t1"
        for k, (t, e, i) in enumerate(rows)
    ]
    return [
        _text("Arbin", "arbin.csv", "\r\n".join(arbin).encode("utf-8-sig"), "\ufeffData", ","),
        _text("Basytec", "basytec.txt", "\r\n".join(basytec).encode("latin-1"), "~Time", "\t", encoding="latin-1"),
    ]


def _analysers() -> list[Seed]:
    """Novocontrol's text, cartesian and polar, without a last line end; Ivium's file, whose columns have no names."""
    head = "own, 26.02.2025, 15:11\r\nFixed value(s) :  AC Volt  [Vrms]=7.1000e-03  \r\n"
    parts = {"Zs'[ohm]": IMPEDANCE.real, "Zs''[ohm]": IMPEDANCE.imag}
    polar = {"|Zs|[ohm]": np.abs(IMPEDANCE), "Phase[deg]": np.degrees(np.angle(IMPEDANCE))}
    seeds = []
    for name, columns in (("novo.txt", parts), ("polar_novo.txt", polar)):
        lines = ["\t".join(f"{title:>14}" for title in ("Freq.[Hz]", *columns))]
        lines += ["\t".join(f"{v:14.7e}" for v in row) for row in zip(FREQUENCY, *columns.values(), strict=True)]
        seeds.append(_text("Novocontrol", name, (head + "\r\n".join(lines)).encode(), "Freq.", "\t"))
    ivium = ["+\1\0\0\r\0Version=12", "QR=QR,2,24101422", "starttime=14/10/2024 22:24:04", "Method=Impedance",
             "Technique=Constant E", f"Frequencies={FREQUENCY.size}"]  # fmt: skip
    ivium += [f"Frequencies.freq[{k}]={f:.12g}" for k, f in enumerate(FREQUENCY, 1)]
    ivium += ["Mconfig=0", f"{'primary_data':<16}\r\x003         ", f"{FREQUENCY.size:<10}"]
    ivium += [f"{z.real:.5E} {z.imag:.5E} {f:.5E}" for f, z in zip(FREQUENCY, IMPEDANCE, strict=True)]
    content = "\r\n".join([*ivium, "\0\0\0\0\r\0"]).encode("latin-1")
    seeds.append(_text("Ivium", "own.idf", content, f"{FREQUENCY.size} ", " ", encoding="latin-1", named=False))
    return seeds


def _session() -> dict:
    def array(kind: int, label: str, quantity: str, unit: str, symbol: str, values: np.ndarray) -> dict:
        return {
            "Type": "PalmSens.Data.DataArray", "ArrayType": kind, "Description": label,
            "Unit": {"Type": f"PalmSens.Units.{unit}", "S": symbol, "Q": quantity},
            "DataValues": [{"V": float(value), "S": 0} for value in values],
        }  # fmt: skip

    arrays = [
        array(0, "time", "Time", "Time", "s", TIME),
        array(1, "potential", "Potential", "Volt", "V", POTENTIAL),
        array(2, "current", "Current", "MicroAmpere", "A", CURRENT * 1e6),
    ]
    one = {
        "Title": "Linear Sweep Voltammetry", "UTCTimeStamp": 638883373751868872,
        "Method": "#PSTrace\r\nMETHOD_ID=lsv\r\nSCAN_RATE=5.0E-003\r\nE_BEGIN=0\r\nE_END=0.4\r\n",
        "DataSet": {"Values": arrays}, "Curves": [], "EISDataList": [],
    }  # fmt: skip
    return {"Type": "PalmSens.DataFiles.SessionFile", "Measurements": [one]}


def _isw() -> bytes:
    head = (1).to_bytes(6, "big") + (0).to_bytes(6, "big") + (COUNT - 1).to_bytes(6, "big")
    rows = zip(POTENTIAL * 1e3, CURRENT * 1e3, TIME * 1e3, strict=True)
    return head + b"".join(struct.pack(">3d", *row) for row in rows)


def _ism() -> bytes:
    count = FREQUENCY.size

    def text(words: str) -> bytes:
        return struct.pack(">h", len(words)) + words.swapcase().encode()

    columns = (FREQUENCY, np.abs(IMPEDANCE), np.angle(IMPEDANCE), 1.4e9 + 2.0 * np.arange(count))
    table = b"".join(struct.pack(f">{count}d", *column) for column in columns)
    texts = b"".join(text(words) for words in ("010125", "cell", "0 V", "0 A", "25", "", "", "", "", "", "", ""))
    constants = [0.0] * 32
    constants[25] = 10.0
    head = (100).to_bytes(6, "big") + (count - 1).to_bytes(6, "big")
    return head + table + b"\0\1" * count + texts + struct.pack(">h", 0) + struct.pack(">32d", *constants)


def _workbook() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["a run of one cell"])
    sheet.append(["Time / s", "Ecell / V", "I / mA"])
    for row in zip(TIME.tolist(), POTENTIAL.tolist(), (CURRENT * 1e3).tolist(), strict=True):
        sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


_REAL = {
    "EC-Lab binary": ("*.mpr",), "EC-Lab text": ("*.mpt",), "Gamry": ("*.DTA",), "Neware": ("*.ndax", "*.nda"),
    "PalmSens": ("*.pssession",), "VersaStudio": ("*.par",), "ZPlot": ("*.z",), "workbook": ("*.xlsx",),
    "Thales": ("*.ism", "*.isw", "*.isc"), "Ivium": ("*.idf",), "Novocontrol": ("novocontrol/*.txt",),
    "Arbin": ("arbin/*.csv",), "Basytec": ("basytec/*.txt",),
    "any table": ("*.csv", "*.txt"), "Maccor": ("*.[0-9][0-9][0-9]",),
}  # fmt: skip
LARGEST = 300_000  # bytes: a real file must be read some hundred times


def real_seeds(each: int) -> list[Seed]:
    """Up to so many real files of each kind, the smallest ones apart in size; none where there are none."""
    seeds = []
    for title, patterns in _REAL.items():
        found = sorted(
            {path for pattern in patterns for path in FOLDER.rglob(pattern) if 200 < path.stat().st_size < LARGEST},
            key=lambda path: (path.stat().st_size, path.as_posix()),
        )
        seeds += [Seed(title, path.name, path.read_bytes()) for path in found[:: max(1, len(found) // each)][:each]]
    return seeds


@cache
def own_seeds() -> tuple[Seed, ...]:
    """Every seed that is written here."""
    return (*_simulated(), *_tables(), *_instruments(), *_cyclers(), *_analysers())
