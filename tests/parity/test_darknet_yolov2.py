"""Darknet's weights in our models against golden arrays of the C program, and against NumPy written after it."""

from pathlib import Path

import numpy as np
import pytest
from another_backend import run_on
from darknet_files import drawn_floats, header, thin, tiniest, write_darknet_files
from darknet_in_numpy import run_darknet

from keras_cv_course.convert.darknet import load_darknet
from keras_cv_course.data.darknet_jpeg import read_jpeg_as_darknet
from keras_cv_course.data.letterbox import Placement
from keras_cv_course.models.detector import Detector
from keras_cv_course.models.fold_batch_norms import fold_batch_norms

# Of numbers up to 2.3. Measured: 6.3e-6, 5.9e-6 folded, 4.4e-6 in the forward pass of `detect`. Both sides compute in
# float32, in another order of sums; with the batch norm of Darknet's GPU code it is 1.7e-4.
GOLDEN_TOLERANCE = 2e-5
# Of the largest number, against float64: up to 3e-6 were measured, at full width and 608 x 608 as well.
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def golden(real_data: Path) -> dict[str, np.ndarray]:
    with np.load(real_data / "darknet" / "yolov2-thin.golden.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def detector(real_data: Path) -> Detector:
    return load_darknet(real_data / "darknet" / "yolov2-thin.weights", real_data / "darknet" / "yolov2-thin.cfg")


def test_raw_output_of_the_c_program(detector: Detector, golden: dict[str, np.ndarray]) -> None:
    for compute in (detector.model, fold_batch_norms(detector.model), detector.forward_pass):
        raw = np.asarray(compute(golden["letterboxed_input"][None]))[0]
        np.testing.assert_allclose(raw, golden["raw"], rtol=0, atol=GOLDEN_TOLERANCE)


def test_the_gpu_s_batch_norm_is_another(real_data: Path, golden: dict[str, np.ndarray]) -> None:
    files = (real_data / "darknet" / "yolov2-thin.weights", real_data / "darknet" / "yolov2-thin.cfg")
    raw = np.asarray(load_darknet(*files, batch_norm="gpu").model(golden["letterboxed_input"][None]))[0]
    difference = np.abs(raw - golden["raw"]).max()
    assert 1e-4 < difference < 1e-3


def test_from_the_photo_on_disk_to_the_c_program_s_boxes(
    real_data: Path, detector: Detector, golden: dict[str, np.ndarray]
) -> None:
    pixels, placed = detector.prepare(read_jpeg_as_darknet(real_data / "darknet" / "dog.jpg"))
    raw = np.asarray(detector.model(pixels[None]))[0]
    np.testing.assert_allclose(raw, golden["raw"], rtol=0, atol=GOLDEN_TOLERANCE)

    ours = decode(raw, detector.anchors, placed)
    assert ours.shape == golden["detections"].shape == (1101, 6)
    np.testing.assert_array_equal(ours[:, 0], golden["detections"][:, 0])
    # Measured: 4e-7 in scores and places; 3e-5 in sizes, which go up to 11 times the picture's.
    np.testing.assert_allclose(ours, golden["detections"], rtol=1e-5, atol=2e-6)


def decode(raw: np.ndarray, anchors: np.ndarray, placed: Placement) -> np.ndarray:
    """Decode as region_layer.c, in float64: rows (class, score, x, y, w, h) over 0.02, relative to the picture."""
    rows, columns, _ = raw.shape
    raw = raw.astype(np.float64).reshape(rows, columns, len(anchors), -1)
    (height, width), (input_height, input_width) = placed.image_size, placed.input_size
    found = []
    for anchor, row, column in np.ndindex(len(anchors), rows, columns):  # the order of the golden rows
        tx, ty, tw, th, to, *classes = raw[row, column, anchor]
        probabilities = np.exp(classes) / np.exp(classes).sum() / (1 + np.exp(-to))
        x = (column + 1 / (1 + np.exp(-tx))) / columns * input_width
        y = (row + 1 / (1 + np.exp(-ty))) / rows * input_height
        w = np.exp(tw) * anchors[anchor, 0] / columns * input_width
        h = np.exp(th) * anchors[anchor, 1] / rows * input_height
        box = placed.boxes_to_image(np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2]))
        x1, y1, x2, y2 = box / [width, height, width, height]
        for number, score in enumerate(probabilities):
            if score > 0.02:
                found.append((number, score, (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1))
    return np.array(found)


CASES = [
    # network, input's (height, width), classes, header
    ("yolov2", (64, 96), 2, header()),
    ("yolov2", (160, 32), 20, header((0, 1, 0), "<i")),
    ("yolov2-tiny", (96, 64), 3, header((0, 2, 5))),
    ("yolov2-tiny-voc", (32, 32), 1, header((0, 1, 0), "<i")),
]


@pytest.mark.parametrize(("name", "size", "classes", "start"), CASES, ids=[case[0] for case in CASES])
def test_thin_networks_in_numpy(tmp_path: Path, name: str, size: tuple[int, int], classes: int, start: bytes) -> None:
    network = thin(name, (*size, 3), classes)
    weights, cfg = write_darknet_files(tmp_path, network, drawn_floats(network, seed=1), start)
    detector = load_darknet(weights, cfg)
    image = np.random.default_rng(2).random((*size, 3), np.float32)
    expected = run_darknet(cfg, weights, image)
    assert expected.shape == (size[0] // 32, size[1] // 32, 5 * (5 + classes))
    for compute in (detector.model, fold_batch_norms(detector.model), detector.forward_pass):
        assert np.abs(np.asarray(compute(image[None]))[0] - expected).max() <= TOLERANCE * np.abs(expected).max()


def test_another_input_size_than_the_cfg_s(tmp_path: Path) -> None:
    network = thin("yolov2", (64, 64, 3))
    weights, cfg = write_darknet_files(tmp_path, network, drawn_floats(network, seed=1))
    image = np.random.default_rng(2).random((96, 32, 3), np.float32)
    expected = run_darknet(cfg, weights, image)
    raw = np.asarray(load_darknet(weights, cfg, input_size=(96, 32)).model(image[None]))[0]
    assert np.abs(raw - expected).max() <= TOLERANCE * np.abs(expected).max()


ON_JAX = """
import sys, keras, numpy as np
saved, weights, cfg, images, out = sys.argv[1:]
assert keras.backend.backend() == "jax"
images, results = np.load(images), {}
results["loaded by keras alone"] = keras.saving.load_model(saved).predict_on_batch(images)
assert not any(name.startswith("keras_cv_course") for name in sys.modules)
from keras_cv_course.convert.darknet import load_darknet
model = load_darknet(weights, cfg).model
results["read from weights"] = model.predict_on_batch(images)
np.savez(out, **{name: np.asarray(value) for name, value in results.items()})
"""


def test_on_jax(tmp_path: Path) -> None:
    pytest.importorskip("jax", reason="the jax extra is not installed")
    network = tiniest()
    weights, cfg = write_darknet_files(tmp_path, network, drawn_floats(network, seed=1))
    load_darknet(weights, cfg).save(tmp_path / "saved.keras")
    images = np.random.default_rng(2).random((2, *network.input_shape), np.float32)
    np.save(tmp_path / "images.npy", images)
    arguments = [tmp_path / "saved.keras", weights, cfg, tmp_path / "images.npy", tmp_path / "out.npz"]
    done = run_on("jax", ON_JAX, *arguments)
    assert done.returncode == 0, done.stderr
    expected = np.stack([run_darknet(cfg, weights, image) for image in images])
    with np.load(tmp_path / "out.npz") as results:
        assert len(results) == 2
        for name, raw in results.items():
            assert np.abs(raw - expected).max() <= TOLERANCE * np.abs(expected).max(), name
