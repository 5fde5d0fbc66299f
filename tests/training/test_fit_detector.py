"""A detector learns, goes on after a stop as if there had been none, and stands what pictures with boxes bring."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from another_backend import run_on
from PIL import Image
from small_detector import SIZE, learn_by_heart, read, scenes, small_plan
from stopping import Stop

from keras_cv_course.convert.open_detector import open_detector
from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.data.image_files import read_image
from keras_cv_course.detection.predict import detect
from keras_cv_course.detections import Detections
from keras_cv_course.errors import DataContentError, ModelError, RunError
from keras_cv_course.training import detection_metrics
from keras_cv_course.training.augment_boxes import BoxAugmentation
from keras_cv_course.training.detector_batches import BoxedPixels
from keras_cv_course.training.device import prepare_devices
from keras_cv_course.training.fit_detector import DetectorFitConfig, DetectorPlan, epochs_for, fit_detector
from keras_cv_course.training.judge_detector import JudgeDetector, truth_beside_found
from keras_cv_course.training.run_folder import RunFolder

CONFIG = DetectorFitConfig(
    epochs=4,
    frozen_epochs=2,
    batch_size=2,
    warmup_epochs=1,
    size_range=32,
    judged=2,
    augmentation=BoxAugmentation(mosaic=0.5),
    precision="float32",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> BoxedImages:
    return scenes(tmp_path_factory.mktemp("roads") / "scenes")


def train(data: BoxedImages, folder: Path, *, resume: bool = False, stop: Stop | None = None) -> list[np.ndarray]:
    prepare_devices(seed=0)
    detector, _ = fit_detector(
        small_plan(data),
        read(data),
        CONFIG,
        validation=data,
        folder=RunFolder(folder),
        resume=resume,
        callbacks=[stop] if stop else [],
    )
    return detector.model.get_weights()


def raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def epochs(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open() as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def test_a_few_scenes_are_learnt_by_heart(tmp_path: Path) -> None:
    detector, history = learn_by_heart(tmp_path)
    assert history["val_ap50"][-1] > 0.95
    assert np.isnan(history["val_ap50"][:-1]).all()
    picture = scenes(tmp_path / "scenes").images[0]
    (found,) = detect(detector, [read_image(picture.path)])
    np.testing.assert_array_equal(np.sort(found.class_ids), np.sort(picture.class_ids))


def test_a_few_scenes_are_learnt_by_heart_on_jax(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    done = run_on("jax", "import small_detector; small_detector.main()", tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    backend, ap50 = done.stdout.split()[-2:]
    assert backend == "jax"
    assert float(ap50) > 0.95


def test_a_stopped_and_resumed_run_equals_an_unbroken_one(
    data: BoxedImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped with frozen layers, at the first step without, and while the last epoch is judged: all in one run."""
    whole, run = tmp_path / "whole", tmp_path / "run"
    expected = train(data, whole)
    for number, at in enumerate([(1, 1), (2, 0)]):
        with pytest.raises(KeyboardInterrupt):
            train(data, run, resume=number > 0, stop=Stop(*at))
        assert not (run / "model.keras").exists()
        assert len(epochs(run)) == at[0]
    monkeypatch.setattr(detection_metrics, "measure_detector", raise_interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(data, run, resume=True)
    monkeypatch.undo()
    assert len(epochs(run)) == 3
    resumed = train(data, run, resume=True)
    # Bit for bit: on a CPU the same operations on the same batches in the same order.
    assert epochs(run) == epochs(whole)
    for a, b in zip(resumed, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert sorted(path.name for path in run.iterdir()) == sorted(path.name for path in whole.iterdir())

    assert list((whole / "logs" / "pictures").iterdir())
    settings = json.loads((whole / "config.json").read_text())["fit"]
    assert DetectorFitConfig.from_json(settings) == CONFIG
    saved = open_detector(whole)
    for a, b in zip(saved.model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert saved.class_names == data.class_names
    with pytest.raises(RunError, match="complete"):
        train(data, run, resume=True)
    with pytest.raises(RunError, match="holds a run already"):
        train(data, run)


def test_statistics_of_frozen_batch_norms_stay(data: BoxedImages) -> None:
    prepare_devices(seed=0)
    plan = small_plan(data)
    config = replace(CONFIG, epochs=1, frozen_epochs=1, batch_size=4)
    detector, _ = fit_detector(plan, read(data), config)
    means = {number: detector.model.get_layer(f"conv{number}_bn").moving_mean.numpy() for number in (1, 2)}
    np.testing.assert_array_equal(means[1], 0)  # as it started
    assert means[2].any()
    assert all(layer.trainable for layer in detector.model.layers)


def test_measurements_are_spread_evenly(data: BoxedImages) -> None:
    def judged(times: int, epochs: int) -> list[int]:
        options = {"update": print, "folder": None}
        judge = JudgeDetector(small_plan(data).detector(), data, times=times, epochs=epochs, **options)
        return [epoch for epoch in range(epochs) if judge.is_due(epoch)]

    assert judged(4, 10) == [2, 4, 7, 9]
    assert judged(1, 3) == [2]
    assert judged(20, 3) == [0, 1, 2]


def test_a_picture_for_tensorboard_is_no_larger_than_a_screen(tmp_path: Path) -> None:
    Image.new("RGB", (3000, 1500), "white").save(tmp_path / "large.png")
    box = np.array([[1000, 500, 2000, 1000]], np.float32)
    image = BoxedImage("large.png", tmp_path / "large.png", (1500, 3000), box, np.zeros(1, np.int64), (frozenset(),))
    found = Detections(box, np.array([0.2], np.float32), np.zeros(1, np.int64), ("a",), image.size)
    shown = truth_beside_found(image, found)
    assert shown.shape == (320, 640 + 8 + 640, 3)
    assert (shown[:, :640] != 255).any()
    assert (shown[100:115, 250] != 255).any()  # the box's upper edge at 500 * 640 / 3000 = 107
    assert (shown[:, 640:] == 255).all()  # found with a score of 0.2 only


def difficult_pictures() -> BoxedPixels:
    """Give pictures without an object, with tiny ones, one as large as the picture, and a hundred."""
    draw = np.random.default_rng(0)
    truth = np.zeros((4, 100, 5), np.float32)
    truth[1, :3] = [[0.5, 0.5, 1e-5, 1e-5, 0], [1, 1, 0.001, 0.9, 1], [0, 0, 0.002, 0.002, 0]]
    truth[2, 0] = [0.5, 0.5, 1, 1, 1]
    truth[3, :, :2], truth[3, :, 2:4] = draw.random((100, 2)), draw.uniform(0.01, 0.4, (100, 2))
    return BoxedPixels(draw.integers(0, 256, (4, *SIZE, 3), np.uint8), truth, ("a", "b"))


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_nothing_makes_it_nan(data: BoxedImages, precision: str) -> None:
    prepare_devices(seed=0)
    pixels = difficult_pictures()
    plan = replace(small_plan(scenes_of_two(data)), class_names=("a", "b"))
    config = replace(CONFIG, epochs=2, frozen_epochs=0, batch_size=4, learning_rate=0.1, precision=precision)
    detector, history = fit_detector(plan, pixels, config)
    assert np.isfinite(history["loss"]).all()
    assert all(np.isfinite(weights).all() for weights in detector.model.get_weights())


def scenes_of_two(data: BoxedImages) -> BoxedImages:
    """Give the boxes of the first two classes."""
    images = tuple(image.take(image.class_ids < 2) for image in data.images)
    return replace(data, images=images, class_names=data.class_names[:2], category_ids=data.category_ids[:2])


def test_what_cannot_be_trained_is_refused_before_any_work(data: BoxedImages, tmp_path: Path) -> None:
    plan, pixels = small_plan(data), read(data)
    folder = RunFolder(tmp_path / "run")

    def refused(error: type[Exception], match: str, plan: DetectorPlan = plan, **options: object) -> None:
        with pytest.raises(error, match=match):
            fit_detector(plan, pixels, CONFIG, folder=folder, **options)
        assert not folder.path.exists()

    empty = replace(data, images=tuple(image.take(np.zeros(len(image), bool)) for image in data.images))
    difficult = tuple(replace(image, flags=(frozenset({"difficult"}),) * len(image)) for image in data.images)
    unreadable = tuple(replace(image, path=tmp_path / "gone.jpg") for image in data.images)
    refused(DataContentError, "none such of 4", validation=empty)
    refused(DataContentError, "none such of 4", validation=replace(data, images=difficult))
    refused(DataContentError, "none such of 4", validation=replace(data, images=unreadable))
    refused(DataContentError, "none such of 0", validation=data.take([]))
    refused(DataContentError, "plan's classes .* Received: \\('car', 'bus'\\)", validation=scenes_of_two(data))
    refused(ModelError, "plan's classes", replace(plan, class_names=("a", "b", "c", "d", "e")))
    refused(ModelError, "5 \\+ 5 classes", replace(plan, anchors=plan.anchors[:2]))
    with pytest.raises(ModelError, match="multiples of 32"):
        replace(plan, input_size=(100, 128))
    with pytest.raises(RunError, match="needs the folder"):
        fit_detector(plan, pixels, CONFIG, resume=True)
    with pytest.raises(DataContentError, match="at least one usable box"):
        read(empty)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0),
        ("frozen_epochs", 101),
        ("batch_size", 0),
        ("optimizer", "lion"),
        ("learning_rate", 0.0),
        ("clip_norm", 0.0),
        ("average", 1.0),
        ("size_range", 48),
        ("mosaic_share", 1.5),
        ("judged", 0),
        ("precision", "float8"),
        ("seed", -1),
    ],
)
def test_impossible_settings_are_refused(setting: str, value: float) -> None:
    with pytest.raises(RunError, match=f"{setting} must be .* Received: {value!r}"):
        DetectorFitConfig(**{"epochs": 100, setting: value})


def test_settings_of_another_version_are_refused() -> None:
    with pytest.raises(RunError, match="epoch_count"):
        DetectorFitConfig.from_json({**DetectorFitConfig().to_json(), "epoch_count": 3})


def test_small_sets_train_longer() -> None:
    assert epochs_for(pictures=3, batch_size=16) == 1000
    assert epochs_for(pictures=205, batch_size=16) == 84
    assert epochs_for(pictures=10**6, batch_size=16) == 30


def test_sizes_of_batches_are_around_the_input_s(data: BoxedImages) -> None:
    plan = replace(small_plan(data), input_size=(96, 192))
    assert plan.sizes(32) == ((64, 128), (96, 192), (128, 256))
    assert plan.sizes(96)[0] == (32, 64)
