"""The checker of shapes and types that the test run puts around every function of rampion (int may stand for float)."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
