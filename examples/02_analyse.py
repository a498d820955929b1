"""From sweeps to verdicts: what each sample shows, with its uncertainty and its flags (synthetic data)."""

from pathlib import Path

import rampion
from rampion.units import show

analysis = rampion.analyse(Path(__file__).parent / "data")
for finding in analysis.findings:
    print(finding.sample, finding.verdict, show(finding.current_density, "current_density"))
    for flag in finding.flags:
        print("   ", flag.message)
