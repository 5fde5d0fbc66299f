"""Training end to end on a small network, on every backend that is installed."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from another_backend import run_on
from keras import layers
from small_training import small_model

from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.errors import ModelError, RunError
from keras_cv_course.training.batches import measuring_batches
from keras_cv_course.training.fit import FitConfig, fit
from keras_cv_course.training.run_folder import RunFolder

QUICK = FitConfig(epochs=12, batch_size=16, warmup_epochs=1, precision="float32")


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_learns_in_each_precision_and_measures_in_float32(colour_squares: LabelledImages, precision: str) -> None:
    keras.utils.set_random_seed(0)
    model = small_model()
    history = fit(model, colour_squares, FitConfig(**{**vars(QUICK), "precision": precision}))
    assert history["loss"][-1] < history["loss"][0]
    assert set(history) == {"loss", "accuracy", "learning_rate", "seconds"}
    assert all(len(values) == 12 for values in history.values())
    assert model.get_layer("conv").compute_dtype == "float32"
    _, accuracy = model.evaluate(measuring_batches(colour_squares, 16), verbose=0)
    assert accuracy >= 0.9


def test_schedule_warms_up_and_falls_to_zero(colour_squares: LabelledImages) -> None:
    history = fit(small_model(), colour_squares, FitConfig(epochs=6, batch_size=16, warmup_epochs=2, learning_rate=0.1))
    rates = history["learning_rate"]
    np.testing.assert_allclose(rates[:2], [0.05, 0.1], rtol=1e-5)
    assert rates[1] > rates[2] > rates[3] > rates[4] > rates[5]
    assert rates[5] == pytest.approx(0, abs=1e-8)


def test_validation_keeps_the_best_epoch_and_patience_stops(colour_squares: LabelledImages) -> None:
    keras.utils.set_random_seed(0)
    rest, held_out = colour_squares.split(0.25, seed=0)
    best_weights = {}

    class Spy(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            best_weights[logs["val_loss"]] = self.model.get_layer("conv").kernel.numpy()

    # So high a rate that the loss jumps about and the last epoch is not the best.
    wild = FitConfig(**{**vars(QUICK), "epochs": 30, "learning_rate": 3.0, "patience": 3})
    model = small_model()
    history = fit(model, rest, wild, validation=held_out, callbacks=[Spy()])
    losses = history["val_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 3 < 30
    np.testing.assert_array_equal(model.get_layer("conv").kernel.numpy(), best_weights[min(best_weights)])


def test_frozen_layers_stay_bit_for_bit(colour_squares: LabelledImages) -> None:
    model = small_model()
    model.get_layer("bn").trainable = False
    model.get_layer("conv").trainable = False
    before = {w.path: w.numpy() for w in model.weights}
    fit(model, colour_squares, FitConfig(epochs=1, batch_size=16, precision="float32"))
    changed = {w.path for w in model.weights if not np.array_equal(before[w.path], w.numpy())}
    assert changed == {"predictions/kernel", "predictions/bias"}


def test_weight_decay_moves_kernels_only(colour_squares: LabelledImages) -> None:
    # Black pictures make every output of the convolution equal to its bias, which the batch norm takes away again: the
    # loss depends on neither kernel, bias nor gamma, and only the decay is left.
    black = LabelledImages(np.zeros_like(colour_squares.images), colour_squares.labels, colour_squares.class_names)
    inputs = keras.Input((16, 16, 3))
    x = layers.BatchNormalization(name="bn")(layers.Conv2D(4, 3, name="conv")(inputs))
    x = layers.Dense(3, activation="softmax", name="predictions")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, x)
    model.get_layer("conv").bias.assign(np.full(4, 0.5, np.float32))
    before = {v.path: v.numpy() for v in model.trainable_variables}
    settings = {"epochs": 1, "weight_decay": 0.5, "augmentation": None, "warmup_epochs": 0}
    fit(model, black, FitConfig(**{**vars(QUICK), **settings}))
    after = {v.path: v.numpy() for v in model.trainable_variables}
    assert np.abs(after["conv/kernel"]).sum() < 0.95 * np.abs(before["conv/kernel"]).sum()
    for path in (
        "bn/gamma",
        "conv/bias",
    ):  # the decay takes a tenth, rounding in the gradient far less than a thousandth
        np.testing.assert_allclose(after[path], before[path], rtol=1e-3)


def test_diverged_training_is_an_error_not_a_result(colour_squares: LabelledImages, tmp_path: Path) -> None:
    config = FitConfig(**{**vars(QUICK), "learning_rate": 1e30})
    with pytest.raises(RunError, match=r"loss is (nan|inf) in epoch 1.*Lower the learning rate"):
        fit(small_model(), colour_squares, config, folder=RunFolder(tmp_path / "run"))
    assert not (tmp_path / "run" / "model.keras").exists()


def test_another_callback_may_stop_the_training(colour_squares: LabelledImages) -> None:
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            self.model.stop_training = True

    assert len(fit(small_model(), colour_squares, QUICK, callbacks=[Stop()])["loss"]) == 1


def test_interrupted_training_leaves_a_float32_model(colour_squares: LabelledImages) -> None:
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            raise KeyboardInterrupt

    model = small_model()
    rest, held_out = colour_squares.split(0.25, seed=0)
    with pytest.raises(KeyboardInterrupt):
        fit(model, rest, FitConfig(precision="bfloat16"), validation=held_out, callbacks=[Interrupt()])
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    images = held_out.images.astype(np.float32) / 255
    np.testing.assert_array_equal(model.predict(images, verbose=0), twin.predict(images, verbose=0))


def test_mismatched_model_is_refused_before_training(colour_squares: LabelledImages) -> None:
    inputs = keras.Input((8, 8, 3))
    small = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(inputs)))
    with pytest.raises(ModelError, match=r"takes images of shape \(8, 8, 3\). Received: \(16, 16, 3\)"):
        fit(small, colour_squares, QUICK)
    inputs = keras.Input((16, 16, 3))
    four = keras.Model(inputs, layers.Dense(4)(layers.Flatten()(inputs)))
    with pytest.raises(ModelError, match="3 outputs"):
        fit(four, colour_squares, QUICK)


def test_patience_needs_validation(colour_squares: LabelledImages) -> None:
    with pytest.raises(RunError, match="patience needs validation"):
        fit(small_model(), colour_squares, FitConfig(patience=2))


OTHER_BACKEND = """
import json, sys
from pathlib import Path
import keras, numpy as np
import small_training as small
from keras_cv_course import FitConfig, RunFolder, fit, load_classifier, prepare_devices, resnet

