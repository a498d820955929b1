"""Constructed (synthetic) spectra of Li | garnet | Li cells of known truth, from formulas of their own.

``draw(seed, window, variant)`` returns one spectrum as an analyser writes it, the geometry as a user states it and the
truth. Every number comes from ``numpy.random.default_rng([8317, stream, seed])``; the cell of a seed is the same in
both windows. Nothing here uses the package that is judged, and no arc is drawn as a resistor beside a constant-phase
element unless its shape is "cole_cole".

The ceramic is a brick layer: cubic grains (conductivity, permittivity) in shells of thickness share f with a local
conductivity and permittivity, the shells between the faces in series with the grains and those beside them in parallel,

    κ = 1/[(1 − f)/κ_grain + f/κ_shell] + 2f·κ_shell,    Z = L/(A·κ).

Arcs are depressed because the relaxation times differ (a lognormal distribution of them), or as Cole-Cole or
Havriliak-Negami. Both electrodes have an arc of their own, of unlike size. Leads have a skin effect. Ranges: those of
the literature for garnets at 25 °C: grains 0.4–1 mS/cm, ε_r 40–68; boundaries 0.1–1 of their resistance at
1e-9–1e-8 F·cm⁻¹; interfaces 3–300 Ω cm² and 0.2–2 µF/cm² (both electrodes in series); 0.2–3 Ω and 50–500 nH of leads;
a diffusion of 3–30 % of the ceramic's resistance; noise 0.1–1 % of |Z|; thickness and area stated with an error of 1 %.

Eckhardt et al., Adv. Mater. Interfaces 2023, doi:10.1002/admi.202202354 (shells, their permittivity and conductivity);
Irvine, Sinclair, West, Adv. Mater. 2 (1990) 132,
doi:10.1002/adma.19900020304 (capacitances).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

EPSILON_0 = 8.8541878128e-12  # F/m
WINDOWS = {"wide": (7e6, 1.0), "narrow": (6e5, 10.0)}  # [Hz]
VARIANTS = (
    "small_grain_boundary",
    "no_grain_boundary",
    "depressed_grain_boundary",
    "wide_interface",
    "two_interfaces",
    "long_leads",
    "additive_noise",
    "outliers",
    "stray_capacitance",
    "stated_surface_layer",
)
UNIDENTIFIABLE = ("unstated_surface_layer",)
SHAPES = ("lognormal", "cole_cole", "havriliak_negami")
_NODES = np.linspace(-4.0, 4.0, 41)  # of a standard normal: 0.2 of its width apart
_SHARES = np.exp(-(_NODES**2) / 2) / np.sum(np.exp(-(_NODES**2) / 2))


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How an arc departs from one relaxation: ``width`` of ln τ, or the exponents α and β."""

    kind: str = "cole_cole"
    width: float = 0.0
    alpha: float = 1.0
    beta: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer on the electrodes: resistance times area [Ω m²], capacitance per area [F/m²], shape."""

    resistance: float
    capacitance: float
    shape: Shape = Shape()


@dataclass(frozen=True, kw_only=True)
class Garnet:
    """A cell, SI units. ``shell`` is f; ``diffusion``: (resistance [Ω], τ [s]); ``blocking``: (Q/A, exponent)."""

    thickness: float
    area: float
    grain: float
    grain_permittivity: float
    grain_alpha: float
    shell: float
    boundary: float
    boundary_permittivity: float
    boundary_shape: Shape
    layers: tuple[Layer, ...] = ()
    diffusion: tuple[float, float] = (0.0, 1.0)
    blocking: tuple[float, float] | None = None
    leads: tuple[float, float, float] = (0.0, 0.0, 0.0)  # Ω, H, Ω at 1 MHz of the skin effect
    stray: float = 0.0  # F beside the cell

    @property
    def bulk(self) -> float:
        """Resistance [Ω] of the grains."""
        return self.thickness / self.area * (1 - self.shell) / self.grain

    @property
    def boundaries(self) -> float:
        """Resistance [Ω] of the shells in series."""
        return self.thickness / self.area * self.shell / self.boundary

    @property
    def conductivity(self) -> float:
        """[S/m] of the ceramic for a direct current."""
        return 1 / ((1 - self.shell) / self.grain + self.shell / self.boundary) + 2 * self.shell * self.boundary

    @property
    def ceramic(self) -> float:
        """Resistance [Ω] of the ceramic for a direct current."""
        return self.thickness / (self.area * self.conductivity)

    @property
    def interface(self) -> float:
        """Resistance [Ω] of all layers on both electrodes."""
        return sum(layer.resistance for layer in self.layers) / self.area


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """A spectrum as written, the ``thickness`` [m] and ``area`` [m²] as stated (1 %), and the truth [SI]."""

    seed: int
    window: str
    variant: str
    frequency: np.ndarray
    impedance: np.ndarray
    thickness: float
    area: float
    cell: Garnet
    noise: float

    @property
    def conductivity(self) -> float:
        return self.cell.conductivity


def relaxation(angular: np.ndarray, tau: float, shape: Shape) -> np.ndarray:
    """(n,) from 1 at ω → 0 to 0: one relaxation of time constant τ [s], spread as ``shape`` says."""
    if shape.kind == "lognormal":
        return (1 / (1 + 1j * np.outer(angular, tau * np.exp(shape.width * _NODES)))) @ _SHARES
    return (1 + (1j * angular * tau) ** shape.alpha) ** -shape.beta


def ceramic_impedance(cell: Garnet, angular: np.ndarray) -> np.ndarray:
    """(n,) [Ω] of the brick layer."""
    tau = EPSILON_0 * cell.grain_permittivity / cell.grain
    grains = relaxation(angular, tau, Shape(alpha=cell.grain_alpha)) / cell.grain
    tau = EPSILON_0 * cell.boundary_permittivity / cell.boundary
    shells = relaxation(angular, tau, cell.boundary_shape) / cell.boundary
    kappa = 1 / ((1 - cell.shell) * grains + cell.shell * shells) + 2 * cell.shell / shells
    return cell.thickness / (cell.area * kappa)


def electrode_impedance(cell: Garnet, angular: np.ndarray) -> np.ndarray:
    """(n,) [Ω] of the layers on both electrodes, a diffusion of finite length and a blocking tail."""
    total = np.zeros(angular.size, complex)
    for layer in cell.layers:
        total += layer.resistance / cell.area * relaxation(angular, layer.resistance * layer.capacitance, layer.shape)
    resistance, tau = cell.diffusion
    if resistance > 0:
        root = np.sqrt(1j * angular * tau)
        total += resistance * np.tanh(root) / root
    if cell.blocking is not None:
        total += (1j * angular) ** -cell.blocking[1] / (cell.blocking[0] * cell.area)
    return total


def with_leads(cell: Garnet, angular: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(n,) [Ω] at the analyser: the stray capacitance beside, the leads in series."""
    resistance, inductance, skin = cell.leads
    inside = inside / (1 + 1j * angular * cell.stray * inside)
    return inside + resistance + 1j * angular * inductance + skin * (1 + 1j) * np.sqrt(angular / (2e6 * math.pi))


