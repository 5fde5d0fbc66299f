"""Drawn roads with one pedestrian, car or motorcycle on them, or with nobody: classification with localization.

The road world is that of :mod:`.road_scenes`; what is to be found is near, with nothing before it.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from keras_cv_course.data.synthetic.road.camera import Camera
from keras_cv_course.data.synthetic.road.cast import build
from keras_cv_course.data.synthetic.road.layout import Road
from keras_cv_course.data.synthetic.road.light import Light
from keras_cv_course.data.synthetic.road.things import Thing
from keras_cv_course.data.synthetic.road.traffic import CAR, MOTORCYCLE, PEDESTRIAN, Spot
from keras_cv_course.data.synthetic.road_scenes import SUPERSAMPLING, RoadScene, check_size, compose, place_camera
from keras_cv_course.errors import DataContentError

CLASS_NAMES = ("pedestrian", "car", "motorcycle")

_KINDS = (PEDESTRIAN, CAR, MOTORCYCLE)
_LENGTHS = {PEDESTRIAN: 0.0, CAR: 5.0, MOTORCYCLE: 2.1}  # metres
_LARGEST_SIDES = {PEDESTRIAN: 1.75, CAR: 4.5, MOTORCYCLE: 1.9}  # metres, about
_SHARES = (0.28, 0.8)  # of the picture's shorter side that the object's largest side takes, about
_LEAST_INSIDE = 0.85
_CLEAR = (2.0, 14.0)  # metres before the camera where nobody is, so that what is left out there tells nothing


def draw_lone_scenes(count: int, seed: int, image_size: tuple[int, int] = (96, 96)) -> Iterator[RoadScene]:
    """Draw scenes with one object, or on a quarter of them with none.

    Scene i depends on `seed`, i and `image_size` only. Boxes are (1, 4) or (0, 4); class ids are places in this
    module's `CLASS_NAMES`. At least 85 % of the object's extent lies within the picture, and nothing hides it.

    Args:
        count: number of scenes, at least 1.
        seed: 0 or more; another seed gives other scenes.
        image_size: (height, width), each at least 64.

    Raises:
        DataContentError: `count` or `image_size` is too small.
    """
    if count < 1:
        raise DataContentError(f"Expected count >= 1. Received: count={count}. Ask for at least one scene.")
    check_size(image_size)
    return (_draw(np.random.default_rng([seed, index]), image_size) for index in range(count))


def _draw(rng: np.random.Generator, image_size: tuple[int, int]) -> RoadScene:
    number = int(rng.integers(len(_KINDS) + 1))
    road, light = Road.random(rng), Light.random(rng)
    camera = place_camera(road, image_size, rng)
    if number == len(_KINDS):
        return compose(road, camera, light, [], [], rng, clear=rng.uniform(*_CLEAR))
    while (thing := _place(_KINDS[number], road, camera, light, rng)) is None:
        camera = place_camera(road, image_size, rng)
    clear = float(np.hypot(*(thing.footprint - camera.position[[0, 2]]).T).max())
    scene = compose(road, camera, light, [thing], [], rng, clear)
    return replace(scene, class_ids=np.array([number], np.int64))


def _place(kind: int, road: Road, camera: Camera, light: Light, rng: np.random.Generator) -> Thing | None:
    """Put one user of the road before the camera; None where it would not be seen well."""
    share = np.exp(rng.uniform(*np.log(_SHARES)))
    distance = camera.focal * _LARGEST_SIDES[kind] / (share * min(camera.image_size))
    right, _, forward = camera.turn
    aside = distance * rng.uniform(-0.42, 0.42) * camera.image_size[1] / camera.focal
    position = (camera.position + distance * forward + aside * right) * [1, 0, 1]
    across = position[0] - road.bend * position[2] ** 2 / 2
    left, right_kerb = road.edges
    margin = road.side + 1 if kind == PEDESTRIAN else -0.8
    if not left - margin < across < right_kerb + margin:
        return None
    heading = road.heading(position[2]) + rng.choice([0, np.pi]) + rng.normal(0, 0.25)
    if rng.random() < 0.4:
        heading = rng.uniform(0, 2 * np.pi)
    fine = camera.enlarged(SUPERSAMPLING)
    thing = build(Spot(kind, position, heading, _LENGTHS[kind]), fine, light, rng)
    return thing if thing is not None and _inside(thing, fine) >= _LEAST_INSIDE else None


def _inside(thing: Thing, camera: Camera) -> float:
    """Give the share of a thing's extent that lies within the picture."""
    left, top, right, bottom = thing.extent
    height, width = camera.image_size
    seen = max(min(right, width) - max(left, 0), 0) * max(min(bottom, height) - max(top, 0), 0)
    return seen / ((right - left) * (bottom - top))
