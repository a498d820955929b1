"""``python -m rampion``."""

from rampion.cli import main

main()
