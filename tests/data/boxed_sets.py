"""Small sets of pictures with boxes, written by hand or drawn at random."""

import io
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from keras_cv_course.data.boxed_images import FLAGS, BoxedImage, BoxedImages

WORDS = st.text("abcXYZ019 _-.,;'\"&<>#:%äß日", min_size=1, max_size=8).filter(
    lambda text: text == text.strip() and text.strip(".") == text
)
FILE_NAMES = st.text("abz019 _-,;'&#%äß日", min_size=1, max_size=8).filter(lambda text: text == text.strip())
FOLDERS = st.sampled_from(["", "a/", "b/c/", "train/"])
# Beside whole pixels: what float32 holds of any size. Nearer to 0 a part of a picture has too few digits.
COORDINATES = st.one_of(
    st.integers(-5, 70).map(float),
    st.floats(-1e4, 1e4, width=32).filter(lambda number: number == 0 or abs(number) > 1e-4),
)


@cache
def picture(size: tuple[int, int]) -> bytes:
    memory = io.BytesIO()
    Image.new("RGB", size[::-1], (40, 120, 200)).save(memory, "PNG")
    return memory.getvalue()


def write_picture(path: Path, size: tuple[int, int] = (40, 60)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture(size))
    return path


@st.composite
def boxed_sets(draw: st.DrawFn) -> BoxedImages:
    """Draw a set; its pictures are files that `place` still has to write."""
    classes = draw(st.lists(WORDS, min_size=1, max_size=4, unique=True))
    numbers = draw(st.lists(st.integers(0, 99), min_size=len(classes), max_size=len(classes), unique=True))
    names = draw(st.lists(st.builds("{}{}.png".format, FOLDERS, FILE_NAMES), min_size=1, max_size=4, unique=True))
    images = []
    for name in sorted(names):
        boxes = draw(st.lists(st.tuples(*[COORDINATES] * 4), max_size=4))
        flags = tuple(draw(st.frozensets(st.sampled_from(FLAGS), max_size=2)) for _ in boxes)
        ids = [draw(st.integers(0, len(classes) - 1)) for _ in boxes]
        size = draw(st.sampled_from([(40, 60), (33, 7), (1, 1), (480, 641)]))
        splits = draw(st.frozensets(st.sampled_from(["train", "val", "test", "trainval"])))
        images.append(
            BoxedImage(
                name,
                Path(name),
                size,
                np.array(boxes, np.float32).reshape(-1, 4),
                np.array(ids, np.int64),
                flags,
                splits,
            )
        )
    # COCO keeps its classes in the order of their numbers.
    return BoxedImages(Path(), tuple(images), tuple(classes), tuple(sorted(numbers)), "drawn")


def place(data: BoxedImages, folder: Path) -> BoxedImages:
    """Write the pictures of a drawn set."""
    images = (replace(image, path=write_picture(folder / image.name, image.size)) for image in data.images)
    return replace(data, root=folder, images=tuple(images))


def contents(data: BoxedImages) -> list[object]:
    """Give all that has to come through a format, so that it compares with ``==``."""
    images = [
        (image.name, image.size, image.boxes.tolist(), image.class_ids.tolist(), image.flags, image.splits)
        for image in data.images
    ]
    return [images, data.class_names, data.category_ids]