class Interrupt(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 5:
            raise KeyboardInterrupt

prepare_devices(0)
rest, held_out = small.colour_squares(64).split(0.25, seed=0)
folder = RunFolder(sys.argv[1])
config = FitConfig(epochs=12, batch_size=16, warmup_epochs=1)
try:
    fit(small.small_model(), rest, config, validation=held_out, folder=folder, callbacks=[Interrupt()])
except KeyboardInterrupt:
    history = fit(small.small_model(), rest, config, validation=held_out, folder=folder, resume=True)
probabilities = load_classifier(sys.argv[1]).predict(held_out.images)
shape = tuple(resnet(18, (32, 32, 3), 3)(np.zeros((2, 32, 32, 3), np.float32)).shape)
print(json.dumps({
    "backend": keras.backend.backend(),
    "epochs": len(history["accuracy"]),
    "held_out": float((probabilities.argmax(1) == held_out.labels).mean()),
    "shape": shape,
}))
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backend_learns_stops_and_resumes(backend: str, tmp_path: Path) -> None:
    pytest.importorskip(backend, reason=f"the {backend} extra is not installed")
    done = run_on(backend, OTHER_BACKEND, tmp_path / "run")
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result.pop("held_out") >= 0.8
    assert result == {"backend": backend, "epochs": 12, "shape": [2, 3]}
