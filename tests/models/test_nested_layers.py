"""Which variables answer: those of the last layers with weights, wherever they stand."""

import keras
import pytest
from keras import layers

from keras_cv_course.models.nested_layers import answering_variables


def paths(*names: str) -> set[str]:
    return {f"{name}/{part}" for name in names for part in ("kernel", "bias")}


def inner() -> keras.Model:
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(2, name="inside")(layers.Dense(3, name="hidden")(inputs)), name="inner")


def two_heads() -> keras.Model:
    inputs = keras.Input((4,))
    x = layers.Dense(5, name="body")(inputs)
    heads = [layers.Activation("relu")(layers.Dense(2, name=name)(x)) for name in ("box", "classes")]
    return keras.Model(inputs, {"y": layers.Concatenate(name="y")(heads)})


def nested_head() -> keras.Model:
    inputs = keras.Input((6,))
    return keras.Model(inputs, inner()(layers.Dense(4, name="body")(inputs)))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (inner, paths("inside")),
        (two_heads, paths("box", "classes")),
        (nested_head, paths("inside")),
        (lambda: keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Dense(2, name="end")]), paths("end")),
    ],
    ids=["plain", "behind layers without weights", "in a nested model", "sequential"],
)
def test_the_last_layers_with_weights_answer(make, expected: set[str]) -> None:
    assert {"/".join(path.split("/")[-2:]) for path in answering_variables(make())} == expected
