"""rampion's impedance engine beside its peers on the same spectra: fits, a series, Kramers-Kronig, DRT, real files.

The peers do not live in one environment (impedance.py 1.7.1 needs numpy 1, pyimpspec 5 needs numpy 2). Make theirs:

    python3 -m venv old && old/bin/pip install "numpy<2" "scipy<1.14" "impedance==1.7.1" "pandas<3" "lmfit==1.3.4"
    python3 -m venv new && new/bin/pip install "pyimpspec==5.1.3" "pyDRTtools==0.2" PyQt5 cvxopt scikit-learn
    python3 -m venv hybrid && hybrid/bin/pip install "eisyfit-hybrid-drt==0.1.1"

and run, from the project's environment,

    python benchmarks/impedance_peers.py --peers old/bin/python new/bin/python hybrid/bin/python
        [--real FOLDER] [--only fits,series,…]

(hybrid-drt itself is on no package index; eisyfit-hybrid-drt is a fork of it that is.)

Options are those of the peers' own pages: ``CustomCircuit.fit(weight_by_modulus=True)`` and ``linKK(c=0.5,
max_M=100, fit_type="complex", add_cap=True)`` of impedance.py; pyimpspec's defaults, and besides one method with
modulus weights, because its default tries all methods and weights; pyDRTtools' ``simple_run`` as it stands (Gaussian
functions, GCV); lmfit's ``minimize`` of the same modulus-weighted residuals with bounds. Every engine is judged here by
the same modulus-weighted χ² of its parameters. Starts are 1.5-fold or ten-fold off the truth; rampion gets none. On
real files lmfit, the fastest of them, gets a family of circuits with rampion's starting values, and rampion's closest
circuit; on rampion's chosen circuit all three fitters start from these and from rampion's result too.

Times are of the processor. Synthetic spectra: 60 points, normal errors of 0.3 % of |Z| in each part, unless said.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import re
import signal
import subprocess
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
FAMILY = (
    "R0-p(R1,CPE1)",
    "R0-p(R1,CPE1)-CPE2",
    "R0-p(R1,CPE1)-Ws2",
    "R0-p(R1,CPE1)-p(R2,CPE2)",
    "R0-p(R1,CPE1)-p(R2,CPE2)-CPE3",
    "L0-R0-p(R1,CPE1)-p(R2,CPE2)",
    "L0-R0-p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)",
    "L0-R0-p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)-CPE4",
)


# --- what every side uses -------------------------------------------------------------------------------------------


def elements(circuit: str) -> list[str]:
    """Element symbols in the order of the parameters."""
    return re.findall(r"([A-Za-z]+)\d", circuit.replace("p(", "("))


def exponents(circuit: str) -> list[int]:
    """Places of the parameters that are exponents."""
    places, at = [], 0
    for symbol in elements(circuit):
        if symbol == "CPE":
            places.append(at + 1)
        at += 1 if symbol in ("R", "L", "C") else 2
    return places


def evaluate(circuit: str, parameters, omega: np.ndarray) -> np.ndarray:
    """Impedance [Ω] of ``L0-R0-p(R1,CPE1)-Ws2``, written out anew (no engine's own code)."""
    s, values, total = 1j * omega, iter(parameters), 0.0

    def one(symbol: str) -> np.ndarray:
        first = next(values)
        if symbol == "R":
            return first + 0 * s
        if symbol == "L":
            return first * s
        second = next(values)
        if symbol == "CPE":
            return 1 / (first * s**second)
        root = np.sqrt(s * second)
        return first * np.tanh(root) / root

    for part in re.findall(r"p\([^)]*\)|[A-Za-z]+\d+", circuit):
        total = total + (
            1 / sum(1 / one(symbol) for symbol in elements(part)) if part.startswith("p(") else one(elements(part)[0])
        )
    return total


def chi_square(circuit: str, parameters, frequency: np.ndarray, impedance: np.ndarray) -> float:
    """χ² with modulus weights; infinite where the parameters give no number."""
    gap = evaluate(circuit, parameters, 2 * np.pi * frequency) - impedance
    value = float(np.sum(np.abs(gap) ** 2 / np.abs(impedance) ** 2))
    return value if math.isfinite(value) else math.inf


# --- the peers (run in their own environments) ----------------------------------------------------------------------


def fit_impedance_py(circuit, frequency, impedance, guess):
    """impedance.py with modulus weights and its default bounds."""
    from impedance.models.circuits import CustomCircuit

    model = CustomCircuit(circuit, initial_guess=list(guess))
    model.fit(frequency, impedance, weight_by_modulus=True)
    return model.parameters_


def fit_lmfit(circuit, frequency, impedance, guess):
    """lmfit's least squares of modulus-weighted residuals, parameters bounded from below by zero."""
    import lmfit

    parameters, steep = lmfit.Parameters(), exponents(circuit)
    for place, value in enumerate(guess):
        parameters.add(f"p{place}", value=value, min=0.0, max=1.0 if place in steep else np.inf)
    omega, size = 2 * np.pi * frequency, np.abs(impedance)

    def residual(values):
        gap = (evaluate(circuit, list(values.valuesdict().values()), omega) - impedance) / size
        return np.concatenate([gap.real, gap.imag])

    return list(lmfit.minimize(residual, parameters).params.valuesdict().values())


def fit_pyimpspec(circuit, frequency, impedance, guess, **options):
    """pyimpspec, with its default of all methods and weights unless told otherwise."""
    import pyimpspec

    text = circuit.replace("CPE", "Q")
    text = re.sub(r"\d", "", text).replace("p(", "(").replace(",", "").replace("-", "")
    model, values = pyimpspec.parse_cdc(text), iter(guess)
    for element in model.get_elements():
        if element.get_symbol() == "Ws":  # tanh(B√(jω))/(Y√(jω))
            size, tau = next(values), next(values)
            element.set_values(Y=math.sqrt(tau) / size, B=math.sqrt(tau), n=0.5)
            element.set_fixed(n=True)
            continue
        for key in element.get_values():
            element.set_values(key, next(values))
    data = pyimpspec.DataSet(frequencies=frequency, impedances=impedance)
    found = []
    for element in pyimpspec.fit_circuit(model, data, num_procs=1, **options).circuit.get_elements():
        got = element.get_values()
        if element.get_symbol() == "Ws":
            found += [got["B"] / got["Y"], got["B"] ** 2]
        else:
            found += list(got.values())
    return found


def fit_pyimpspec_single(circuit, frequency, impedance, guess):
    """pyimpspec with one method and modulus weights."""
    return fit_pyimpspec(circuit, frequency, impedance, guess, method="least_squares", weight="modulus")


def kramers_kronig_impedance_py(frequency, impedance):
    """Root mean square residual relative to |Z| of one part."""
    from impedance.validation import linKK

    _, _, _, real, imaginary = linKK(frequency, impedance, c=0.5, max_M=100, fit_type="complex", add_cap=True)
    return float(np.sqrt(np.mean(real**2 + imaginary**2) / 2))


def kramers_kronig_pyimpspec(frequency, impedance):
    """The same of pyimpspec's automatic test."""
    import pyimpspec

    order = np.argsort(frequency)[::-1]
    data = pyimpspec.DataSet(frequencies=frequency[order], impedances=impedance[order])
    found = pyimpspec.perform_kramers_kronig_test(data, num_procs=1).get_impedances()
    return float(np.sqrt(np.mean(np.abs(found - impedance[order]) ** 2 / np.abs(impedance[order]) ** 2) / 2))


def _area(tau, gamma) -> float:
    order = np.argsort(tau)
    return float(np.trapezoid(np.asarray(gamma)[order], np.log(np.asarray(tau)[order])))


def drt_pydrttools(frequency, impedance):
    """Polarisation resistance [Ω], ∫γ d ln τ."""
    sys.modules.setdefault("pyDRTtools.GUI", types.ModuleType("pyDRTtools.GUI"))  # its windows need Qt
    with contextlib.redirect_stdout(io.StringIO()):
        from pyDRTtools.runs import EIS_object, simple_run

        entry = EIS_object(frequency, impedance.real, impedance.imag)
        simple_run(entry)
    return _area(entry.out_tau_vec, entry.gamma)


def drt_pyimpspec(frequency, impedance):
    """The same by non-negative Tikhonov, pyimpspec's default."""
    import pyimpspec

    order = np.argsort(frequency)[::-1]
    data = pyimpspec.DataSet(frequencies=frequency[order], impedances=impedance[order])
    return _area(*pyimpspec.calculate_drt(data).get_drt_data())


def drt_hybrid(frequency, impedance):
    """The same by hybrid-drt."""
    from hybdrt.models import DRT

    model = DRT()
    model.fit_eis(frequency, impedance)
    return float(model.predict_r_p())


PEERS = {
    "impedance.py": ("impedance", {"fit": fit_impedance_py, "check": kramers_kronig_impedance_py}),
    "lmfit": ("lmfit", {"fit": fit_lmfit}),
    "pyimpspec": ("pyimpspec", {"fit": fit_pyimpspec_single, "check": kramers_kronig_pyimpspec, "drt": drt_pyimpspec}),
    "pyimpspec (default)": ("pyimpspec", {"fit": fit_pyimpspec}),
    "pyDRTtools": ("pyDRTtools", {"drt": drt_pydrttools}),
    "hybrid-drt": ("hybdrt", {"drt": drt_hybrid}),
}


def serve(source: Path, target: Path) -> None:
    """Run every job that an installed peer can do; answers are (seconds, result or None)."""
    import importlib.util

    def stop(*_: object) -> None:
        raise TimeoutError("stopped: it takes too long")

    signal.signal(signal.SIGVTALRM, stop)
    warnings.simplefilter("ignore")
    asked, answers = json.loads(source.read_text()), {}
    for name, (package, verbs) in PEERS.items():
        if name not in asked or importlib.util.find_spec(package) is None:
            continue
        if name.startswith("lmfit") and importlib.util.find_spec("impedance") is None:
            continue  # once is enough
        answers[name] = []
        for job in asked[name]:
            frequency = np.array(job["f"])
            impedance = np.array(job["re"]) + 1j * np.array(job["im"])
            begun = time.process_time()
            signal.setitimer(signal.ITIMER_VIRTUAL, job.get("limit", 120.0))
            try:
                with np.errstate(all="ignore"):
                    result = verbs[job["verb"]](
                        *([job["circuit"]] if "circuit" in job else []),
                        frequency,
                        impedance,
                        *([job["guess"]] if "guess" in job else []),
                    )
                result = [float(v) for v in result] if np.ndim(result) else float(result)
            except Exception as problem:  # a peer that fails has no result
                result = None
                print(f"  {name}: {str(problem)[:90]}", file=sys.stderr)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            answers[name].append([time.process_time() - begun, result])
        print(f"  {name}: {len(asked[name])} jobs done", file=sys.stderr)
    target.write_text(json.dumps(answers))


# --- the driver (rampion's environment) -----------------------------------------------------------------------------


def ask(peers: list[str], jobs: dict[str, list[dict]]) -> dict[str, list]:
    """All jobs by all peers that are installed somewhere."""
    answers: dict[str, list] = {}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.json", Path(folder) / "out.json"
        source.write_text(json.dumps(jobs))
        for python in peers:
            command = [python, "-P", __file__, "--serve", str(source), str(target)]  # -P: no sibling named impedance
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            answers = json.loads(target.read_text()) | answers  # the first environment that has a peer
    return answers


def plain(frequency: np.ndarray, impedance: np.ndarray, **more) -> dict:
    """A job's spectrum as lists."""
    return {"f": frequency.tolist(), "re": impedance.real.tolist(), "im": impedance.imag.tolist(), **more}


def best_split(rms: np.ndarray, valid: np.ndarray) -> float:
    """Largest share of right verdicts that any threshold on the rms residual gives; NaN counts as wrong."""
    limits = np.concatenate([np.unique(rms[np.isfinite(rms)]), [np.inf]])
    return max(float(np.mean(((rms <= limit) == valid) & np.isfinite(rms))) for limit in limits)


def clocked(function: Callable, items: list) -> tuple[list, list[float]]:
    """Results and seconds of processor time of each, the first once before."""
    function(items[0])
    results, spent = [], []
    for item in items:
        begun = time.process_time()
        results.append(function(item))
        spent.append(time.process_time() - begun)
    return results, spent


def fits(peers: list[str], count: int, few: int, slow: bool) -> None:
    """Time and success of the three test circuits."""
    from impedance import CASES, measure_rampion, spectrum, start

    own, best = measure_rampion(count)
    jobs: dict[str, list] = {
        name: [] for name, (_, verbs) in PEERS.items() if "fit" in verbs and (slow or "default" not in name)
    }
    keys: dict[str, list] = {name: [] for name in jobs}
    for name in jobs:
        for case, (circuit, _, _) in CASES.items():
            for label, factor in (("1.5", 1.5), ("10", 10.0)):
                for seed in range({"lmfit": count, "impedance.py": few, "pyimpspec": few}.get(name, 1)):
                    guess = start(case, seed, factor)
                    jobs[name].append(plain(*spectrum(case, seed), verb="fit", circuit=circuit, guess=guess))
                    keys[name].append((case, label, seed))
    found = ask(peers, jobs)
    print(
        "\n| engine | case | start off by | spectra | median time (ms) | of rampion's | χ² within 1.5 of the optimum |"
    )
    print("|---|---|---|---|---|---|---|")
    base = {}
    for case in CASES:
        times, costs = own[f"rampion|{case}|no guess"]
        base[case] = float(np.median(times))
        good = np.mean([cost <= 1.5 * best[f"{case}|{seed}"] for seed, cost in enumerate(costs)])
        print(f"| rampion | {case} | no start | {len(times)} | {1e3 * base[case]:.0f} | 1 | {good:.0%} |")
    for name, answers in found.items():
        for case, (circuit, _, _) in CASES.items():
            for label in ("1.5", "10"):
                times, good = [], []
                for (at, which, seed), (spent, result) in zip(keys[name], answers, strict=True):
                    if (at, which) == (case, label):
                        times.append(spent)
                        cost = math.inf if result is None else chi_square(circuit, result, *spectrum(case, seed))
                        good.append(cost <= 1.5 * best[f"{case}|{seed}"])
                middle = float(np.median(times))
                print(
                    f"| {name} | {case} | {label} | {len(times)} | {1e3 * middle:.0f} | {middle / base[case]:.0f} | "
                    f"{np.mean(good):.0%} |"
                )


def series(peers: list[str]) -> None:
    """Fifty spectra of case A whose second arc grows threefold; the peers fit one by one from the first one's start."""
    from impedance import CASES, measure_series, series_spectra, start

    own = measure_series()
    print("\n| engine | 50 spectra (s) | of rampion's |\n|---|---|---|")
    print(f"| rampion, no start, tracks and processes as well | {own:.2f} | 1 |")
    jobs = {}
    for name in ("impedance.py", "lmfit", "pyimpspec"):
        guess = start("A", 0, 1.5)
        jobs[name] = [plain(*pair, verb="fit", circuit=CASES["A"][0], guess=guess) for pair in series_spectra(50)]
    for name, answers in ask(peers, jobs).items():
        total = sum(spent for spent, _ in answers)
        print(f"| {name}, start 1.5-fold off | {total:.1f} | {total / own:.0f} |")


def kramers_kronig(peers: list[str], count: int, few: int) -> None:
    """Verdicts on constructed valid and drifting spectra; peers at the threshold that suits this very set best."""
    from constructed_spectra import construct

    from rampion.impedance.kramers_kronig import check_kramers_kronig
    from rampion.measurement import Spectrum

    rng = np.random.default_rng(20263)
    made = [construct(rng, drifting=bool(i % 2)) for i in range(count)]
    valid = np.array([i % 2 == 0 for i in range(count)])
    spectra = [Spectrum(frequency=m.frequency, impedance=m.impedance, synthetic=True) for m in made]
    found, spent = clocked(check_kramers_kronig, spectra)
    right = np.mean(np.array([bool(f.valid) for f in found]) == valid)
    own = float(np.median(spent))
    print("\n| engine | spectra | median time (ms) | of rampion's | right |\n|---|---|---|---|---|")
    print(f"| rampion, own verdict | {count} | {1e3 * own:.1f} | 1 | {right:.1%} |")
    jobs = {
        name: [plain(m.frequency, m.impedance, verb="check") for m in made[:number]]
        for name, number in (("impedance.py", count), ("pyimpspec", few))
    }
    for name, answers in ask(peers, jobs).items():
        rms = np.array([math.nan if result is None else result for _, result in answers])
        middle = float(np.median([s for s, _ in answers]))
        share = best_split(rms, valid[: rms.size])
        print(
            f"| {name}, best threshold | {rms.size} | {1e3 * middle:.0f} | {middle / own:.0f} | at most {share:.1%} |"
        )


def relaxation_times(peers: list[str], count: int) -> None:
    """Polarisation resistance from the distribution of relaxation times."""
    from test_relaxation_times import arcs

    from rampion.impedance.relaxation_times import find_relaxation_times

    head = "median time (ms) | of rampion's | median error | within 2 %"
    print(f"\n| arcs | engine | spectra | {head} |\n|---|---|---|---|---|---|---|")
    for margin, words in ((1.5, "1.5 decades inside the window"), (-0.5, "up to half a decade outside")):
        rng = np.random.default_rng(20264)
        cases = [arcs(rng, margin) for _ in range(count)]
        true = np.array([total for _, total in cases])
        found, spent = clocked(lambda case: find_relaxation_times(case[0]), cases)
        own = float(np.median(spent))
        error = np.abs(np.array([f.polarisation.value for f in found]) / true - 1)
        kept = np.array([not f.flags for f in found])
        for text, some in (("rampion", np.ones(count, bool)), ("rampion, where it raises no flag", kept)):
            print(
                f"| {words} | {text} | {some.sum()} | {1e3 * own:.0f} | 1 | {np.median(error[some]):.1%} | "
                f"{np.mean(error[some] < 0.02):.0%} |"
            )
        jobs = [plain(case.frequency, case.impedance, verb="drt") for case, _ in cases]
        for name, answers in ask(peers, dict.fromkeys(("pyimpspec", "pyDRTtools", "hybrid-drt"), jobs)).items():
            result = np.array([math.nan if value is None else value for _, value in answers])
            error = np.abs(result / true - 1)
            middle = float(np.median([s for s, _ in answers]))
            print(
                f"| {words} | {name} | {len(answers)} | {1e3 * middle:.0f} | {middle / own:.1f} | "
                f"{np.nanmedian(error):.1%} | {np.mean(error < 0.02):.0%} |"
            )


def real_spectra(folder: Path) -> list[tuple[str, object]]:
    """The first spectrum of every file, each content once."""
    from rampion.errors import RampionError
    from rampion.readers.detect import read_file

    out, seen = [], set()
    for path in sorted(folder.rglob("*")):
        try:
            spectra = read_file(path).spectra if path.is_file() else ()
        except RampionError:
            continue
        if spectra and (key := tuple(np.round(np.log(np.abs(spectra[0].impedance)), 3))) not in seen:
            seen.add(key)
            number = f" [1 of {len(spectra)}]" if len(spectra) > 1 else ""
            out.append((path.relative_to(folder).as_posix() + number, spectra[0]))
    return out


def real(peers: list[str], folder: Path) -> None:
    """Residuals of real spectra: the circuit of rampion's likeliest labels, and the best fit of any peer."""
    from rampion.errors import InputError
    from rampion.impedance.circuit import parameter_kinds
    from rampion.impedance.finding import analyse_spectrum
    from rampion.impedance.fit import deviations, fit_circuit
    from rampion.impedance.guess import starting_values
    from rampion.impedance.kramers_kronig import check_kramers_kronig
    from rampion.impedance.notation import parse_circuit

    named, fits, refused = [], [], []
    for name, spectrum in real_spectra(folder):
        try:
            fits.append(fit_circuit(spectrum, analyse_spectrum(spectrum).circuit))
            named.append((name, spectrum))
        except InputError as error:  # the labels have priors; a free fit needs more points than parameters
            refused.append(f"`{name}`: {error}")
    jobs: dict[str, list] = {"lmfit": [], "impedance.py": [], "pyimpspec": []}
    keys: dict[str, list] = {name: [] for name in jobs}
    for number, ((_, spectrum), fit) in enumerate(zip(named, fits, strict=True)):
        frequency, impedance = np.asarray(spectrum.frequency), np.asarray(spectrum.impedance)
        sizes = deviations(impedance, "modulus")
        own = {fit.notation: fit}
        for circuit in dict.fromkeys((*own, *FAMILY)):
            tree = parse_circuit(circuit)
            if 4 * frequency.size < 3 * len(parameter_kinds(tree)):
                continue
            guesses = np.exp(starting_values(tree, 2 * np.pi * frequency, impedance, sizes, 1)).tolist()
            if circuit in own:
                guesses.append([estimate.value for estimate in own[circuit].parameters.values()])
            for guess in guesses:
                for engine in jobs if circuit == fit.notation else ("lmfit",):
                    jobs[engine].append(
                        plain(frequency, impedance, verb="fit", circuit=circuit, guess=guess, limit=3.0)
                    )
                    keys[engine].append((number, circuit))
    best: dict[tuple[int, str], tuple[float, str]] = {}
    for engine, answers in ask(peers, jobs).items():
        for (number, circuit), (_, result) in zip(keys[engine], answers, strict=True):
            spectrum = named[number][1]
            if result is not None:
                cost = chi_square(circuit, result, spectrum.frequency, spectrum.impedance)
                best[number, circuit] = min(best.get((number, circuit), (math.inf, "")), (cost, engine))
    print(
        "\n| spectrum | points | Kramers–Kronig, its noise (%) | circuit of the labels | residual (%) | BIC | "
        "best peer | its circuit | residual (%) | rampion's over the peer's "
        "| χ², same circuit, over the best peer's |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )
    words, worse, alone = {True: "valid", False: "not valid", None: "untold"}, [], 0
    for number, ((name, spectrum), fit) in enumerate(zip(named, fits, strict=True)):
        check = check_kramers_kronig(spectrum)
        rows = [
            (math.sqrt(cost / (2 * len(spectrum) - len(parameter_kinds(parse_circuit(circuit))))), circuit, engine)
            for (which, circuit), (cost, engine) in best.items()
            if which == number
        ]
        residual, circuit, engine = min(rows, default=(math.nan, "", ""))
        alone += fit.noise <= 1.0005 * min((row[0] for row in rows if row[1] in FAMILY), default=math.inf)
        ratio = fit.noise / residual
        worse += [name] * (ratio > 1.0005)
        noise = "" if math.isnan(check.noise) else f", {100 * check.noise:.2g}"
        same = best.get((number, fit.notation), (math.nan, ""))[0]
        print(
            f"| `{name}` | {len(spectrum)} | {words[check.valid]}{noise} | `{fit.notation}` | {100 * fit.noise:.2g} | "
            f"{fit.bic:.0f} | {engine} | `{circuit}` | {100 * residual:.2g} | {ratio:.3f} | "
            f"{fit.chi_square / same:.3f} |"
        )
    print(f"\nLarger residual than the best peer's: {len(worse)} of {len(named)} {worse}")
    print("\n".join(["", f"Not compared: {len(refused)}", *refused]))
    print(f"Circuit of the labels no worse than the peers' best of the family of eight: {alone} of {len(named)}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="*", default=[], help="the Pythons of the peers' environments")
    parser.add_argument("--real", type=Path, help="folder of real instrument files")
    parser.add_argument("--only", default="fits,series,kramers_kronig,relaxation_times", help="which, by commas")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--few", type=int, default=3, help="spectra for slow peers")
    parser.add_argument("--slow", action="store_true", help="fit with pyimpspec's default too: a minute and more a fit")
    parser.add_argument("--serve", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
        return
    warnings.simplefilter("ignore")
    sys.path.insert(1, str(ROOT / "tests" / "impedance"))
    wanted = options.only.split(",")
    if "fits" in wanted:
        fits(options.peers, options.count, options.few, options.slow)
    if "series" in wanted:
        series(options.peers)
    if "kramers_kronig" in wanted:
        kramers_kronig(options.peers, 10 * options.count, 4 * options.few)
    if "relaxation_times" in wanted:
        relaxation_times(options.peers, 2 * options.count)
    if options.real:
        real(options.peers, options.real)


if __name__ == "__main__":
    main()
