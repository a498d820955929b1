"""Speed of reading: rows per second of EC-Lab and Gamry text, and the time of a .mpr file against galvani alone.

``python benchmarks/reading.py [ROWS]`` writes synthetic files to a temporary folder and prints one table. Times are the
best of five, as wall time and as the processor time of this process (which does not count what other work takes).
"""

from __future__ import annotations

import hashlib
import math
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest import mock

import numpy as np

from rampion.readers import numbers, read_file


def scientific(column: np.ndarray, digits: int) -> list[str]:
    pairs = (f"{value:.{digits}E}".split("E") for value in column.tolist())
    return [f"{mantissa}E{exponent[0]}{int(exponent[1:]):03d}" for mantissa, exponent in pairs]


def measured(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    noise = np.random.default_rng(0)
    time_ = 0.02 * np.arange(rows)
    potential = np.linspace(0, 1, rows) + 1e-5 * noise.standard_normal(rows)
    return time_, potential, 10 * potential + 1e-3 * noise.standard_normal(rows)


def write_mpt(path: Path, rows: int, *, wide: bool) -> None:
    time_, potential, current = measured(rows)
    columns = {
        "mode": ["2"] * rows, "ox/red": ["1"] * rows, "error": ["0"] * rows, "control changes": ["0"] * rows,
        "time/s": scientific(time_, 15), "control/V": scientific(potential, 7), "Ewe/V": scientific(potential, 7),
        "<I>/mA": scientific(current, 15), "cycle number": scientific(np.ones(rows), 15),
        "(Q-Qo)/C": scientific(np.cumsum(current) * 2e-5, 7), "I Range": ["41"] * rows,
    }  # fmt: skip
    if wide:
        columns |= {"Ns changes": ["0"] * rows, "counter inc.": ["0"] * rows, "P/W": scientific(potential * current, 7)}
        columns |= {"<Ece>/V": scientific(0 * potential, 7), "Ewe-Ece/V": scientific(potential, 7)}
    head = "EC-Lab ASCII FILE\r\nNb header lines : 5\r\n\r\nLinear Sweep Voltammetry\r\n"
    table = "\r\n".join("\t".join(row) for row in zip(*columns.values(), strict=True))
    path.write_text(head + "\t".join(columns) + "\t\r\n" + table + "\r\n", encoding="latin-1", newline="")


def write_dta(path: Path, rows: int) -> None:
    time_, potential, current = measured(rows)
    columns = {
        "Pt\t#": [str(k) for k in range(rows)], "T\ts": [f"{value:g}" for value in time_],
        "Vf\tV vs. Ref.": scientific(potential, 5), "Im\tA": scientific(1e-3 * current, 5),
        "Vu\tV": scientific(0 * potential, 5), "Sig\tV": scientific(potential, 5), "Ach\tV": scientific(-potential, 5),
        "IERange\t#": ["9"] * rows, "Over\tbits": ["..........."] * rows, "Temp\tdeg C": ["1489.52"] * rows,
    }  # fmt: skip
    names, units = zip(*(name.split("\t") for name in columns), strict=True)
    head = "EXPLAIN\r\nTAG\tLSV\r\nDATE\tLABEL\t16/11/2023\tDate\r\nTIME\tLABEL\t9:59:48\tTime\r\n"
    head += f"CURVE\tTABLE\t{rows}\r\n\t" + "\t".join(names) + "\r\n\t" + "\t".join(units) + "\r\n"
    table = "\r\n".join("\t" + "\t".join(row) for row in zip(*columns.values(), strict=True))
    path.write_text(head + table + "\r\n", encoding="latin-1", newline="")


def write_mpr(path: Path, rows: int) -> None:
    time_, potential, current = measured(rows)
    kinds = [("flags", "u1"), ("time/s", "<f8"), ("control/V", "<f4"), ("Ewe/V", "<f4"), ("I/mA", "<f4")]
    table = np.zeros(rows, dtype=[*kinds, ("(Q-Qo)/C", "<f4"), ("I Range", "<u2")])
    table["time/s"], table["control/V"], table["Ewe/V"], table["I/mA"] = time_, potential, potential, current
    head = struct.pack("<IB7H", rows, 7, 1, 4, 19, 6, 8, 178, 39)
    data = head.ljust(405, b"\0") + table.tobytes()
    write_modules(path, b"\x6c", data)


def write_modules(path: Path, technique: bytes, data: bytes) -> None:
    """The two modules that every .mpr file has."""
    content = b"BIO-LOGIC MODULAR FILE\x1a".ljust(48) + b"\0\0\0\0"
    for name, version, body in [(b"VMP Set", 10, technique + bytes(200)), (b"VMP data", 2, data)]:
        content += b"MODULE" + name.ljust(10) + name.ljust(25)
        content += struct.pack("<II", len(body), version) + b"08/11/23" + body
    path.write_bytes(content)


def write_spectra(path: Path, count: int) -> None:
    """A .mpr file of ``count`` spectra of 61 points with EC-Lab's usual sixteen columns."""
    from galvani.BioLogic import VMPdata_colID_dtype_map

    numbers = [32, 37, 38, 36, 35, 4, 77, 76, 169, 172, 24, 39, 33, 34, 131, 13]
    frequency = np.tile(np.logspace(6, -1, 61), count)
    impedance = 100 + 500 / (1 + 1j * frequency / 300)
    table = np.zeros(frequency.size, dtype=[VMPdata_colID_dtype_map[number] for number in numbers])
    table["freq/Hz"], table["Re(Z)/Ohm"], table["-Im(Z)/Ohm"] = frequency, impedance.real, -impedance.imag
    table["time/s"], table["cycle number"] = np.arange(frequency.size), np.repeat(np.arange(count) + 1.0, 61)
    head = struct.pack(f"<IB{len(numbers)}H", frequency.size, len(numbers), *numbers)
    write_modules(path, b"\x1d", head.ljust(405, b"\0") + table.tobytes())


def best(action: Callable[[], object], repeats: int = 5) -> tuple[float, float]:
    """Shortest wall time and processor time of an action [s]."""
    walls, processors = [], []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        action()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return min(walls), min(processors)


def galvani_columns(path: Path, names: Sequence[str] = ()) -> list[np.ndarray]:
    """What galvani alone gives, with these columns, or all, as arrays of their own."""
    from galvani.BioLogic import MPRfile

    data = MPRfile(str(path)).data
    return [np.array(data[name], dtype=float) for name in names or data.dtype.names or ()]


def time_spectra(place: Path) -> None:
    """Print the time of reading .mpr files of many spectra: it must grow with their number and no faster."""
    print(f"\n{'spectra':>8}{'cpu [ms]':>10}{'each [ms]':>11}{'galvani [ms]':>14}{'ratio':>8}")
    for count in (8, 32, 128, 512):
        path = place / f"{count}.mpr"
        write_spectra(path, count)
        ours, alone = best(lambda path=path: read_file(path)), best(lambda path=path: galvani_columns(path))
        times = f"{1e3 * ours[1]:>10.2f}{1e3 * ours[1] / count:>11.3f}{1e3 * alone[1]:>14.2f}"
        print(f"{count:>8}{times}{ours[1] / alone[1]:>8.1f}")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        files = {name: place / name for name in ("lsv.mpt", "wide.mpt", "lsv.DTA", "lsv.mpr")}
        write_mpt(files["lsv.mpt"], rows, wide=False)
        write_mpt(files["wide.mpt"], rows, wide=True)
        write_dta(files["lsv.DTA"], rows)
        write_mpr(files["lsv.mpr"], rows)
        print(f"{'file':<12}{'numbers by':<12}{'bytes/row':>10}{'cpu [s]':>10}{'Mrows/s wall':>14}{'Mrows/s cpu':>13}")
        for name, path in files.items():
            for reader, longest in (("polars", numbers.LONG), ("Python", math.inf)):
                if name.endswith(".mpr") and reader == "Python":
                    continue
                with mock.patch.object(numbers, "LONG", longest):
                    wall, processor = best(lambda path=path: read_file(path))
                size = path.stat().st_size / rows
                speeds = f"{rows / wall / 1e6:>14.2f}{rows / processor / 1e6:>13.2f}"
                reader = "galvani" if name.endswith(".mpr") else reader
                print(f"{name:<12}{reader:<12}{size:>10.0f}{processor:>10.3f}{speeds}")
        ours, alone = (
            best(lambda: read_file(files["lsv.mpr"])),
            best(lambda: galvani_columns(files["lsv.mpr"], ("time/s", "Ewe/V", "I/mA"))),
        )
        content = files["lsv.mpr"].read_bytes()
        digest = best(lambda: hashlib.sha256(content).hexdigest())
        print(f"lsv.mpr: rampion / galvani = {ours[0] / alone[0]:.2f} (wall), {ours[1] / alone[1]:.2f} (cpu)")
        without = [(ours[kind] - digest[kind]) / alone[kind] for kind in (0, 1)]
        print(f"  of it the hash {digest[0] * 1e3:.1f} ms; without it {without[0]:.2f} (wall), {without[1]:.2f} (cpu)")
        time_spectra(place)


if __name__ == "__main__":
    main()
