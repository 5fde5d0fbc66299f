"""Grad-CAM against its definition by gradients, on worked numbers, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from another_backend import run_on
from keras import layers

from keras_cv_course.errors import ModelError
from keras_cv_course.models.grad_cam import BATCH, grad_cam
from keras_cv_course.models.resnet import resnet
from keras_cv_course.transfer.backbones import FROM_0_TO_1, Backbone
from keras_cv_course.transfer.recipes import transfer_model


def pooled(units: int = 2, *, size: tuple[int | None, int | None] = (2, 3)) -> keras.Model:
    """A classifier whose feature map is the image itself."""
    image = keras.Input((*size, 3))
    return keras.Model(image, layers.Dense(units)(layers.GlobalAveragePooling2D()(image)))


def mobile_net() -> tuple[keras.Model, object]:
    """Build a nested backbone between preprocessing and head; give its output too."""
    backbone = keras.applications.MobileNet(alpha=0.25, weights=None, include_top=False, input_shape=(96, 96, 3))
    image = keras.Input((96, 96, 3))
    features = backbone(layers.Rescaling(2.0, offset=-1.0)(image), training=False)
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(features))
    return keras.Model(image, layers.Dense(4, activation="softmax")(x)), features


def res_net() -> tuple[keras.Model, object]:
    model = resnet(18, (64, 64, 3), 5)
    return model, model.get_layer("stage5_block2_out").output


def transfer() -> tuple[keras.Model, object]:
    """Build the head of transfer learning: normalized, compressed, with a hidden layer."""
    backbone = resnet(18, (64, 64, 3), include_top=False)
    model = transfer_model(Backbone("r", backbone, FROM_0_TO_1), 4)
    return model, model.get_layer("avg_pool").input


def by_gradients(model: keras.Model, features: object, inputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Grad-CAM as the paper's section 3 writes it: weights are mean gradients of the class's logit."""
    import tensorflow as tf

    model.layers[-1].activation = keras.activations.linear  # logits
    both = keras.Model(model.inputs[0], [features, model.output])
    with tf.GradientTape() as tape:
        feature_map, logits = both(inputs, training=False)
        chosen = tf.reduce_sum(tf.gather(logits, classes, axis=1, batch_dims=1))
    weights = tf.reduce_mean(tape.gradient(chosen, feature_map), axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(weights * feature_map, axis=3)).numpy()
    return heat / np.maximum(heat.max(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the comparison differentiates with TensorFlow")
@pytest.mark.parametrize("build", [res_net, mobile_net, transfer])
def test_equals_grad_cam_by_gradients(build: Callable[[], tuple[keras.Model, object]]) -> None:
    keras.utils.set_random_seed(3)
    model, features = build()
    images = np.random.default_rng(3).uniform(size=(3, *model.input_shape[1:])).astype(np.float32)
    outputs = model.output_shape[1]
    inputs, classes = np.repeat(images, outputs, axis=0), np.tile(np.arange(outputs), 3)
    heat = grad_cam(model, inputs, classes)
    assert heat.dtype == np.float32
    assert heat.shape == (3 * outputs, *features.shape[1:3])
    assert set(heat.max(axis=(1, 2))) <= {0, 1}
    # Nothing may speak for some of the classes, but maps of zeros alone would compare nothing.
    assert np.sum(heat.std(axis=(1, 2)) > 0.01) >= 6
    # Both are sums of up to 512 float32 products of both signs, taken in another order, over a maximum: a few units
    # of float32's 1e-7 each, enlarged where the terms nearly cancel.
    np.testing.assert_allclose(heat, by_gradients(model, features, inputs, classes), atol=2e-5)


def test_worked_numbers() -> None:
    model = pooled()
    #                            class 0, class 1
    model.layers[-1].set_weights([np.array([[1, -1], [0, -2], [-1, 0]], np.float32), np.array([7, -7], np.float32)])
    image = np.zeros((2, 3, 3), np.float32)
    image[0, 0] = (4, 9, 0)  # 4 for class 0, -22 for class 1
    image[0, 2] = (3, 0, 1)  # 2 and -3
    image[1, 1] = (0, 0, 5)  # -5 and 0
    heat = grad_cam(model, np.stack([image, image]), np.array([0, 1]))
    assert heat.tolist() == [[[1, 0, 0.5], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]


def test_no_images() -> None:
    heat = grad_cam(pooled(), np.zeros((0, 2, 3, 3), np.float32), np.zeros(0, np.int64))
    assert heat.shape == (0, 2, 3)
    assert heat.dtype == np.float32


def test_images_do_not_mix_between_batches() -> None:
    model = pooled(3, size=(4, 4))
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(BATCH + 2, 4, 4, 3)).astype(np.float32)
    classes = draw.integers(0, 3, len(inputs))
    together = grad_cam(model, inputs, classes)
    alone = [grad_cam(model, inputs[i : i + 1], classes[i : i + 1])[0] for i in range(len(inputs))]
    np.testing.assert_allclose(together, alone, atol=1e-6)  # other batch sizes, other sums


def sequential(*head: keras.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((2, 3, 3)), *head])


def sequential_head() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), layers.Dense(2)])


