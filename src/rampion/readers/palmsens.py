"""PalmSens and PSTrace sessions (``.pssession``): JSON, mostly UTF-16, with any number of measurements.

A session holds measurements; each holds arrays (potential, current in µA, time) and, for impedance, data sets that may
nest scans and channels. The keys' case changes with PSTrace's version and is ignored. The sign of the imaginary part
is the file's own: an array labelled ``-Z''`` is turned round.

*Fails when* the file is a method (``.psmethod``: settings without data). A cut session is closed at its last complete
value and read as far as it goes. The direct current of an impedance point (``Idc``) is kept under its own name and not
given as the spectrum's current: at high frequency it is an artefact of the current range.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rampion.errors import InputError, RefusedError
from rampion.estimate import Flag
from rampion.measurement import FrequencyScan, Protocol, Source, Spectrum, Sweep, Trace
from rampion.readers.flags import ReaderFlag
from rampion.readers.scans import find_restarts, unfinished_scan

_TICKS_1970 = 621355968000000000  # 100 ns since the year 1
_PULSED = {"dpv", "npv", "swv", "acv"}
# Values are stored in the unit of the type's name; the symbol beside it ("A") is without its prefix.
_UNITS = {
    "microampere": 1e-6, "milliampere": 1e-3, "nanoampere": 1e-9, "ampere": 1.0, "microcoulomb": 1e-6,
    "volt": 1.0, "millivolt": 1e-3, "time": 1.0, "second": 1.0,
}  # fmt: skip
_DEEPEST = 100  # brackets inside each other; sessions have about ten
_TIME, _POTENTIAL, _CURRENT, _FREQUENCY, _REAL, _IMAGINARY = 0, 1, 2, 5, 7, 8


def recognise(head: bytes, name: str) -> bool:
    """Whether the bytes begin a session or a method of PSTrace."""
    plain = head.replace(b"\0", b"").lower()
    return b"palmsens.datafiles" in plain or b"#pstrace" in plain[:200] or name.lower().endswith(".pssession")


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """Every curve and every spectrum of the session, in the order of the file.

    Raises
    ------
    RefusedError
        For a method file, or a session without a curve or spectrum.
    InputError
        When the text is not the session's JSON, also after closing it at its last complete value.
    """
    text = _decoded(content)
    if text.lstrip("\ufeff \r\n").startswith("#PSTrace"):
        raise RefusedError(
            f"{name} is a PSTrace method, settings without data; open the session (.pssession) that it measured."
        )
    session, complete = _session(text, name)
    parts: list[Trace | Spectrum] = []
    for measurement in _records(session.get("measurements")):
        settings = _settings(str(measurement.get("method") or ""))
        device = str(measurement.get("deviceserial") or "")
        where = Source(format="PalmSens session", instrument=f"PalmSens {device}".strip())
        start = _start(measurement)
        title = str(measurement.get("title") or settings.get("METHOD_ID", ""))
        sets = list(_impedance_sets(measurement.get("eisdatalist")))
        dataset = measurement.get("dataset")
        is_impedance = isinstance(dataset, dict) and str(dataset.get("type", "")).endswith("EIS")
        if not sets and (is_impedance or settings.get("METHOD_ID") == "eis"):
            sets = [("", dataset)]
        for label, values in sets:
            parts.extend(_spectra(values, settings, " ".join(filter(None, (title, label))), start, where))
        if not sets:
            parts.extend(_traces(measurement, settings, title, start, where))
    if not parts:
        raise RefusedError(f"{name} is a PalmSens session that holds no curve and no spectrum: nothing was measured.")
    if complete:
        return tuple(parts), ()
    return tuple(parts), (ReaderFlag.CUT_FILE.flag(where="the session", kept=sum(map(len, parts))),)


def _decoded(content: bytes) -> str:
    head = content[:64]
    if content[:2] == b"\xff\xfe" or (len(head) > 1 and head[1::2].count(0) > len(head) // 4):
        return content.decode("utf-16-le", "replace")
    if content[:2] == b"\xfe\xff" or head[::2].count(0) > len(head) // 4:
        return content.decode("utf-16-be", "replace")
    return content.decode("utf-8", "replace")


def _session(text: str, name: str) -> tuple[dict[str, Any], bool]:
    body = text.strip("\ufeff\0 \r\n\t")
    for candidate, complete in ((body, True), (_closed(body), False)):
        try:
            # NaN and infinity are written as text or as bare words; both become NaN later
            session, end = json.JSONDecoder().raw_decode(candidate)
            session = _lowered(session)
        except (ValueError, RecursionError):
            continue
        if isinstance(session, dict):
            return session, complete and not candidate[end:].strip("\ufeff\0 \r\n\t\ufffd")
    raise InputError(f"{name} is not the JSON of a PalmSens session; save it again from PSTrace or export as csv.")


def _closed(text: str) -> str:
    """The JSON up to its last complete value, with its open brackets closed; empty where they nest without end."""
    stack: list[str] = []
    end, closing = 0, ""
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{},"]', text):
        mark = token.group()
        if mark == '"':  # the text ends inside a string
            break
        if mark in "[{":
            stack.append("]" if mark == "[" else "}")
            if len(stack) > _DEEPEST:
                return ""
            end, closing = token.end(), "".join(reversed(stack))
        elif mark in "]}":
            if not stack or stack.pop() != mark:
                break
            end, closing = token.end(), "".join(reversed(stack))
        elif mark == ",":
            end, closing = token.start(), "".join(reversed(stack))
    return text[:end] + closing


def _lowered(item: Any) -> Any:
    if isinstance(item, dict):
        return {str(key).lower(): _lowered(value) for key, value in item.items()}
    return [_lowered(value) for value in item] if isinstance(item, list) else item


def _records(item: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(item, list):
        yield from (entry for entry in item if isinstance(entry, dict))


def _settings(method: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in method.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}


def _setting(settings: Mapping[str, str], key: str) -> float:
    try:
        value = float(settings[key])
    except (KeyError, ValueError):
        return math.nan
    return value if math.isfinite(value) else math.nan


def _amplitude(settings: Mapping[str, str]) -> float:
    """Peak of the excitation [V]; PSTrace states the root mean square."""
    return _setting(settings, "AMPLITUDE") * math.sqrt(2)


def _start(measurement: Mapping[str, Any]) -> float:
    ticks = measurement.get("utctimestamp")
    return (ticks - _TICKS_1970) / 1e7 if isinstance(ticks, int) and ticks > _TICKS_1970 else math.nan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Array:
    """One data array: kind, label, unit, values in SI, and how many points the instrument marked as overloaded."""

    kind: int
    label: str
    symbol: str
    quantity: str
    values: np.ndarray
    overloaded: int


def _array(entry: Mapping[str, Any]) -> _Array:
    unit = entry["unit"] if isinstance(entry.get("unit"), dict) else {}
    points = list(_records(entry.get("datavalues")))
    while points and "v" not in points[-1]:  # a cut file may end inside a point
        points.pop()
    unit_type = str(unit.get("type") or "").rpartition(".")[2].lower()
    kind = entry.get("arraytype")
    unknown = kind in (_TIME, _POTENTIAL, _CURRENT) and unit_type not in _UNITS  # a number without unit is none
    return _Array(
        kind=kind if isinstance(kind, int) and not unknown else -1,
        label=str(entry.get("description") or ""),
        symbol=str(unit.get("s") or ""),
        quantity=str(unit.get("q") or ""),
        values=np.array([_real(point.get("v")) for point in points], dtype=float) * _UNITS.get(unit_type, 1.0),
        overloaded=sum(point.get("s") == 1 for point in points),
    )


def _real(item: Any) -> float:
    try:
        value = float(item)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return value if math.isfinite(value) else math.nan


def _arrays(dataset: Any) -> list[_Array]:
    entries = _records(dataset.get("values")) if isinstance(dataset, dict) else iter(())
    return [array for entry in entries if not entry.get("hidden") and (array := _array(entry)).values.size]


def _traces(
    measurement: Mapping[str, Any], settings: Mapping[str, str], title: str, start: float, where: Source
) -> Iterator[Trace]:
    arrays = _arrays(measurement.get("dataset"))
    if not any(array.kind == _CURRENT for array in arrays):
        arrays = _curve_arrays(measurement.get("curves")) or arrays
    times = [array for array in arrays if array.kind == _TIME]
    potentials = [array for array in arrays if array.kind == _POTENTIAL]
    currents = [array for array in arrays if array.kind == _CURRENT]
    clock = 0.0
    for index in range(max(len(potentials), len(currents))):
        potential, current = _nth(potentials, index), _nth(currents, index)
        shared = [array for array in (potential, current) if array is not None]
        count = min(array.values.size for array in shared)
        flags: list[Flag] = []
        if any(array.values.size != count for array in shared):
            flags.append(ReaderFlag.UNEVEN_COLUMNS.flag(kept=count))
        scan = re.match(r"scan(\d+)", shared[0].label)
        if index < len(times) and times[index].values.size >= count:
            time = times[index].values[:count]
        elif scan and times and times[0].values.size > 1:
            # only the first scan's times are stored; the later ones ran on at the same interval
            interval = float(np.median(np.diff(times[0].values)))
            time = clock + interval * np.arange(1, count + 1)
            flags.append(ReaderFlag.TIME_LAID_OUT.flag(origin="the first scan's interval", interval=interval))
        elif times and times[0].values.size >= count:
            time = times[0].values[:count]
        else:
            time = np.full(count, math.nan)
            flags.append(ReaderFlag.TIME_UNKNOWN.flag())
        time, backwards = _rising(time)
        if backwards:
            flags.append(ReaderFlag.TIME_LEFT_OUT.flag())
        clock = float(time[-1]) if count and math.isfinite(time[-1]) else clock
        overloaded = sum(array.overloaded for array in shared)
        if overloaded:
            flags.append(ReaderFlag.OVERLOAD.flag(count=overloaded))
        method = settings.get("METHOD_ID", "")
        if method in _PULSED:
            flags.append(ReaderFlag.PULSED.flag(technique=method.upper()))
        if potential is None:
            flags.append(ReaderFlag.POTENTIAL_UNKNOWN.flag())
        if current is None:
            flags.append(ReaderFlag.CURRENT_UNKNOWN.flag())
        label = shared[0].label if len(potentials) > 1 or len(currents) > 1 else ""
        yield Trace(
            time=time,
            potential=potential.values[:count] if potential else np.full(count, math.nan),
            current=current.values[:count] if current else np.full(count, math.nan),
            technique=" ".join(filter(None, (title, label))),
            protocol=_sweep(settings),
            start=start,
            source=where,
            flags=tuple(flags),
        )


def _nth(arrays: list[_Array], index: int) -> _Array | None:
    """The array of that place; a lone one is shared by all."""
    if len(arrays) == 1:
        return arrays[0]
    return arrays[index] if index < len(arrays) else None


def _curve_arrays(curves: Any) -> list[_Array]:
    """The axes of the curves, for sessions that store no data set; a kind follows from the axis's quantity."""
    arrays = []
    for curve in _records(curves):
        for key in ("xaxisdataarray", "yaxisdataarray"):
            array = _array(curve[key]) if isinstance(curve.get(key), dict) else None
            if array is not None and array.values.size:
                kinds = {"time": _TIME, "potential": _POTENTIAL, "current": _CURRENT}
                arrays.append(replace(array, kind=kinds.get(array.quantity.lower(), -1)))
    return arrays


