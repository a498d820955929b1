"""``rampion simulate``: the same experiment on a cell whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from rampion.cli.options import output_options, quantity_option
from rampion.errors import InputError

if TYPE_CHECKING:
    from rampion.cell.parameters import Cell
    from rampion.measurement import Protocol

CELL = {
    "thickness": ("thickness", "Electrolyte thickness."),
    "area": ("area", "Electrode area."),
    "conductivity": ("conductivity", "Total conductivity at rest."),
    "concentration": ("concentration", "Concentration of mobile lithium at rest."),
    "transference": ("transference", "Transference number of lithium."),
    "diffusivity": ("diffusivity", "Diffusivity instead of the Nernst–Einstein one."),
    "temperature": ("temperature", "Temperature of the cell."),
    "series_resistance": ("area_resistance", "Leads and contacts, as '50 ohm cm2'."),
    "interface_resistance": ("area_resistance", "Both lithium interfaces together."),
    "exchange_current": ("exchange_current_density", "Exchange current density of lithium; without it, no kinetics."),
    "interface_capacitance": ("area_capacitance", "Capacitance of each interface."),
}
_SEEN = {
    "noise": "noise", "sampling_period": "sampling_period", "sampling_step": "sampling_step",
    "sampling_current": "sampling_current_step",
}  # fmt: skip
"""Options of the virtual instrument, and what :func:`rampion.report.simulation.write_simulation` calls them."""
_NEEDED = ("thickness", "conductivity", "concentration", "transference")


def cell_from(options: dict[str, Any], lasting: float = 0.0) -> Cell:
    """The cell that the options describe, over the named set if there is one, with what happens at its faces in a run
    that lasts so long [s]."""
    from dataclasses import replace

    from rampion.cli.mechanisms import mechanism

    cell = _bare_cell(options)
    if not options["mechanism"]:
        return cell
    return replace(cell, terms=tuple(mechanism(text, cell, lasting) for text in options["mechanism"]))


def _bare_cell(options: dict[str, Any]) -> Cell:
    """The cell without what happens at its faces."""
    from rampion.cell.parameters import Cell, load_cell

    given = {name: estimate.value for name in CELL if (estimate := options.get(name)) is not None}
    if options["reference"] is not None:
        given["reference"] = options["reference"]
    if options["cell"]:
        return load_cell(options["cell"], **given)
    missing = [f"--{name}" for name in _NEEDED if name not in given]
    if missing:
        raise InputError(f"The cell lacks {', '.join(missing)}; give them, or name a set with --cell gopal2023.")
    return Cell(**given, name="simulated")


def cell_options(function: Callable, instrument: bool = True) -> Callable:
    """Everything that describes the cell, the instrument (where there is one) and the output."""
    for name, (quantity, text) in reversed(CELL.items()):
        function = quantity_option(f"--{name.replace('_', '-')}", quantity, text)(function)
    seen = (
        click.option(
            "--noise", type=click.FloatRange(0.0, 1.0, max_open=True),
            help="Noise of the written records, of the current range and of Z (0.002 is 0.2 %).",
        ),
        click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the noise."),
        quantity_option(
            "--sampling-period", "duration",
            "A point of the written records whenever so long has passed since the last one; without this and the next "
            "two the round time that gives 1000 to 2500 points.",
        ),
        quantity_option("--sampling-step", "potential", "A point also whenever the potential has changed so much."),
        quantity_option("--sampling-current", "current", "A point also whenever the current has changed so much."),
    )  # fmt: skip
    files = click.option(
        "--write", type=click.Choice(["eclab", "gamry", "chi", "csv"]), help="Also as instrument files."
    )
    more = (
        click.option("--cell", help="A parameter set: its shipped name (gopal2023) or a TOML file."),
        click.option(
            "--mechanism", multiple=True,
            help="What happens at the faces, as 'contact:capacity=0.5mAh/cm2,resistance=10 ohm cm2' (repeatable): "
            "contact, vacancies, leakage, penetration, threshold, depletion or short.",
        ),
        click.option("--reference", type=float, help="Reference plane, as a fraction of the thickness from plating."),
        *(seen if instrument else ()),
        click.option("--tolerance", type=float, default=1e-4, show_default=True, help="Relative error of J(V)."),
        *((files,) if instrument else ()),
        output_options,
    )  # fmt: skip
    for option in reversed(more):
        function = option(function)
    return function


def _scan(options: dict[str, Any]) -> Any:
    """The scan that --high, --low, --points and --scan-duration describe, removing them from ``options``."""
    import math

    from rampion.measurement import FrequencyScan

    high, low, points, lasting = (options.pop(name) for name in ("high", "low", "points", "scan_duration"))
    return FrequencyScan(
        high=high.value, low=low.value, points_per_decade=points, duration=lasting.value if lasting else math.nan
    )


def _run(protocols: list[Protocol], options: dict[str, Any], pauses: bool = False) -> None:
    from rampion.cell.protocols import segments
    from rampion.cell.simulate import simulate as run
    from rampion.cell.simulation import Accuracy
    from rampion.records import to_json
    from rampion.report.simulation import simulation_entry, simulation_text, write_simulation

    seen = {field: options[name] for name, field in _SEEN.items() if options[name] is not None}
    if (options["write"] or seen) and not options["output"]:
        named = (
            "--write" if options["write"] else f"--{next(n for n, f in _SEEN.items() if f in seen).replace('_', '-')}"
        )
        raise InputError(f"{named} needs a folder for the records; add -o DIR.")
    lasting = sum(segment.duration for segment in segments(protocols, 1.0))
    cell = cell_from(options, lasting)
    accuracy = Accuracy(tolerance=options["tolerance"])
    simulation = run(cell, protocols if len(protocols) > 1 else protocols[0], accuracy=accuracy)
    entry = simulation_entry(simulation)
    if pauses:
        from rampion.cell.simulate import pause_effect

        entry["pause_effect"] = pause_effect(cell, protocols[0])  # type: ignore[arg-type]
    if options["output"]:
        values = {name: getattr(value, "value", value) for name, value in seen.items()}
        if options["write"] or values:
            values["seed"] = options["seed"]
        write_simulation(simulation, options["output"], options["write"], values)
    click.echo(to_json(entry) if options["as_json"] else simulation_text(simulation, entry))


@click.group()
def simulate() -> None:
    """Simulate the experiment on a Li | ceramic | Li cell (synthetic data)."""


rate_option = quantity_option("--rate", "scan_rate", "Scan rate, as '0.05 mV/s'.", required=True)
to_option = quantity_option("--to", "potential", "Where the sweep ends.", required=True)
scan_options = (
    quantity_option("--high", "frequency", "Highest frequency.", default="600 kHz", show_default=True),
    quantity_option("--low", "frequency", "Lowest frequency.", default="10 Hz", show_default=True),
    click.option("--points", type=float, default=10.0, show_default=True, help="Frequencies per decade."),
    quantity_option(
        "--scan-duration", "duration", "Time of a scan, each point measured while the cell moves; else all at once."
    ),
)


def with_scan(function: Callable) -> Callable:
    """--high, --low, --points, --scan-duration."""
    for option in reversed(scan_options):
        function = option(function)
    return function


@simulate.command()
@rate_option
@to_option
@cell_options
def sweep(rate: Any, to: Any, **options: Any) -> None:
    """A one-way voltage ramp."""
    from rampion.measurement import Sweep

    _run([Sweep(rate=rate.value, start=0.0, stop=to.value)], options)


@simulate.command()
@rate_option
@to_option
@quantity_option("--every", "potential", "Pause after each of these steps.", default="50 mV", show_default=True)
@quantity_option("--pause", "duration", "Length of a pause.", default="90 s", show_default=True)
@with_scan
@cell_options
def paused(rate: Any, to: Any, every: Any, pause: Any, **options: Any) -> None:
    """A ramp paused every ΔV for a spectrum, and what the pauses did to the peak."""
    from rampion.measurement import Pause, Sweep

    stop = Pause(every=every.value, duration=pause.value, scan=_scan(options))
    _run([Sweep(rate=rate.value, start=0.0, stop=to.value, pause=stop)], options, pauses=True)


@simulate.command()
@quantity_option("--potential", "potential", "Cell voltage to hold.", required=True)
@quantity_option("--duration", "duration", "How long.", required=True)
@click.option("--spectra", type=int, default=0, show_default=True, help="Spectra during the hold, evenly in time.")
@with_scan
@cell_options
def hold(potential: Any, duration: Any, spectra: int, **options: Any) -> None:
    """A constant cell voltage, with or without spectra."""
    from rampion.measurement import Hold

    scan = _scan(options)
    part = Hold(potential=potential.value, duration=duration.value / max(spectra, 1))
    _run([part, scan] * spectra if spectra else [part], options)


@simulate.command()
@quantity_option("--current-density", "current_density", "Current density.", required=True)
@quantity_option("--duration", "duration", "How long.", required=True)
@cell_options
def current(current_density: Any, duration: Any, **options: Any) -> None:
    """A constant current."""
    from rampion.measurement import ConstantCurrent

    area = _bare_cell(options).area
    _run([ConstantCurrent(current=current_density.value * area, duration=duration.value)], options)


@simulate.command()
@click.option(
    "--current-density",
    "densities",
    required=True,
    metavar="MA/CM²",
    help="Of each step, as 0.1,0.2,-0.2mA/cm2 or 0.1..1mA/cm2:10 (10 steps, evenly).",
)
@quantity_option("--duration", "duration", "How long each step lasts.", required=True)
@cell_options
def steps(densities: str, duration: Any, **options: Any) -> None:
    """Constant currents one after the other, as in a test for the critical current density."""
    from rampion.cli.options import parse_values
    from rampion.measurement import Steps

    try:
        values = parse_values(densities, "current_density")
    except InputError as error:
        raise InputError(f"--current-density: {error}") from None
    currents = tuple((values * _bare_cell(options).area).tolist())
    _run([Steps(currents=currents, durations=(duration.value,) * len(currents))], options)


@simulate.command()
@rate_option
@to_option
@quantity_option("--duration", "duration", "How long to rest after the ramp.", required=True)
@click.option("--spectra", type=int, default=6, show_default=True, help="Spectra during the rest, evenly in log time.")
@click.option("--pressed/--released", default=True, help="Whether the stack pressure stays on.")
@with_scan
@cell_options
def relax(rate: Any, to: Any, duration: Any, spectra: int, pressed: bool, **options: Any) -> None:
    """A ramp stopped at --to, then rest with spectra."""
    from rampion.measurement import Rest, Sweep

    scan = _scan(options)
    first = duration.value / 2.0 ** max(spectra - 1, 0)
    times = [0.0] + [first * 2.0**n for n in range(spectra)]
    protocols: list[Protocol] = [Sweep(rate=rate.value, start=0.0, stop=to.value)]
    for begin, end in pairwise(times):
        protocols += [Rest(duration=end - begin, pressed=pressed), scan]
    _run(protocols, options)


@simulate.command()
@rate_option
@quantity_option("--at", "potential", "Cell voltage of the ramp at which to take the spectrum.", required=True)
@with_scan
@cell_options
def spectrum(rate: Any, at: Any, **options: Any) -> None:
    """The spectrum at a transient state of a ramp."""
    from rampion.measurement import Sweep

    scan = _scan(options)
    _run([Sweep(rate=rate.value, start=0.0, stop=at.value), scan], options)


@simulate.command()
@click.argument("file", type=click.Path(exists=True))
@cell_options
def replay(file: str, **options: Any) -> None:
    """What was done to a measured sample (a file or the folder of one sample), done to the simulated cell."""
    from rampion.cell.replay import protocols_of
    from rampion.study import read

    experiments = read(file).experiments
    if len(experiments) != 1:
        names = ", ".join(experiment.name for experiment in experiments)
        raise InputError(f"{file} holds {len(experiments)} samples ({names}); give the files of one of them.")
    _run(list(protocols_of(experiments[0])), options)