@pytest.mark.parametrize(
    ("model", "received"),
    [
        (sequential(layers.Flatten(), layers.Dense(2)), "Flatten, Dense"),
        (sequential(layers.GlobalMaxPooling2D(), layers.Dense(2)), "GlobalMaxPooling2D, Dense"),
        (sequential(layers.GlobalAveragePooling2D(), layers.Dense(4), layers.ReLU()), "Dense, ReLU"),
        (sequential(layers.GlobalAveragePooling2D(), sequential_head()), "GlobalAveragePooling2D, Sequential"),
        (sequential(layers.GlobalAveragePooling2D()), "GlobalAveragePooling2D"),
        (sequential(layers.GlobalAveragePooling2D(keepdims=True), layers.Dense(2)), "GlobalAveragePooling2D, Dense"),
        (sequential(layers.GlobalAveragePooling2D("channels_first"), layers.Dense(2)), "GlobalAveragePooling2D, Dense"),
        (sequential(pooled()), "Functional"),
        (keras.Sequential([layers.GlobalAveragePooling2D(), layers.Dense(2)]), "GlobalAveragePooling2D, Dense"),
        (keras.Sequential(), "ends in nothing"),
    ],
)
def test_other_heads_are_refused(model: keras.Model, received: str) -> None:
    with pytest.raises(ModelError, match=f"needs a model that ends in GlobalAveragePooling2D .*{received}"):
        grad_cam(model, np.zeros((1, 2, 3, 3), np.float32), np.zeros(1, int))


def test_model_without_a_fixed_size_is_refused() -> None:
    with pytest.raises(ModelError, match=r"of a fixed size.*\(None, None, 3, 3\)"):
        grad_cam(pooled(size=(None, 3)), np.zeros((1, 2, 3, 3), np.float32), np.zeros(1, int))


@pytest.mark.parametrize(
    ("inputs", "classes", "problem"),
    [
        (np.zeros((1, 2, 3, 3), np.uint8), np.zeros(1, int), r"inputs float32 \(m, 2, 3, 3\).*uint8"),
        (np.zeros((1, 3, 2, 3), np.float32), np.zeros(1, int), r"Received: float32 \(1, 3, 2, 3\)"),
        (np.zeros((2, 3, 3), np.float32), np.zeros(2, int), r"Received: float32 \(2, 3, 3\)"),
        (np.zeros((1, 2, 3, 3), np.float32), np.zeros(2, int), r"int \(1,\)\. Received: int64 \(2,\)"),
        (np.zeros((1, 2, 3, 3), np.float32), np.zeros(1), "Received: float64"),
        (np.zeros((1, 2, 3, 3), np.float32), np.array([2]), "classes from 0 to 1.*such as 2"),
        (np.zeros((2, 2, 3, 3), np.float32), np.array([1, -1]), "1 others, such as -1"),
    ],
)
def test_wrong_input_is_refused(inputs: np.ndarray, classes: np.ndarray, problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        grad_cam(pooled(), inputs, classes)


ON_ANOTHER_BACKEND = """
import sys, keras, numpy as np
from keras_cv_course.models.grad_cam import grad_cam
stored = np.load(sys.argv[2])
model = keras.saving.load_model(sys.argv[1])
np.testing.assert_allclose(grad_cam(model, stored["inputs"], stored["classes"]), stored["heat"], atol=2e-5)
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backend_sees_the_same(backend: str, tmp_path: Path) -> None:
    pytest.importorskip(backend, reason=f"the {backend} extra is not installed")
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = layers.UnitNormalization()(layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(image)))
    model = keras.Model(image, layers.Dense(4, activation="softmax")(layers.Dense(16, activation="relu")(x)))
    model.save(tmp_path / "model.keras")
    inputs = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)
    heat = grad_cam(model, inputs, np.arange(4))
    assert heat.std() > 0.1
    np.savez(tmp_path / "stored.npz", inputs=inputs, classes=np.arange(4), heat=heat)
    done = run_on(backend, ON_ANOTHER_BACKEND, tmp_path / "model.keras", tmp_path / "stored.npz")
    assert done.returncode == 0, done.stderr[-2000:]
