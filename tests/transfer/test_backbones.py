"""Backbones by name: the right network, the right preprocessing, and an answer where there is none."""

import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import applications, layers
from safetensors.numpy import save_file

from keras_cv_course.convert.open_detector import open_detector
from keras_cv_course.convert.torchvision import torchvision_name
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.classifier import load_classifier
from keras_cv_course.models.pixels import white_level
from keras_cv_course.models.resnet import resnet
from keras_cv_course.transfer.backbones import (
    AS_IT_IS,
    FROM_0_TO_1,
    TORCHVISION,
    Backbone,
    Preprocessing,
    load_backbone,
)
from keras_cv_course.transfer.recipes import transfer_model

MODULES = [
    name
    for name, value in vars(applications).items()
    if isinstance(value, types.ModuleType) and hasattr(value, "preprocess_input")
]


def pictures(number: int = 4, size: int = 32) -> np.ndarray:
    images = np.random.default_rng(0).integers(0, 256, (number, size, size, 3), dtype=np.uint8)
    images[0, 0, :4] = [[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]]
    return images


def preprocessing_model(preprocessing: Preprocessing) -> keras.Model:
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, layers.Activation("linear")(preprocessing(inputs)))


@pytest.mark.parametrize("module", MODULES)
def test_preprocessing_is_keras_s_own(module: str) -> None:
    measured = measure(module)
    expected = getattr(applications, module).preprocess_input(pictures().astype(np.float64))
    received = np.asarray(preprocessing_model(measured)(pictures().astype(np.float32)))
    # Float32 here, float64 there: values up to 255 with 24 bits, times a scale of at most 1.
    np.testing.assert_allclose(received, expected, rtol=1e-6, atol=1e-4 * max(measured.scale) if measured.bgr else 1e-6)


def measure(module: str) -> Preprocessing:
    """Ask for the preprocessing without building a network that costs seconds."""
    from keras_cv_course.transfer.backbones import _measure_preprocessing

    return _measure_preprocessing(getattr(applications, module).preprocess_input)


def test_no_module_of_keras_is_forgotten() -> None:
    assert {"convnext", "densenet", "efficientnet", "mobilenet", "mobilenet_v2", "resnet", "vgg16"} <= {*MODULES}


def tiny_network() -> keras.Model:
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, layers.Conv2D(4, 3, strides=2, activation="relu")(inputs))


