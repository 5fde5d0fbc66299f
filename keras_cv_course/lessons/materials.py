"""What a learner's folder gets beside the notebook: drawn data, so that a first run needs no download.

An assignment names what it wants in `assignment.toml`, as ``materials = ["signs"]``.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Progress = Callable[[int], None]

# Enough to learn from, and ready in some 15 seconds.
_TRAIN_SIGNS, _TEST_SIGNS = 600, 120
_PICTURES, _PICTURE_SIZE, _PICTURE_SEED = 160, 160, 1
_ROADS, _ROAD_SIZE = 6, (720, 1280)
_SCENES, _SCENE_SEED = 1200, 4
_MY_STREET = 1212  # after the scenes: a large car
_ROAD_SEED = 2026  # as in `kcc demo`; the shipped detector was trained with others
_FACES, _FACE_SIZE, _FACE_SEED = 640, (64, 64), 3
_FRAMES = 100
_MASKED, _MASKED_SIZE = 360, (48, 64)


@dataclass(frozen=True)
class Material:
    """One kind of data.

    Attributes:
        description: for a progress bar.
        count: of pictures that are drawn.
        write: writes them into a folder, and calls the function with the number drawn so far.
    """

    description: str
    count: int
    write: Callable[[Path, Progress], None]


def _write_faces(folder: Path, progress: Progress) -> None:
    """Write drawn faces with their points, pictures without a face, a film of blinking eyes, and one more face."""
    import numpy as np
    from PIL import Image

    from keras_cv_course.data.synthetic.faces import draw_blinks, draw_faces

    faces = []
    for face in draw_faces(_FACES, _FACE_SEED, _FACE_SIZE, without_face=0.2):
        faces.append(face)
        progress(len(faces))
    (folder / "datasets").mkdir()
    np.savez_compressed(
        folder / "datasets" / "faces.npz",
        images=np.stack([face.image for face in faces]),
        points=np.stack([face.points for face in faces]),
        has_face=np.array([face.has_face for face in faces]),
    )
    film = draw_blinks(_FRAMES, _FACE_SEED, _FACE_SIZE)
    np.savez_compressed(
        folder / "datasets" / "film.npz", images=film.images, points=film.points, blinks=np.array(film.blinks)
    )
    (face,) = draw_faces(1, _FACE_SEED + 1, (256, 256), without_face=0)
    Image.fromarray(face.image).save(folder / "my_face.png")


def _write_signs(folder: Path, progress: Progress) -> None:
    """Write the two files of SIGNS, and a larger picture of one more hand."""
    import numpy as np
    from PIL import Image

    from keras_cv_course.data.signs import write_synthetic_signs
    from keras_cv_course.data.synthetic.hand_signs import draw_hand_sign

    write_synthetic_signs(folder / "datasets", train=_TRAIN_SIGNS, test=_TEST_SIGNS, progress=progress)
    Image.fromarray(draw_hand_sign(2, np.random.default_rng(7), 256)).save(folder / "my_hand.png")


def _write_pictures(folder: Path, progress: Progress) -> None:
    """Write a folder of pictures for each of two classes, open hands and others, and one more open hand beside them."""
    import numpy as np
    from PIL import Image

    from keras_cv_course.data.synthetic.hand_signs import draw_hand_sign

    def draw(sign: int, number: int, path: Path) -> None:
        image = draw_hand_sign(sign, np.random.default_rng([_PICTURE_SEED, number]), _PICTURE_SIZE)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path, quality=92)

    for number in range(_PICTURES):
        is_open = number % 2 == 1
        name = "open_hand" if is_open else "not_open_hand"
        sign = 5 if is_open else number // 2 % 5  # each of the other signs as often
        draw(sign, number, folder / "pictures" / name / f"hand_{number:03d}.jpg")
        progress(number + 1)
    draw(5, _PICTURES, folder / "my_picture.jpg")


def _write_roads(folder: Path, progress: Progress) -> None:
    """Write pictures of roads as a camera in a car takes them."""
    from PIL import Image

    from keras_cv_course.data.synthetic.road_scenes import draw_road_scenes

    (folder / "images").mkdir()
    for number, scene in enumerate(draw_road_scenes(_ROADS, _ROAD_SEED, _ROAD_SIZE), 1):
        Image.fromarray(scene.image).save(folder / "images" / f"road_{number}.jpg", quality=92)
        progress(number)


def _write_scenes(folder: Path, progress: Progress) -> None:
    """Write drawn streets with one road user or none, as a set of pictures with boxes, and one more beside it."""
    import numpy as np
    from PIL import Image

    from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
    from keras_cv_course.data.detection_datasets import write_boxes
    from keras_cv_course.lessons.street_pictures import CLASS_NAMES, PICTURE_SIZE, draw_street_picture

    images = []
    with tempfile.TemporaryDirectory() as drawn:
        for number in range(_SCENES):
            image, box, class_id = draw_street_picture(np.random.default_rng([_SCENE_SEED, number]))
            name = f"street_{number:04d}.jpg"
            Image.fromarray(image).save(Path(drawn) / name, quality=92)
            boxes = np.array([] if box is None else [box], np.float32).reshape(-1, 4)
            class_ids = np.array([] if class_id is None else [class_id], np.int64)
            flags = (frozenset[str](),) * len(boxes)
            images.append(BoxedImage(name, Path(drawn) / name, PICTURE_SIZE, boxes, class_ids, flags))
            progress(number + 1)
        ids = tuple(range(1, len(CLASS_NAMES) + 1))
        write_boxes(BoxedImages(Path(drawn), tuple(images), CLASS_NAMES, ids, "csv"), folder / "scenes", "csv")
    image, _, _ = draw_street_picture(np.random.default_rng([_SCENE_SEED, _MY_STREET]))
    Image.fromarray(image).save(folder / "my_street.jpg", quality=92)


def _write_street_masks(folder: Path, progress: Progress) -> None:
    """Write small drawn streets with a mask for each thing on them, and one more, larger picture."""
    import numpy as np
    from PIL import Image

    from keras_cv_course.lessons.street_pictures import MASK_NAMES, draw_street_masks

    def small(picture: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(picture).resize(_MASKED_SIZE[::-1], Image.Resampling.BOX))

    images, masks, class_ids = [], [], []
    for number in range(_MASKED):
        image, of_image, classes = draw_street_masks(np.random.default_rng([_SCENE_SEED, number]))
        images.append(small(image))
        masks.append([small(mask.astype(np.uint8) * 255) > 127 for mask in of_image])
        class_ids.append(classes)
        progress(number + 1)
    (folder / "datasets").mkdir()
    np.savez_compressed(
        folder / "datasets" / "street_masks.npz",
        images=np.stack(images),
        masks=np.concatenate(masks),
        class_ids=np.concatenate(class_ids),
        image_numbers=np.repeat(np.arange(_MASKED), [len(of_image) for of_image in masks]),
        class_names=np.array(MASK_NAMES),
    )
    image, _, _ = draw_street_masks(np.random.default_rng([_SCENE_SEED, _MY_STREET]))
    Image.fromarray(image).save(folder / "my_street.jpg", quality=92)


MATERIALS = {
    "faces": Material("Drawing faces", _FACES, _write_faces),
    "pictures": Material("Drawing hands", _PICTURES, _write_pictures),
    "roads": Material("Drawing roads", _ROADS, _write_roads),
    "scenes": Material("Drawing streets", _SCENES, _write_scenes),
    "signs": Material("Drawing hands", _TRAIN_SIGNS + _TEST_SIGNS, _write_signs),
    "street_masks": Material("Drawing streets", _MASKED, _write_street_masks),
}
