"""Every kind of source finds its reader, and options that a reader cannot use are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from darknet_files import cfg_text, drawn_floats, tiniest, write_darknet_files

from keras_cv_course.convert.darknet import load_darknet
from keras_cv_course.convert.sources import load_any_detector
from keras_cv_course.convert.weights_h5 import load_weights_h5
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.darknet_layers import VariantName, darknet_model
from keras_cv_course.models.detector import Detector

SMALL = tiniest()


@pytest.fixture
def darknet_files(tmp_path: Path) -> tuple[Path, Path]:
    return write_darknet_files(tmp_path, SMALL, drawn_floats(SMALL, seed=1))


@pytest.fixture
def write_weights(tmp_path: Path) -> Callable[..., tuple[Path, keras.Model]]:
    """Write the weights of a small model alone; gives the file and the model."""

    def write(variant: VariantName = "course", *, compiled: bool = False) -> tuple[Path, keras.Model]:
        keras.utils.set_random_seed(3)
        model = darknet_model(SMALL.layers, SMALL.input_shape, name="tiniest", variant=variant)
        if compiled:
            model.compile(keras.optimizers.Adam(), "mse")
            model.optimizer.build(model.trainable_variables)
        model.save_weights(tmp_path / "tiniest.weights.h5")
        (tmp_path / "tiniest.cfg").write_text(cfg_text(SMALL))
        return tmp_path / "tiniest.weights.h5", model

    return write


def assert_same_weights(one: keras.Model, other: keras.Model) -> None:
    assert [variable.path for variable in one.weights] == [variable.path for variable in other.weights]
    for ours, theirs in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs), err_msg=ours.path)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("variant", "resize"), [("course", "stretch"), ("darknet", "letterbox")])
def test_weights_alone(
    write_weights: Callable[..., tuple[Path, keras.Model]], variant: VariantName, resize: str, compiled: bool
) -> None:
    path, model = write_weights(variant, compiled=compiled)
    detector = load_any_detector(path, network=path.with_name("tiniest.cfg"), variant=variant)
    assert_same_weights(detector.model, model)
    assert (detector.resize, detector.class_names, detector.input_size) == (resize, ("0", "1"), (8, 12))
    image = np.random.default_rng(0).random((1, 8, 12, 3), np.float32)
    np.testing.assert_array_equal(np.asarray(detector.model(image)), np.asarray(model(image)))


def test_weights_alone_with_names_and_anchors(write_weights: Callable[..., tuple[Path, keras.Model]]) -> None:
    path, model = write_weights()
    anchors = np.array([[3, 4]])
    options: dict[str, Any] = {"class_names": ("cat", "dog"), "anchors": anchors, "input_size": (4, 16)}
    detector = load_weights_h5(path, path.with_name("tiniest.cfg"), variant="course", **options)
    assert_same_weights(detector.model, model)
    assert (detector.class_names, detector.input_size) == (("cat", "dog"), (4, 16))
    np.testing.assert_array_equal(detector.anchors, anchors)


def test_weights_of_another_network(write_weights: Callable[..., tuple[Path, keras.Model]], tmp_path: Path) -> None:
    path, _ = write_weights()
    cfg = path.with_name("tiniest.cfg")
    with pytest.raises(
        WeightsError, match=r"expected 452 numbers for tiniest with 3 classes and 1 anchors\. Received: 431"
    ):
        load_weights_h5(path, cfg, variant="course", class_names=("a", "b", "c"))
    with pytest.raises(WeightsError, match=r"numbers for tiniest with 2 classes and 2 anchors\. Received: 431"):
        load_weights_h5(path, cfg, variant="course", anchors=np.ones((2, 2)))
    with pytest.raises(WeightsError, match=r"expected 15,867,885 numbers for yolov2-tiny-voc with 20 classes"):
        load_weights_h5(path, "yolov2-tiny-voc", variant="course", input_size=(32, 32))
    with pytest.raises(ModelError, match=r"anchors must be \(A, 2\), .* Received: shape \(2,\)"):
        load_weights_h5(path, cfg, variant="course", anchors=np.ones(2))
    with h5py.File(path, "a") as file:  # as many numbers, but of another shape
        del file["layers/conv2d/vars/0"]
        file["layers/conv2d/vars/0"] = np.zeros((3, 3, 4, 3), np.float32)
    with pytest.raises(WeightsError, match="not the weights of tiniest"):
        load_weights_h5(path, cfg, variant="course")


def test_damaged_weights_alone(write_weights: Callable[..., tuple[Path, keras.Model]]) -> None:
    path, _ = write_weights()
    cfg = path.with_name("tiniest.cfg")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=r"tiniest\.weights\.h5: not the weights of tiniest"):
        load_weights_h5(path, cfg, variant="course")
    for damage in (lambda kernel: kernel * np.nan, lambda kernel: kernel / 0):
        path.write_bytes(whole)
        with h5py.File(path, "a") as file, np.errstate(all="ignore"):
            file["layers/conv2d/vars/0"][...] = damage(file["layers/conv2d/vars/0"][...])
        with pytest.raises(WeightsError, match=r"expected finite numbers .* Received others for conv1/kernel"):
            load_weights_h5(path, cfg, variant="course")
    path.write_bytes(whole)
    with h5py.File(path, "a") as file:
        file["layers/batch_normalization/vars/3"][0] = -1
    with pytest.raises(WeightsError, match=r"no negative variance\. Received others for conv1_bn/moving_variance"):
        load_weights_h5(path, cfg, variant="course")
    path.write_bytes(whole)
    with h5py.File(path, "a") as file:  # as many numbers, in layers that the model has not
        file.move("layers/conv2d_1", "layers/dense")
    with pytest.raises(WeightsError, match=r"tiniest\.weights\.h5"):
        load_weights_h5(path, cfg, variant="course")
    path.write_bytes(whole)
    with h5py.File(path, "a") as file:
        file["layers/conv2d/vars/1"] = np.zeros(4, np.float32)
    with pytest.raises(WeightsError, match=r"expected 431 numbers .* Received: 435"):
        load_weights_h5(path, cfg, variant="course")
    with pytest.raises(WeightsError, match="there is no such file"):
        load_weights_h5(path.with_name("none.weights.h5"), cfg, variant="course")


def test_darknet(darknet_files: tuple[Path, Path]) -> None:
    weights, cfg = darknet_files
    for variant, batch_norm in ((None, "cpu"), ("darknet", "cpu"), ("darknet_gpu", "gpu")):
        detector = load_any_detector(weights, network=cfg, variant=variant, class_names=("cat", "dog"))
        assert_same_weights(detector.model, load_darknet(weights, cfg, batch_norm=batch_norm).model)
        assert detector.class_names == ("cat", "dog")
    for wrong in ("course", "darknet-gpu"):
        with pytest.raises(ModelError, match=f"expect the variant darknet or darknet_gpu. Received: '{wrong}'"):
            load_any_detector(weights, network=cfg, variant=wrong)  # type: ignore[arg-type]
    weights.rename(weights.with_name("yolov2.weights"))
    with pytest.raises(WeightsError, match="expected 50,983,561 numbers for yolov2 with 80 classes"):
        load_any_detector(weights.with_name("yolov2.weights"))


def test_the_cfg_file_beside_the_weights(darknet_files: tuple[Path, Path]) -> None:
    weights, cfg = darknet_files
    assert_same_weights(load_any_detector(weights).model, load_darknet(weights, cfg).model)
    weights = weights.rename(weights.with_name("yolov2.weights"))
    cfg.rename(cfg.with_name("yolov2.cfg"))  # comes before the known network of that name
    assert load_any_detector(weights).class_names == ("0", "1")


def test_our_own_file(darknet_files: tuple[Path, Path], tmp_path: Path) -> None:
    detector = load_darknet(*darknet_files)
    detector.save(tmp_path / "own.keras")
    loaded = load_any_detector(tmp_path / "own.keras")
    assert isinstance(loaded, Detector)
    assert_same_weights(loaded.model, detector.model)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.weights", {}, r"a Darknet file: .* Received: no option\. Name also network\."),
        ("a.weights", {"network": "yolov2", "anchors": np.ones((1, 2))}, r"Leave out anchors\."),
        ("a.weights.h5", {}, r"a file of weights alone: .* needs network, variant\. .* Name also network, variant\."),
        ("a.weights.h5", {"network": "yolov2"}, r"Name also variant\."),
        ("yolo.h5", {}, r"a Keras 2 file: .* Name also anchors, class names\."),
        ("yolo.h5", {"network": "yolov2", "class_names": ("a",)}, r"Leave out network\. Name also anchors\."),
        ("a.keras", {"input_size": (32, 32)}, r"it takes no option, .* Leave out input size\."),
        ("folder", {"variant": "course"}, r"a SavedModel folder: .* Leave out variant\."),
    ],
)
def test_options_that_do_not_belong(tmp_path: Path, name: str, options: dict[str, Any], message: str) -> None:
    if name == "folder":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_text("")
    with pytest.raises(ModelError, match=message):
        load_any_detector(tmp_path / name, **options)


def test_what_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_text("")
    with pytest.raises(WeightsError, match=r"a Keras 2 \.h5, .* Received: '.*a\.pth'"):
        load_any_detector(tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"none\.weights\. There is none"):
        load_any_detector(tmp_path / "none.weights")
