"""Write a simulated experiment as the files a real instrument would have left, marked as synthetic."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rampion.cell import chi_file, eclab_file, gamry_file, table_file
from rampion.errors import InputError
from rampion.file_writing import write_file
from rampion.measurement import (
    ConstantCurrent,
    Experiment,
    Hold,
    Rest,
    Spectrum,
    Steps,
    Sweep,
    Trace,
    on_one_clock,
)

SYNTHETIC_MARK = "SYNTHETIC DATA made by rampion"

_WRITERS = {"eclab": eclab_file, "gamry": gamry_file, "chi": chi_file, "csv": table_file}
MAKES = tuple(_WRITERS)


def write_experiment(experiment: Experiment, folder: Path | str, make: str, stem: str = "") -> tuple[Path, ...]:
    """One file per part, numbered in order: ``stem_01_LSV_C01.mpt``, ``stem_02_PEIS_C01.mpt`` and so on.

    A paused sweep so becomes the series of files that the instrument would have left. Every file says in its header
    that it is synthetic; file names carry no such mark, because readers take names apart.

    Parameters
    ----------
    folder : made when missing; a file of the same name is replaced.
    make : one of :data:`MAKES`.
    stem : the files' common beginning, the experiment's name when empty.

    Raises
    ------
    InputError
        For an unknown make or a part that is not marked synthetic: measured data are not written as instrument files.
    """
    if make not in _WRITERS:
        raise InputError(f"there is no writer for {make!r}; choose one of {', '.join(MAKES)}.")
    measured = [number for number, part in enumerate(experiment.parts, 1) if not part.synthetic]
    if measured:
        raise InputError(
            f"part {measured[0]} is not marked synthetic; only simulated records are written as instrument files."
        )
    folder = Path(folder)
    stem = stem or experiment.name or "synthetic"
    writer = _WRITERS[make]
    paths = []
    start, experiment = _clock(experiment)
    for number, part in enumerate(experiment.parts, 1):
        technique = technique_of(part)
        text = writer.text_of(part, technique, start, SYNTHETIC_MARK)
        path = folder / writer.FILE_NAME.format(stem=stem, number=number, technique=technique)
        paths.append(write_file(path, text.encode(writer.ENCODING)))
    return tuple(paths)


def technique_of(part: Trace | Spectrum) -> str:
    """The short name of the technique: LSV, CA, CP, OCV, PEIS or GEIS.

    Raises
    ------
    InputError
        For a trace whose protocol is unknown: the header could not say what the instrument did.
    """
    if isinstance(part, Spectrum):
        return "GEIS" if part.galvanostatic else "PEIS"
    match part.protocol:
        case Sweep():
            return "LSV"
        case Hold():
            return "CA"
        case ConstantCurrent() | Steps():
            return "CP"
        case Rest():
            return "OCV"
        case _:
            raise InputError("a trace without a protocol cannot be written; say whether it is a sweep, hold or step.")


def _clock(experiment: Experiment) -> tuple[datetime, Experiment]:
    """The acquisition's start in whole seconds, as headers give it, and the parts counted from it."""
    experiment = on_one_clock(experiment)
    if math.isnan(experiment.start):
        return datetime(2000, 1, 1, tzinfo=UTC), experiment
    whole = math.floor(experiment.start)
    parts = tuple(
        replace(part, time=part.time + (part.start - whole), start=float(whole))
        if part.time is not None and math.isfinite(part.start)
        else part
        for part in experiment.parts
    )
    return datetime.fromtimestamp(whole, tz=UTC), replace(experiment, parts=parts, start=float(whole))
