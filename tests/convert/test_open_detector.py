"""One door for detectors: which reader gets what."""

from pathlib import Path

import numpy as np
import pytest
from colour_detector import CLASSES, colour_detector
from darknet_files import drawn_floats, thin, tiniest, write_darknet_files

from keras_cv_course.cache import CACHE_VARIABLE
from keras_cv_course.convert.darknet import load_darknet
from keras_cv_course.convert.open_detector import open_detector
from keras_cv_course.data.synthetic.road_scenes import draw_road_scene
from keras_cv_course.detection.predict import detect
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.metrics.detection import match_boxes


def test_a_file_and_a_run_folder_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    colour_detector().save(tmp_path / "model.keras")
    monkeypatch.chdir(tmp_path)
    for source in (tmp_path / "model.keras", tmp_path, str(tmp_path), "."):
        assert open_detector(source).class_names == CLASSES


def test_darknet_weights_find_their_cfg_file(tmp_path: Path) -> None:
    network = tiniest()
    weights, cfg = write_darknet_files(tmp_path, network, drawn_floats(network, seed=0))
    expected = load_darknet(weights, cfg)
    x = np.random.default_rng(0).random((1, *expected.input_size, 3), np.float32)
    elsewhere = cfg.rename(tmp_path / "other.cfg")
    with pytest.raises(ModelError, match="network"):
        open_detector(weights)
    named = open_detector(weights, network=elsewhere, class_names=("a", "b"))
    assert named.class_names == ("a", "b")
    elsewhere.rename(cfg)
    for detector in (named, open_detector(weights)):
        np.testing.assert_array_equal(detector.model.predict_on_batch(x), expected.model.predict_on_batch(x))


def test_a_registered_name_reads_the_file_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The official files are not at hand: one of another network shows that name, place and network are found."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    network = thin("yolov2-voc", (32, 32, 3))
    (tmp_path / "weights").mkdir()
    weights, _ = write_darknet_files(tmp_path, network, drawn_floats(network, seed=0))
    weights.rename(tmp_path / "weights" / "yolov2-voc.weights")
    with pytest.raises(WeightsError, match=r"yolov2-voc\.weights: expected 50,676,061 numbers for yolov2-voc"):
        open_detector("yolov2-voc")


def test_the_shipped_detector_finds_a_car_and_takes_other_names_but_no_network() -> None:
    detector = open_detector("road-yolov2")
    scene = draw_road_scene(np.random.default_rng([3_000_000, 4]), (352, 608))
    (found,) = detect(detector, [scene.image], score_threshold=0.5)
    matches = match_boxes(found, scene.boxes, scene.class_ids)
    assert (found.class_ids[matches >= 0] == 0).sum() >= 2  # cars
    names = ("auto", "bus", "lastwagen", "mensch", "ampel")
    assert open_detector("road-yolov2", class_names=names).class_names == names
    with pytest.raises(ModelError, match="has 5 classes: expected as many names"):
        open_detector("road-yolov2", class_names=("car",))
    with pytest.raises(ModelError, match="leave out network"):
        open_detector("road-yolov2", network="yolov2")


def test_what_is_no_detector(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"yolov2-tiny-voc, a run folder.*'yolov5', and there is no such file"):
        open_detector("yolov5")
    colour_detector().save(tmp_path / "d.keras")
    with pytest.raises(ModelError, match="network"):
        open_detector(tmp_path / "d.keras", network="yolov2")
    (tmp_path / "d.weights.h5").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"d\.weights\.h5: .* kcc convert and its --variant"):
        open_detector(tmp_path / "d.weights.h5", network="yolov2")
    (tmp_path / "d.pt").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"d\.pt"):
        open_detector(tmp_path / "d.pt")
