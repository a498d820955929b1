"""``--mechanism``: each acts in a simulated run as its physics says, and wrong input is refused in a sentence."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

from rampion.cli import main

AREA, BULK, CAPACITY, CONTACT = 4e-6, 1e-3 / 0.06, 3600.0, 1e-3  # m², Ω·m², C/m² (0.1 mAh/cm²), Ω·m² (10 Ω·cm²)
RESISTANCE = (
    "--thickness", "1mm", "--conductivity", "0.6mS/cm", "--concentration", "4e6 mol/m3", "--transference", "0.99",
    "--area", "4mm2",
)  # fmt: skip
"""So many carriers, and so few of the others moving, that nothing polarizes."""
LOSS = "contact:capacity=0.1mAh/cm2,resistance=10 ohm cm2"
RAMP = ("--rate", "0.5mV/s", "--to", "0.8V")


def run(capsys, verb: str, *words: str) -> dict[str, Any]:
    main(["simulate", verb, *RESISTANCE, *words, "--json"])
    found = json.loads(capsys.readouterr().out)
    return {name: np.array(one) if isinstance(one, list) and name != "spectra" else one for name, one in found.items()}


def happened(found: dict[str, Any], code: str) -> tuple[float, float]:
    """When, to the four digits of the message, and at which current density."""
    message = next(flag["message"] for flag in found["flags"] if flag["code"] == code)
    time = float(re.search(r"at ([\d.e+]+) s", message)[1])
    return time, float(np.interp(time, found["time"], found["current_density"]))


@pytest.mark.parametrize(("pressed", "refill"), [("--pressed", 5.0), ("--released", 0.0)])
def test_pressure_refills_a_contact_at_its_rate(capsys, pressed, refill):
    words = ("--rate", "1mV/s", "--to", "0.3V", "--duration", "200 s", "--spectra", "4", "--points", "1", pressed)
    found = run(capsys, "relax", *words, "--mechanism", f"{LOSS},refill=0.5mA/cm2")
    times = np.array([spectrum["time"][0] for spectrum in found["spectra"]])
    whole = np.array([spectrum["impedance_real"][-1] for spectrum in found["spectra"]])
    contact = CONTACT / (whole * AREA - BULK)
    slope = np.polyfit(times, contact, 1)[0]
    assert slope * CAPACITY == pytest.approx(refill, rel=0.01, abs=1e-3)
    assert contact[0] < 0.8


def test_a_spent_contact_carries_what_creep_feeds(capsys):
    """J_rep = (F/V_m)·h·A·pⁿ·exp(−E/RT); its ratio at twice the pressure is 2ⁿ."""
    creep = "depth=20um,creep_prefactor=2.5,creep_exponent=1.5,creep_energy=37 kJ/mol"
    levels = []
    for pressure in (0.5, 1.0):
        found = run(capsys, "sweep", *RAMP, "--mechanism", f"{LOSS},pressure={pressure}MPa,{creep}")
        levels.append(found["current_density"][-1])
        rate = 2.5 * pressure**1.5 * math.exp(-37e3 / (8.314462618 * 298.15))
        assert levels[-1] == pytest.approx(96485.33212 / 12.97e-6 * 20e-6 * rate, rel=0.01)
        assert np.max(found["current_density"]) > 1.5 * levels[-1]
    assert levels[1] / levels[0] == pytest.approx(2.0**1.5, rel=0.01)


def test_stress_on_the_remaining_contact_feeds_more(capsys):
    words = ("--current-density", "1mA/cm2", "--duration", "2 h")
    found = run(capsys, "current", *words, "--mechanism", f"{LOSS},refill=0.5mA/cm2,stress_exponent=2")
    assert CONTACT / (found["potential"][-1] / 10.0 - BULK) == pytest.approx(math.sqrt(0.5), rel=1e-3)


def test_a_hot_spot_starts_a_filament_at_a_fraction_of_the_critical_current(capsys):
    found = run(capsys, "sweep", *RAMP, "--mechanism", "penetration:critical_current=3mA/cm2,hot_spot=2.5")
    assert happened(found, "penetration_began")[1] == pytest.approx(12.0, rel=1e-3)


def test_depletion_at_a_hot_spot_obeys_sand(capsys):
    words = ("--current-density", "0.5mA/cm2", "--duration", "400 s")
    carriers = "concentration=0.1mol/L,diffusivity=1e-7 cm2/s,transference=0.8"
    found = run(capsys, "current", *words, "--mechanism", f"depletion:hot_spot=4,{carriers}")
    sand = math.pi * 1e-11 * (96485.33212 * 100.0 / (2.0 * 4.0 * 5.0 * 0.2)) ** 2
    assert happened(found, "penetration_began")[0] == pytest.approx(sand, rel=3e-3)


def test_critical_currents_of_many_samples_are_weibull_of_their_area(capsys):
    """Twenty-four seeds against P = 1 − exp[−(A/A₀)(J/J₀)^m] by Kolmogorov and Smirnov."""
    from scipy.stats import kstest

    drawn = [
        happened(
            run(
                capsys, "sweep", *RAMP, "--mechanism",
                f"penetration:critical_current=1.5mA/cm2,weibull_shape=3,reference_area=1mm2,seed={seed}",
            ),
            "penetration_began",
        )[1]
        for seed in range(24)
    ]  # fmt: skip
    assert len(set(drawn)) == 24
    assert kstest(drawn, lambda current: 1.0 - np.exp(-4.0 * (current / 15.0) ** 3)).pvalue > 0.05
    assert kstest(drawn, lambda current: 1.0 - np.exp(-1.0 * (current / 15.0) ** 3)).pvalue < 0.01


@pytest.mark.parametrize("leads", [(), ("--series-resistance", "30 ohm cm2")])
def test_a_soft_short_is_a_rectangle_on_the_course(capsys, leads):
    short = ("--mechanism", "short:resistance=400 ohm cm2,onset=10min,closed=5min")
    found, plain = (run(capsys, "sweep", *RAMP, *leads, *more) for more in (short, ()))
    outside = 0.003 if leads else 0.0
    inner = 1.0 / (60.0 + 1.0 / 0.04 * ((found["time"] > 600.0) & (found["time"] < 900.0)))
    np.testing.assert_allclose(found["current_density"], found["potential"] / (inner + outside), rtol=2e-4)
    back = found["time"] > 901.0
    expected = np.interp(found["time"][back], plain["time"], plain["current_density"])
    np.testing.assert_allclose(found["current_density"][back], expected, rtol=2e-4)
    assert happened(found, "soft_short_began")[0] == 600.0


def test_a_telegraph_of_equal_paths_takes_whole_steps(capsys):
    short = "short:resistance=400 ohm cm2,onset=100 s,interval=60 s,closed=40 s,lasting=0,spread=0"
    found, other = (
        run(
            capsys,
            "current",
            "--current-density",
            "0.5mA/cm2",
            "--duration",
            "1600 s",
            "--mechanism",
            f"{short},{seed}",
        )
        for seed in ("seed=1", "seed=2")
    )
    paths = (5.0 / found["potential"] - 60.0) / 25.0
    np.testing.assert_allclose(paths, np.round(paths), atol=5e-3)
    assert np.max(np.round(paths)) >= 2
    closings = np.count_nonzero(np.diff(np.round(paths)) > 0)
    assert 12 <= closings <= 40  # 25 expected
    assert closings == np.count_nonzero(np.diff(np.round(paths)) < 0) + np.round(paths[-1])
    assert happened(found, "soft_short_began") != happened(other, "soft_short_began")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("contac:capacity=1mAh/cm2", "is not known; choose one of contact, vacancies, leakage"),
        ("contact:capacity=0.5mAh/cm2", "resistance missing; write contact:resistance=…"),
        ("contact:capacity=0.5mAh/cm2,resistance=10", "resistance: '10' has no unit"),
        ("contact:capacity", "'capacity' is not understood; expected key=value"),
        ("contact:electrode=left,capacity=1mAh/cm2,resistance=1 ohm cm2", "expected 'counter' or 'working'"),
        (f"{LOSS},pressure=5MPa", "creep needs depth, creep_prefactor, creep_exponent, creep_energy too"),
        (f"{LOSS},{LOSS[8:]}", "is given twice"),
        ("penetration:critical_current=1mA/cm2,seed=3", "seed has no effect here; leave it out"),
        ("penetration:critical_current=1mA/cm2,weibull_shape=0", "the Weibull shape is 0"),
        ("short:resistance=9 ohm cm2,onset=1h", "the run lasts 1600 s; expected an onset within the run"),
        ("short:onset=1h", "a soft short needs resistance too"),
        ("short:resistance=9 ohm cm2,onset=1min,interval=1 min", "a soft short at random needs closed too"),
        ("short:resistance=9 ohm cm2,onset=1min,lasting=0.5", "lasting has no effect here"),
        ("leakage:conductivity=ohm", "does not begin with a number"),
    ],
)
def test_wrong_input_is_refused_in_a_sentence(capsys, text, sentence):
    with pytest.raises(SystemExit) as stop:
        main(["simulate", "sweep", *RESISTANCE, *RAMP, "--mechanism", text])
    assert stop.value.code == 3
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1
