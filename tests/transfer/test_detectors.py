"""YOLOv2's head on other networks: shapes, weights that are taken over, and preprocessing inside."""

from pathlib import Path

import keras
import numpy as np
import pytest

from keras_cv_course.convert.open_detector import open_detector
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.detector import Detector
from keras_cv_course.models.input_size import fixed_size
from keras_cv_course.transfer import detectors
from keras_cv_course.transfer.backbones import FROM_0_TO_1, Backbone, load_backbone
from keras_cv_course.transfer.detectors import detection_network


@pytest.mark.parametrize(
    ("start", "deep", "early"),
    [
        ("mobilenet-0.25", "conv_pw_13_relu", "conv_pw_11_relu"),
        ("mobilenetv2", "out_relu", "block_13_expand_relu"),
    ],
)
def test_head_and_passthrough_on_a_classifier_s_body(start: str, deep: str, early: str) -> None:
    network = detection_network(start, 3, 2, weights=None)
    model = network.model
    picture = np.random.default_rng(0).random((1, 64, 96, 3), np.float32)
    assert model(picture).shape == (1, 2, 3, 2 * 8)
    names = {layer.name for layer in network.pretrained.layers}
    assert {deep, early} <= names
    assert names.isdisjoint({"neck1", "neck2", "neck3", "passthrough", "head"})

    # The body computes what Keras's own network does with its own preprocessing.
    backbone = load_backbone(start, (64, 96), weights=None)
    for layer in (layer for layer in backbone.network.layers if layer.weights):
        layer.set_weights(model.get_layer(layer.name).get_weights())
    expected = backbone.network(backbone.preprocessing(255 * picture))
    # 255 is multiplied in before or after the scale.
    np.testing.assert_allclose(
        keras.Model(model.input, model.get_layer(deep).output)(picture), expected, rtol=1e-3, atol=1e-4
    )
    # The deep map is not touched by what the passthrough brings; the early one is at twice the size.
    taps = [keras.Model(model.input, model.get_layer(name).output)(picture).shape[1:3] for name in (early, deep)]
    assert taps == [(4, 6), (2, 3)]


def test_shipped_detector_keeps_all_but_its_head() -> None:
    network = detection_network("road-yolov2", 2, 3)
    shipped = open_detector("road-yolov2").model
    assert len(network.pretrained.layers) == len(network.model.layers) - 2  # input and head
    for layer in network.pretrained.layers:
        if layer.weights:
            for a, b in zip(layer.get_weights(), shipped.get_layer(layer.name).get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)
    bias = network.model.get_layer("head").bias.numpy().reshape(3, 7)
    np.testing.assert_array_equal(bias[:, 4], -4.5)
    assert not bias[:, [0, 1, 2, 3, 5, 6]].any()


def test_own_detector_goes_on_with_other_classes(tmp_path: Path) -> None:
    first = detection_network("darknet-tiny", 2, 1)
    assert not first.pretrained.layers
    model = fixed_size(first.model, (64, 64))
    Detector(model, np.ones((1, 2), np.float32), ("a", "b"), "stretch").save(tmp_path / "model.keras")
    second = detection_network(str(tmp_path), 4, 2)
    assert second.model.output_shape[-1] == 2 * 9
    np.testing.assert_array_equal(
        second.model.get_layer("conv5").get_weights()[0], first.model.get_layer("conv5").get_weights()[0]
    )


def test_unknown_names_and_no_class_are_refused() -> None:
    with pytest.raises(WeightsError, match="mobilenetv2"):
        detection_network("mobilnetv2", 2, 2)
    with pytest.raises(ModelError, match="at least 1 class"):
        detection_network("darknet-tiny", 0, 2)


def test_a_detector_of_another_stride_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((64, 64, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(6, 1)(keras.layers.AveragePooling2D(16)(inputs)))
    Detector(model, np.ones((1, 2), np.float32), ("a",), "stretch").save(tmp_path / "fine.keras")
    with pytest.raises(ModelError, match=r"1/32 .* Received: \(4, 4\) for \(64, 64\)"):
        detection_network(str(tmp_path / "fine.keras"), 2, 2)


def test_a_body_of_another_stride_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = keras.Input((416, 416, 3))
    body = keras.Model(inputs, keras.layers.AveragePooling2D(16)(inputs))
    monkeypatch.setattr(detectors, "load_backbone", lambda name, *_, **__: Backbone(name, body, FROM_0_TO_1))
    with pytest.raises(ModelError, match=r"1/32 .* Received: \(26, 26\)"):
        detection_network("of another kind", 2, 2)
