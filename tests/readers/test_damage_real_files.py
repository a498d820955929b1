"""Real files damaged in seven ways: only rampion's own errors may come out, and what survives a cut is true."""

from __future__ import annotations

import importlib
import random
from pathlib import Path

import pytest

from rampion.errors import RampionError
from rampion.measurement import Spectrum
from real_files import real_file

FILES = [
    ("palmsens", "palmsens/cv_3scan.pssession"),
    ("palmsens", "palmsens/eis_3ch_4scan_5freq.pssession"),
    ("palmsens", "palmsens/nomad_hzb/palmsens_ca.pssession"),
    ("palmsens", "palmsens/nomad_hzb/05_N2_LSV_10mV_1600rpm.pssession"),
    ("neware", "neware/21_10_7_85.ndax"),
    ("neware", "neware/interp-test.ndax"),
    ("chi", "chi/exampleDataCHInstruments.txt"),
    ("chi", "chi/nomad_hzb/CV-1T.txt"),
    ("zplot", "other_eis/exampleDataAutolab.txt"),
    ("zplot", "other_eis/exampleDataZPlot.z"),
    ("versastudio", "other_eis/exampleDataVersaStudio.par"),
    ("relaxis", "solid_state/hybrid-drt_LPSCl/PEIS_LPSCl_IonBlocking_-25C_RelaxIS.txt"),
    ("zahner", "zahner/polarization.txt"),
    ("table", "other_eis/exampleDataParstat.txt"),
    ("table", "other_eis/exampleDataPowersuite.txt"),
    ("table", "solid_state/hybrid-drt_SSB/Sample2_PEIS_AtRest.csv"),
    ("table", "neware/interp-test.csv"),
]


def points(parts) -> set:
    found = set()
    for part in parts:
        if isinstance(part, Spectrum):
            found |= set(zip(part.frequency.tolist(), part.impedance.tolist(), strict=True))
        else:
            found |= {(repr(e), repr(i)) for e, i in zip(part.potential.tolist(), part.current.tolist(), strict=True)}
    return {point for point in found if "nan" not in point}


def damaged(content: bytes, kind: str, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    until = min(len(content), at + rng.choice([1, 50, 2000]))
    if kind == "cut":
        return content[:at]
    if kind == "zeros":
        return content[:at] + b"\0" * 200
    if kind == "missing":
        return content[:at] + content[until:]
    if kind == "repeated":
        return content[:until] + content[at:]
    if kind == "utf-16":
        return content.decode("utf-8", "replace").encode("utf-16")
    if kind == "latin-1":
        return content.decode("latin-1").encode("utf-8")
    flipped = bytearray(content)
    for _ in range(rng.choice([1, 3, 30])):
        flipped[rng.randrange(len(flipped))] = rng.randrange(256)
    return bytes(flipped)


@pytest.mark.slow
@pytest.mark.parametrize(("title", "name"), FILES)
def test_damaged_real_files(title, name):
    reader = importlib.import_module(f"rampion.readers.{title}")
    content = real_file(name).read_bytes()
    truth = points(reader.read(content, Path(name).name)[0])
    rng = random.Random(20261122)
    for kind in ["cut"] * 25 + ["zeros", "missing", "repeated", "utf-16", "latin-1", "flipped"] * 6:
        try:
            parts, _ = reader.read(damaged(content, kind, rng), Path(name).name)
        except RampionError:
            continue
        if kind in ("cut", "zeros"):
            assert points(parts) <= truth
