"""Exports: each gives the model's numbers in its own runtime, or nothing is left."""

from pathlib import Path

import keras
import numpy as np
import pytest
from darknet_files import drawn_floats, tiniest, write_darknet_files

from keras_cv_course.convert import exports
from keras_cv_course.convert.darknet import load_darknet
from keras_cv_course.convert.exports import FORMATS, check_export, export_detector
from keras_cv_course.errors import MissingExtraError, ModelError
from keras_cv_course.models.darknet_layers import darknet_model
from keras_cv_course.models.detector import Detector, load_detector


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    network = tiniest()
    return load_darknet(
        *write_darknet_files(tmp_path_factory.mktemp("tiniest"), network, drawn_floats(network, seed=1))
    )


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def need(suffix: str) -> None:
    for package in FORMATS[suffix].packages:
        pytest.importorskip(package, reason="the export extra is not installed")


@pytest.mark.parametrize("name", ["made/detector.keras", "detector.onnx", "detector.tflite", "made/detector"])
def test_each_format_runs_by_itself(tmp_path: Path, detector: Detector, name: str) -> None:
    target = tmp_path / name
    need(target.suffix)
    compared = export_detector(detector, target)
    assert compared.difference <= 1e-5 * compared.largest
    assert names_in(target.parent) == [target.name]

    image = np.random.default_rng(7).random((1, *detector.input_size, 3), np.float32)
    expected = np.asarray(detector.model(image))
    raw = FORMATS[target.suffix].run(target, image)
    assert raw.shape == expected.shape == (1, 2, 3, 7)
    np.testing.assert_allclose(raw, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_keras_file_keeps_the_whole_detector(tmp_path: Path, detector: Detector) -> None:
    assert export_detector(detector, tmp_path / "a.keras").difference == 0
    loaded = load_detector(tmp_path / "a.keras")
    assert (loaded.class_names, loaded.resize) == (detector.class_names, detector.resize)
    np.testing.assert_array_equal(loaded.anchors, detector.anchors)


def test_a_saved_model_takes_batches_of_any_length(tmp_path: Path, detector: Detector) -> None:
    import tensorflow as tf

    export_detector(detector, tmp_path / "served")
    served = tf.saved_model.load(str(tmp_path / "served"))
    for length in (1, 3):
        images = np.random.default_rng(7).random((length, *detector.input_size, 3), np.float32)
        raw = served.signatures["serving_default"](image=tf.constant(images))["raw"].numpy()
        expected = np.asarray(detector.model(images))
        np.testing.assert_allclose(raw, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    variables = tf.train.list_variables(str(tmp_path / "served" / "variables" / "variables"))
    assert sum(np.prod(shape, dtype=int) for key, shape in variables if "VALUE" in key) == detector.model.count_params()


def test_the_course_s_passthrough_in_litert(tmp_path: Path) -> None:
    network = tiniest()
    keras.utils.set_random_seed(0)
    model = darknet_model(network.layers, network.input_shape, name="course", variant="course")
    detector = Detector(model, np.array(network.anchors, np.float32), network.class_names, "stretch")
    compared = export_detector(detector, tmp_path / "a.tflite")
    assert compared.difference <= 1e-5 * compared.largest


@pytest.mark.parametrize("wrong", [1.001, np.nan])
@pytest.mark.parametrize("name", ["a.keras", "a.tflite", "a"])
def test_nothing_stays_of_an_export_with_other_numbers(
    tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch, name: str, wrong: float
) -> None:
    target = tmp_path / name
    right = FORMATS[target.suffix]
    scaled = right._replace(run=lambda path, picture: right.run(path, picture) * wrong)
    monkeypatch.setitem(FORMATS, target.suffix, scaled)
    before = []
    if target.suffix:
        target.write_text("from before")
        before = [name]
    with pytest.raises(ModelError, match="so nothing was written"):
        export_detector(detector, target)
    assert names_in(tmp_path) == before
    assert not before or target.read_text() == "from before"


def test_nothing_stays_when_writing_stops(tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: Detector, path: Path) -> None:
        path.mkdir()
        (path / "half").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setitem(FORMATS, "", FORMATS[""]._replace(write=stop))
    with pytest.raises(KeyboardInterrupt):
        export_detector(detector, tmp_path / "served")
    assert names_in(tmp_path) == []


def test_what_is_there_is_not_taken_for_a_target(tmp_path: Path) -> None:
    (tmp_path / "a.keras").mkdir()
    (tmp_path / "file").write_text("mine")
    for name in ("a.keras", "file", "."):
        with pytest.raises(ModelError, match="is there already and is not replaced"):
            check_export(tmp_path / name)


@pytest.mark.parametrize("name", ["a.pb", "a.h5", "a.weights", "a.KERAS", "v1.2"])
def test_other_suffixes(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"\.keras, \.onnx, \.tflite, or a folder's name without a suffix"):
        check_export(tmp_path / name)


def test_missing_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"tf2onnx and onnxruntime.*pip install '\.\[export\]'"):
        check_export(tmp_path / "a.onnx")
    check_export(tmp_path / "a.tflite")


def test_other_backends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports.keras.backend, "backend", lambda: "jax")
    for name in ("a.tflite", "a"):
        with pytest.raises(MissingExtraError, match=r"Received: jax\. Set KERAS_BACKEND=tensorflow"):
            check_export(tmp_path / name)
    check_export(tmp_path / "a.keras")
