"""Drawn faces as a set of files, as 300-W and other sets have them."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from keras_cv_course.data.landmarks import write_pts
from keras_cv_course.data.synthetic.faces import draw_faces
from keras_cv_course.files import atomic_folder, check_new_folder


def write_faces(
    folder: str | Path,
    *,
    count: int,
    seed: int,
    image_size: tuple[int, int] = (256, 256),
    progress: Callable[[int], None] | None = None,
) -> None:
    """Draw faces and write each as a PNG with its `.pts` file beside it, all of them or nothing.

    Args:
        folder: new, or empty.
        count: number of faces, at least 1.
        seed: 0 or more; another seed gives other faces.
        image_size: (height, width), each at least 16.
        progress: called with the number of faces drawn so far.

    Raises:
        DataContentError: `count` or `image_size` is too small.
        DataError: `folder` is not empty.
    """
    folder = Path(folder)
    check_new_folder(folder)
    faces = draw_faces(count, seed, image_size, without_face=0)
    with atomic_folder(folder) as temporary:
        for number, face in enumerate(faces):
            Image.fromarray(face.image).save(temporary / f"face_{number:06}.png")
            write_pts(temporary / f"face_{number:06}.pts", face.points)
            if progress is not None:
                progress(number + 1)
