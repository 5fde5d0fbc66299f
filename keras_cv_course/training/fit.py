"""Train a classifier with what an expert would set up by hand around `model.fit`.

One function, :func:`fit`: input pipeline, 16-bit arithmetic where it pays, all GPUs, learning-rate schedule, weight
decay, best checkpoint, a state after each epoch from which a killed run goes on, CSV and TensorBoard logs, and
batch-norm statistics that fit the final weights. Why each default is what it is: docs/training.md.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import keras

from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.errors import ModelError, RunError
from keras_cv_course.models.pixels import white_level
from keras_cv_course.training.augment import Augmentation
from keras_cv_course.training.batch_norm import fused_batch_norm, reestimate_statistics
from keras_cv_course.training.batches import measuring_batches, steps_per_epoch, training_batches
from keras_cv_course.training.device import (
    Precision,
    check_shared_evenly,
    choose_precision,
    layer_precision,
    replicated,
)
from keras_cv_course.training.epochs import EpochKeeper, start_or_resume, warm_up_and_cosine
from keras_cv_course.training.optimizers import OPTIMIZERS, make_optimizer
from keras_cv_course.training.run_folder import History, RunFolder, TrainingState, restore_variables

MEASURING_BATCH = 64


@dataclass(frozen=True)
class FitConfig:
    """How to train.

    Attributes:
        epochs: passes over the training images.
        batch_size: images a step, over all GPUs together.
        optimizer: ``sgd`` (Nesterov momentum 0.9) or ``adam``.
        learning_rate: the highest; it rises to it evenly during the warm-up and falls to 0 along a half cosine.
        warmup_epochs: length of the rise; at most half of the epochs.
        weight_decay: of convolution and dense kernels, relative to the learning rate; biases and batch norms have none.
        label_smoothing: share of the target that is spread over all classes, 0 to 1.
        augmentation: random changes to the training images; None for none.
        patience: with validation, epochs without a better one after which to stop; None to go on to the end.
        precision: float32, bfloat16, float16, or auto for what suits the machine.
        seed: of the order of the images and of their augmentation, 0 to 2**32 - 1.
    """

    epochs: int = 60
    batch_size: int = 32
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = 0.1
    warmup_epochs: float = 3.0
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    patience: int | None = None
    precision: Precision = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        self._require("epochs", self.epochs >= 1, "at least 1")
        self._require("batch_size", self.batch_size >= 1, "at least 1")
        self._require("optimizer", self.optimizer in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}")
        self._require("learning_rate", self.learning_rate > 0, "above 0")
        self._require("warmup_epochs", self.warmup_epochs >= 0, "0 or more")
        self._require("weight_decay", self.weight_decay >= 0, "0 or more")
        self._require("label_smoothing", 0 <= self.label_smoothing < 1, "from 0 to below 1")
        self._require("precision", self.precision in get_args(Precision), f"one of {', '.join(get_args(Precision))}")
        self._require("seed", 0 <= self.seed < 2**32, "from 0 to 4294967295")
        self._require("patience", self.patience is None or self.patience >= 1, "at least 1")

    def _require(self, name: str, satisfied: bool, expected: str) -> None:
        if not satisfied:
            raise RunError(f"{name} must be {expected}. Received: {getattr(self, name)!r}.")

    def to_json(self) -> dict[str, Any]:
        """Give the settings as JSON types; :meth:`from_json` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> "FitConfig":
        """Build from what :meth:`to_json` gave.

        Raises:
            RunError: a setting that this version does not know.
        """
        settings = dict(settings)
        try:
            if settings.get("augmentation") is not None:
                settings["augmentation"] = Augmentation(**settings["augmentation"])
            return cls(**settings)
        except TypeError as error:
            raise RunError(f"Expected the settings of FitConfig. Received: {error}.") from error


