"""Impedance analysers: every pair of quantities gives the same impedance; Keysight's and Novocontrol's files."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rampion.errors import RampionError, RefusedError
from rampion.measurement import Spectrum
from rampion.readers import keysight, novocontrol, read_file, recognise_format
from rampion.readers.immittance import impedance_of
from real_files import real_file

FREQUENCY = np.logspace(7, 2, 51)
OMEGA = 2 * np.pi * FREQUENCY
# 60 Ω in series with 2 kΩ parallel to 90 pF: capacitive everywhere
CAPACITIVE = 60 + 1 / (1 / 2e3 + 1j * OMEGA * 90e-12)
INDUCTIVE = 3.0 + 1j * OMEGA * 2e-7
PARTS = {
    "|Z|": (np.abs, "Ohm"),
    "theta-z": (lambda z: np.rad2deg(np.angle(z)), "deg"),
    "|Y|": (lambda z: np.abs(1 / z), "S"),
    "theta-y": (lambda z: np.rad2deg(np.angle(1 / z)), "deg"),
    "R": (np.real, "Ohm"),
    "X": (np.imag, "Ohm"),
    "Z-Real": (np.real, "Ohm"),
    "Z-Imag": (np.imag, "Ohm"),
    "Y-Real": (lambda z: np.real(1 / z), "S"),
    "Y-Imag": (lambda z: np.imag(1 / z), "S"),
    "G": (lambda z: np.real(1 / z), "S"),
    "B": (lambda z: np.imag(1 / z), "S"),
    "Rs": (np.real, "Ohm"),
    "Rp": (lambda z: 1 / np.real(1 / z), "Ohm"),
    "Cs": (lambda z: -1 / (OMEGA * np.imag(z)), "F"),
    "Cp": (lambda z: np.imag(1 / z) / OMEGA, "F"),
    "Ls": (lambda z: np.imag(z) / OMEGA, "H"),
    "Lp": (lambda z: -1 / (OMEGA * np.imag(1 / z)), "H"),
    "D": (lambda z: np.real(z) / np.abs(np.imag(z)), "U"),
    "Q": (lambda z: np.abs(np.imag(z)) / np.real(z), "U"),
}
PAIRS = [
    ("|Z|", "theta-z"), ("|Y|", "theta-y"), ("R", "X"), ("Z-Real", "Z-Imag"), ("Y-Real", "Y-Imag"), ("G", "B"),
    ("Cs", "Rs"), ("Cs", "D"), ("Cs", "Q"), ("Cp", "D"), ("Cp", "Q"), ("Cp", "Rp"), ("Cp", "G"), ("Ls", "Rs"),
    ("Ls", "D"), ("Ls", "Q"), ("Lp", "Rp"), ("Lp", "G"), ("Lp", "D"), ("Lp", "Q"),
]  # fmt: skip


def channel(titles, impedance, number=1, extra=(), memory=()) -> list[str]:
    names = [f"{title}({PARTS[title][1]})-data" for title in titles] + [
        f"{title}({PARTS[title][1]})-mem" for title in memory
    ]
    columns = [FREQUENCY, *(PARTS[title][0](impedance) for title in titles)] + [0 * FREQUENCY for _ in memory]
    lines = [f"BEGIN CH{number}_DATA", *extra, ", ".join(["Frequency(Hz)", *names])]
    lines += [", ".join(f"{value:+.14e}" for value in row) for row in zip(*columns, strict=True)]
    return [*lines, "END"]


def e4990a(*channels) -> bytes:
    lines = ["!Agilent Technologies,E4990A,MY00000001,A.02.10", "!Date: Fri Apr 03 13:41:16 2015"]
    return "\r\n".join([*lines, *(line for one in channels for line in one), ""]).encode()


@pytest.mark.parametrize("titles", PAIRS, ids="+".join)
@pytest.mark.parametrize("impedance", [CAPACITIVE, INDUCTIVE], ids=["capacitive", "inductive"])
def test_every_pair_gives_the_same_impedance(titles, impedance):
    (spectrum,), flags = keysight.read(e4990a(channel(titles, impedance)), "own.csv")
    assert isinstance(spectrum, Spectrum)
    np.testing.assert_allclose(spectrum.impedance, impedance, rtol=1e-9)
    np.testing.assert_allclose(spectrum.frequency, FREQUENCY, rtol=1e-12)
    assert spectrum.start == datetime(2015, 4, 3, 13, 41, 16, tzinfo=UTC).timestamp()
    assert flags == ()


@pytest.mark.parametrize("shown", [{}, {"R": FREQUENCY}, {"Cp": FREQUENCY}, {"|Z|": FREQUENCY, "theta-y": FREQUENCY}])
def test_one_quantity_makes_no_impedance(shown):
    assert impedance_of(shown, FREQUENCY) is None


def test_channels_title_bias_and_memory(tmp_path):
    extra = ("Title label, TEST DATA", "DCV(V), +5.230e-002, DCI(A), +2.335e-005")
    first = channel(("|Z|", "theta-z"), CAPACITIVE, 1, extra, memory=("theta-z",))
    second = channel(("R", "X"), INDUCTIVE, 2, memory=("X",))
    path = tmp_path / "own.csv"
    path.write_bytes(e4990a(first, second))
    one, two = read_file(path).parts
    np.testing.assert_allclose(one.impedance, CAPACITIVE, rtol=1e-9)
    np.testing.assert_allclose(two.impedance, INDUCTIVE, rtol=1e-9)
    assert (one.potential, one.current) == (0.0523, 2.335e-5)
    assert one.source.instrument == "Agilent Technologies E4990A"


def test_a_channel_without_its_end_is_cut():
    content = e4990a(channel(("R", "X"), CAPACITIVE)[:-10])
    (spectrum,), flags = keysight.read(content, "own.csv")
    assert len(spectrum) == FREQUENCY.size - 9
    assert [flag.code for flag in flags] == ["cut_file"]


def test_one_trace_alone_is_refused():
    with pytest.raises(RefusedError, match="save two traces"):
        keysight.read(e4990a(channel(("|Z|",), CAPACITIVE)), "own.csv")
    other = [line.replace("Frequency(Hz)", "Osc level(V)") for line in channel(("R", "X"), CAPACITIVE)]
    with pytest.raises(RefusedError, match="no frequency"):
        keysight.read(e4990a(other), "own.csv")


def novo(columns, *, title="pellet_25deg, 26.02.2025, 15:11", fixed="AC Volt  [Vrms]=7.1000e-03", end="\r\n") -> bytes:
    lines = [title] if title else []
    lines += ["Diameter[mm]: 1.300e+01  Thickness[mm]: 7.500e-01", f"Fixed value(s) :  {fixed}  "]
    lines += ["\t".join(f"{name:>14}" for name in columns)]
    lines += ["\t".join(f"{value:14.7e}" for value in row) for row in zip(*columns.values(), strict=True)]
    return end.join(lines).encode("latin-1")  # the last line has no end


def cartesian(impedance=CAPACITIVE, unit="ohm", factor=1.0):
    return {
        "Freq.[Hz]": FREQUENCY,
        f"Zs'[{unit}]": impedance.real / factor,
        f"Zs''[{unit}]": impedance.imag / factor,
    }


@pytest.mark.parametrize(
    ("unit", "factor"), [("ohm", 1.0), ("Ohms", 1.0), ("kOhm", 1e3), ("MOhm", 1e6), ("mOhm", 1e-3)]
)
def test_novocontrol_impedance(tmp_path, unit, factor):
    path = tmp_path / "own.txt"
    path.write_bytes(novo(cartesian(unit=unit, factor=factor)))
    experiment = read_file(path)
    (spectrum,) = experiment.parts
    np.testing.assert_allclose(spectrum.impedance, CAPACITIVE, rtol=1e-6)
    assert spectrum.amplitude == pytest.approx(7.1e-3 * 2**0.5)
    assert spectrum.start == datetime(2025, 2, 26, 15, 11, tzinfo=UTC).timestamp()
    assert experiment.flags == ()


def test_novocontrol_row_that_is_no_row_is_counted():
    lines = novo(cartesian()).split(b"\r\n")
    lines[20] = b" ***** overload *****"
    (spectrum,), flags = novocontrol.read(b"\r\n".join(lines), "own.txt")
    assert len(spectrum) == FREQUENCY.size - 1
    (flag,) = [flag for flag in flags if flag.code == "ragged_rows"]
    assert dict(flag.details)["count"] == 1


def test_novocontrol_polar():
    columns = {
        "Freq. [Hz]": FREQUENCY,
        "|Zs| [Ohms]": np.abs(CAPACITIVE),
        "Phase [deg]": np.rad2deg(np.angle(CAPACITIVE)),
    }
    (spectrum,), _ = novocontrol.read(novo(columns), "own.txt")
    np.testing.assert_allclose(spectrum.impedance, CAPACITIVE, rtol=1e-6)


def test_novocontrol_temperatures_are_spectra_of_their_own():
    both = {name: np.concatenate([one, one]) for name, one in cartesian().items()}
    both = {"Freq.[Hz]": both.pop("Freq.[Hz]"), "Temp.[°C]": np.repeat([25.0, 60.0], FREQUENCY.size), **both}
    spectra, _ = novocontrol.read(novo(both), "own.txt")
    np.testing.assert_allclose([spectrum.temperature for spectrum in spectra], [298.15, 333.15])
    for spectrum in spectra:
        np.testing.assert_allclose(spectrum.impedance, CAPACITIVE, rtol=1e-6)


def test_novocontrol_tables_with_fixed_temperatures():
    first = novo(cartesian(), fixed="Temp. [°C]=-2.0000e+01  AC Volt [Vrms]=1.0e-01") + b"\r\n\r\n"
    second = novo(cartesian(INDUCTIVE), title="", fixed="Temp. [°C]=4.0000e+01  AC Volt [Vrms]=1.0e-01")
    one, two = novocontrol.read(first + second, "own.txt")[0]
    np.testing.assert_allclose([one.temperature, two.temperature], [253.15, 313.15])
    np.testing.assert_allclose(two.impedance, INDUCTIVE, rtol=1e-6)


def test_novocontrol_permittivity_alone_is_refused():
    columns = {"Freq.[Hz]": FREQUENCY, "Eps'": FREQUENCY, "Eps''": FREQUENCY}
    with pytest.raises(RefusedError, match="export Zs' and Zs''"):
        novocontrol.read(novo(columns), "own.txt")


@pytest.mark.parametrize(("name", "points", "last"), [("2a", 51, None), ("2c", 42, 1.03494e7 - 2.43174e6j)])
def test_real_novocontrol_files(name, points, last):
    path = real_file(f"novocontrol/Example{name}.txt")
    content = path.read_bytes()
    assert recognise_format(content[:8192], path.name) == "novocontrol"
    (spectrum,) = read_file(path).parts
    rows = np.array([line.split() for line in content.decode("latin-1").splitlines()[-points:]], dtype=float)
    np.testing.assert_array_equal(spectrum.frequency, rows[:, 0])
    np.testing.assert_array_equal(spectrum.impedance, rows[:, 1] + 1j * rows[:, 2])
    assert last is None or spectrum.impedance[-1] == last


OWN = {
    keysight: e4990a(channel(("|Z|", "theta-z"), CAPACITIVE)),
    novocontrol: novo(cartesian()),
}


@settings(deadline=None, max_examples=60)
@given(reader=st.sampled_from(list(OWN)), cut=st.floats(0, 1), noise=st.binary(max_size=4))
def test_damage_leaves_true_numbers_or_a_sentence(reader, cut, noise):
    content = OWN[reader]
    try:
        parts, flags = reader.read(content[: int(cut * len(content))] + noise, "own.txt")
    except RampionError:
        return
    for part in parts:
        # noise may put digits behind the cut: only the last point can be wrong, and a cut is flagged
        good = [np.isclose(f, FREQUENCY, rtol=1e-6) for f in part.frequency[:-1]]
        for place, z in zip(good, part.impedance, strict=False):
            assert np.isclose(CAPACITIVE[place], z, rtol=1e-5).all()
        assert len(part) >= FREQUENCY.size - 1 or reader is novocontrol or flags
