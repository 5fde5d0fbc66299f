"""Train the last layers of a classifier on features that are known already."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from keras_cv_course.errors import RunError
from keras_cv_course.training.optimizers import make_optimizer
from keras_cv_course.training.run_folder import History

MOST_VIEWS = 5000
# Below this a feature is as good as constant, and dividing by its deviation would blow its noise up.
SMALLEST_DEVIATION = 1e-3


@dataclass(frozen=True)
class HeadConfig:
    """How to train a head alone.

    Attributes:
        views: how often each training image is looked at, once as it is, else with random changes: as many as make
            together at most `MOST_VIEWS` features, and at least one. Few images need them most.
        epochs: passes over the features of all views together.
        batch_size: features a step.
        learning_rate: of Adam, at the start; it falls to 0 along a half cosine.
        weight_decay: of the kernels on standardized features, relative to the learning rate.
        seed: of first weights, order, dropout and changes to the images.
    """

    views: int = 10
    epochs: int = 60
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name, satisfied, expected in (
            ("views", self.views >= 1, "at least 1"),
            ("epochs", self.epochs >= 1, "at least 1"),
            ("batch_size", self.batch_size >= 1, "at least 1"),
            ("learning_rate", self.learning_rate > 0, "above 0"),
            ("weight_decay", self.weight_decay >= 0, "0 or more"),
            ("seed", 0 <= self.seed < 2**32, "from 0 to 4294967295"),
        ):
            if not satisfied:
                raise RunError(f"{name} must be {expected}. Received: {getattr(self, name)!r}.")

    def views_of(self, number_of_images: int) -> int:
        """Give the number of views for a training set."""
        return max(1, min(self.views, MOST_VIEWS // max(1, number_of_images)))


def fit_head(
    head: Sequence[keras.Layer],
    features: np.ndarray,
    labels: np.ndarray,
    config: HeadConfig,
    *,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
) -> History:
    """Train the last layers of a model, in place.

    The features are standardized while they train, so that one learning rate suits every backbone; mean and deviation
    are multiplied into the first dense layer afterwards, which then takes the features as they are.

    Args:
        head: built `Dropout` and `Dense` layers, from n features to softmax probabilities of the classes.
        features: float32 (m, n).
        labels: int (m,), each 0 .. classes - 1.
        config: how.
        validation: features and labels to measure after each epoch; they choose nothing.

    Returns:
        For each quantity a number for each epoch.
    """
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation = np.where(deviation < SMALLEST_DEVIATION, 1, deviation).astype(np.float32)

    keras.utils.set_random_seed(config.seed)
    # Twins of the layers: one that is called a second time no longer has "the" output in its own model.
    twins = [type(layer).from_config(layer.get_config()) for layer in head]
    standardize = layers.Normalization(mean=mean, variance=deviation**2)
    twin = keras.Sequential([keras.Input(features.shape[1:]), standardize, *twins])
    batch = min(config.batch_size, len(features))
    steps = -(-len(features) // batch)
    twin.compile(
        make_optimizer(
            "adam",
            keras.optimizers.schedules.CosineDecay(config.learning_rate, config.epochs * steps),
            config.weight_decay,
        ),
        keras.losses.SparseCategoricalCrossentropy(),
        metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
    )
    twin.optimizer.build(twin.trainable_variables)  # or TensorFlow would trace the training step twice
    history = twin.fit(
        features,
        labels,
        batch_size=batch,
        epochs=config.epochs,
        validation_data=validation,
        verbose=0,
    ).history
    for layer, trained in zip(head, twins, strict=True):
        layer.set_weights(trained.get_weights())
    first = next(layer for layer in head if layer.weights)
    kernel, bias = first.get_weights()
    kernel /= deviation[:, None]
    first.set_weights([kernel, bias - mean @ kernel])
    return {name: [float(value) for value in values] for name, values in history.items()}
