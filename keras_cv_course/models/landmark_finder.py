"""A trained network for points with everything that is needed to use it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from keras_cv_course.data.image_files import resize_image
from keras_cv_course.data.landmarks import BODY_32, EYE_CORNERS, FACE_68, PointScheme
from keras_cv_course.data.letterbox import letterbox_placement
from keras_cv_course.errors import ModelError
from keras_cv_course.models.classifier import open_model, require_finite
from keras_cv_course.models.heatmaps import expected_points
from keras_cv_course.models.hourglass import STRIDE, stacked_hourglass
from keras_cv_course.models.landmarks import decode_landmarks
from keras_cv_course.models.nested_layers import outputs_in_structure
from keras_cv_course.models.pixels import model_pixels
from keras_cv_course.pretrained import landmark_models, weights_path
from keras_cv_course.weights_file import read_weights

PREDICTION_BATCH = 32
# The number of its points says which they are.
_SCHEMES = {scheme.count: scheme for scheme in (FACE_68, EYE_CORNERS, BODY_32)}


class FoundPoints(NamedTuple):
    """What was found on a picture.

    Attributes:
        probability: that there is a face, or what else the points are of, 0 to 1.
        points: float32 (n, 2), x and y in pixels of the picture; they mean something only where it is likely.
    """

    probability: float
    points: np.ndarray


@dataclass(frozen=True, eq=False)
class LandmarkFinder:
    """A model and the meaning of its points.

    Attributes:
        model: of :func:`~.hourglass.stacked_hourglass` or :func:`~.landmarks.landmark_regressor`, or with the outputs
            of one of them. Values are 0..1, or 0..255 where it begins with a layer that scales them.
        scheme: the order of its points.
        origin: where it comes from, for reports.
    """

    model: keras.Model
    scheme: PointScheme
    origin: str

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of the images that the model takes."""
        height, width = self.model.input_shape[1:3]
        return height, width

    def predict(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find points on images of the model's size.

        Args:
            images: uint8 (m, height, width, 3) of the model's size; m may be 0.

        Returns:
            The probabilities of a face, float32 (m,), and points, float32 (m, n, 2), x and y in pixels.

        Raises:
            ModelError: images of another dtype or size, or a model whose numbers are not finite.
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (*self.input_size, 3):
            raise ModelError(
                f"{self.origin}: expected images uint8 (m, {self.input_size[0]}, {self.input_size[1]}, 3). "
                f"Received: {images.dtype} {images.shape}."
            )
        probabilities, points = [np.zeros(0, np.float32)], [np.zeros((0, self.scheme.count, 2), np.float32)]
        for start in range(0, len(images), PREDICTION_BATCH):
            batch = model_pixels(self.model, images[start : start + PREDICTION_BATCH])
            # Not by `predict`, which would trace a graph for every size of batch.
            output = keras.tree.map_structure(keras.ops.convert_to_numpy, self.model(batch, training=False))
            if isinstance(output, dict):
                found = output["face"][:, 0], np.asarray(expected_points(output["heatmaps"][:, -1])) * STRIDE
            else:
                found = decode_landmarks(output, self.input_size)
            require_finite(self.origin, *found)
            probabilities.append(found[0])
            points.append(found[1])
        return np.concatenate(probabilities), np.concatenate(points)

    def find(self, images: Iterable[np.ndarray]) -> Iterator[FoundPoints]:
        """Find the points on pictures of any size, each of one face that fills about half of it or more.

        Args:
            images: each uint8 (height, width, 3), RGB. They are taken as they are needed, a batch ahead.

        Yields:
            What was found, in the same order.

        Raises:
            DataContentError: no such picture.
        """
        waiting = iter(images)
        while batch := list(islice(waiting, PREDICTION_BATCH)):
            fitted = [self._fit(image) for image in batch]
            results = self.predict(np.stack([pixels for pixels, *_ in fitted]))
            for probability, points, (_, corner, scale) in zip(*results, fitted, strict=True):
                yield FoundPoints(float(probability), ((points - corner) / scale).astype(np.float32))

    def _fit(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Put a picture into the middle of the input, as large as fits; its edges go on to the input's, as in training.

        Returns:
            The pixels, where the picture begins in them, and their number for one of the picture, (x, y) each.
        """
        place = letterbox_placement(image.shape[:2], self.input_size)
        small = resize_image(image, (place.height, place.width))
        top, left = int(place.top), int(place.left)
        height, width = self.input_size
        beside = ((top, height - top - place.height), (left, width - left - place.width), (0, 0))
        scale = np.array([place.width / image.shape[1], place.height / image.shape[0]])
        return np.pad(small, beside, mode="edge"), np.array([left, top]), scale


def load_landmark_finder(source: str | Path) -> LandmarkFinder:
    """Load a network for points by name, or from where a training left it.

    Args:
        source: a name in the registry, such as ``face-landmarks``; a run folder; or a ``.keras`` file.

    Raises:
        WeightsError: an unknown name, a missing or damaged file, or a run that is not complete.
        ModelError: a model of something else than 68, 4 or 32 points.
    """
    entry = landmark_models().get(str(source))
    if entry is not None:
        model = stacked_hourglass(entry.points, entry.input_size, stacks=entry.stacks, filters=entry.filters)
        read_weights(weights_path(entry), model.weights)
        return LandmarkFinder(model, _SCHEMES[entry.points], entry.name)
    path, model = open_model(source, landmark_models())
    return LandmarkFinder(model, _SCHEMES[number_of_points(model, str(path))], str(path))


def number_of_points(model: keras.Model, origin: str) -> int:
    """Count the points that a model finds, by the shape of its output.

    Raises:
        ModelError: it is no model of points, or of a number whose order is not known.
    """
    given, taken = keras.tree.map_structure(lambda output: output.shape, outputs_in_structure(model)), model.input_shape
    number = 0
    if isinstance(taken, tuple) and len(taken) == 4 and None not in taken[1:]:
        if isinstance(given, tuple) and len(given) == 2 and given[1] % 2:
            number = (given[1] - 1) // 2
        elif isinstance(given, dict) and given.get("face") == (None, 1) and len(given.get("heatmaps", ())) == 5:
            _, _, *size, number = given["heatmaps"]
            number = number if size == [side // STRIDE for side in taken[1:3]] else 0
    if number not in _SCHEMES:
        raise ModelError(
            f"{origin}: expected a model from images of a fixed size to {', '.join(map(str, _SCHEMES))} points, as "
            f"`kcc train landmarks` makes it. Received: {taken} to {given}."
        )
    return number