def impedance(cell: Garnet, angular: np.ndarray) -> np.ndarray:
    """(n,) [Ω] of the cell at ω (n,) [1/s], without noise."""
    return with_leads(cell, angular, ceramic_impedance(cell, angular) + electrode_impedance(cell, angular))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def draw_shape(rng: np.random.Generator, widest: float = 0.7) -> Shape:
    """A depressed arc about as broad as a constant-phase element of exponent 0.85–0.98 (at ``widest`` 0.7)."""
    kind, size = SHAPES[int(rng.integers(3))], float(rng.uniform(0.25, widest))
    if kind == "lognormal":
        return Shape(kind=kind, width=size)
    alpha = 1 - 0.15 * (size / 0.7) ** 1.5
    return Shape(kind=kind, alpha=alpha) if kind == "cole_cole" else Shape(kind=kind, alpha=alpha + 0.02, beta=0.95)


def draw_layers(rng: np.random.Generator, asr: tuple[float, float], capacitance: tuple[float, float]) -> tuple:
    """The same layer on both electrodes, of unlike size: ranges of the sum [Ω cm²] and of the series [F/cm²]."""
    total, series = log_uniform(rng, *asr) * 1e-4, log_uniform(rng, *capacitance) * 1e4
    part, unlike, shape = float(rng.uniform(0.4, 0.6)), float(rng.normal(0.0, 0.1)), draw_shape(rng)
    sizes = ((part, math.exp(unlike)), (1 - part, math.exp(-unlike)))
    return tuple(Layer(resistance=total * r, capacitance=2 * series * c, shape=shape) for r, c in sizes)


def draw_garnet(seed: int) -> Garnet:
    """The cell of a seed, within the ranges above."""
    rng = np.random.default_rng([8317, 0, seed])
    grain, ratio = log_uniform(rng, 0.04, 0.1), log_uniform(rng, 0.1, 1.0)
    permittivity = float(rng.uniform(50, 200))
    shell = EPSILON_0 * permittivity / log_uniform(rng, 1e-7, 1e-6)
    cell = Garnet(
        thickness=log_uniform(rng, 0.5e-3, 2e-3),
        area=float(rng.choice([4e-6, 1e-5, 5e-5, 1e-4])),
        grain=grain,
        grain_permittivity=float(rng.uniform(40, 68)),
        grain_alpha=1.0 if rng.random() < 0.5 else float(rng.uniform(0.96, 1.0)),
        shell=shell,
        boundary=grain * shell / (ratio * (1 - shell)),
        boundary_permittivity=permittivity,
        boundary_shape=draw_shape(rng),
        layers=draw_layers(rng, (3, 300), (0.2e-6, 2e-6)),
        leads=(log_uniform(rng, 0.2, 3), log_uniform(rng, 50e-9, 500e-9), float(rng.uniform(0, 0.3))),
    )
    return replace(cell, diffusion=(cell.ceramic * log_uniform(rng, 0.03, 0.3), log_uniform(rng, 3, 40)))


