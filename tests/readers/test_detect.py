"""Every file: recognised by its content, read whole with its source, or refused with one sentence."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rampion.errors import InputError, RampionError, RefusedError
from rampion.measurement import Experiment, Spectrum, Trace
from rampion.readers import read_file, recognise_format
from real_files import FOLDER, real_file
from written_files import curve, dta, mpt

TIME = np.arange(1.0, 30.0)
SWEEP = mpt({"time/s": TIME, "Ewe/V": 1e-3 * TIME, "I/mA": 0.1 * TIME})
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()) or ["none"]
PAIR = "solid_state/hybrid-drt_LPSCl/PEIS_LPSCl_IonBlocking_-25C"


def test_content_goes_before_the_name(tmp_path):
    path = tmp_path / "wrong.dta"
    path.write_bytes(SWEEP)
    experiment = read_file(path)
    assert experiment.parts[0].source.format == "EC-Lab text"
    assert recognise_format(dta({"CURVE": curve(TIME, TIME, TIME)}), "x.txt") == "gamry"


def test_every_part_knows_its_source(tmp_path):
    path = tmp_path / "two.mpt"
    path.write_bytes(SWEEP + SWEEP)
    experiment = read_file(path)
    assert experiment.name == "two"
    assert [part.source.block for part in experiment.parts] == [0, 1]
    assert experiment.parts[1].source.sha256 == hashlib.sha256(SWEEP + SWEEP).hexdigest()
    assert experiment.parts[1].source.path == str(path)
    assert experiment.start == experiment.parts[0].start


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.nox", b"\1\2\3" * 50, "NOVA"),
        ("a.bin", bytes(range(256)), "export it from the instrument's program"),
        ("a.mdat", bytes(range(256)), "closed format"),
        ("a.mps", b"EC-LAB SETTING FILE\r\n", "settings without data"),
        ("a_LOOP.txt", b"VMP EXPERIMENT LOOP INDEXES\r\n0\r\n", "list of loops"),
        ("a.mpt", b"", "empty"),
        ("a.DTA", b" \r\n", "empty"),
        ("notes.txt", b"The pellet was grey.", "no table of numbers"),
        ("a.xyz", b"hello", "of no format"),
        ("empty.mpt", mpt({"time/s": TIME[:0], "Ewe/V": TIME[:0]}), "no measured point"),
        ("a.txt", bytes(4) * 40 + b"x", "of no format"),
    ],
)
def test_what_is_no_measurement_is_refused_with_a_sentence(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RefusedError, match=sentence):
        read_file(tmp_path / name)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_file(tmp_path / "none.mpt")
    with pytest.raises(InputError, match="is a folder"):
        read_file(tmp_path)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["a.mpt", "a.mpr", "a.dta", "a.txt", "a.pssession", "a.z", "a.csv"]))
def test_any_bytes_give_an_experiment_or_one_sentence(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(content)
    try:
        assert isinstance(read_file(path), Experiment)
    except RampionError as error:
        sentence = str(error)
        assert "\n" not in sentence


@pytest.mark.parametrize("name", FILES)
def test_every_real_file_is_read_or_refused(name):
    path = real_file(name)
    try:
        experiment = read_file(path)
    except RefusedError as error:
        assert str(error).endswith(".")  # noqa: PT017
        assert not name.endswith((".mpr", ".DTA", ".dta", ".z", ".par"))
        return
    assert experiment.parts
    for part in experiment.parts:
        assert len(part) > 0
        assert part.source.format


def test_binary_and_text_of_one_measurement_agree():
    pytest.importorskip("galvani")
    (binary,), (text,) = (read_file(real_file(f"{PAIR}.{suffix}")).parts for suffix in ("mpr", "txt"))
    assert isinstance(binary, Spectrum)
    assert isinstance(text, Spectrum)
    np.testing.assert_allclose(text.frequency, binary.frequency, rtol=2e-4)
    np.testing.assert_allclose(text.impedance, binary.impedance, rtol=2e-4)
    np.testing.assert_allclose(text.time, binary.time, rtol=2e-4)
    assert text.start == binary.start
    relaxed = read_file(real_file(f"{PAIR}_RelaxIS.txt")).parts[0]
    np.testing.assert_allclose(relaxed.impedance[::-1], binary.impedance, rtol=2e-4)


def test_the_run_of_the_symmetric_cell_is_interleaved():
    from rampion.readers.series import join_runs

    stem = "li_symmetric/datalab_LiLi_TEGDME/jr862_11_08_23_insitu-impedance-LiLi_1MLiTFSI_TEGDME-1mA"
    files = [real_file(f"{stem}{rest}") for rest in ("_01_GCPL_C05.mpr", "_02_GEIS_C05.mpr", "_03_GCPL_C05.txt")]
    pytest.importorskip("galvani")
    (run,) = join_runs([read_file(file) for file in files])
    assert len(run.traces) == 46
    assert len(run.spectra) == 45
    assert [type(part) for part in run.parts[:5]] == [Trace, Spectrum, Trace, Spectrum, Trace]
    first = [part.time[0] for part in run.parts]
    assert first == sorted(first)


def test_decimal_commas_of_real_files():
    (trace,) = read_file(real_file("biologic/ixdat_linked/Pt_poly_cv_CUT.mpt")).parts
    assert trace.time[0] == 3.289600104471901
    np.testing.assert_allclose(trace.extra["Ewe/V"][0], 8.7869531e-1)
    np.testing.assert_allclose(trace.potential[1], -1.5243942e-1)
    np.testing.assert_allclose(trace.current[0], -2.604324994466466e-6)
    assert len(trace) == 223
    (sweep,) = read_file(real_file("gamry/nomad_hzb/LSV.DTA")).parts
    assert sweep.protocol.rate == pytest.approx(0.1, rel=1e-5)
    assert sweep.potential[250] == 5.00404e-1
    assert len(sweep) == 251
