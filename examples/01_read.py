"""Read a folder of instrument files with its sample sheet, and see what is in it (synthetic data)."""

from pathlib import Path

import rampion

campaign = rampion.read(Path(__file__).parent / "data")
for experiment in campaign.experiments:
    thickness = experiment.sample.thickness
    print(
        experiment.name, f"{1e3 * thickness.value:.3f} ± {1e3 * thickness.std:.3f} mm", len(experiment.parts), "parts"
    )
