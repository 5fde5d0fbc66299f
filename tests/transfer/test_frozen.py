"""Frozen means frozen: whatever a recipe does, a frozen layer keeps every bit of every weight, statistics included."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import applications, layers

from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.models.nested_layers import all_layers
from keras_cv_course.models.resnet import resnet
from keras_cv_course.transfer.backbones import AS_IT_IS, FROM_0_TO_1, Backbone, Preprocessing
from keras_cv_course.transfer.layer_groups import check_compiled
from keras_cv_course.transfer.recipes import RECIPES, Recipe, train_transfer

SHAPE = (32, 32, 3)
WITHOUT_TOP = {"input_shape": SHAPE, "include_top": False, "weights": None}
AROUND_0 = Preprocessing((1 / 127.5,) * 3, (-1, -1, -1))


def beginning(network: keras.Model, last: str) -> keras.Model:
    """Cut a deep network off: tracing a training step of all of it takes most of a minute."""
    return keras.Model(network.inputs, network.get_layer(last).output)


def mobilenet() -> Backbone:
    return Backbone("m", beginning(applications.MobileNet(alpha=0.25, **WITHOUT_TOP), "conv_pw_3_relu"), AROUND_0)


def mobilenetv2() -> Backbone:
    return Backbone("v", beginning(applications.MobileNetV2(alpha=0.35, **WITHOUT_TOP), "block_3_project_BN"), AROUND_0)


def efficientnetb0() -> Backbone:
    return Backbone("e", beginning(applications.EfficientNetB0(**WITHOUT_TOP), "block2b_add"), AS_IT_IS)


def our_resnet18() -> Backbone:
    return Backbone("r", beginning(resnet(18, SHAPE, include_top=False), "stage4_block1_out"), FROM_0_TO_1)


# Each recipe on two backbones, each backbone under two recipes; the other pairs are slow tests.
IN_EVERY_RUN = {
    mobilenet: ("small", "medium"),
    mobilenetv2: ("large", "finetune"),
    efficientnetb0: ("small", "finetune"),
    our_resnet18: ("medium", "large"),
}
CASES = [
    pytest.param(make, recipe, marks=[] if recipe in recipes else [pytest.mark.slow])
    for make, recipes in IN_EVERY_RUN.items()
    for recipe in RECIPES
]


@pytest.fixture(scope="module")
def photographs() -> LabelledImages:
    images = np.random.default_rng(0).integers(0, 256, (12, *SHAPE), dtype=np.uint8)
    return LabelledImages(images, np.arange(12) % 2, ("no", "yes"))


def shortened(recipe: Recipe) -> Recipe:
    head = recipe.head and replace(recipe.head, epochs=1, views=2)
    # The precision that needs no trial, and a rate that moves every weight visibly in a step.
    fit = recipe.fit and replace(recipe.fit, epochs=1, batch_size=8, precision="float32", learning_rate=1e-2)
    return replace(recipe, head=head, fit=fit)


def weights(model: keras.Model) -> dict[str, list[np.ndarray]]:
    found = {layer.name: [w.numpy() for w in layer.weights] for layer in all_layers(model) if layer.weights}
    assert sum(map(len, found.values())) == len(model.weights)
    return found


@pytest.mark.parametrize(("make", "recipe"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_frozen_layers_keep_every_bit(
    make: Callable[[], Backbone], recipe: str, photographs: LabelledImages, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(0)
    backbone = make()
    before = weights(backbone.network)
    validation, train = photographs.take(np.arange(4)), photographs.take(np.arange(4, 12))
    validation = validation if recipe == "finetune" else None  # with it the best epoch's weights are put back
    model, history = train_transfer(backbone, shortened(RECIPES[recipe]), train, validation=validation, cache=tmp_path)
    assert np.isfinite(history["loss"]).all()
    check_compiled(model)

    network = [layer for layer in all_layers(backbone.network) if layer.weights]
    frozen = {layer.name for layer in network if not layer.trainable}
    after = weights(backbone.network)
    changed = {n for n in before if any(not np.array_equal(a, b) for a, b in zip(before[n], after[n], strict=True))}
    assert not changed & frozen
    norms = {layer.name for layer in network if isinstance(layer, layers.BatchNormalization)}
    kernels = [layer.name for layer in network if layer.name not in norms and layer.trainable_weights]
    match recipe:
        case "small":
            assert frozen == set(before)
        case "large":
            assert not frozen
            assert norms <= changed
            assert kernels[0] in changed
            assert kernels[-1] in changed
        case _:
            assert norms < frozen
            share = 1 - len(kernels) / (len(network) - len(norms))
            assert share == pytest.approx(RECIPES[recipe].frozen_depth, abs=0.15)  # to the next border of blocks
            assert network[0].name in frozen
            assert network[-1].name in {*kernels, *norms}
            assert kernels[-1] in changed
