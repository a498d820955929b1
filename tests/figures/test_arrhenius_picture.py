"""The Arrhenius picture: points, bars, line, band, energies and both axes; tracks in °C and MPa (synthetic)."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.figures.arrhenius import draw_arrhenius
from rampion.figures.spectra import shown_along
from rampion.transport.activation import fit_arrhenius

TEMPERATURE = np.array([273.15, 283.15, 293.15, 303.15, 323.15])


@pytest.fixture(scope="module")
def lines():
    rng = np.random.default_rng(1)
    sigma = 0.06 * np.exp(-5000 * (1 / TEMPERATURE - 1 / 298.15)) * (1 + 0.01 * rng.standard_normal(5))
    size = 500 / sigma
    return (
        fit_arrhenius(TEMPERATURE, sigma, 0.01 * sigma, np.full(5, 0.3)),
        fit_arrhenius(TEMPERATURE, size, 0.01 * size, np.full(5, 0.3), resistance=True, name="interface"),
    )


def test_both_panels_show_points_line_and_energy(lines):
    conductivity, interface = lines
    figure = draw_arrhenius(conductivity, [interface], "S1", True)
    figure.draw_without_rendering()
    left, right = figure.axes
    points = left.lines[0]
    np.testing.assert_allclose(points.get_xdata(), 1e3 / TEMPERATURE)
    np.testing.assert_allclose(points.get_ydata(), 10 * conductivity.ordinate)  # S/m to mS/cm
    assert left.get_ylabel() == "σT (mS·K/cm)"
    assert right.get_ylabel() == "T/R (K/Ω)"
    for axis, name in ((left, "conductivity"), (right, "interface")):
        assert axis.get_yscale() == "log"
        (told,) = (text.get_text() for text in axis.get_legend().get_texts())
        assert told.startswith(f"{name}: 0.4")
        assert told.endswith("eV")
        assert any(text.get_text() == "synthetic" for text in axis.texts)
        assert axis.collections  # bars and the band


def test_the_upper_axis_is_in_degrees(lines):
    figure = draw_arrhenius(lines[0], [])
    figure.draw_without_rendering()
    (axis,) = figure.axes
    (above,) = axis.child_axes
    low, high = axis.get_xlim()
    assert sorted(above.get_xlim()) == pytest.approx([1e3 / high - 273.15, 1e3 / low - 273.15])
    place = above.transData.transform((25.0, 0.0))[0]  # where 25 °C stands on the figure
    assert place == pytest.approx(axis.transData.transform((1e3 / 298.15, 1.0))[0])
    shown = [float(label.get_text().replace("−", "-")) for label in above.get_xticklabels() if label.get_text()]
    assert {0.0, 10.0, 20.0, 30.0, 40.0, 50.0} <= set(shown)


def test_two_temperatures_are_drawn_without_a_band():
    found = fit_arrhenius(TEMPERATURE[[0, -1]], np.array([0.01, 0.2]))
    draw_arrhenius(found, []).draw_without_rendering()


def test_conditions_are_shown_in_the_units_of_the_laboratory():
    values, label = shown_along("temperature", TEMPERATURE)
    np.testing.assert_allclose(values, [0, 10, 20, 30, 50], atol=1e-9)
    assert label == "temperature (°C)"
    values, label = shown_along("stack_pressure", np.array([1e6, 5e6]))
    np.testing.assert_allclose(values, [1, 5])
    assert label == "stack pressure (MPa)"
