"""The vocabulary: every quantity's name, symbol, SI unit, shown unit and meaning.

It feeds labels, tables, headers, command-line help and the nomenclature page. Inside rampion every number is in the
SI unit; the shown unit belongs to the border (files, figures, reports, the shell).
"""

from __future__ import annotations

from dataclasses import dataclass

ELEMENTARY_CHARGE = 1.602176634e-19
"""C, exact in the SI of 2019."""
AVOGADRO = 6.02214076e23
"""1/mol, exact in the SI of 2019."""
BOLTZMANN = 1.380649e-23
"""J/K, exact in the SI of 2019."""
FARADAY = ELEMENTARY_CHARGE * AVOGADRO
LITHIUM_MOLAR_VOLUME = 12.97e-6
"""[m³/mol] at room temperature: 6.941 g/mol over 0.535 g/cm³."""
"""C/mol."""
GAS_CONSTANT = BOLTZMANN * AVOGADRO
"""J/(mol K)."""
VACUUM_PERMITTIVITY = 8.8541878188e-12
"""F/m; CODATA 2022, relative uncertainty 1.6e-10."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One physical quantity of the field.

    ``unit`` is SI and ``shown_unit`` the laboratory's; both are written as the unit library reads them after
    replacing ``²`` and the like. ``shown = value * factor + offset``.
    """

    name: str
    symbol: str
    unit: str
    shown_unit: str
    factor: float
    meaning: str
    offset: float = 0.0

    def shown(self, value: float) -> float:
        """The value in the shown unit, from SI."""
        return value * self.factor + self.offset

    @property
    def label(self) -> str:
        """Axis label: symbol and shown unit."""
        return f"{self.symbol} ({self.shown_unit})" if self.shown_unit else self.symbol

    @property
    def header(self) -> str:
        """Table header: words and shown unit."""
        words = self.name.replace("_", " ")
        return f"{words} [{self.shown_unit}]" if self.shown_unit else words


def _table(*rows: tuple) -> dict[str, Quantity]:
    return {row[0]: Quantity(*row) for row in rows}


QUANTITIES: dict[str, Quantity] = _table(
    ("time", "t", "s", "s", 1.0, "time since the start of the experiment"),
    ("duration", "Δt", "s", "s", 1.0, "length of time"),
    ("potential", "V", "V", "V", 1.0, "cell voltage, working minus counter electrode"),
    ("overpotential", "η", "V", "mV", 1e3, "voltage beyond equilibrium"),
    ("amplitude", "ΔV", "V", "mV", 1e3, "amplitude of the impedance excitation"),
    ("current", "I", "A", "mA", 1e3, "cell current, signed as the instrument recorded it"),
    ("current_density", "J", "A/m²", "mA/cm²", 0.1, "current per electrode area"),
    ("charge", "Q", "C/m²", "mAh/cm²", 1e-1 / 3600.0, "charge per electrode area"),
    ("total_charge", "Q", "C", "mAh", 1.0 / 3.6, "charge passed by the cell"),
    ("semi_integral", "m", "A·s½/m²", "mA·s½/cm²", 0.1, "half-order integral of the current density"),
    ("scan_rate", "v", "V/s", "mV/s", 1e3, "rate of the voltage ramp"),
    ("resistance", "R", "ohm", "Ω", 1.0, "resistance of the cell or of one process"),
    ("leads_resistance", "R_leads", "ohm", "Ω", 1.0, "resistance of leads and contacts, measured on a short"),
    ("area_resistance", "R_A", "ohm·m²", "Ω·cm²", 1e4, "resistance times electrode area"),
    ("capacitance", "C", "F", "F", 1.0, "capacitance of the cell or of one process"),
    ("area_capacitance", "C_A", "F/m²", "µF/cm²", 1e2, "capacitance per electrode area"),
    ("conductivity", "σ", "S/m", "mS/cm", 10.0, "total ionic conductivity of the electrolyte"),
    ("thickness", "L", "m", "mm", 1e3, "electrolyte thickness between the two lithium faces"),
    ("area", "A", "m²", "mm²", 1e6, "electrode area"),
    ("lithium_thickness", "L_Li", "m", "µm", 1e6, "thickness of one lithium electrode"),
    ("reference_depth", "x_ref", "m", "mm", 1e3, "depth of a reference electrode below the working electrode's face"),
    ("mass", "m", "kg", "g", 1e3, "mass of the pellet"),
    ("theoretical_density", "ρ_th", "kg/m³", "g/cm³", 1e-3, "density of the material without pores"),
    ("relative_density", "ρ_rel", "", "%", 100.0, "density of the pellet over its theoretical density"),
    ("temperature", "T", "K", "°C", 1.0, "temperature of the cell", -273.15),
    ("temperature_stability", "δT", "K", "K", 1.0, "how far the temperature of the cell moves about its mean"),
    ("stack_pressure", "p", "Pa", "MPa", 1e-6, "pressure pressing the electrodes on the electrolyte"),
    ("frequency", "f", "Hz", "Hz", 1.0, "frequency of the impedance excitation"),
    ("impedance", "Z", "ohm", "Ω", 1.0, "complex impedance of the cell"),
    ("concentration", "c", "mol/m³", "mol/L", 1e-3, "concentration of mobile lithium"),
    ("diffusivity", "D", "m²/s", "cm²/s", 1e4, "diffusion coefficient"),
    (
        "transference",
        "t₊",
        "",
        "",
        1.0,
        "share of the current carried by lithium ions without concentration gradients",
    ),
    ("activation_energy", "E_a", "J/mol", "eV", 1 / FARADAY, "slope of ln(σT) or ln(T/R) against −1/RT"),
    ("exponent", "α", "", "", 1.0, "power-law or constant-phase exponent"),
    ("exchange_current_density", "J₀", "A/m²", "mA/cm²", 0.1, "exchange current density of Li | Li⁺"),
    (
        "limiting_current_density",
        "J_lim",
        "A/m²",
        "mA/cm²",
        0.1,
        "largest steady current density that diffusion can feed",
    ),
)


def quantity(name: str) -> Quantity:
    """The quantity of that name; ``KeyError`` lists what there is."""
    try:
        return QUANTITIES[name]
    except KeyError:
        raise KeyError(f"no quantity is named {name!r}; there are: {', '.join(sorted(QUANTITIES))}") from None