def _rising(time: np.ndarray) -> tuple[np.ndarray, bool]:
    """The times, or NaN where they are incomplete or run backwards."""
    wrong = bool(np.isnan(time).any() or np.any(np.diff(time) < 0))
    return (np.full(time.size, math.nan), not np.isnan(time).all()) if wrong else (time, False)


def _sweep(settings: Mapping[str, str]) -> Protocol | None:
    rate = _setting(settings, "SCAN_RATE")
    if settings.get("METHOD_ID") != "lsv" or not rate > 0:
        return None
    return Sweep(rate=rate, start=_setting(settings, "E_BEGIN"), stop=_setting(settings, "E_END"))


def _impedance_sets(entries: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    for entry in _records(entries):
        label = ", ".join(filter(None, (above, str(entry.get("title") or ""))))
        if isinstance(entry.get("subscans"), list) and entry["subscans"]:
            yield from _impedance_sets(entry["subscans"], label)
        elif isinstance(entry.get("dataset"), dict):
            yield label, entry["dataset"]


def _spectra(dataset: Any, settings: Mapping[str, str], title: str, start: float, where: Source) -> Iterator[Spectrum]:
    """The spectra of one data set: one, or several in a row where the frequency starts again."""
    arrays = _arrays(dataset)
    found = {kind: array for kind in (_FREQUENCY, _REAL, _IMAGINARY) for array in arrays if array.kind == kind}
    if len(found) < 3:
        return
    count = min(array.values.size for array in found.values())
    flags = []
    if any(array.values.size != count for array in found.values()):
        flags.append(ReaderFlag.UNEVEN_COLUMNS.flag(kept=count))
    sign = -1.0 if found[_IMAGINARY].quantity.lstrip().startswith(("-", "−")) else 1.0
    frequency = found[_FREQUENCY].values[:count]
    impedance = found[_REAL].values[:count] + sign * 1j * found[_IMAGINARY].values[:count]
    good = np.flatnonzero(np.isfinite(frequency) & (frequency > 0) & np.isfinite(impedance))
    if good.size < count:
        flags.append(ReaderFlag.DROPPED_POINTS.flag(count=count - good.size, what="impedance"))
    extra = {
        f"{array.label} / {array.symbol}" if array.symbol else array.label: array.values
        for array in arrays
        if array.kind not in found and array.kind != _TIME and array.values.size >= count
    }
    times = next((array.values for array in arrays if array.kind == _TIME), np.zeros(0))
    for rows in np.split(good, np.flatnonzero(find_restarts(frequency[good])) + 1):
        if not rows.size:
            continue
        measured = next((extra[key][rows] for key in ("mEdc / V", "potential / V") if key in extra), None)
        time = times[rows] if times.size >= count else np.zeros(0)
        recorded = time.size > 0 and np.ptp(time) > 0 and bool(np.all(np.diff(time) >= 0))
        amplitude = _amplitude(settings)
        ends = (_setting(settings, "MAX_FREQ"), _setting(settings, "MIN_FREQ"))
        yield Spectrum(
            frequency=frequency[rows],
            impedance=impedance[rows],
            time=time if recorded else None,
            technique=title,
            protocol=_frequency_scan(settings, rows.size),
            potential=float(np.mean(measured)) if measured is not None else math.nan,
            amplitude=amplitude,
            start=start,
            extra={key: column[rows] for key, column in extra.items()},
            source=where,
            flags=(*flags, *unfinished_scan(frequency[rows], *ends)),
        )


def _frequency_scan(settings: Mapping[str, str], points: int) -> FrequencyScan | None:
    high, low = (_setting(settings, key) for key in ("MAX_FREQ", "MIN_FREQ"))
    if not high > low > 0:
        return None
    per_decade = (points - 1) / math.log10(high / low) if points > 1 else math.nan
    return FrequencyScan(high=high, low=low, points_per_decade=per_decade, amplitude=_amplitude(settings))
