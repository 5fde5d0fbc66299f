"""YOLOv2's graph: parameters, shapes, passthroughs, pooling, names, and descriptions that are refused."""

import itertools
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_cv_course.data.class_names import COCO_CLASSES, VOC_CLASSES
from keras_cv_course.errors import ModelError
from keras_cv_course.models.darknet19 import DARKNET19
from keras_cv_course.models.darknet_layers import (
    Convolution,
    MaxPool,
    Reorg,
    Route,
    darknet_model,
    network_stride,
    trace_shapes,
)
from keras_cv_course.models.passthrough import reorg, space_to_depth
from keras_cv_course.models.yolov2 import COCO_ANCHORS, NETWORKS, Network, yolov2, yolov2_layers, yolov2_tiny

HEAD = Convolution(7, 1, normalized=False, leaky=False)


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape, np.float32)


def test_yolov2_has_the_published_parameters() -> None:
    model = yolov2()
    assert model.count_params() == 50_983_561
    assert (model.input_shape, model.output_shape) == ((None, 608, 608, 3), (None, 19, 19, 425))
    names = [layer.name for layer in model.layers]
    for name in ("conv1", "conv1_bn", "conv1_leaky", "pool1", "conv22", "conv21", "passthrough", "concat", "head"):
        assert name in names
    assert len([layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]) == 23
    assert {layer.negative_slope for layer in model.layers if isinstance(layer, keras.layers.LeakyReLU)} == {0.1}
    passthrough, deeper = model.get_layer("concat").input
    assert passthrough is model.get_layer("passthrough").output
    assert deeper is model.get_layer("conv20_leaky").output
    # Plain layers only, so that a saved model needs nothing of this package.
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)


def test_yolov2_tiny_has_the_published_parameters() -> None:
    model = yolov2_tiny()
    assert model.count_params() == 11_237_145
    assert model.output_shape == (None, 13, 13, 425)


@pytest.mark.parametrize(
    ("build", "shape", "classes", "anchors"),
    [(yolov2, (96, 32, 1), 20, 9), (yolov2_tiny, (32, 64, 3), 1, 1), (yolov2_tiny, (64, 32, 4), 3, 5)],
)
def test_any_size_classes_and_anchors(
    build: Callable[..., keras.Model], shape: tuple[int, int, int], classes: int, anchors: int
) -> None:
    assert build(shape, classes, anchors).output_shape == (
        None,
        shape[0] // 32,
        shape[1] // 32,
        anchors * (5 + classes),
    )


