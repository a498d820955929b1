"""The numerical dialect that fits a value, so that one equation serves the traced and the plain simulator."""

from __future__ import annotations

from typing import Any

import numpy as np


def numerics(*values: Any) -> Any:
    """``numpy`` when every value is a plain number or numpy array, else ``jax.numpy`` (loaded only then)."""
    if all(isinstance(value, float | int | np.ndarray | np.generic) for value in values):
        return np
    import jax.numpy

    return jax.numpy
