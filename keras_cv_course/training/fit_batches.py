"""The training that `fit` and `fit_targets` share, whatever the batches hold.

16-bit arithmetic where it pays, all GPUs, learning-rate schedule, weight decay, best checkpoint, a state after each
epoch from which a killed run goes on, CSV and TensorBoard logs, and batch-norm statistics that fit the final weights.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cv_course.models.nested_layers import answering_variables
from keras_cv_course.training.batch_norm import fused_batch_norm, reestimate_statistics
from keras_cv_course.training.device import choose_precision, gpu_names, layer_precision, replicated
from keras_cv_course.training.epochs import EpochKeeper, start_or_resume, warm_up_and_cosine
from keras_cv_course.training.fit_settings import FitSettings
from keras_cv_course.training.optimizers import make_optimizer
from keras_cv_course.training.run_folder import History, RunFolder, Savable, TrainingState, restore_variables

_MEASURING_BATCH = 64
_PIXELS_AT_ONCE = _MEASURING_BATCH * 256 * 256


@dataclass(frozen=True, eq=False)
class Feed:
    """Where the batches of a training come from.

    Attributes:
        steps: batches of an epoch.
        training: gives the batches of all epochs from a given one on.
        plain: training pictures without random changes, for statistics; all of them, or enough.
        validation: batches to choose the best epoch by; None for none.
    """

    steps: int
    training: Callable[[int], tf.data.Dataset]
    plain: tf.data.Dataset
    validation: tf.data.Dataset | None


def measuring_batch(images: np.ndarray) -> int:
    """Give how many pictures (m, height, width, ...) are measured at once, the same number on each device.

    Fewer where they are large, so that their maps fit into memory.
    """
    height, width = images.shape[1:3]
    devices = max(1, len(gpu_names()))
    batch = min(_MEASURING_BATCH, _PIXELS_AT_ONCE // (height * width))
    return max(devices, batch // devices * devices)


def fit_batches(
    model: keras.Model,
    feed: Feed,
    settings: FitSettings,
    *,
    loss: Any,
    make_metrics: Callable[[], Sequence[Any]],
    class_names: Sequence[str],
    folder: RunFolder | None,
    resume: bool,
    callbacks: Sequence[keras.callbacks.Callback],
    saved: Savable | None = None,
    patience: int | None = None,
    learning_rate_factors: Sequence[float] | None = None,
) -> History:
    """Train `model`, in place; it comes back in float32, compiled for `evaluate`.

    The arguments are those of :func:`~keras_cv_course.fit`, which has checked them.
    """
    state = start_or_resume(folder, resume, class_names, settings.to_json())
    state = state or TrainingState(choose_precision(settings.precision))
    if folder is not None:
        folder.write_environment(state.precision)

    remedy = (
        f"Lower the learning rate ({settings.learning_rate}) or lengthen the warm-up ({settings.warmup_epochs} epochs)."
    )
    keeper = EpochKeeper(state, settings.epochs, folder, patience=patience, remedy=remedy)
    try:
        with replicated(model) as twin:
            optimizer = make_optimizer(
                settings.optimizer,
                warm_up_and_cosine(settings.learning_rate, settings.warmup_epochs, settings.epochs, feed.steps),
                settings.weight_decay,
                factors=learning_rate_factors,
                scale_loss=state.precision == "float16",
                answering=answering_variables(twin),
            )
            # Objects, because a metric's name makes its variables while the step is traced, which traces it twice.
            twin.compile(optimizer, loss, metrics=list(make_metrics()))
            _train_epochs(twin, feed, keeper, callbacks)
    finally:
        # What was traced on the way computes in 16 bits; whatever the model does from here on shall not.
        model.compile("sgd", loss, metrics=list(make_metrics()))
    reestimate_statistics(model, feed.plain)
    if folder is not None:
        folder.write_model(model if saved is None else saved)
    return state.history


def _train_epochs(
    model: keras.Model, feed: Feed, keeper: EpochKeeper, callbacks: Sequence[keras.callbacks.Callback]
) -> None:
    """Train from the keeper's state to the end and put the best weights into `model`, which is compiled."""
    state, folder = keeper.run_state, keeper.folder
    model.optimizer.build(model.trainable_variables)
    if folder is not None and state.epochs_done:
        restore_variables(folder.state, model)
    if not keeper.finished:
        loggers = [] if folder is None else [keras.callbacks.TensorBoard(folder.logs, write_graph=False)]
        with layer_precision(model, state.precision), fused_batch_norm(model):
            model.fit(
                feed.training(state.epochs_done),
                validation_data=feed.validation,
                initial_epoch=state.epochs_done,
                epochs=keeper.epochs,
                steps_per_epoch=feed.steps,
                shuffle=False,  # the pipeline shuffles
                callbacks=[*loggers, keeper, *callbacks],
                verbose=0,
            )
    if feed.validation is not None:
        keeper.restore_best(model)
