"""Names that NumPy 2 does not have any more."""

from typing import Any

import numpy as np

from keras_cv_course.compat.patches import Patches, Shim

NAMES: dict[str, Any] = {
    "int": int,
    "float": float,
    "complex": complex,
    "object": object,
    "str": str,
    "unicode": str,
    "long": int,
    "float_": np.float64,
    "complex_": np.complex128,
    "string_": np.bytes_,
    "unicode_": np.str_,
    "Inf": np.inf,
    "infty": np.inf,
    "NaN": np.nan,
    "NAN": np.nan,
    "product": np.prod,
    "cumproduct": np.cumprod,
    "sometrue": np.any,
    "alltrue": np.all,
    "in1d": np.isin,
    "row_stack": np.vstack,
    "asscalar": lambda array: array.item(),
    "VisibleDeprecationWarning": np.exceptions.VisibleDeprecationWarning,
}


def add_names(patches: Patches) -> None:
    """Give NumPy its former names; np.bool is there again, as NumPy's own type."""
    for name, thing in NAMES.items():
        patches.add(np, name, thing)


SHIMS = (Shim("np.int, np.float, np.object, np.str, np.NaN, ...", "removed from NumPy 1.24 and 2.0", add_names),)
