"""Files of one pellet at several temperatures, of known energies (synthetic), for the tests of series."""

from __future__ import annotations

from pathlib import Path

import numpy as np

FREQUENCY = np.geomspace(1e6, 1, 45)
KELVIN, ROOM, BOLTZMANN = 273.15, 298.15, 8.617333262e-5
CERAMIC, INTERFACE = 0.40, 0.55  # eV, of σT and of T/R
SIGMA, LENGTH, AREA = 0.06, 1e-3, 4e-6  # of the bulk
TOTAL = SIGMA / 1.3  # with the grain boundary


def activated(temperature: float, energy: float) -> float:
    """The share of its value at 25 °C that 1/R has, T/R being activated."""
    return ROOM / temperature * np.exp(-energy / BOLTZMANN * (1 / temperature - 1 / ROOM))


def impedance(celsius: float, rng: np.random.Generator, noise: float = 2e-3, bulk_exponent: float = 1.0) -> np.ndarray:
    """Bulk (8 pF), a grain boundary (0.3 of its resistance, 3 nF), an interface (2 µF) of 500 Ω at 25 °C."""
    angular, temperature = 2j * np.pi * FREQUENCY, celsius + KELVIN
    bulk = LENGTH / AREA / (SIGMA * activated(temperature, CERAMIC))
    interface = 500 / activated(temperature, INTERFACE)
    z = bulk / (1 + (angular * bulk * 8e-12) ** bulk_exponent)
    z = (
        z
        + 0.3 * bulk / (1 + (angular * 0.3 * bulk * 3e-9) ** 0.9)
        + interface / (1 + (angular * interface * 2e-6) ** 0.85)
    )
    return z * (1 + noise * (rng.standard_normal(FREQUENCY.size) + 1j * rng.standard_normal(FREQUENCY.size)))


def write_files(
    folder: Path, celsius: tuple[float, ...], seed: int = 1, column: str = "temperature [°C]", sample: str = "S1"
) -> Path:
    """A file each, and the sheet that says which is which; the order of the rows is not that of the temperatures."""
    rng = np.random.default_rng(seed)
    rows = []
    for place, value in enumerate(sorted(celsius, key=lambda value: (value * 7) % 11)):
        name = f"{sample}_{place}.csv"
        z = impedance(value if column.startswith("temperature") else 25.0, rng)
        table = "\n".join(f"{f:.8g},{one.real:.8g},{one.imag:.8g}" for f, one in zip(FREQUENCY, z, strict=True))
        (folder / name).write_text(f"freq/Hz,Re(Z)/Ohm,Im(Z)/Ohm\n{table}\n", encoding="utf-8")
        rows.append(f"{sample},{name},1.00 ± 0.02,4.0 ± 0.1,{value}")
    sheet = folder / "samples.csv"
    head = "" if sheet.exists() else f"sample,file,thickness [mm],area [mm²],{column}\n"
    with sheet.open("a", encoding="utf-8") as stream:
        stream.write(head + "\n".join(rows) + "\n")
    return folder
