"""Which points of a table are one spectrum: scans of a known circuit in every order that laboratories write them."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.measurement import Spectrum, Trace
from rampion.readers import table
from rampion.readers.scans import find_restarts

FREQUENCY = np.logspace(6, -1, 43)


def impedance(frequency):
    """A resistance in series with two RC elements [Ω]."""
    omega = 2 * np.pi * np.asarray(frequency)
    return 20 + 300 / (1 + 1j * omega * 300 * 1e-9) + 150 / (1 + 1j * omega * 150 * 1e-4)


def text(frequencies, cell="{:.6e}", extra=None):
    lines = ["freq/Hz,Re(Z)/Ohm,Im(Z)/Ohm" + ("" if extra is None else f",{extra[0]}")]
    for k, f in enumerate(frequencies):
        z = impedance(f)
        row = [cell.format(value) for value in (f, z.real, z.imag)] + ([] if extra is None else [str(extra[1][k])])
        lines.append(",".join(row))
    return lines


def read(lines):
    return table.read("\n".join([*lines, ""]).encode(), "eis.csv")


def sizes(parts):
    return [len(part) for part in parts]


def codes(flags):
    return [flag.code for flag in flags]


@pytest.mark.parametrize("bad", ["", "nan", "0", "-10", "1e30", "x"])
@pytest.mark.parametrize("place", [1, 20, 43])
def test_one_bad_frequency_does_not_cut_a_spectrum(bad, place):
    lines = text(FREQUENCY)
    lines[place] = ",".join([bad, *lines[place].split(",")[1:]])
    parts, flags = read(lines)
    kept = 43 if bad == "1e30" else 42
    assert sizes(parts) == [kept]
    assert ("dropped_points" in codes(flags)) is (kept == 42)
    first = 1 if place == 1 and kept == 42 else 0
    np.testing.assert_allclose(parts[0].impedance[0], impedance(FREQUENCY[first]), rtol=1e-5)


def test_a_blank_row_of_a_table_with_potentials_does_not_cut_it_either():
    lines = ["time/s,E/V,I/A,freq/Hz,Re(Z)/Ohm,Im(Z)/Ohm", *(f"{k},0.1,1e-6,0,0,0" for k in range(5))]
    for k, f in enumerate(FREQUENCY):
        z = impedance(f)
        lines.append(f"{5 + k},0.1,1e-6,{f:.5e},{z.real:.6e},{z.imag:.6e}" if k != 11 else f"{5 + k},0.1,1e-6,,,")
    parts, flags = read(lines)
    assert [type(part) for part in parts] == [Trace, Spectrum]
    assert sizes(parts) == [5, 42]
    assert "dropped_points" in codes(flags)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("decades", [(6, -1), (2, 1.2)])
def test_a_shuffled_file_is_one_spectrum(seed, decades):
    frequency = np.random.default_rng(seed).permutation(np.logspace(*decades, 30))
    parts, _ = read(text(frequency))
    assert sizes(parts) == [30]
    np.testing.assert_allclose(parts[0].frequency, frequency, rtol=1e-6)


@pytest.mark.parametrize(
    "order",
    [
        np.r_[20:43, 0:20],  # the low frequencies first
        np.r_[0:10, 12:43, 10, 11],  # two points at the end
        np.r_[5, 0:5, 6:43],
        np.r_[0:43, 7],  # one measured again
        np.r_[0:20, 19, 19, 20:43],
    ],
)
def test_a_file_in_odd_order_is_one_spectrum(order):
    for frequency in (FREQUENCY[order], FREQUENCY[order][::-1]):
        assert sizes(read(text(frequency))[0]) == [order.size]


@pytest.mark.parametrize("count", [2, 3, 5, 43])
@pytest.mark.parametrize("ascending", [False, True])
def test_repeated_passes_are_spectra(count, ascending):
    scan = np.sort(np.logspace(5, 0, count))[:: 1 if ascending else -1]
    assert sizes(read(text(np.tile(scan, 4)))[0]) == [count] * 4


def test_passes_of_other_grids_and_a_pass_that_was_cut():
    other = np.logspace(5, 0.5, 29)
    assert sizes(read(text(np.concatenate([FREQUENCY, other])))[0]) == [43, 29]
    assert sizes(read(text(np.concatenate([FREQUENCY, FREQUENCY[:2]])))[0]) == [43, 2]
    narrow = np.logspace(3, 1, 11)
    assert sizes(read(text(np.concatenate([FREQUENCY, narrow, FREQUENCY])))[0]) == [43, 11, 43]


def test_two_shuffled_passes_part_where_a_frequency_repeats():
    noise = np.random.default_rng(3)
    frequency = np.concatenate([noise.permutation(FREQUENCY), noise.permutation(FREQUENCY)])
    assert sizes(read(text(frequency))[0]) == [43, 43]


def test_a_counter_parts_spectra_and_a_number_of_points_does_not():
    frequency = np.concatenate([np.logspace(6, 3, 10), np.logspace(2.9, 0, 10)])
    assert sizes(read(text(frequency, extra=("cycle number", [1] * 10 + [2] * 10)))[0]) == [10, 10]
    assert sizes(read(text(frequency, extra=("Loop", range(20))))[0]) == [20]


def test_every_dropped_row_is_counted():
    lines = text(FREQUENCY)
    lines[3] = "1e5,,"
    lines[9] = "nan,nan,nan"
    lines[15] = "-1,2,3"
    (spectrum,), flags = read(lines)
    assert len(spectrum) == 40
    (flag,) = [flag for flag in flags if flag.code == "dropped_points"]
    assert dict(flag.details)["count"] == 3


def test_restarts_of_short_input():
    assert find_restarts(np.array([1.0])).size == 0
    assert find_restarts(np.array([])).size == 0
    assert not find_restarts(np.array([1.0, 1.0, 1.0])).any()