def vary(cell: Garnet, variant: str, rng: np.random.Generator) -> Garnet:
    """The cell with the one thing of ``variant`` outside the ranges; noise and outliers are the instrument's."""
    if variant == "small_grain_boundary":
        ratio = cell.boundaries / cell.bulk
        shell = EPSILON_0 * cell.boundary_permittivity / log_uniform(rng, 1e-8, 1e-7)
        cell = replace(cell, shell=shell, boundary=cell.grain * shell / (ratio * (1 - shell)))
    elif variant == "no_grain_boundary":
        cell = replace(cell, shell=0.0)
    elif variant == "depressed_grain_boundary":
        cell = replace(cell, boundary_shape=Shape(alpha=0.75))
    elif variant == "wide_interface":
        cell = replace(cell, layers=draw_layers(rng, (1, 1000), (0.2e-6, 2e-6)))
    elif variant == "two_interfaces":
        cell = replace(cell, layers=cell.layers + draw_layers(rng, (3, 300), (4e-6, 4e-5)))
    elif variant == "long_leads":
        cell = replace(cell, leads=(log_uniform(rng, 2, 10), log_uniform(rng, 1e-6, 5e-6), cell.leads[2]))
    elif variant == "stray_capacitance":
        cell = replace(cell, stray=log_uniform(rng, 2e-12, 3e-11))
    elif variant.endswith("_surface_layer"):  # Li₂CO₃, ε_r 5, 15 nm–1.5 µm on either side
        cell = replace(cell, layers=cell.layers + draw_layers(rng, (3, 100), (1.5e-9, 1.5e-7)))
    return cell


def measured(
    rng: np.random.Generator, exact: np.ndarray, noise: float, *, additive: float = 0.0, outliers: int = 0
) -> np.ndarray:
    """(n,) [Ω] with noise of each part as a share of |Z|, an additive one as a share of the median |Z|, and spikes."""
    size = noise * np.abs(exact) + additive * np.median(np.abs(exact))
    values = exact + size * (rng.standard_normal(exact.size) + 1j * rng.standard_normal(exact.size))
    for place in rng.choice(exact.size, outliers, replace=False):
        values[place] *= 1 + log_uniform(rng, 0.05, 0.3) * np.exp(2j * math.pi * rng.random())
    return values


def frequencies(window: str, per_decade: float) -> np.ndarray:
    """(n,) [Hz], falling."""
    high, low = WINDOWS[window]
    return np.geomspace(high, low, round(per_decade * math.log10(high / low)) + 1)


def stated_geometry(cell: Garnet, seed: int) -> tuple[float, float]:
    """Thickness [m] and area [m²] as a user states them, each off by 1 % (one standard deviation)."""
    errors = np.random.default_rng([8317, 1, seed]).normal(0.0, 0.01, 2)
    return cell.thickness * math.exp(errors[0]), cell.area * math.exp(errors[1])


def draw(seed: int, window: str = "wide", variant: str = "") -> Drawn:
    """The spectrum of a seed in a window, within the ranges or with the one change of ``variant``."""
    if window not in WINDOWS or variant not in ("", *VARIANTS, *UNIDENTIFIABLE):
        raise ValueError(f"unknown window or variant: {window!r}, {variant!r}; see WINDOWS, VARIANTS, UNIDENTIFIABLE")
    cell = vary(draw_garnet(seed), variant, np.random.default_rng([8317, 2, seed]))
    rng = np.random.default_rng([8317, 3 + list(WINDOWS).index(window), seed])
    frequency, noise = frequencies(window, float(rng.uniform(8, 12))), log_uniform(rng, 1e-3, 1e-2)
    additive = log_uniform(rng, 1e-3, 5e-3) if variant == "additive_noise" else 0.0
    spikes = int(rng.integers(1, 5)) if variant == "outliers" else 0
    exact = impedance(cell, 2 * math.pi * frequency)
    thickness, area = stated_geometry(cell, seed)
    return Drawn(
        seed=seed,
        window=window,
        variant=variant,
        frequency=frequency,
        impedance=measured(rng, exact, noise, additive=additive, outliers=spikes),
        thickness=thickness,
        area=area,
        cell=cell,
        noise=noise,
    )
