"""A detection model with all that its use needs, in one file."""

import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import keras
import numpy as np

from keras_cv_course.data.letterbox import Placement, letterbox, stretch
from keras_cv_course.errors import ModelError, WeightsError, first_line
from keras_cv_course.models.described_model import is_described, read_description, save_described
from keras_cv_course.models.forward_pass import ForwardPass, forward_pass
from keras_cv_course.models.yolov2 import NUMBERS_PER_BOX

Resize = Literal["letterbox", "stretch"]

DESCRIPTION = "detector.json"  # in the .keras file


@dataclass(frozen=True, eq=False)
class Detector:
    """A YOLOv2 model, the meaning of its output and the way pictures get to its size.

    Attributes:
        model: from float32 (batch, height, width, 3), 0..1, to the raw output (batch, rows, cols,
            anchors * (5 + classes)).
        anchors: float32 (anchors, 2): width and height in cells of the output's grid.
        class_names: one for each class.
        resize: ``"letterbox"`` keeps a picture's aspect ratio, as Darknet; ``"stretch"`` does not, as the course.

    Raises:
        ModelError: the parts do not fit together.
    """

    model: keras.Model
    anchors: np.ndarray
    class_names: tuple[str, ...]
    resize: Resize

    def __post_init__(self) -> None:
        """Check that the parts fit."""
        anchors = np.asarray(self.anchors)
        if anchors.dtype != np.float32 or anchors.ndim != 2 or anchors.shape[1] != 2 or not len(anchors):
            raise ModelError(
                f"Expected anchors as float32 (anchors, 2), width and height in cells. Received: {anchors.dtype} "
                f"{anchors.shape}."
            )
        if not (np.isfinite(anchors) & (anchors > 0)).all():
            raise ModelError(f"Expected positive widths and heights of anchors. Received: {anchors.tolist()}.")
        if self.resize not in get_args(Resize):
            raise ModelError(f"resize must be one of {list(get_args(Resize))}. Received: {self.resize!r}.")
        classes, channels = len(self.class_names), len(anchors) * (NUMBERS_PER_BOX + len(self.class_names))
        taken, given = self.model.input_shape, self.model.output_shape
        if (
            classes < 1
            or len(taken) != 4
            or None in taken[1:]
            or taken[3] != 3
            or len(given) != 4
            or given[3] != channels
        ):
            raise ModelError(
                f"Expected a model from images (None, height, width, 3) of a fixed size to (None, rows, cols, "
                f"{channels}): {len(anchors)} anchors x ({NUMBERS_PER_BOX} + {classes} classes). Received: {taken} to "
                f"{given}."
            )

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of the images that the model takes."""
        height, width = self.model.input_shape[1:3]
        return height, width

    @cached_property
    def forward_pass(self) -> ForwardPass:
        """A function from prepared pictures (batch, *input_size, 3) to the raw output of `model`, both NumPy arrays.

        Compiled once for all its uses; see :func:`keras_cv_course.models.forward_pass.forward_pass`.
        """
        return forward_pass(self.model)

    def prepare(self, image: np.ndarray) -> tuple[np.ndarray, Placement]:
        """Bring a picture uint8 (height, width, 3) to the model's size.

        Returns:
            float32 (*input_size, 3), 0..1, and where the picture lies in it.

        Raises:
            DataContentError: no such picture.
        """
        return (letterbox if self.resize == "letterbox" else stretch)(image, self.input_size)

    def save(self, path: str | Path) -> None:
        """Write one .keras file, which `keras.saving.load_model` opens as well: it gives the model alone.

        Raises:
            ModelError: a path with another suffix.
        """
        description = {
            "anchors": self.anchors.tolist(),
            "class_names": list(self.class_names),
            "resize": self.resize,
        }
        save_described(self.model, path, DESCRIPTION, description)


def load_detector(path: str | Path) -> Detector:
    """Load what :meth:`Detector.save` wrote.

    Raises:
        WeightsError: no such file, a damaged one, or a model without anchors and class names.
        ModelError: a model that does not fit its anchors and class names.
    """
    path = Path(path)
    if not path.is_file() or path.suffix != ".keras":
        problem = "" if path.is_file() else ", and there is no such file"
        raise WeightsError(f"Expected a detector's .keras file. Received: {str(path)!r}{problem}.")
    description = _read_description(path)
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras, zip and HDF5 raise nearly anything, by what is damaged
        raise WeightsError(f"{path}: not a Keras model that loads here ({first_line(error)}).") from error
    if not isinstance(model, keras.Model) or not model.built:
        raise WeightsError(f"{path}: expected a built Keras model. Received: {type(model).__name__}.")
    try:
        return Detector(model, **description)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def _read_description(path: Path) -> dict[str, Any]:
    if not is_described(path, DESCRIPTION) and zipfile.is_zipfile(path):
        raise WeightsError(
            f"{path}: a model without {DESCRIPTION}, so its anchors and class names are not known. Make "
            f"Detector(model, anchors, class_names, resize) of it and save that."
        )
    content = read_description(path, DESCRIPTION)
    try:
        return {
            "anchors": np.array(content["anchors"], np.float32),
            "class_names": tuple(map(str, content["class_names"])),
            "resize": content["resize"],
        }
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path}: expected anchors, class_names and resize in {DESCRIPTION}. Received: {content!r:.200}."
        ) from error