def fit(
    model: keras.Model,
    train: LabelledImages,
    config: FitConfig,
    *,
    validation: LabelledImages | None = None,
    folder: RunFolder | None = None,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    learning_rate_factors: Sequence[float] | None = None,
) -> History:
    """Train `model`, in place; it comes back in float32, compiled for `evaluate`.

    With validation the weights of the epoch with the lowest validation loss are kept, else those of the last epoch.
    Whatever stops the process, a call with ``resume=True`` and the same arguments goes on after the last whole epoch
    and gives the same epochs as an unbroken run would have given. Call :func:`prepare_devices` before building the
    model.

    Args:
        model: a built classifier from float32 (m, height, width, 3) to probabilities (m, classes). It gets values 0..1,
            or 0..255 if it begins with a layer that scales them (:func:`~keras_cv_course.models.pixels.white_level`).
        train: images of the model's size.
        config: how to train.
        validation: images to choose the best epoch by; never trained on.
        folder: where the run is kept; None keeps nothing on disk, and cannot resume.
        resume: go on from the folder's state; from the beginning where no epoch was finished yet.
        callbacks: further Keras callbacks. Without one that shows progress, training says nothing.
        learning_rate_factors: for each of ``model.trainable_variables`` its share of the learning rate; None for the
            whole rate everywhere. :func:`~keras_cv_course.learning_rate_factors` makes them from layer groups.

    Returns:
        The history: for each quantity a number for each epoch, those before a resume included.

    Raises:
        ModelError: a model that does not fit the images or their classes.
        RunError: validation missing for `patience`; a folder that holds a run already, or with `resume` none that can
            go on; a batch or validation set that several JAX devices cannot share evenly; a loss that is not finite.
    """
    _check_fit(model, train, validation, config, learning_rate_factors)
    state = start_or_resume(folder, resume, train.class_names, config.to_json())
    state = state or TrainingState(choose_precision(config.precision))
    if folder is not None:
        folder.write_environment(state.precision)

    loss = keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    remedy = (
        f"Lower the learning rate ({config.learning_rate}) or lengthen the warm-up ({config.warmup_epochs} epochs)."
    )
    keeper = EpochKeeper(state, config.epochs, folder, patience=config.patience, remedy=remedy)
    try:
        with replicated(model) as twin:
            _train_epochs(twin, train, validation, config, loss, keeper, callbacks, learning_rate_factors)
    finally:
        # What was traced on the way computes in 16 bits; whatever the model does from here on shall not.
        model.compile("sgd", loss, metrics=["accuracy"])
    white = white_level(model)
    reestimate_statistics(model, training_batches(train, MEASURING_BATCH, epochs=1, seed=config.seed, white=white))
    if folder is not None:
        folder.write_model(model)
    return state.history


def _train_epochs(
    model: keras.Model,
    train: LabelledImages,
    validation: LabelledImages | None,
    config: FitConfig,
    loss: keras.losses.Loss,
    keeper: EpochKeeper,
    callbacks: Sequence[keras.callbacks.Callback],
    learning_rate_factors: Sequence[float] | None,
) -> None:
    """Train from the keeper's state to the end and put the best weights into `model`."""
    state, folder = keeper.run_state, keeper.folder
    steps, white = steps_per_epoch(train, config.batch_size), white_level(model)
    optimizer = make_optimizer(
        config.optimizer,
        warm_up_and_cosine(config.learning_rate, config.warmup_epochs, config.epochs, steps),
        config.weight_decay,
        factors=learning_rate_factors,
        scale_loss=state.precision == "float16",
    )
    model.compile(optimizer, loss, metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    if folder is not None and state.epochs_done:
        restore_variables(folder.state, model)
    if not keeper.finished:
        loggers = [] if folder is None else [keras.callbacks.TensorBoard(folder.logs, write_graph=False)]
        with layer_precision(model, state.precision), fused_batch_norm(model):
            model.fit(
                training_batches(
                    train,
                    config.batch_size,
                    epochs=config.epochs,
                    first_epoch=state.epochs_done,
                    seed=config.seed,
                    augmentation=config.augmentation,
                    white=white,
                ),
                validation_data=None
                if validation is None
                else measuring_batches(validation, MEASURING_BATCH, white=white),
                initial_epoch=state.epochs_done,
                epochs=config.epochs,
                steps_per_epoch=steps,
                shuffle=False,  # the pipeline shuffles
                callbacks=[*loggers, keeper, *callbacks],
                verbose=0,
            )
    if validation is not None:
        keeper.restore_best(model)


def _check_fit(
    model: keras.Model,
    train: LabelledImages,
    validation: LabelledImages | None,
    config: FitConfig,
    learning_rate_factors: Sequence[float] | None,
) -> None:
    for data in (train, validation):
        if data is None:
            continue
        given, taken = data.images.shape[1:], model.input_shape[1:]
        if len(taken) != 3 or any(t not in (None, g) for g, t in zip(given, taken, strict=True)):
            raise ModelError(f"{data.origin}: the model takes images of shape {taken}. Received: {given}.")
        if model.output_shape != (None, len(data.class_names)):
            raise ModelError(
                f"{data.origin}: expected a model with {len(data.class_names)} outputs, one for each class. "
                f"Received: output shape {model.output_shape}."
            )
    if config.patience is not None and validation is None:
        raise RunError("patience needs validation images to judge an epoch by. Received: none.")
    if learning_rate_factors is not None and len(learning_rate_factors) != len(model.trainable_variables):
        raise RunError(
            f"Expected a learning-rate factor for each of the {len(model.trainable_variables)} trainable variables. "
            f"Received: {len(learning_rate_factors)}. Make them after freezing, from the same model."
        )
    shared = {"batch_size": min(config.batch_size, len(train))}
    if validation is not None:
        shared["the number of validation images"] = len(validation)
    check_shared_evenly(shared)
