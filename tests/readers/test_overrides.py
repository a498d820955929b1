"""overrides.toml: what is read, and the one sentence each mistake gets."""

from __future__ import annotations

import pytest

from rampion.errors import InputError
from rampion.measurement import Masked, MaskedBy, Override
from rampion.readers.overrides import find_overrides, read_overrides

HEAD = '[[override]]\nsample = "S1"\nreason = "seen under the microscope"\n'


def written(tmp_path, text: str):
    path = tmp_path / "overrides.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_decisions_are_read_with_their_units(tmp_path):
    sweep = 'sweep = 2\nverdict = "limiting_peak"\nat = "320 mV"\nohmic_window = ["5 mV", "0.04 V"]\nby = "AB"\n'
    spectrum = 'spectrum = 3\ncircuit = "R0-p(R1,CPE1)"\n'
    written(tmp_path, HEAD + sweep + HEAD + spectrum + HEAD + "exclude = true\n")
    first, second, third = find_overrides(tmp_path)
    assert first == Override(
        sample="S1", reason="seen under the microscope", by="AB", sweep=2, verdict="limiting_peak", at=0.32,
        ohmic_window=(0.005, 0.04),
    )  # fmt: skip
    assert (second.spectrum, second.circuit) == (3, "R0-p(R1,CPE1)")
    assert third.exclude
    assert third.sweep is None


def test_masked_stretches_and_limits_are_read_with_their_units(tmp_path):
    one = 'masked = ["0.41 V", "430 mV"]\ncurrent_limit = "0.5 mA"\n'
    two = 'sweep = 1\nmasked = [["0.41 V", "0.43 V"], ["10 min", "660 s"]]\n'
    written(tmp_path, HEAD + one + HEAD + two)
    first, second = find_overrides(tmp_path)
    potentials = Masked(MaskedBy.POTENTIAL, 0.41, 0.43)
    assert (first.masked, first.current_limit, first.sweep) == ((potentials,), 5e-4, None)
    assert second.masked == (potentials, Masked(MaskedBy.TIME, 600.0, 660.0))


def test_windows_and_masked_frequencies_of_spectra_are_read_with_their_units(tmp_path):
    written(tmp_path, HEAD + 'spectrum = 2\nfmin = "10 Hz"\nfmax = "1 MHz"\nmasked = ["45 Hz", "0.055 kHz"]\n')
    (one,) = find_overrides(tmp_path)
    assert (one.spectrum, one.fmin, one.fmax) == (2, 10.0, 1e6)
    assert one.masked == (Masked(MaskedBy.FREQUENCY, 45.0, 55.0),)


def test_a_folder_without_the_file_has_none(tmp_path):
    assert find_overrides(tmp_path) == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("override = [", "not TOML"),
        ("[overrides]\na = 1\n", "expected entries that begin with"),
        ('[[override]]\nreason = "x"\nexclude = true\n', "entry 1 has no sample"),
        ('[[override]]\nsample = "S1"\nexclude = true\n', "entry 1 has no reason"),
        (HEAD, "decides nothing"),
        (HEAD + "exclude = false\n", "decides nothing"),
        (HEAD + "omit = true\n", "'omit' is not known"),
        (HEAD + 'exclude = "yes"\n', "expected true or false"),
        (HEAD + "at = 0.3\n", "expected a potential with its unit"),
        (HEAD + 'at = "3 mA"\n', "at"),
        (HEAD + "ohmic_window = ['40 mV', '5 mV']\n", "expected the lower one first"),
        (HEAD + "ohmic_window = ['40 mV']\n", "expected two potentials"),
        (HEAD + "masked = ['40 mV', '5 mV']\n", "expected the lower one first"),
        (HEAD + "masked = ['40 mV', '5 s']\n", "masked: .*expected a time"),
        (HEAD + "masked = [['1 s', '5 s'], '40 mV']\n", "expected two potentials"),
        (HEAD + "masked = []\n", "decides nothing"),
        (HEAD + "masked = [[]]\n", "expected two potentials"),
        (HEAD + "masked = ['-0.1 V', '0.1 V']\n", "expected magnitudes of the cell voltage"),
        (HEAD + "masked = [1, 2]\n", "expected a potential with its unit"),
        (HEAD + "current_limit = 1e-3\n", "expected a current with its unit, such as '1 mA'"),
        (HEAD + "current_limit = '0 mA'\n", "expected a positive current"),
        (HEAD + "current_limit = '1 V'\n", "current_limit: "),
        (HEAD + "spectrum = 1\nmasked = ['1 s', '2 s']\n", "belong to a sweep"),
        (HEAD + "sweep = 1\nmasked = ['45 Hz', '55 Hz']\n", "masked frequencies belong to spectra"),
        (HEAD + "sweep = 1\nfmin = '1 Hz'\n", "belong to spectra"),
        (HEAD + "fmin = '10 Hz'\nfmax = '1 Hz'\n", "fmin from 0 Hz and below fmax"),
        (HEAD + "fmax = 10.0\n", "expected a frequency with its unit, such as '10 Hz'"),
        (HEAD + "masked = [['45 Hz', '55 s']]\n", "masked: "),
        (HEAD + "sweep = 0\nexclude = true\n", "expected a whole number from 1"),
        (HEAD + "sweep = 1\nspectrum = 1\nexclude = true\n", "write an entry for each"),
        (HEAD + "spectrum = 1\nat = '1 V'\n", "belong to a sweep"),
        (HEAD + "sweep = 1\ncircuit = 'R0'\n", "belong to spectra"),
    ],
)
def test_a_mistake_gets_one_clear_sentence(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        read_overrides(written(tmp_path, text))
    assert "overrides.toml" in str(caught.value)


def test_brackets_without_end_are_refused(tmp_path):
    with pytest.raises(InputError, match="nests its brackets"):
        read_overrides(written(tmp_path, HEAD + "at = " + "[" * 50_000))
