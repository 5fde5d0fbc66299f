"""A trained network of a class for every pixel, with everything that is needed to use it."""

import math
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from keras_cv_course.data.image_files import resize_image
from keras_cv_course.data.masked_images import IGNORED
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.classifier import open_model
from keras_cv_course.models.described_model import read_description, save_described
from keras_cv_course.models.pixels import model_pixels
from keras_cv_course.models.unet import unet_around
from keras_cv_course.models.yolov2 import darknet_body, yolov2
from keras_cv_course.pretrained import segmenters, weights_path
from keras_cv_course.weights_file import read_weights

PREDICTION_PIXELS = 8 * 640 * 640  # at once
DESCRIPTION = "segmenter.json"  # in the .keras file

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Segmenter:
    """A model, its classes and the colours that show them.

    Attributes:
        model: from float32 (m, height, width, 3) to logits (m, height, width, classes).
        class_names: one for each class, below `IGNORED` of them.
        colours: (red, green, blue) of each class, each 0..255.
        origin: where it comes from, for reports.

    Raises:
        ModelError: model, class names and colours do not fit.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    colours: tuple[Colour, ...]
    origin: str

    def __post_init__(self) -> None:
        """Check that the parts fit."""
        taken, given, classes = self.model.input_shape, self.model.output_shape, len(self.class_names)
        fixed = len(taken) == 4 and None not in taken[1:] and taken[3] == 3
        if not fixed or given != (*taken[:3], classes) or not 1 <= classes <= IGNORED:
            raise ModelError(
                f"{self.origin}: expected a model from images (None, height, width, 3) of a fixed size to logits "
                f"(None, height, width, classes), classes: {classes}. Received: {taken} to {given}."
            )
        is_colour = [len(colour) == 3 and all(0 <= value <= 255 for value in colour) for colour in self.colours]
        if len(self.colours) != classes or not all(is_colour):
            raise ModelError(
                f"{self.origin}: expected {classes} colours (red, green, blue), each 0 to 255, one for each class. "
                f"Received: {self.colours}."
            )

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of the images that the model takes."""
        height, width = self.model.input_shape[1:3]
        return height, width

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Say what each pixel of each image shows.

        Args:
            images: uint8 (m, height, width, 3) of the model's size; m may be 0.

        Returns:
            Class maps uint8 (m, height, width).

        Raises:
            ModelError: images of another dtype or size.
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (*self.input_size, 3):
            raise ModelError(
                f"{self.origin}: expected images uint8 (m, {self.input_size[0]}, {self.input_size[1]}, 3). "
                f"Received: {images.dtype} {images.shape}."
            )
        maps = [np.zeros((0, *self.input_size), np.uint8)]
        batch = max(1, PREDICTION_PIXELS // math.prod(self.input_size))
        for start in range(0, len(images), batch):
            logits = self.model.predict_on_batch(model_pixels(self.model, images[start : start + batch]))
            maps.append(np.argmax(logits, axis=-1).astype(np.uint8))
        return np.concatenate(maps)

    def segment(self, image: np.ndarray) -> np.ndarray:
        """Say what each pixel of a picture of any size shows.

        The picture is stretched to the model's size, and each class's logits back to the picture's.

        Args:
            image: uint8 (h, w, 3).

        Returns:
            A class map uint8 (h, w).

        Raises:
            DataContentError: no such picture.
        """
        small = resize_image(image, self.input_size)[None]
        logits = self.model.predict_on_batch(model_pixels(self.model, small))[0]
        height, width = image.shape[:2]
        highest, best = np.full((height, width), -np.inf, np.float32), np.zeros((height, width), np.uint8)
        for number in range(len(self.class_names)):  # one by one: a large picture has many logits
            small_plane = Image.fromarray(np.ascontiguousarray(logits[..., number], np.float32))
            plane = np.asarray(small_plane.resize((width, height), Image.Resampling.BILINEAR))
            better = plane > highest
            highest[better], best[better] = plane[better], number
        return best

    def save(self, path: str | Path) -> None:
        """Write one .keras file.

        `keras.saving.load_model(path, compile=False)` opens it too, and gives the model alone.

        Raises:
            ModelError: a path with another suffix.
        """
        description = {"class_names": list(self.class_names), "colours": [list(colour) for colour in self.colours]}
        save_described(self.model, path, DESCRIPTION, description)


def load_segmenter(source: str | Path) -> Segmenter:
    """Load a segmenter by name, or from where a training left it.

    Args:
        source: a name in the registry, such as ``road-segmenter``; a run folder; or a ``.keras`` file.

    Raises:
        WeightsError: an unknown name, a missing or damaged file, a run that is not complete, or a model without class
            names and colours.
        ModelError: a model that does not fit them.
    """
    entry = segmenters().get(str(source))
    if entry is not None:
        network = darknet_body(yolov2((*entry.input_size, 3), width=entry.width))
        preprocessing = keras.layers.Rescaling(1 / 255, name="preprocessing")
        model = unet_around(network, preprocessing, len(entry.class_names))
        read_weights(weights_path(entry), model.weights)
        return Segmenter(model, entry.class_names, entry.colours, entry.name)
    path, model = open_model(source, segmenters())
    content = read_description(path, DESCRIPTION)
    try:
        names = tuple(map(str, content["class_names"]))
        colours = tuple((int(red), int(green), int(blue)) for red, green, blue in content["colours"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path}: expected class_names and colours in {DESCRIPTION}. Received: {content!r:.200}."
        ) from error
    return Segmenter(model, names, colours, str(path))