@pytest.mark.parametrize(
    ("make", "module"),
    [
        (lambda: load_backbone("mobilenet-0.25", (32, 32), weights=None), "mobilenet"),
        (lambda: load_backbone("vgg16", (32, 32), weights=None), "vgg16"),  # blue first
        (lambda: Backbone("tiny", tiny_network(), measure("densenet")), "densenet"),  # as PyTorch
    ],
    ids=["mobilenet", "vgg16", "as densenet"],
)
def test_preprocessing_lies_inside_the_model_and_in_its_file(
    make: Callable[[], Backbone], module: str, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(0)
    backbone = make()
    model = transfer_model(backbone, 2)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert white_level(model) == white_level(loaded) == 255
    images = pictures().astype(np.float32)
    own = getattr(applications, module).preprocess_input(images.copy())
    expected = np.asarray(backbone.network(own)).mean((1, 2))
    for part in (model, loaded):
        pooled = keras.Model(part.inputs, part.get_layer("avg_pool").output)
        # The same float32 network; its inputs differ in the last bit, by the order of the preprocessing's operations.
        np.testing.assert_allclose(pooled(images), expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
    assert np.ptp(expected, axis=0).max() > 0


@pytest.mark.parametrize("preprocessing", [TORCHVISION, FROM_0_TO_1, Preprocessing((0.5, 1, 2), (-1, 0, 3), bgr=True)])
def test_preprocessing_survives_saving(preprocessing: Preprocessing, tmp_path: Path) -> None:
    images = pictures().astype(np.float32)
    expected = images.astype(np.float64) * preprocessing.scale + preprocessing.offset
    expected = expected[..., ::-1] if preprocessing.bgr else expected
    model = preprocessing_model(preprocessing)
    model.save(tmp_path / "model.keras")
    for part in (model, keras.saving.load_model(tmp_path / "model.keras")):
        np.testing.assert_allclose(part(images), expected, rtol=1e-5, atol=1e-5)  # float32, values up to 513


def test_nothing_is_added_where_the_network_scales_itself() -> None:
    backbone = load_backbone("efficientnetb0", (32, 32), weights=None)
    assert backbone.preprocessing == AS_IT_IS
    model = transfer_model(backbone, 2)
    assert "preprocessing" not in [layer.name for layer in model.layers]
    assert white_level(model) == 255


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mobilnetv2", "signs-resnet50.*Received: 'mobilnetv2'.*Near names: mobilenetv2"),
        ("signs-resnet51", "Near names: signs-resnet50"),
        ("", "Received: ''"),
        ("zzz", "Near names: mobilenetv2, mobilenet-0.25"),
        ("nowhere/model.keras", r"Received: 'nowhere/model.keras'"),
        ("nowhere.safetensors", "no such file"),
        ("mobilenet-wide", "Expected a number behind mobilenet-.*Received: 'mobilenet-wide'"),
        ("resnet50-0.5", "Expected a number behind resnet50-"),  # has no width
        ("mobilenet--1", "Expected a number behind"),
    ],
)
def test_unknown_name_lists_what_there_is(name: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        load_backbone(name, (32, 32))


def test_only_keras_networks_come_with_random_weights() -> None:
    with pytest.raises(ModelError, match=r"Received: 'signs-resnet50', None"):
        load_backbone("signs-resnet50", weights=None)


def test_width_is_keras_s_alpha() -> None:
    narrow = load_backbone("mobilenet-0.25", (32, 32), weights=None).network
    assert (
        narrow.count_params()
        == applications.MobileNet((32, 32, 3), alpha=0.25, include_top=False, weights=None).count_params()
    )


@pytest.mark.parametrize(("name", "weights"), [("mobilenet-0.25", None), ("mobilenet-0.3", "imagenet")])
def test_impossible_size_or_width_is_a_model_error(name: str, weights: str | None) -> None:
    with pytest.raises(ModelError, match=rf"{name} cannot be built for images of \(20, 20\)"):
        load_backbone(name, (20, 20), weights=weights)


WITHOUT_NETWORK = """
import urllib.error
import keras.src.utils.file_utils as fetching
from keras_cv_course.errors import WeightsError
from keras_cv_course.transfer.backbones import load_backbone

for error in (
    urllib.error.URLError("no route"),
    urllib.error.HTTPError("u", 404, "Not Found", None, None),
    ConnectionResetError("reset by peer"),
):
    def fail(*arguments):
        raise error

    fetching.urlretrieve = fail
    try:
        load_backbone("mobilenet-0.25")
    except WeightsError as shown:
        print("SHOWN", shown)
"""


def test_missing_weights_say_which_file_goes_where(tmp_path: Path) -> None:
    printed = in_process(WITHOUT_NETWORK, KERAS_HOME=str(tmp_path / "home"))
    shown = [line for line in printed.splitlines() if line.startswith("SHOWN")]
    assert len(shown) == 3
    file, folder = "mobilenet_2_5_224_tf_no_top.h5", tmp_path / "home" / "models"
    for line in shown[:2]:
        assert f"Expected the file {file} in {folder}" in line
        assert f"its URL is https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/{file}." in line
        assert "signs-resnet50" in line
    assert "mobilenet-0.25" in shown[2]
    assert "reset by peer" in shown[2]
    assert list(folder.iterdir()) == []


def in_process(code: str, *arguments: object, **environment: str) -> str:
    """Run Python of its own: Keras reads KERAS_HOME when it is imported."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


REAL_FEATURES = """
import sys
import keras, numpy as np
from keras_cv_course.data.image_files import read_image
from keras_cv_course.transfer.backbones import load_backbone

image = keras.utils.img_to_array(keras.utils.load_img(sys.argv[1], target_size=(224, 224)))[None]
backbone = load_backbone("mobilenet-0.25", (224, 224))
inputs = keras.Input((224, 224, 3))
ours = keras.Model(inputs, backbone.network(backbone.preprocessing(inputs)))
theirs = keras.applications.MobileNet(alpha=0.25, include_top=False)
np.save(sys.argv[2], np.stack([ours(image), theirs(keras.applications.mobilenet.preprocess_input(image.copy()))]))
"""


def test_real_weights_give_keras_s_features(real_data: Path, tmp_path: Path) -> None:
    if not (real_data / "keras_home" / "models" / "mobilenet_2_5_224_tf_no_top.h5").is_file():
        pytest.skip("no MobileNet weights")
    saved = tmp_path / "features.npy"
    in_process(REAL_FEATURES, real_data / "darknet" / "dog.jpg", saved, KERAS_HOME=str(real_data / "keras_home"))
    ours, theirs = np.load(saved)
    assert ours.shape == (1, 7, 7, 256)
    # The same network in float32; its input differs in the last bit.
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
    assert theirs.std() > 0.1


@pytest.mark.parametrize("size", [None, (48, 96)])
def test_shipped_classifier_without_its_head(size: tuple[int, int] | None) -> None:
    backbone = load_backbone("signs-resnet50", size)
    assert backbone.network.input_shape == (None, *(size or (64, 64)), 3)
    assert backbone.preprocessing == FROM_0_TO_1
    whole = load_classifier("signs-resnet50").model
    for ours, theirs in zip(backbone.network.weights, whole.weights, strict=False):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=ours.path)
    assert len(whole.weights) - len(backbone.network.weights) == 2
    if size is None:
        images = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
        features = keras.Model(whole.inputs, whole.get_layer("stage5_block3_out").output)(images)
        # The same layers with the same weights.
        np.testing.assert_allclose(backbone.network(images), features, rtol=1e-5, atol=1e-5)


def test_shipped_detector_without_what_is_its_own() -> None:
    backbone = load_backbone("road-yolov2", (64, 96))
    assert backbone.network.output_shape == (None, 2, 3, 384)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3)).astype(np.float32)
    inputs = keras.Input((64, 96, 3))
    ours = keras.Model(inputs, backbone.network(backbone.preprocessing(inputs))).predict_on_batch(pixels)
    detector = open_detector("road-yolov2", input_size=(64, 96)).model
    theirs = keras.Model(detector.inputs, detector.get_layer("conv18_leaky").output).predict_on_batch(pixels / 255)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)  # the same layers with the same weights
    assert theirs.std() > 0.1


def run_folder(folder: Path, model: keras.Model) -> Path:
    folder.mkdir()
    model.save(folder / "model.keras")
    names = [str(number) for number in range(model.output_shape[-1])]
    (folder / "config.json").write_text(json.dumps({"class_names": names, "fit": {}}))
    return folder


def classifier_from_0_to_1() -> keras.Model:
    return resnet(18, (32, 32, 3), 4)


def classifier_from_0_to_255() -> keras.Model:
    return transfer_model(load_backbone("mobilenet-0.25", (32, 32), weights=None), 4)


@pytest.mark.parametrize(
    ("make", "white", "as_file"),
    [(classifier_from_0_to_1, 1, True), (classifier_from_0_to_255, 255, False)],
    ids=["0 to 1, file", "0 to 255, run folder"],
)
def test_what_was_trained_here_is_a_backbone(
    make: Callable[[], keras.Model], white: int, as_file: bool, tmp_path: Path
) -> None:
    model = make()
    folder = run_folder(tmp_path / "run", model)
    source = str(folder / "model.keras" if as_file else folder)
    backbone = load_backbone(source)
    assert (backbone.name, backbone.network.input_shape) == (source, (None, 32, 32, 3))
    features = keras.Model(model.inputs, model.get_layer("avg_pool").output)
    again = transfer_model(backbone, 2)
    pooled = keras.Model(again.inputs, again.get_layer("avg_pool").output)
    images = pictures().astype(np.float32)
    np.testing.assert_allclose(pooled(images), features(images * (white / 255)), rtol=1e-4, atol=1e-5)
    again.save(tmp_path / "again.keras")
    loaded = keras.saving.load_model(tmp_path / "again.keras")
    np.testing.assert_allclose(loaded(images), again(images), rtol=1e-5)


def test_what_was_trained_here_keeps_its_size(tmp_path: Path) -> None:
    inputs = keras.Input((32, 32, 3))
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))
    folder = run_folder(tmp_path / "run", keras.Model(inputs, layers.Dense(2)(pooled)))
    assert load_backbone(str(folder), (32, 32)).network.input_shape == (None, 32, 32, 3)
    with pytest.raises(ModelError, match=r"takes images of \(32, 32\). Received: the size \(64, 64\)"):
        load_backbone(str(folder), (64, 64))


def test_classifier_without_a_pooling_is_no_backbone(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 3))
    folder = run_folder(tmp_path / "run", keras.Model(inputs, layers.Dense(2)(layers.Flatten()(inputs))))
    with pytest.raises(ModelError, match="ends in global average pooling"):
        load_backbone(str(folder))


def test_state_dict_is_a_backbone(tmp_path: Path) -> None:
    model = resnet(18, (32, 32, 3), 4, variant="torchvision")
    axes = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}
    state = {torchvision_name(v.path): v.numpy().transpose(axes[len(v.shape)]).copy() for v in model.weights}
    save_file(state, tmp_path / "resnet18.safetensors")
    backbone = load_backbone(str(tmp_path / "resnet18.safetensors"), (32, 32))
    assert isinstance(backbone, Backbone)
    assert backbone.preprocessing == TORCHVISION
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    expected = keras.Model(model.inputs, model.get_layer("stage5_block2_out").output)(images)
    np.testing.assert_allclose(backbone.network(images), expected, rtol=1e-5, atol=1e-5)
