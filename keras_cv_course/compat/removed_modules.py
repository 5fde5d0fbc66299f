"""Modules that are gone: of Keras 2, TensorFlow, Python and SciPy; and packages that are imported and not used."""

import sys
import warnings
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NoReturn

import tensorflow as tf

from keras_cv_course.compat import picture_type, scipy_misc
from keras_cv_course.compat.keras_modules import ROOTS, in_each_tree
from keras_cv_course.compat.patches import Patches, Shim, public
from keras_cv_course.errors import MissingExtraError

# Of Keras 2 -> where their contents are in Keras 3, the root being "".
MOVED = {
    **dict.fromkeys(("layers.experimental.preprocessing",), ("layers",)),
    **dict.fromkeys(
        [
            f"layers.{name}"
            for name in (
                "advanced_activations",
                "convolutional",
                "core",
                "embeddings",
                "merge",
                "noise",
                "normalization",
                "pooling",
                "recurrent",
                "wrappers",
            )
        ],
        ("layers",),
    ),
    **dict.fromkeys(
        [
            f"engine.{name}"
            for name in ("base_layer", "functional", "input_layer", "network", "sequential", "topology", "training")
        ],
        ("", "models", "layers"),
    ),
    "engine": ("", "models", "layers"),
    **dict.fromkeys(
        [f"utils.{name}" for name in ("data_utils", "generic_utils", "layer_utils", "np_utils", "vis_utils")],
        ("utils",),
    ),
}
# Of tf.keras alone in Keras 3.
SHARED = (
    "layers",
    "losses",
    "metrics",
    "preprocessing",
    *(f"preprocessing.{n}" for n in ("image", "sequence", "text")),
)
OF_TENSORFLOW_PYTHON = (
    "activations",
    "applications",
    "backend",
    "callbacks",
    "constraints",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "preprocessing",
    "regularizers",
    "utils",
)
# The course's notebooks import these and use nothing of them that is not answered here.
IMPORTED_ONLY = ("scipy", "scipy.io", "scipy.ndimage", "pandas", "pydot")


def fill_keras(patches: Patches) -> None:
    """Give each tree of Keras the modules of Keras 2, and ``keras`` what only ``tf.keras`` has."""
    for name in SHARED:
        for place in ROOTS:
            patches.module(f"{place}.{name}", public(import_module(f"tensorflow.keras.{name}")))
    for old, new in MOVED.items():
        contents = public(*(import_module(f"tensorflow.keras.{name}".rstrip(".")) for name in new))
        contents = {name: thing for name, thing in contents.items() if not isinstance(thing, ModuleType)}
        for root in ROOTS:
            patches.module(f"{root}.{old}", contents)
        # `tf.keras.layers` may be another module than any that is imported by name.
        owner, _, last = old.rpartition(".")
        for module in in_each_tree(owner.split(".")[0]) if owner in ("layers", "utils") else []:
            patches.add(module, last, sys.modules[f"keras.{old}"])


def fill_tensorflow(patches: Patches) -> None:
    """Let ``tf.python.keras`` be today's Keras; what lies there now is another Keras, kept for TensorFlow's own use."""
    python = import_module("tensorflow.python")
    patches.add(tf, "python", python)
    old_keras = import_module("tensorflow.python.keras")
    for name in OF_TENSORFLOW_PYTHON:
        todays = import_module(f"tensorflow.keras.{name}")
        patches.set(old_keras, name, todays)
        patches.set_item(sys.modules, f"tensorflow.python.keras.{name}", todays)


def fill_imghdr(patches: Patches) -> None:
    """Give ``imghdr`` where Python has none."""
    if find_spec("imghdr") is None:
        patches.module("imghdr", {"what": picture_type.what})


def fill_absent(patches: Patches) -> None:
    """Let packages be imported that are not installed; to use them is an error that says so."""
    for name in IMPORTED_ONLY:
        package = name.split(".")[0]
        if name not in sys.modules and (package in _absent() or find_spec(name) is None):
            patches.module(name, {"__getattr__": _stand_in(package)})


def _absent() -> set[str]:
    """Name the packages for which modules of ours stand."""
    return {name for name in IMPORTED_ONLY if name in sys.modules and sys.modules[name].__spec__ is None}


def _stand_in(package: str) -> Any:
    def give(name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)

        # A class, because other packages ask whether something is an instance of, say, pandas.DataFrame.
        class Absent:
            """Something of a package that is not installed."""

            def __new__(cls, *args: Any, **kwargs: Any) -> NoReturn:
                raise MissingExtraError(f"{package}.{name} needs {package}: install it with `pip install {package}`.")

        return Absent

    return give


def fill_scipy_misc(patches: Patches) -> None:
    """Give ``scipy.misc`` its picture functions, and ``scipy.ndimage`` its `imread`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for name in ("scipy.misc", "scipy.ndimage"):
            if name not in sys.modules and find_spec(name) is not None:
                import_module(name)
    names = ("imread", "imresize", "imsave", "toimage", "bytescale")
    patches.module("scipy.misc", {name: getattr(scipy_misc, name) for name in names})
    patches.module("scipy.ndimage", {"imread": scipy_misc.imread})


SHIMS = (
    Shim(
        "keras.layers.experimental.preprocessing, keras.layers.normalization, keras.engine, keras.utils.np_utils, ...",
        "Keras 3 has all layers in keras.layers and all helpers in keras.utils; some only under tf.keras",
        fill_keras,
    ),
    Shim(
        "tf.python.keras.losses, from tensorflow.python.keras.layers import Dense",
        "tf.python is hidden, and tensorflow.python.keras is not the Keras that tf.keras is",
        fill_tensorflow,
    ),
    Shim("import imghdr", "removed from Python 3.13", fill_imghdr),
    Shim(
        "import scipy, scipy.io, pandas, pydot",
        "this package does not need them; the notebooks import them, but hardly use them",
        fill_absent,
    ),
    Shim(
        "scipy.misc.imread, imresize, imsave, toimage; scipy.ndimage.imread",
        "removed from SciPy 1.2 and 1.3",
        fill_scipy_misc,
    ),
)
