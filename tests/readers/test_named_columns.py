"""Columns named by the user: in files, in folders, in every verb; roles that no column has."""

from __future__ import annotations

import json

import numpy as np
import pytest

import rampion
from rampion.cli import main
from rampion.errors import InputError, RefusedError
from rampion.measurement import Spectrum
from rampion.readers.folder import read_folder
from rampion.study.remember import analyse_folder

NAMED = {"time": "a [s]", "potential": "b [mV]", "current": "c [µA]"}
OPTIONS = [part for role, header in NAMED.items() for part in ("--column", f"{role}={header}")]


def write_ramp(path, resistance=1e3):
    """A ramp of 1 mV/s over an ohmic cell, under headers that say nothing [s, mV, µA]."""
    time = np.arange(0, 400, 2.0)
    rows = (f"{t:.1f},{t:.4f},{t / resistance * 1e3:.6f}" for t in time)
    path.write_text("a,b,c\n" + "\n".join(rows) + "\n")


def write_spectrum(path):
    frequency = np.logspace(6, 0, 31)
    z = 50 + 900 / (1 + 2j * np.pi * frequency * 900 * 1e-8)
    rows = (f"{f:.6e},{one.real:.6e},{one.imag:.6e}" for f, one in zip(frequency, z, strict=True))
    path.write_text("freq/Hz,Re(Z)/Ohm,Im(Z)/Ohm\n" + "\n".join(rows) + "\n")


@pytest.fixture
def folder(tmp_path):
    write_ramp(tmp_path / "one.csv")
    write_ramp(tmp_path / "two.csv", 2e3)
    write_spectrum(tmp_path / "eis.csv")
    return tmp_path


def test_a_folder_of_tables_is_read_by_the_named_columns(folder):
    experiments = {one.name: one for one in read_folder(folder, columns=NAMED).experiments}
    assert experiments.keys() == {"one", "two", "eis"}
    np.testing.assert_allclose(experiments["two"].parts[0].current, experiments["two"].parts[0].potential / 2e3)
    assert isinstance(experiments["eis"].parts[0], Spectrum)
    assert "column_absent" in {flag.code for flag in experiments["eis"].flags}
    assert "column_absent" not in {flag.code for flag in experiments["one"].flags}


def test_without_names_those_tables_are_refused(folder):
    campaign = read_folder(folder)
    assert [one.name for one in campaign.experiments] == ["eis"]
    assert sum(flag.code == "file_refused" for flag in campaign.flags) == 2


def test_every_way_in_takes_them(folder):
    names = {one.name for one in rampion.read(folder, columns=NAMED).experiments}
    assert names == {"one", "two", "eis"}
    assert len(rampion.analyse(folder, columns=NAMED).findings) == 2
    assert len(rampion.analyse(folder / "one.csv", columns=NAMED).findings) == 1


def test_the_cache_knows_the_columns(folder, tmp_path_factory, monkeypatch):
    monkeypatch.setenv("RAMPION_CACHE", str(tmp_path_factory.mktemp("cache")))
    steps = []
    first = analyse_folder(folder, columns=NAMED, workers=1)
    again = analyse_folder(folder, columns=NAMED, workers=1, progress=steps.append)
    assert all(step.remembered for step in steps)
    other = analyse_folder(folder, columns=NAMED | {"current": "c [mA]"}, workers=1, progress=steps.append)
    assert not all(step.remembered for step in steps)
    currents = [analysis.findings[0].voltammogram.current.max() for analysis in (first, again, other)]
    assert currents[1] == currents[0]
    assert currents[2] == pytest.approx(1e3 * currents[0])


@pytest.mark.parametrize("verb", ["analyse", "study", "inspect"])
def test_the_shell_takes_them(folder, verb, monkeypatch, tmp_path_factory, capsys):
    monkeypatch.setenv("RAMPION_CACHE", str(tmp_path_factory.mktemp("cache")))
    target = folder / "one.csv" if verb == "inspect" else folder
    main([verb, str(target), *OPTIONS, "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert "one" in json.dumps(shown)


@pytest.mark.parametrize("verb", ["analyse", "study", "inspect"])
def test_a_role_that_no_column_has_is_refused_with_the_list(folder, verb, capsys):
    with pytest.raises(SystemExit):
        main([verb, str(folder), "--column", "voltage=b [V]"])
    shown = capsys.readouterr().err
    for role in ("time", "potential", "temperature", "impedance_real", "impedance_imag", "impedance_modulus", "phase"):
        assert role in shown
    with pytest.raises(InputError, match="'voltage' is no role"):
        read_folder(folder, columns={"voltage": "b [V]"})


def test_named_columns_leave_instrument_files_of_the_folder_alone(tmp_path):
    write_ramp(tmp_path / "one.csv")
    (tmp_path / "run.par").write_text("<VersaStudio>\n")
    flags = read_folder(tmp_path, columns=NAMED).flags
    (refused,) = [flag for flag in flags if flag.code == "file_refused"]
    assert "'a'" not in refused.message


def test_impedance_columns_are_named_too(tmp_path):
    path = tmp_path / "odd.csv"
    write_spectrum(path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["p,q,r,s", *(f"{line},0" for line in lines[1:])]) + "\n")
    with pytest.raises(RefusedError):
        rampion.read(path)
    names = {"frequency": "p [Hz]", "impedance_real": "q [Ohm]", "impedance_imag": "r [Ohm]"}
    (spectrum,) = rampion.read(path, columns=names).experiments[0].parts
    assert isinstance(spectrum, Spectrum)
    assert spectrum.impedance[-1].real == pytest.approx(950, rel=1e-3)
