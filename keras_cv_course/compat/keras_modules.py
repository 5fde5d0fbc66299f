"""Where Keras lies: notebooks reach the same classes through three trees of modules."""

from importlib import import_module
from types import ModuleType

import keras
import tensorflow as tf

# `import keras`, the attribute `tf.keras`, and `import tensorflow.keras`. Classes are the same in all, modules are not.
ROOTS = ("keras", "keras._tf_keras.keras", "tensorflow.keras")


def in_each_tree(name: str) -> list[ModuleType]:
    """Import the module `name`, such as ``models``, from each tree; the empty name stands for the roots."""
    modules = [import_module(f"{root}.{name}" if name else root) for root in ROOTS]
    # The attributes that lead there may be yet others, until the modules were imported by their names.
    owner: object = tf.keras
    for part in filter(None, name.split(".")):
        owner = getattr(owner, part)
    if name and isinstance(owner, ModuleType):
        modules.append(owner)
    return list({id(module): module for module in modules}.values())


def optimizer_classes() -> list[type]:
    """List Keras's optimizers."""
    things = vars(keras.optimizers).values()
    return [thing for thing in things if isinstance(thing, type) and issubclass(thing, keras.optimizers.Optimizer)]
