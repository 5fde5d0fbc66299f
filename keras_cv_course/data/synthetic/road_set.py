"""Drawn road scenes as a set of files, as one's own pictures would be."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.data.detection_datasets import write_boxes
from keras_cv_course.data.synthetic import lone_scenes
from keras_cv_course.data.synthetic.road_scenes import CLASS_NAMES, draw_road_scenes
from keras_cv_course.files import check_new_folder

_VALIDATION = 5  # every fifth scene


def write_road_scenes(
    folder: str | Path,
    *,
    count: int,
    seed: int,
    format: str = "voc",
    image_size: tuple[int, int] = (416, 416),
    lone: bool = False,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Draw scenes and write them with their boxes, whole or not at all.

    Every fifth scene is in the list val, the others in train. A smaller set is the beginning of a larger one.

    Args:
        folder: new, or empty.
        count: number of scenes, at least 1.
        seed: 0 or more; another seed gives other scenes.
        format: voc, coco, yolo or csv.
        image_size: (height, width), each at least 64.
        lone: with one pedestrian, car or motorcycle on each scene, or nobody, instead of all the traffic.
        progress: called with the number of scenes drawn so far.

    Raises:
        DataContentError: `count`, `image_size` or `format` is not as described.
        DataError: `folder` is not empty.
    """
    folder = Path(folder)
    check_new_folder(folder)
    draw, class_names = (
        (lone_scenes.draw_lone_scenes, lone_scenes.CLASS_NAMES) if lone else (draw_road_scenes, CLASS_NAMES)
    )
    scenes = draw(count, seed, image_size)
    with tempfile.TemporaryDirectory() as drawn:
        images = []
        for number, scene in enumerate(scenes):
            name = f"road_{number:06}.jpg"
            path = Path(drawn) / name
            Image.fromarray(scene.image).save(path, "JPEG", quality=95, subsampling=0)
            split = "val" if number % _VALIDATION == _VALIDATION - 1 else "train"
            flags = (frozenset[str](),) * len(scene.boxes)
            images.append(BoxedImage(name, path, image_size, scene.boxes, scene.class_ids, flags, frozenset({split})))
            if progress is not None:
                progress(number + 1)
        ids = tuple(range(1, len(class_names) + 1))
        write_boxes(BoxedImages(Path(drawn), tuple(images), class_names, ids, format), folder, format)
