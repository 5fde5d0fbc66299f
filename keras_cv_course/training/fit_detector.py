"""Train a detector with what an expert would set up by hand around `model.fit`.

One function, :func:`fit_detector`, beside :func:`~keras_cv_course.fit` and built of the same parts: augmented batches
of several sizes, pretrained layers frozen at first, a moving average of the weights, the average precision on
validation pictures after some epochs, the best epoch kept by it, a run folder, and a state from which a killed run goes
on.
Why each default is what it is: docs/training.md.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import keras
import numpy as np

from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.data.image_files import read_image
from keras_cv_course.detection.ciou_focal_loss import CIoUFocalLoss
from keras_cv_course.detection.yolo_loss import YoloLoss, YoloMetrics
from keras_cv_course.errors import DataContentError, ImageFileError, ModelError
from keras_cv_course.metrics.detection import ignored_objects
from keras_cv_course.models.detector import Detector, Resize
from keras_cv_course.models.input_size import copy_weights, fixed_size
from keras_cv_course.models.nested_layers import answering_variables
from keras_cv_course.training.augment_boxes import BoxAugmentation
from keras_cv_course.training.batch_norm import fused_batch_norm, reestimate_statistics
from keras_cv_course.training.detector_batches import BoxedPixels, Size, detector_batches, detector_steps
from keras_cv_course.training.device import (
    check_shared_evenly,
    choose_precision,
    layer_precision,
    replicated,
)
from keras_cv_course.training.epochs import EpochKeeper, start_or_resume, warm_up_and_cosine
from keras_cv_course.training.fit_settings import FitSettings
from keras_cv_course.training.judge_detector import JudgeDetector
from keras_cv_course.training.optimizers import OptimizerName, make_optimizer
from keras_cv_course.training.run_folder import History, RunFolder, TrainingState, restore_variables

LossName = Literal["darknet", "ciou-focal"]
LOSSES: dict[LossName, type[YoloLoss]] = {"darknet": YoloLoss, "ciou-focal": CIoUFocalLoss}

STRIDE = 32
JUDGED_BY = "val_ap50"
STATISTICS_BATCHES, STATISTICS_BATCH = 16, 16

# A small set needs as many steps as a large one needs for its first passes.
LEAST_STEPS, LEAST_EPOCHS = 1000, 30


def epochs_for(pictures: int, batch_size: int) -> int:
    """Give the number of epochs that a training on so many pictures takes by default."""
    return max(LEAST_EPOCHS, -(-LEAST_STEPS // max(1, pictures // batch_size)))


def fitting_size(image_sizes: Sequence[Size], pixels: int = 544 * 544) -> Size:
    """Give the input size in whose form most pictures come, so that a letterbox wastes little of it.

    Args:
        image_sizes: (height, width) of each picture.
        pixels: of the result, about.

    Returns:
        (height, width), multiples of 32: 544x544 for square pictures, 480x640 for those of 3:4.
    """
    form = np.median([width / height for height, width in image_sizes])
    height, width = (max(1, round(float(np.sqrt(side) / STRIDE))) * STRIDE for side in (pixels / form, pixels * form))
    return height, width


@dataclass(frozen=True, kw_only=True)
class DetectorFitConfig(FitSettings):
    """How to train a detector. These defaults are those of `kcc train detector`, for every set.

    Attributes:
        epochs: passes over the training pictures, those with frozen layers included.
        frozen_epochs: the first of them, in which pretrained layers stay as they are; 0 for none. The learning rate
            rises and falls with frozen layers, and then again without.
        loss: Darknet's, or the one of later years; see `LOSSES`.
        clip_norm: gradients whose norm is larger are shortened to it.
        average: share of the old value that the moving average of the weights keeps at each step, 0 to below 1.
        size_range: batches are up to so many pixels larger or smaller than the detector's input, a multiple of 32.
        mosaic_share: share of the epochs, the first ones, in which the augmentation makes mosaics.
        judged: how often the average precision on validation pictures is measured in a run, evenly spread, the last
            time at the end.
        augmentation: random changes to the training pictures.

    The others are those of :class:`~keras_cv_course.training.fit_settings.FitSettings`.
    """

    epochs: int = 100
    frozen_epochs: int = 0
    batch_size: int = 16
    optimizer: OptimizerName = "adam"
    learning_rate: float = 1e-3
    loss: LossName = "darknet"
    clip_norm: float = 10.0
    average: float = 0.99
    size_range: int = 64
    mosaic_share: float = 0.8
    judged: int = 20
    augmentation: BoxAugmentation = field(default_factory=BoxAugmentation)

    NESTED: ClassVar[dict[str, type]] = {"augmentation": BoxAugmentation}

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        self._require("frozen_epochs", 0 <= self.frozen_epochs <= self.epochs, f"from 0 to epochs ({self.epochs})")
        self._require("loss", self.loss in LOSSES, f"one of {', '.join(LOSSES)}")
        self._require("clip_norm", self.clip_norm > 0, "above 0")
        self._require("average", 0 <= self.average < 1, "from 0 to below 1")
        self._require("size_range", self.size_range >= 0 and self.size_range % STRIDE == 0, f"a multiple of {STRIDE}")
        self._require("mosaic_share", 0 <= self.mosaic_share <= 1, "from 0 to 1")
        self._require("judged", self.judged >= 1, "at least 1")


@dataclass(frozen=True, eq=False)
class DetectorPlan:
    """A detector to be: what it will be beside its weights.

    Attributes:
        network: from pictures of any multiple of 32, 0..1, to the raw output; see
            :func:`~keras_cv_course.models.input_size.any_size`.
        anchors: float32 (anchors, 2), width and height in cells.
        class_names: one for each class.
        input_size: (height, width) of the pictures in use, multiples of 32.
        resize: how pictures come to that size.
        pretrained: the layers of `network` that are frozen at first.

    Raises:
        ModelError: a size that is no multiple of 32.
    """

    network: keras.Model
    anchors: np.ndarray
    class_names: tuple[str, ...]
    input_size: Size
    resize: Resize
    pretrained: tuple[keras.Layer, ...] = ()

    def __post_init__(self) -> None:
        """Check the size, before pictures are brought to it."""
        if any(side < STRIDE or side % STRIDE for side in self.input_size):
            raise ModelError(
                f"Expected input_size as (height, width), multiples of {STRIDE}. Received: {self.input_size}."
            )

    def detector(self) -> Detector:
        """Give a detector with the network's present weights; they are its own."""
        return Detector(fixed_size(self.network, self.input_size), self.anchors, self.class_names, self.resize)

    def sizes(self, size_range: int) -> tuple[Size, ...]:
        """Give the sizes of training batches: the input's, and up to `size_range` pixels smaller or larger."""
        steps = range(-size_range, size_range + 1, STRIDE)
        height, width = self.input_size
        sizes = [(height + step, round(width * (height + step) / height / STRIDE) * STRIDE) for step in steps]
        return tuple(size for size in sizes if min(size) >= STRIDE)


