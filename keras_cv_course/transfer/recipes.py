"""How to adapt a pretrained network to a data set of a given size: the lecture's three cases and fine-tuning.

| recipe   | for                         | frozen             | trained                                           |
| -------- | --------------------------- | ------------------ | ------------------------------------------------- |
| small    | under 10,000 images         | the whole backbone | the head, on cached features                      |
| medium   | under 500,000               | the first half     | the head as above, then head and rest             |
| large    | more (about a million)      | nothing            | everything, Adam 1e-4                             |
| finetune | pictures unlike photographs | three quarters     | the head, then head and rest at a tenth |

Batch norms stay frozen, statistics included, wherever a part of the backbone is: their statistics come from a million
photographs, those of a few small batches would be worse.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers

from keras_cv_course.data.labelled_images import LabelledImages
from keras_cv_course.errors import ModelError, RunError
from keras_cv_course.models.nested_layers import all_layers
from keras_cv_course.training.augment import Augmentation
from keras_cv_course.training.fit import FitConfig, fit
from keras_cv_course.training.run_folder import History, RunFolder
from keras_cv_course.transfer.backbones import Backbone
from keras_cv_course.transfer.features import cached_features
from keras_cv_course.transfer.head import HeadConfig, fit_head
from keras_cv_course.transfer.layer_groups import LayerGroup, freeze, groups_by_depth, unfreeze

# What lies between pooled features and classes: docs/transfer.md compares.
HIDDEN = 512
COMPRESSION = 8.0
SMALL_BELOW = 10_000
# The lecture says "about a million" for the third case; half of it is where that rounds to.
MEDIUM_BELOW = 500_000
PHOTOGRAPHS = Augmentation(rotation=10.0, zoom=0.4, shift=0.15)


@dataclass(frozen=True)
class Recipe:
    """One way to adapt a backbone.

    Attributes:
        name: what users call it.
        frozen_depth: share of the backbone's depth, from its input on, that is never trained; 1 for all of it.
        head: how the new head is trained alone, on features of the whole frozen backbone; None to skip that.
        fit: how the head and the unfrozen rest of the backbone are trained together afterwards; None to skip that.
    """

    name: str
    frozen_depth: float
    head: HeadConfig | None
    fit: FitConfig | None

    def __post_init__(self) -> None:
        """Refuse a recipe that trains nothing, or one that says two things."""
        if self.head is None and self.fit is None:
            raise RunError(f"The recipe {self.name!r} trains nothing. Give it head, fit or both.")
        if not 0 <= self.frozen_depth <= 1:
            raise RunError(f"frozen_depth must be from 0 to 1. Received: {self.frozen_depth!r}.")


def _fine_tuning(epochs: int, learning_rate: float) -> FitConfig:
    return FitConfig(
        epochs=epochs,
        optimizer="adam",
        learning_rate=learning_rate,
        warmup_epochs=1.0,
        weight_decay=1e-4,
        label_smoothing=0.0,  # as the head was trained, or the first steps would undo its certainty
        augmentation=PHOTOGRAPHS,
    )


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("small", 1.0, HeadConfig(), None),
        Recipe("medium", 0.5, HeadConfig(), _fine_tuning(20, 1e-4)),
        Recipe("large", 0.0, None, _fine_tuning(20, 1e-4)),
        Recipe("finetune", 0.75, HeadConfig(), _fine_tuning(20, HeadConfig().learning_rate / 10)),
    )
}


def choose_recipe(number_of_images: int) -> Recipe:
    """Choose after the lecture's rule: the more images, the fewer layers stay frozen.

    Args:
        number_of_images: for training, at least 1.

    Raises:
        RunError: no image.
    """
    if number_of_images < 1:
        raise RunError(f"Expected at least one image to choose a recipe for. Received: {number_of_images}.")
    if number_of_images < SMALL_BELOW:
        return RECIPES["small"]
    return RECIPES["medium" if number_of_images < MEDIUM_BELOW else "large"]


def transfer_model(backbone: Backbone, number_of_classes: int) -> keras.Model:
    """Put a new head for other classes on a backbone.

    The model takes the pixels of a picture file as they are: the backbone's own preprocessing is a layer of it.
    The pooled features are brought to one length and compressed like a square root (with arcsinh, which has a slope at
    0 too), so that a few strong channels do not outweigh what all the others say.
    Source: Perronnin, Sanchez and Mensink, "Improving the Fisher Kernel for Large-Scale Image Classification", 2010.

    Args:
        backbone: becomes a part of the model, weights and all.
        number_of_classes: outputs of the new softmax, at least 2.

    Returns:
        From float32 (m, height, width, 3), values 0..255, to probabilities (m, number_of_classes): preprocessing,
        the network as one nested layer, ``avg_pool``, ``unit_length``, ``scale``, arcsinh, ``dropout``, ``hidden``,
        ``hidden_dropout``, ``predictions``.

    Raises:
        ModelError: fewer than two classes.
    """
    if number_of_classes < 2:
        raise ModelError(f"A classifier needs at least 2 classes. Received: {number_of_classes}.")
    inputs = keras.Input(backbone.network.input_shape[1:], name="image")
    x = backbone.network(backbone.preprocessing(inputs))  # (m, h, w, channels)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.UnitNormalization(name="unit_length")(x)
    x = layers.Rescaling(COMPRESSION * x.shape[-1] ** 0.5, name="scale")(x)  # from a root mean square of 1
    x = keras.ops.arcsinh(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    x = layers.Dense(HIDDEN, activation="relu", name="hidden")(x)
    x = layers.Dropout(0.5, name="hidden_dropout")(x)
    # float32 also under a mixed-precision policy: a softmax in 16 bits loses small probabilities.
    outputs = layers.Dense(number_of_classes, activation="softmax", dtype="float32", name="predictions")(x)
    return keras.Model(inputs, outputs, name=f"{backbone.network.name}_transfer")


def freeze_for(recipe: Recipe, model: keras.Model, backbone: Backbone) -> None:
    """Set what a recipe trains in its second phase, in a model of :func:`transfer_model`."""
    kept, _ = groups_by_depth(backbone.network, recipe.frozen_depth)
    unfreeze(model)
    freeze(model, LayerGroup("backbone's first part", kept.layers))
    if recipe.frozen_depth > 0:
        norms = tuple(x for x in all_layers(backbone.network) if isinstance(x, layers.BatchNormalization))
        freeze(model, LayerGroup("batch norms", norms))


def train_transfer(
    backbone: Backbone,
    recipe: Recipe,
    train: LabelledImages,
    *,
    validation: LabelledImages | None = None,
    folder: RunFolder | None = None,
    resume: bool = False,
    cache: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: Callable[[int], None] | None = None,
) -> tuple[keras.Model, History]:
    """Adapt a backbone to new classes.

    Args:
        backbone: becomes a part of the trained model: its `trainable` flags change, and its weights where not frozen.
        recipe: how; see `RECIPES` and :func:`choose_recipe`.
        train: images of the backbone's size.
        validation: images to measure each epoch by, and in a recipe with `fit` to choose the best one; never trained
            on.
        folder: where the run is kept, as for :func:`~keras_cv_course.fit`.
        resume: go on with the folder's run; a recipe that only trains a head starts again, which costs seconds.
        cache: folder for features; see :func:`~keras_cv_course.transfer.features.feature_cache`.
        callbacks: for the phase in which the network is trained.
        progress: called with the number of images whose features are known, training images first.

    Returns:
        The trained model, as of :func:`transfer_model`, and the history of the recipe's last phase.

    Raises:
        ModelError: images of another size than the backbone's.
        RunError: as of :func:`~keras_cv_course.fit`.
    """
    model = transfer_model(backbone, len(train.class_names))
    if folder is not None:
        if resume:
            folder.go_on()
        else:
            folder.require_free()
    history: History = {}
    if recipe.head is not None and not (resume and folder is not None and folder.state.exists()):
        history = _train_head(model, recipe.head, train, validation, cache, progress)
    freeze_for(recipe, model, backbone)
    if recipe.fit is not None:
        history = fit(
            model, train, recipe.fit, validation=validation, folder=folder, resume=resume, callbacks=callbacks
        )
        return model, history
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    if folder is not None:
        if not resume:
            folder.start(train.class_names, vars(recipe.head))
        folder.write_environment("float32")
        folder.write_history(history)
        folder.write_model(model)
    return model, history


def _train_head(
    model: keras.Model,
    config: HeadConfig,
    train: LabelledImages,
    validation: LabelledImages | None,
    cache: Path,
    progress: Callable[[int], None] | None,
) -> History:
    head = model.layers[model.layers.index(model.get_layer("dropout")) :]
    extractor = keras.Model(model.inputs, head[0].input)
    views = config.views_of(len(train))
    features = cached_features(
        extractor, train.images, cache, views=views, augmentation=PHOTOGRAPHS, seed=config.seed, progress=progress
    )
    held_out = None
    if validation is not None:
        done = views * len(train)
        report = None if progress is None else lambda number: progress(done + number)
        held_out = (cached_features(extractor, validation.images, cache, progress=report)[0], validation.labels)
    return fit_head(
        head,
        features.reshape(-1, features.shape[-1]),  # (views * m, n)
        np.tile(train.labels, views),
        config,
        validation=held_out,
    )
