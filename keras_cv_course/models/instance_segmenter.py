"""A trained Mask R-CNN, or Faster R-CNN, with everything that is needed to use it."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from keras_cv_course.boxes import clip_xyxy
from keras_cv_course.data.letterbox import letterbox
from keras_cv_course.detections import Detections, InstanceDetections
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.classifier import open_model
from keras_cv_course.models.described_model import read_description, save_described
from keras_cv_course.models.nested_layers import outputs_in_structure
from keras_cv_course.models.paste_masks import paste_masks

DESCRIPTION = "instance_segmenter.json"  # in the .keras file

SCORE_THRESHOLD = 0.5


@dataclass(frozen=True)
class InstanceSegmenter:
    """A model and its classes.

    Attributes:
        model: as of :meth:`~keras_cv_course.models.mask_rcnn.MaskRcnn.inference_model`.
        class_names: one for each class, without the background.
        origin: where it comes from, for reports.

    Raises:
        ModelError: another kind of model.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    origin: str

    def __post_init__(self) -> None:
        """Check that the parts fit."""
        taken, given = self.model.input_shape, outputs_in_structure(self.model)
        names = set(given) if isinstance(given, dict) else set()
        if len(taken) != 4 or None in taken[1:] or taken[3] != 3 or not {"boxes", "scores", "class_ids"} <= names:
            raise ModelError(
                f"{self.origin}: expected a model from images (None, height, width, 3) of a fixed size to boxes, "
                f"scores and class_ids. Received: {taken} to {sorted(names) or self.model.output_shape}."
            )

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of the images that the model takes."""
        height, width = self.model.input_shape[1:3]
        return height, width

    @property
    def has_masks(self) -> bool:
        """Tell whether it is a Mask R-CNN."""
        return "masks" in self.model.output

    def detect(self, image: np.ndarray, score_threshold: float = SCORE_THRESHOLD) -> Detections:
        """Find the objects on a picture of any size, by their boxes, which are cut off at its edges.

        Args:
            image: uint8 (h, w, 3).
            score_threshold: least score of an object.

        Raises:
            DataContentError: no such picture.
            ModelError: a class without a name.
        """
        return self._find(image, score_threshold)[0]

    def segment(self, image: np.ndarray, score_threshold: float = SCORE_THRESHOLD) -> InstanceDetections:
        """Find the objects on a picture of any size, with a mask for each.

        The picture is put into the middle of a grey one of the model's size; each mask is laid where its box lies on
        the picture itself.

        Args:
            image: uint8 (h, w, 3).
            score_threshold: least score of an object.

        Raises:
            DataContentError: no such picture.
            ModelError: a model without masks, or a class without a name.
        """
        if not self.has_masks:
            raise ModelError(f"{self.origin}: expected a model with masks. Received: Faster R-CNN; call detect.")
        detections, boxes, masks = self._find(image, score_threshold)
        assert masks is not None
        return InstanceDetections(detections, paste_masks(masks, boxes, detections.image_size))

    def _find(self, image: np.ndarray, score_threshold: float) -> tuple[Detections, np.ndarray, np.ndarray | None]:
        """Give what is on the picture, where its boxes lie with what of them is beside it, and the masks in those."""
        pixels, placement = letterbox(image, self.input_size)
        found = {name: np.asarray(value)[0] for name, value in self.model.predict_on_batch(pixels[None] * 255).items()}
        whole = placement.boxes_to_image(found["boxes"])
        boxes = clip_xyxy(whole, placement.image_size)
        chosen = (found["scores"] >= score_threshold) & (found["scores"] > 0)
        chosen &= (boxes[:, :2] < boxes[:, 2:]).all(axis=1)  # not beside the picture
        class_ids = found["class_ids"][chosen].astype(np.int64)
        if class_ids.max(initial=0) >= len(self.class_names):
            raise ModelError(
                f"{self.origin}: expected a class name for class {class_ids.max()}. Received: {len(self.class_names)}."
            )
        detections = Detections(
            boxes[chosen], found["scores"][chosen], class_ids, self.class_names, placement.image_size
        )
        return detections, whole[chosen], found["masks"][chosen] if self.has_masks else None

    def save(self, path: str | Path) -> None:
        """Write one .keras file.

        Raises:
            ModelError: a path with another suffix.
        """
        save_described(self.model, path, DESCRIPTION, {"class_names": list(self.class_names)})


def load_instance_segmenter(source: str | Path) -> InstanceSegmenter:
    """Load what a training left.

    Args:
        source: a run folder, or a ``.keras`` file.

    Raises:
        WeightsError: a missing or damaged file, a run that is not complete, or a model without class names.
        ModelError: another kind of model.
    """
    # The layers of these models are known to Keras once this is imported.
    import keras_cv_course.models.mask_rcnn  # noqa: F401

    path, model = open_model(source, ())
    content = read_description(path, DESCRIPTION)
    try:
        names = tuple(map(str, content["class_names"]))
    except (KeyError, TypeError) as error:
        raise WeightsError(f"{path}: expected class_names in {DESCRIPTION}. Received: {content!r:.200}.") from error
    return InstanceSegmenter(model, names, str(path))