def fit_detector(
    plan: DetectorPlan,
    train: BoxedPixels,
    config: DetectorFitConfig,
    *,
    validation: BoxedImages | None = None,
    folder: RunFolder | None = None,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[Detector, History]:
    """Train the network of `plan`, in place, and make a detector of the average of its weights.

    With validation the detector has the weights of the epoch with the highest AP at IoU 0.50, else those of the end.
    The statistics of its batch norms are estimated anew for the averaged weights. Whatever stops the process, a call
    with ``resume=True`` and the same arguments goes on after the last whole epoch and gives the same epochs as an
    unbroken run would have given.

    Args:
        plan: the network and what belongs to it.
        train: pictures of any one size, best the largest that a batch may have.
        config: how to train.
        validation: pictures to choose the best epoch by; never trained on.
        folder: where the run is kept; None keeps nothing on disk, and cannot resume.
        resume: go on from the folder's state; from the beginning where no epoch was finished yet.
        callbacks: further Keras callbacks. Without one that shows progress, training says nothing.

    Returns:
        The detector, and the history: for each quantity a number for each epoch, those before a resume included; NaN
        for the average precision where it was not measured.

    Raises:
        ModelError: a network that does not fit the plan's anchors and classes, or the plan's classes not the pictures'.
        DataContentError: validation by which no epoch can be judged: other classes, or no picture that can be read
            with a usable box that is neither difficult nor a crowd.
        RunError: a folder that holds a run already, or with `resume` none that can go on; a batch that several JAX
            devices cannot share evenly; a loss that is not finite.
    """
    detector = _check_fit(plan, train, validation, config)
    state = start_or_resume(folder, resume, plan.class_names, config.to_json())
    state = state or TrainingState(choose_precision(config.precision))
    if folder is not None:
        folder.write_environment(state.precision)

    def update_detector(model: keras.Model) -> None:
        copy_weights(model, detector.model)
        plain = detector_batches(train, STATISTICS_BATCH, [plan.input_size], epochs=1, seed=config.seed)
        # What trained on frozen statistics shall keep them.
        with _frozen([layer for layer in detector.model.layers if layer.weights and not _trains(model, layer)]):
            reestimate_statistics(detector.model, plain.take(STATISTICS_BATCHES))

    judges = []
    if validation is not None:
        judges.append(
            JudgeDetector(
                detector,
                validation,
                times=config.judged,
                epochs=config.epochs,
                update=update_detector,
                folder=folder,
            )
        )
    keeper = EpochKeeper(
        state,
        config.epochs,
        folder,
        judged_by=JUDGED_BY,
        higher_is_better=True,
        judged_model=detector.model,
        remedy=f"Lower the learning rate ({config.learning_rate}).",
    )
    with replicated(plan.network) as twin:
        loggers = [] if folder is None else [keras.callbacks.TensorBoard(folder.logs, write_graph=False)]
        watchers = [*judges, *loggers, keeper, *callbacks]
        for phase in _phases(config):
            if state.epochs_done <= phase.last:
                frozen = [twin.get_layer(layer.name) for layer in plan.pretrained] if phase.frozen else []
                with _frozen(frozen):
                    _train_phase(twin, plan, train, config, phase, keeper, watchers)
                    if validation is None and keeper.finished:
                        update_detector(twin)
    if validation is not None:
        keeper.restore_best(detector.model)
    if folder is not None:
        folder.write_model(detector)
    return detector, state.history


@dataclass(frozen=True)
class _Phase:
    """Epochs from `first` to before `last`, with the pretrained layers frozen or not."""

    first: int
    last: int
    frozen: bool


def _phases(config: DetectorFitConfig) -> tuple[_Phase, ...]:
    phases = (_Phase(0, config.frozen_epochs, True), _Phase(config.frozen_epochs, config.epochs, False))
    return tuple(phase for phase in phases if phase.first < phase.last)


def _train_phase(
    model: keras.Model,
    plan: DetectorPlan,
    train: BoxedPixels,
    config: DetectorFitConfig,
    phase: _Phase,
    keeper: EpochKeeper,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Train from the keeper's state to the end of a phase, and leave the averages of the weights in `model`."""
    state, folder = keeper.run_state, keeper.folder
    steps = detector_steps(train, config.batch_size)
    schedule = warm_up_and_cosine(config.learning_rate, config.warmup_epochs, phase.last - phase.first, steps)
    optimizer = make_optimizer(
        config.optimizer,
        schedule,
        config.weight_decay,
        scale_loss=state.precision == "float16",
        clip_norm=config.clip_norm,
        average=config.average,
        answering=answering_variables(model),
    )
    loss = LOSSES[config.loss](plan.anchors)
    model.compile(optimizer, loss, metrics=[YoloMetrics(loss)])
    model.optimizer.build(model.trainable_variables)
    if folder is not None and state.epochs_done > phase.first:
        restore_variables(folder.state, model)
    if state.epochs_done == phase.last:  # resumed where `model.fit` would have ended
        model.optimizer.finalize_variable_values(model.trainable_variables)
        return
    batches = detector_batches(
        train,
        config.batch_size,
        plan.sizes(config.size_range),
        epochs=phase.last,
        first_epoch=state.epochs_done,
        mosaic_epochs=round(config.mosaic_share * config.epochs),
        seed=config.seed,
        augmentation=config.augmentation,
    )
    with layer_precision(model, state.precision), fused_batch_norm(model):
        model.fit(
            batches,
            initial_epoch=state.epochs_done,
            epochs=phase.last,
            steps_per_epoch=steps,
            shuffle=False,  # the pipeline shuffles
            callbacks=list(callbacks),
            verbose=0,
        )


@contextmanager
def _frozen(layers: Sequence[keras.Layer]) -> Iterator[None]:
    """Keep layers from being trained inside the block."""
    before = [layer.trainable for layer in layers]
    for layer in layers:
        layer.trainable = False
    try:
        yield
    finally:
        for layer, trainable in zip(layers, before, strict=True):
            layer.trainable = trainable


def _trains(model: keras.Model, layer: keras.Layer) -> bool:
    """Tell whether the layer of `model` with the same name is being trained."""
    return bool(model.get_layer(layer.name).trainable)


def _check_fit(
    plan: DetectorPlan, train: BoxedPixels, validation: BoxedImages | None, config: DetectorFitConfig
) -> Detector:
    if plan.class_names != train.class_names:
        raise ModelError(
            f"Expected pictures with the plan's classes {plan.class_names}. Received: {train.class_names}."
        )
    if validation is not None:
        if validation.class_names != plan.class_names:
            raise DataContentError(
                f"{validation.root}: expected validation pictures with the plan's classes {plan.class_names}. "
                f"Received: {validation.class_names}."
            )
        if not any(map(_can_judge, validation.usable().images)):
            raise DataContentError(
                f"{validation.root}: expected a validation picture that can be read with a usable box, neither "
                f"difficult nor a crowd. Received: none such of {len(validation)}. See `kcc data inspect`."
            )
    check_shared_evenly({"batch_size": min(config.batch_size, len(train))})
    return plan.detector()


def _can_judge(image: BoxedImage) -> bool:
    """Tell whether a picture has something to be found and can be read."""
    if ignored_objects(image).all():
        return False
    try:
        read_image(image.path)
    except ImageFileError:
        return False
    return True
