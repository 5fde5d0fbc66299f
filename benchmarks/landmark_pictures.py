"""Draw the pictures of docs/landmarks.md: faces with their points, figures, and what is done with points.

Run from the checkout: python benchmarks/landmark_pictures.py [--out docs/images]
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from keras_cv_course.data.landmarks import BODY_32
from keras_cv_course.data.synthetic.bodies import draw_bodies
from keras_cv_course.data.synthetic.faces import draw_blinks, draw_faces
from keras_cv_course.landmarks.component_maps import component_maps
from keras_cv_course.landmarks.draw import draw_points
from keras_cv_course.landmarks.wear import wear_crown, wear_glasses

SIDE = 128
COLUMNS = 8


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, default=Path("docs/images"))
    chosen = options.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    for name, rows in (("drawn_faces", faces()), ("face_uses", uses())):
        sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)
        Image.fromarray(sheet).quantize(160, dither=Image.Dither.NONE).save(chosen.out / f"{name}.png", optimize=True)


def faces() -> list[list[np.ndarray]]:
    drawn = list(draw_faces(2 * COLUMNS, seed=2, image_size=(SIDE, SIDE), without_face=0))
    bodies = draw_bodies(COLUMNS, seed=1, image_size=(SIDE, SIDE))
    return [
        [face.image for face in drawn[:COLUMNS]],
        [draw_points(face.image, face.points) for face in drawn[COLUMNS:]],
        [draw_points(body.image, body.points, BODY_32) for body in bodies],
    ]


def uses() -> list[list[np.ndarray]]:
    drawn = list(draw_faces(COLUMNS, seed=8, image_size=(SIDE, SIDE), without_face=0))
    film = draw_blinks(60, seed=3, image_size=(SIDE, SIDE))
    start = film.blinks[0][0] - 2
    worn = [(wear_glasses, wear_crown)[number % 2](face.image, face.points) for number, face in enumerate(drawn)]
    return [worn, [show_maps(face.points) for face in drawn], list(film.images[start : start + COLUMNS])]


def show_maps(points: np.ndarray) -> np.ndarray:
    """The four maps in red, green, blue and yellow on one picture."""
    maps = component_maps(points, (SIDE, SIDE), 2.0)  # (SIDE, SIDE, 4)
    colours = np.array([[255, 80, 80], [80, 255, 80], [100, 140, 255], [230, 210, 40]])
    return np.clip(maps @ colours, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
