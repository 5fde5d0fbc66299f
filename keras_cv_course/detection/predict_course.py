"""The course's two functions around its detector: a picture file into the model, and boxes out of it.

`detect` in `predict.py` does the same for any detector and for many pictures.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from keras_cv_course.data.image_files import read_image
from keras_cv_course.data.letterbox import stretch
from keras_cv_course.detection.draw import draw_boxes
from keras_cv_course.detection.select_boxes_course import yolo_eval
from keras_cv_course.detection.yolo_head import yolo_head
from keras_cv_course.errors import ModelError
from keras_cv_course.files import atomic_path

Tensor = Any  # a tensor of TensorFlow


def preprocess_image(img_path: str | Path, model_image_size: tuple[int, int]) -> tuple[Image.Image, np.ndarray]:
    """Read a picture and stretch it to a model's size with Pillow's bicubic filter.

    Args:
        img_path: a file that :func:`~keras_cv_course.data.image_files.read_image` takes.
        model_image_size: (height, width), as the course has it, which turns it round for Pillow.

    Returns:
        image: RGB, of the file's own size, the way a viewer shows it: other than in the course, a camera's orientation
            is applied.
        image_data: float32 (1, height, width, 3), 0..1.

    Raises:
        ImageFileError: no such picture, or a damaged one.
        DataContentError: a size below 1.
    """
    image = read_image(img_path)
    image_data, _ = stretch(image, model_image_size)
    return Image.fromarray(image), image_data[None]


def predict(
    image_file: str | Path,
    yolo_model: keras.Model,
    class_names: Sequence[str],
    anchors: Any,
    *,
    max_boxes: int = 10,
    score_threshold: float = 0.3,
    iou_threshold: float = 0.5,
    out: str | Path | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Find objects on a picture, print them, and draw them if asked to.

    Model, class names and anchors, which are global variables in the course's notebook, are arguments here, and
    `image_file` is the whole path. Nothing is shown and no file written unless `out` is given.

    Args:
        image_file: the picture.
        yolo_model: from float32 (1, height, width, 3), 0..1, to the raw output.
        class_names: one for each class, as `read_classes` gives them.
        anchors: (A, 2), as `read_anchors` gives them.
        max_boxes: the largest number of boxes.
        score_threshold: least score of a box.
        iou_threshold: a box goes if its IoU with a better one of its class is more than this.
        out: where to save the picture with the boxes; the suffix decides its format.

    Returns:
        out_scores float32 (k,), out_boxes float32 (k, 4) as (y1, x1, y2, x2) in pixels of the picture, and
        out_classes int64 (k,), by falling score.

    Raises:
        ImageFileError: no such picture, or a damaged one.
        ModelError: a model without a fixed size of input, or whose output is not that of the anchors and classes; an
            `out` with a suffix that is no picture's.
    """
    size = tuple(yolo_model.input_shape[1:3])
    if None in size:
        raise ModelError(f"Expected a model for images of a fixed size. Received: {yolo_model.input_shape}.")
    if out is not None and Path(out).suffix.lower() not in Image.registered_extensions():
        raise ModelError(f"Expected out with a picture's suffix, such as .jpg. Received: {str(out)!r}.")
    image, image_data = preprocess_image(image_file, size)
    yolo_outputs = yolo_head(yolo_model.predict_on_batch(image_data), anchors, len(class_names))
    out_scores, out_boxes, out_classes = yolo_eval(
        yolo_outputs, (image.height, image.width), max_boxes, score_threshold, iou_threshold
    )
    print(f"Found {len(out_boxes)} boxes for {image_file}")
    for score, (top, left, bottom, right), number in zip(
        *map(np.asarray, (out_scores, out_boxes, out_classes)), strict=True
    ):
        print(f"{class_names[number]} {score:.2f} ({left:.0f}, {top:.0f}) ({right:.0f}, {bottom:.0f})")
    if out is not None:
        draw_boxes(image, out_boxes, out_classes, class_names, out_scores)
        with atomic_path(out) as temporary:
            image.save(temporary, quality=95)
    return out_scores, out_boxes, out_classes
