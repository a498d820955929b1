"""Arrays with shapes, for annotations, from jaxtyping where it is loaded and checks them.

Nobody evaluates an annotation otherwise, and importing jaxtyping takes a fifth of a first result's time.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING or "jaxtyping" in sys.modules:
    from jaxtyping import Bool as Bool
    from jaxtyping import Complex as Complex
    from jaxtyping import Float as Float
else:
    Bool = Complex = Float = None
