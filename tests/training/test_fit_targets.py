"""Training towards numbers: learns, resumes bit for bit, changes images and targets together."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from stopping import Stop

from keras_cv_course.errors import DataContentError, ModelError, RunError
from keras_cv_course.training import fit_batches
from keras_cv_course.training import fit_targets as module
from keras_cv_course.training.fit_settings import FitSettings
from keras_cv_course.training.fit_targets import TargetImages, fit_targets
from keras_cv_course.training.run_folder import RunFolder

SETTINGS = FitSettings(epochs=4, batch_size=16, optimizer="adam", learning_rate=0.02, precision="float32")


@pytest.fixture(scope="module")
def bars() -> TargetImages:
    """Give pictures of a white column, and beside each where it stands, from 0 to 1."""
    draw = np.random.default_rng(0)
    columns = draw.integers(0, 8, 64)
    images = np.zeros((64, 8, 8, 3), np.uint8)
    images[np.arange(64), :, columns] = 255
    return TargetImages(images, {"at": (columns / 7).astype(np.float32)[:, None]})


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, {"at": keras.layers.Dense(1, name="at")(keras.layers.Flatten()(inputs))})


def mirror(images: tf.Tensor, targets: dict, seed: tf.Tensor) -> tuple[tf.Tensor, dict]:
    """Mirror some pictures, and where their columns stand."""
    mirrored = tf.random.stateless_uniform((len(images), 1), seed) < 0.5
    images = tf.where(mirrored[:, :, None, None], tf.reverse(images, [2]), images)
    return images, {"at": tf.where(mirrored, 1 - targets["at"], targets["at"])}


def test_learns_and_keeps_the_best_epoch(bars: TargetImages) -> None:
    model = network()
    history = fit_targets(model, bars, replace(SETTINGS, epochs=20), loss="mse", change=mirror, validation=bars)
    assert history["loss"][-1] < history["loss"][0] / 4
    kept = float(model.evaluate(bars.images / np.float32(255), bars.targets, verbose=0))
    assert kept == pytest.approx(min(history["val_loss"]), rel=1e-5)  # the same sums in batches of another size


def test_encode_makes_the_targets(bars: TargetImages) -> None:
    away = TargetImages(bars.images, {"at": bars.targets["at"] + 5})
    back = {"encode": lambda targets: {"at": targets["at"] - 5}}
    histories = [
        fit_targets(network(), data, SETTINGS, loss="mse", validation=data, **options)
        for data, options in ((bars, {}), (away, back))
    ]
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(*(history[name] for history in histories), rtol=1e-4)  # 5 is added and taken off


def test_a_stopped_run_goes_on_bit_for_bit(bars: TargetImages, tmp_path) -> None:
    options = {"loss": "mse", "change": mirror, "validation": bars}
    unbroken = network()
    fit_targets(unbroken, bars, SETTINGS, **options)
    run = RunFolder(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        fit_targets(network(), bars, SETTINGS, folder=run, callbacks=[Stop(1, 3)], **options)
    resumed = network()
    history = fit_targets(resumed, bars, SETTINGS, folder=run, resume=True, **options)
    assert len(history["loss"]) == 4
    for one, other in zip(unbroken.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert FitSettings.from_json(run.read_config()["fit"]) == SETTINGS


def test_statistics_come_from_few_large_pictures_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 8 pictures of 8 x 8 pixels, two at once fit into what is allowed here, and four are enough."""
    monkeypatch.setattr(fit_batches, "_PIXELS_AT_ONCE", 2 * 64)
    monkeypatch.setattr(module, "_ENOUGH_PIXELS", 4 * 64)
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3)).astype(np.uint8)
    data = TargetImages(images, np.zeros((8, 1), np.float32))
    seen: list[tuple[int, ...]] = []

    def taken(model: keras.Model, batches: tf.data.Dataset) -> None:
        seen.extend(tuple(pictures.shape) for pictures, _ in batches)

    def measured(model: keras.Model, feed: fit_batches.Feed, *others: object) -> None:
        taken(model, feed.validation)

    monkeypatch.setattr(fit_batches, "reestimate_statistics", taken)
    monkeypatch.setattr(fit_batches, "_train_epochs", measured)
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(keras.layers.BatchNormalization()(inputs)))
    fit_targets(keras.Model(inputs, outputs), data, replace(SETTINGS, epochs=1), loss="mse", validation=data)
    assert seen == [(2, 8, 8, 3)] * (4 + 2)  # all to measure by, then those for the statistics
    monkeypatch.setattr(fit_batches, "gpu_names", lambda: ["one", "another"])
    assert fit_batches.measuring_batch(images) == 2
    monkeypatch.setattr(fit_batches, "_PIXELS_AT_ONCE", 5 * 64)
    assert fit_batches.measuring_batch(images) == 4  # the same number for each


def test_what_cannot_be_is_refused(bars: TargetImages) -> None:
    with pytest.raises(DataContentError, match=r"as many as images. Received: \[3\]"):
        TargetImages(bars.images, np.zeros(3))
    with pytest.raises(DataContentError, match=r"Expected images uint8"):
        TargetImages(bars.images.astype(np.float32), bars.targets)
    with pytest.raises(ModelError, match=r"takes images of shape \(8, 8, 3\). Received: \(8, 4, 3\)"):
        fit_targets(network(), TargetImages(bars.images[:, :, :4], bars.targets), SETTINGS, loss="mse")
    with pytest.raises(RunError, match="learning_rate must be above 0"):
        FitSettings(epochs=1, batch_size=1, optimizer="sgd", learning_rate=0)