def test_batches_of_one_and_more() -> None:
    model = yolov2_tiny((32, 64, 3), 1, 2)
    pictures = images(3, 32, 64, 3)
    whole = np.asarray(model(pictures))
    assert whole.shape == (3, 1, 2, 12)
    # Other batch sizes may sum in another order: float32's rounding.
    np.testing.assert_allclose(np.asarray(model(pictures[:1])), whole[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("variant", "epsilon", "is_reorg"),
    [("course", 1e-3, False), ("darknet", 1e-12, True), ("darknet_gpu", 1e-5, True)],
)
def test_variants(variant: str, epsilon: float, is_reorg: bool) -> None:
    layers = (Convolution(4, 1), Reorg(), HEAD)
    model = darknet_model(layers, (4, 4, 3), name="small", variant=variant, batch_norm_momentum=0.9)
    assert (model.get_layer("conv1_bn").epsilon, model.get_layer("conv1_bn").momentum) == (epsilon, 0.9)
    part = keras.Model(model.get_layer("conv1_leaky").output, model.get_layer("passthrough").output)
    x = images(1, 4, 4, 4)
    assert np.array_equal(np.asarray(part(x)), tf.nn.space_to_depth(x, 2).numpy()) != is_reorg


SIZES = [(1, 2, 2, 4), (2, 4, 6, 8), (1, 10, 2, 4), (1, 38, 38, 64)]


@pytest.mark.parametrize("shape", SIZES)
def test_space_to_depth_is_tensorflow_s(shape: tuple[int, ...]) -> None:
    x = images(*shape)
    inputs = keras.Input(shape[1:])
    ours = keras.Model(inputs, space_to_depth(inputs, "passthrough"))(x)
    np.testing.assert_array_equal(np.asarray(ours), tf.nn.space_to_depth(x, 2).numpy())


def reorg_in_loops(x: np.ndarray) -> np.ndarray:
    """Move number by number: the C code's loops over a map (channels, height, width), stride 2."""
    channels, height, width = x.shape
    quarter = channels // 4
    source, target = x.ravel(), np.zeros(x.size, x.dtype)
    for k, j, i in itertools.product(range(channels), range(height), range(width)):
        place, offset = k % quarter, k // quarter
        column, row = i * 2 + offset % 2, j * 2 + offset // 2
        target[i + width * (j + height * k)] = source[column + width * 2 * (row + height * 2 * place)]
    return target.reshape(4 * channels, height // 2, width // 2)


@pytest.mark.parametrize("shape", SIZES)
def test_reorg_is_darknet_s(shape: tuple[int, ...]) -> None:
    x = images(*shape)
    inputs = keras.Input(shape[1:])
    ours = np.asarray(keras.Model(inputs, reorg(inputs, "passthrough"))(x))
    expected = [reorg_in_loops(picture.transpose(2, 0, 1)).transpose(1, 2, 0) for picture in x]
    np.testing.assert_array_equal(ours, expected)


def test_reorg_is_no_permutation_of_space_to_depth() -> None:
    x = images(1, 4, 4, 4)
    inputs = keras.Input((4, 4, 4))
    maps = [keras.Model(inputs, passthrough(inputs, "p"))(x) for passthrough in (reorg, space_to_depth)]
    first, second = ({tuple(np.asarray(m)[0, ..., c].ravel()) for c in range(16)} for m in maps)
    assert not first & second


def test_pooling_with_stride_1_looks_right_and_down_and_ignores_the_edge() -> None:
    model = darknet_model((MaxPool(1), HEAD), (3, 4, 2), name="small", variant="course")
    pooled = keras.Model(model.input, model.get_layer("pool1").output)
    x = -1 - images(1, 3, 4, 2)  # all below 0, so that a padding of 0 would show
    expected = np.zeros_like(x)
    for row, column in itertools.product(range(3), range(4)):
        expected[:, row, column] = x[:, row : row + 2, column : column + 2].max(axis=(1, 2))
    np.testing.assert_array_equal(np.asarray(pooled(x)), expected)


def test_the_head_stays_float32_under_mixed_precision() -> None:
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = yolov2_tiny((32, 32, 3), 1, 1)
    finally:
        keras.config.set_dtype_policy(policy)
    assert model.get_layer("conv8").compute_dtype == "float16"
    assert model(images(1, 32, 32, 3)).dtype == tf.float32


def test_second_of_a_kind_has_a_number() -> None:
    layers = (Convolution(4, 3), Reorg(), Route((-1,)), Reorg(), Route((-1, -1)), HEAD)
    model = darknet_model(layers, (8, 8, 3), name="small", variant="darknet")
    assert {"passthrough", "passthrough2", "concat"} <= {layer.name for layer in model.layers}
    assert model.output_shape == (None, 2, 2, 7)


def test_shapes_without_a_model() -> None:
    shapes = trace_shapes(yolov2_layers(425), (320, 608, 3))
    assert shapes[16] == (20, 38, 512)
    assert shapes[27] == (10, 19, 256)
    assert shapes[28] == (10, 19, 1280)
    assert shapes[-1] == (10, 19, 425)
    assert network_stride(yolov2_layers(425), 3) == 32
    assert len([layer for layer in DARKNET19 if isinstance(layer, Convolution)]) == 18


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((Convolution(6, 3), Reorg(), HEAD), r"Layer 1, Reorg: .*divide by 4\. Received: 1024 x 1024 x 6"),
        ((Convolution(4, 3), MaxPool(), Route((0, 1)), HEAD), "Layer 2, Route: .*1024 x 1024 x 4, 512 x 512 x 4"),
        ((Route((-1,)), HEAD), r"Layer 0, Route: expected one or more of the 0 layers before it\. Received: \[-1\]"),
        ((Convolution(4, 3), Route(()), HEAD), r"Layer 1, Route: .*Received: \[\]"),
        ((Convolution(4, 3), Route((1,)), HEAD), "Layer 1, Route"),
        ((*[MaxPool()] * 11, HEAD), "Layer 10, MaxPool: .*1 x 1"),
        ((Convolution(4, 3),), "last layer a linear convolution"),
        ((HEAD, MaxPool()), "last layer a linear convolution"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers: tuple[object, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        darknet_model(layers, (64, 64, 3), name="wrong", variant="course")


@pytest.mark.parametrize("build", [yolov2, yolov2_tiny])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (100, 64, 3)}, "multiples of 32.*100 x 64"),
        ({"input_shape": (64, 48, 3)}, "multiples of 32.*64 x 48"),
        ({"input_shape": (None, 64, 3)}, "positive whole number.*None"),
        ({"input_shape": (0, 64, 3)}, "positive whole number"),
        ({"input_shape": (64, 64)}, "height, width, channels"),
        ({"num_classes": 0}, "1 class and 1 anchor. Received: 0 and 5"),
        ({"num_anchors": 0}, "1 class and 1 anchor. Received: 80 and 0"),
        ({"variant": "keras"}, "'course', 'darknet', 'darknet_gpu'.*'keras'"),
    ],
)
def test_impossible_arguments_are_refused(
    build: Callable[..., keras.Model], arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        build(**{"input_shape": (64, 64, 3), **arguments})


def test_a_network_whose_head_does_not_fit_is_refused() -> None:
    message = r"odd: .*420 filters, 5 anchors x \(5 \+ 79 classes\)\. Received: Convolution\(filters=425, "
    with pytest.raises(ModelError, match=message):
        Network("odd", yolov2_layers(425), (64, 64, 3), COCO_ANCHORS, COCO_CLASSES[1:])


def test_class_names_and_anchors_are_those_of_the_files(real_data: Path) -> None:
    for names, file in ((COCO_CLASSES, "coco.names"), (VOC_CLASSES, "voc.names")):
        assert list(names) == (real_data / "darknet" / file).read_text().splitlines()
    course = real_data / "course_model_data"
    assert list(COCO_CLASSES) == (course / "coco_classes.txt").read_text().splitlines()
    anchors = (course / "yolo_anchors.txt").read_text().split(",")
    assert [float(number) for number in anchors] == [number for anchor in COCO_ANCHORS for number in anchor]


def test_known_networks() -> None:
    assert [(name, network.input_shape[0], len(network.class_names)) for name, network in NETWORKS.items()] == [
        ("yolov2", 608, 80),
        ("yolov2-tiny", 416, 80),
        ("yolov2-voc", 416, 20),
        ("yolov2-tiny-voc", 416, 20),
    ]


def test_a_narrower_network_has_narrower_layers_and_the_same_head() -> None:
    narrow = yolov2((64, 96, 3), num_classes=3, num_anchors=2, width=3 / 8)
    assert narrow.output_shape == (None, 2, 3, 2 * 8)
    widths = {layer.name: layer.filters for layer in narrow.layers if isinstance(layer, keras.layers.Conv2D)}
    whole = yolov2((64, 96, 3), num_classes=3, num_anchors=2)
    for layer in whole.layers:
        if isinstance(layer, keras.layers.Conv2D) and layer.name != "head":
            assert widths[layer.name] == layer.filters * 3 / 8


@pytest.mark.parametrize("width", [0.3, 0, -1, float("nan"), float("inf")])
def test_a_width_without_whole_filters_is_refused(width: float) -> None:
    with pytest.raises(ModelError, match="width that makes whole numbers of filters"):
        yolov2((64, 64, 3), width=width)
