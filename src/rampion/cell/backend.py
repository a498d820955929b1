"""JAX, set up for the cell: double precision, and compiled programs kept on disk between processes.

Import this before anything that needs jax; it is the one place that says what to install when it is missing.
"""

from __future__ import annotations

import os
from typing import Any

from rampion.errors import RefusedError
from rampion.records import cache_folder

# Small loops as one compiled kernel each: the march is many small operations, and is three times faster so. Read by
# XLA when its first program is compiled; a backend that does not know the option leaves it out.
_LOOPS = "xla_cpu_small_while_loop_byte_threshold"
if _LOOPS not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = (
        f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_extra_options={_LOOPS}=100000000".strip()
    )

try:
    import jax
except ImportError:
    raise RefusedError(
        "Simulating a cell needs JAX, which is not installed: run `pip install 'rampion[cell]'`."
    ) from None


def _set_up() -> None:
    jax.config.update("jax_enable_x64", True)
    # A march takes a millisecond: handing it to another thread and waiting for that costs a fifth more.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    if getattr(jax.config, "jax_compilation_cache_dir", None) is None:
        jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "jax"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


_set_up()


def _accepted_options() -> dict[str, Any]:
    """Compiler options that shorten compiling, where this jaxlib knows them."""
    options: dict[str, Any] = {"xla_cpu_use_fusion_emitters": False}
    try:
        jax.jit(lambda x: x, compiler_options=options)(0.0)
    except Exception:  # an option of another version: the default is slower, not wrong
        return {}
    return options


COMPILER_OPTIONS = _accepted_options()


def require() -> None:
    """Nothing to do: importing this module has checked for JAX and set it up."""
