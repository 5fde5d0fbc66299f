"""Notebooks written for TensorFlow 2.3 and its Keras, on today's stack, without editing them.

Nothing here is active until asked for: by :func:`activate`, by ``%load_ext keras_cv_course.compat`` in Jupyter, or by
``kcc compat NOTEBOOK``. What is changed is listed by :func:`shims`, each with the change that it answers.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_cv_course.compat.patches import Patches, Shim

__all__ = ["activate", "deactivate", "load_ipython_extension", "shims", "unload_ipython_extension"]

_active: "Patches | None" = None


def shims() -> "tuple[Shim, ...]":
    """List all shims, in the order in which they are applied."""
    from keras_cv_course.compat import (
        keras_backend,
        keras_layers,
        keras_loading,
        keras_models,
        keras_optimizers,
        numpy_names,
        pillow,
        removed_modules,
        symbolic_tensors,
        working_folder,
    )

    themes = (
        keras_layers,
        symbolic_tensors,
        keras_optimizers,
        keras_models,
        keras_loading,
        keras_backend,
        numpy_names,
        pillow,
        working_folder,
        removed_modules,  # last: it copies what the others have put into Keras's modules
    )
    return tuple(shim for theme in themes for shim in theme.SHIMS)


def activate() -> None:
    """Make the names and habits of TensorFlow 2.3's Keras, and of the packages of its time, work in this process.

    Call it before the imports that need it; a second call does nothing.

    Raises:
        RunError: Keras runs on another backend than TensorFlow.
    """
    global _active
    if _active is not None:
        return
    import keras

    from keras_cv_course.compat.patches import Patches
    from keras_cv_course.errors import RunError

    if keras.backend.backend() != "tensorflow":
        raise RunError(
            f"Expected Keras on TensorFlow, for which these notebooks were written. Received: "
            f"{keras.backend.backend()}. Set KERAS_BACKEND=tensorflow before Keras is imported."
        )
    patches = Patches()
    try:
        for shim in shims():
            shim.apply(patches)
    except BaseException:
        patches.undo()
        raise
    _active = patches


def deactivate() -> None:
    """Take back everything that :func:`activate` changed; names already imported from there stay as they are."""
    global _active
    if _active is not None:
        _active.undo()
        _active = None


def load_ipython_extension(ipython: Any) -> None:
    """Answer ``%load_ext keras_cv_course.compat``."""
    activate()


def unload_ipython_extension(ipython: Any) -> None:
    """Answer ``%unload_ext keras_cv_course.compat``."""
    deactivate()
