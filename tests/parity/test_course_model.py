"""The course's car detector: our model from its folder and from a Keras 2 `yolo.h5`, against its own graph.

The graph is the original, made by TensorFlow 2.3 and run by `tf.saved_model.load`; the weights are drawn.
"""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from course_model import Numbers, write_model_data, write_yolo_h5

from keras_cv_course.convert.legacy_keras import load_course_model, load_yolo_h5
from keras_cv_course.data.detector_files import read_anchors, read_classes
from keras_cv_course.data.image_files import read_image
from keras_cv_course.errors import DataContentError, WeightsError
from keras_cv_course.models.detector import Detector

PICTURES = ("darknet/dog.jpg", "drive_ai/images/0001.jpg", "drive_ai/images/test.jpg")
# Of numbers up to 13. Measured: 4.9e-5, and 5.1e-5 in the forward pass of `detect`; both sides in float32 after 23
# convolutions in a row, with sums of up to 11,520 products in another order. A passthrough or an epsilon of the other
# variants gives differences above 0.1.
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def written(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Numbers]:
    """Give the folder with drawn weights and the numbers in it."""
    folder = tmp_path_factory.mktemp("course") / "model_data"
    return folder, write_model_data(real_data / "course_model_data", folder, seed=4)


@pytest.fixture(scope="module")
def detector(written: tuple[Path, Numbers]) -> Detector:
    return load_course_model(written[0])


def test_the_original_graph_on_three_pictures(
    real_data: Path, written: tuple[Path, Numbers], detector: Detector
) -> None:
    graph = tf.saved_model.load(str(written[0]))
    run = graph.signatures["serving_default"]
    for name in PICTURES:
        pixels, _ = detector.prepare(read_image(real_data / name))
        expected = run(input_1=tf.constant(pixels[None]))["conv2d_22"].numpy()
        assert expected.shape == (1, 19, 19, 425)
        assert expected.std() > 1
        for way, compute in {"model": detector.model, "detect": detector.forward_pass}.items():
            raw = np.asarray(compute(pixels[None]))
            print(f"{name}, {way}: {np.abs(raw - expected).max():.1e} of {np.abs(expected).max():.1f}")
            np.testing.assert_allclose(raw, expected, rtol=0, atol=TOLERANCE)


def test_the_detector_knows_what_the_folder_says(detector: Detector) -> None:
    assert (detector.input_size, detector.resize, detector.model.count_params()) == ((608, 608), "stretch", 50_983_561)
    assert detector.class_names[:3] == ("person", "bicycle", "car")
    assert len(detector.class_names) == 80
    np.testing.assert_array_equal(detector.anchors[4], np.array([9.77052, 9.16828], np.float32))


def test_a_keras_2_file_of_the_same_numbers(
    real_data: Path, written: tuple[Path, Numbers], detector: Detector, tmp_path: Path
) -> None:
    pytest.importorskip("tf_keras", reason="tf_keras is not installed")
    pixels, _ = detector.prepare(read_image(real_data / PICTURES[0]))
    keras_2 = write_yolo_h5(tmp_path / "yolo.h5", written[1])(pixels[None])

    texts = real_data / "course_model_data"
    names, anchors = tuple(read_classes(texts / "coco_classes.txt")), read_anchors(texts / "yolo_anchors.txt")
    loaded = load_yolo_h5(tmp_path / "yolo.h5", names, anchors)
    np.testing.assert_allclose(np.asarray(loaded.model(pixels[None])), keras_2, rtol=0, atol=TOLERANCE)
    # Bit for bit what came from the folder, so the original graph's numbers as well.
    for ours, theirs in zip(loaded.model.weights, detector.model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs), err_msg=ours.path)
    np.testing.assert_array_equal(loaded.anchors, detector.anchors)
    assert (loaded.class_names, loaded.resize) == (detector.class_names, detector.resize)


def test_wrong_classes_and_anchors(written: tuple[Path, Numbers]) -> None:
    folder = written[0]
    with pytest.raises(WeightsError, match=r"expected 125 outputs, .*20 classes.* Received: 425\. .* for 80 classes"):
        load_course_model(folder, class_names=tuple(map(str, range(20))))
    with pytest.raises(WeightsError, match=r"expected 255 outputs, 3 anchors x \(5 \+ 80 classes\). Received: 425"):
        load_course_model(folder, anchors=np.ones((3, 2)))


def test_text_files_that_are_missing_or_wrong(written: tuple[Path, Numbers], tmp_path: Path) -> None:
    (tmp_path / "variables").symlink_to(written[0] / "variables")
    with pytest.raises(WeightsError, match=r"expected the class names in coco_classes.txt"):
        load_course_model(tmp_path)
    (tmp_path / "coco_classes.txt").write_text("car\nbus\n")
    with pytest.raises(WeightsError, match=r"expected the anchors in yolo_anchors.txt"):
        load_course_model(tmp_path)
    (tmp_path / "yolo_anchors.txt").write_text("1, 2, 3")
    with pytest.raises(DataContentError, match=r"yolo_anchors.txt: expected anchors"):
        load_course_model(tmp_path)
    (tmp_path / "yolo_anchors.txt").write_text("1,2")
    with pytest.raises(WeightsError, match=r"expected 7 outputs, 1 anchors x \(5 \+ 2 classes\). Received: 425"):
        load_course_model(tmp_path)


def test_data_that_ends_too_early(written: tuple[Path, Numbers], tmp_path: Path) -> None:
    for name in ("coco_classes.txt", "yolo_anchors.txt", "variables/variables.index"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((written[0] / name).read_bytes())
    with (written[0] / "variables/variables.data-00000-of-00001").open("rb") as file:
        (tmp_path / "variables/variables.data-00000-of-00001").write_bytes(file.read(10_000))
    with pytest.raises(WeightsError, match="the weights cannot be read"):
        load_course_model(tmp_path)
