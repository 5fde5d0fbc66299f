"""Drawn road scenes with exact boxes, for a first run of a detector.

A road with houses and trees and its users is modelled in metres, seen by a camera and painted from far to near, all in
:mod:`.road`. No photograph is involved.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from keras_cv_course.data.synthetic.road.camera import Camera
from keras_cv_course.data.synthetic.road.cast import build, estimate, footprint
from keras_cv_course.data.synthetic.road.furniture import signal_post, street_furniture
from keras_cv_course.data.synthetic.road.houses import houses, skyline
from keras_cv_course.data.synthetic.road.layout import Road
from keras_cv_course.data.synthetic.road.light import Light
from keras_cv_course.data.synthetic.road.order import near_to_far
from keras_cv_course.data.synthetic.road.surface import draw_surface, map_surface
from keras_cv_course.data.synthetic.road.things import (
    LEAST_INSIDE,
    MOST_HIDDEN,
    Extent,
    Sight,
    Thing,
    paint,
    paint_numbers,
)
from keras_cv_course.data.synthetic.road.traffic import (
    CLASS_NAMES,
    PEDESTRIAN,
    TRAFFIC_LIGHT,
    SignalPost,
    Spot,
    place_pedestrians,
    place_signals,
    place_vehicles,
)
from keras_cv_course.data.synthetic.road.trees import foliage, trees
from keras_cv_course.errors import DataContentError

__all__ = ["CLASS_NAMES", "LEAST_INSIDE", "MOST_HIDDEN", "SURFACES", "RoadScene", "draw_road_scene", "draw_road_scenes"]

SURFACES = ("sky", "surroundings", "ground", "road", "vehicle", "pedestrian", "traffic light")
_SKY, _SURROUNDINGS, _GROUND, _CARRIAGEWAY, _VEHICLE, _PEDESTRIAN, _TRAFFIC_LIGHT = range(len(SURFACES))
_SURFACE_OF = {PEDESTRIAN: _PEDESTRIAN, TRAFFIC_LIGHT: _TRAFFIC_LIGHT}  # all others are vehicles
_FIRST_OBJECT = len(SURFACES)  # the number with which the farthest object is painted; nearer ones have higher numbers

_SMALLEST_PICTURE = 64
SUPERSAMPLING = 2


@dataclass(frozen=True, eq=False)
class RoadScene:
    """A picture and the objects on it.

    Attributes:
        image: uint8 (height, width, 3), RGB.
        boxes: float32 (n, 4), x1, y1, x2, y2 in pixels; n may be 0. Each closely holds what of its object lies within
            the picture, including what others hide.
        class_ids: int64 (n,), places in `CLASS_NAMES`.
        masks: bool (n, height, width), the visible pixels of each object, its windows among them. A small object
            behind leaves may have none.
        surfaces: uint8 (height, width), places in `SURFACES`: the sky; houses, trees, posts and signs; pavements and
            land; the carriageway with its markings; vehicles; pedestrians; the housings of traffic lights.
    """

    image: np.ndarray
    boxes: np.ndarray
    class_ids: np.ndarray
    masks: np.ndarray
    surfaces: np.ndarray


def draw_road_scenes(count: int, seed: int, image_size: tuple[int, int] = (416, 416)) -> Iterator[RoadScene]:
    """Draw scenes one after the other.

    Scene i depends on `seed`, i and `image_size` only, so a shorter series is the beginning of a longer one.

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
    return (draw_road_scene(np.random.default_rng([seed, index]), image_size) for index in range(count))


def draw_road_scene(rng: np.random.Generator, image_size: tuple[int, int] = (416, 416)) -> RoadScene:
    """Draw one scene.

    Every object on the picture has its box. One that others would hide by more than 60 %, of whose extent less than
    30 % would lie within the picture, or whose longer side would be less than 2.4 % of the picture's shorter side or
    than 6 pixels, is left out of the scene.

    Args:
        rng: decides everything: road, camera, weather, who is about, and the camera's noise.
        image_size: (height, width), each at least 64.

    Raises:
        DataContentError: `image_size` is too small.
    """
    check_size(image_size)
    road, light = Road.random(rng), Light.random(rng)
    camera = place_camera(road, image_size, rng)
    signals, posts = place_signals(road, rng)
    spots = place_vehicles(road, float(camera.position[0]), rng) + place_pedestrians(road, rng) + signals
    return compose(road, camera, light, spots, posts, rng)


def compose(
    road: Road,
    camera: Camera,
    light: Light,
    users: Sequence[Spot | Thing],
    posts: Sequence[SignalPost],
    rng: np.random.Generator,
    clear: float = 0.0,
) -> RoadScene:
    """Paint a road with its surroundings and those of its users that the camera sees.

    Args:
        road: where.
        camera: from where.
        light: in which.
        users: who is about; one that is built already was built for ``camera.enlarged(SUPERSAMPLING)``.
        posts: what traffic lights hang from.
        rng: decides houses, trees, the users' looks and the camera's noise.
        clear: metres from the camera within which no tree and nothing else of the surroundings stands.
    """
    fine = camera.enlarged(SUPERSAMPLING)
    smallest = max(0.024 * min(camera.image_size), 6) * SUPERSAMPLING
    woods = trees(road, fine, light, rng)
    scenery = [*woods, *street_furniture(road, fine, light, rng), *(signal_post(fine, light, post) for post in posts)]
    scenery = [thing for thing in scenery if _distance(thing, camera) >= clear]
    seen = _look([*scenery, *users], fine, light, smallest, rng)
    objects = [(thing, box) for thing, box in seen if thing.class_id is not None]
    # A tree throws its shadow also where the camera does not see the tree.
    shadows = [shadow for thing in [*woods, *(thing for thing, _ in objects)] for shadow in thing.shadows]

    surface = Image.fromarray(draw_surface(road, camera, light, shadows, rng).astype(np.uint8))
    canvas = surface.resize(fine.image_size[::-1], Image.Resampling.NEAREST)
    backdrop = skyline(fine, light, road.urban, rng) + houses(road, fine, light, rng)
    things, crowns = [*backdrop, *(thing for thing, _ in seen[::-1])], foliage(light, fine, rng)
    paint(canvas, things, crowns)
    numbers = _number(things, crowns, road, fine)
    image = _photograph(canvas.reduce(SUPERSAMPLING), rng)

    boxes = np.array([box for _, box in objects], np.float32).reshape(-1, 4) / SUPERSAMPLING
    if rng.random() < 0.5:  # a country where one drives on the left
        image = np.ascontiguousarray(image[:, ::-1])
        boxes[:, [0, 2]] = camera.image_size[1] - boxes[:, [2, 0]]
        numbers = np.ascontiguousarray(numbers[:, ::-1])
    class_ids = np.array([thing.class_id for thing, _ in objects], np.int64)
    # Objects are from near to far, and numbered from far to near.
    masks = numbers == (_FIRST_OBJECT + np.arange(len(objects))[::-1])[:, None, None]
    surface_of = [_SURFACE_OF.get(class_id, _VEHICLE) for class_id in class_ids[::-1].tolist()]
    return RoadScene(image, boxes, class_ids, masks, np.array([*range(_FIRST_OBJECT), *surface_of], np.uint8)[numbers])


def _number(things: list[Thing], crowns: list[Image.Image], road: Road, fine: Camera) -> np.ndarray:
    """Give each pixel the number of what it shows, uint8 (height, width): a place in `SURFACES`, or an object's."""
    canvas = Image.fromarray(map_surface(road, fine, _SKY, _GROUND, _CARRIAGEWAY))
    objects = itertools.count(_FIRST_OBJECT)
    paint_numbers(
        canvas, things, [_SURROUNDINGS if thing.class_id is None else next(objects) for thing in things], crowns
    )
    height, width = fine.image_size[0] // SUPERSAMPLING, fine.image_size[1] // SUPERSAMPLING
    blocks = np.asarray(canvas).reshape(height, SUPERSAMPLING, width, SUPERSAMPLING).swapaxes(1, 2)
    a, b, c, d = np.moveaxis(np.sort(blocks.reshape(height, width, -1), axis=-1), -1, 0)
    # What most of the four show; of two with two each, and of four with one, the nearest.
    return np.where(b == c, b, np.where((a == b) & (c != d), a, d))


def _distance(thing: Thing, camera: Camera) -> float:
    """Give the metres from the camera to the nearest corner of a thing's ground."""
    return float(np.hypot(*(thing.footprint - camera.position[[0, 2]]).T).min())


def check_size(image_size: tuple[int, int]) -> None:
    """Raise DataContentError if a picture would be too small."""
    if min(image_size) < _SMALLEST_PICTURE:
        raise DataContentError(
            f"Expected image_size (height, width), each >= {_SMALLEST_PICTURE} pixels. Received: {image_size}. "
            "Ask for a larger picture."
        )


def place_camera(road: Road, image_size: tuple[int, int], rng: np.random.Generator) -> Camera:
    """Behind a windscreen, on the pavement looking over the road, or, now and then, high above the road."""
    place = rng.choice(["driver", "pavement", "above"], p=[0.66, 0.24, 0.10])
    across = float(rng.integers(road.lanes[0]) + rng.uniform(0.4, 0.6)) * road.lane_width
    eye, yaw, pitch = rng.uniform(1.1, 2.1), float(np.clip(rng.normal(0, 0.09), -0.3, 0.3)), rng.normal(0.02, 0.035)
    if place == "pavement":
        across = road.edges[1] + min(road.side, 1.5) * rng.uniform(0.2, 1) + 0.4
        yaw = -rng.uniform(0.05, 1.35)
    elif place == "above":
        eye, pitch = rng.uniform(2.8, 5.5), rng.uniform(0.08, 0.2)
    roll = rng.normal(0, 0.012)
    focal = rng.uniform(0.72, 1.25) * np.sqrt(image_size[0] * image_size[1])
    return Camera.looking(np.array([across, eye, 0.0]), yaw, pitch, roll, focal, image_size)


def _look(
    candidates: list[Thing | Spot], camera: Camera, light: Light, smallest: float, rng: np.random.Generator
) -> list[tuple[Thing, Extent]]:
    """Give what belongs on the picture, from near to far, each with its box. What is hidden is not even built."""
    sight = Sight(camera.image_size, smallest)
    seen = []
    footprints = [one.footprint if isinstance(one, Thing) else footprint(one) for one in candidates]
    for number in near_to_far(np.array(footprints).reshape(-1, 4, 2), camera):
        candidate = candidates[number]
        if isinstance(candidate, Spot):
            box = estimate(candidate, camera)
            if box is None or max(box[2] - box[0], box[3] - box[1]) < smallest or sight.is_full(box):
                continue
            thing = build(candidate, camera, light, rng)
        else:
            thing = candidate
        box = sight.add(thing) if thing is not None else None
        if thing is not None and box is not None:
            seen.append((thing, box))
    return seen


def _photograph(picture: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Give a picture the softness, tint, fall-off and noise of a camera; uint8 (height, width, 3)."""
    if rng.random() < 0.5:
        picture = picture.filter(ImageFilter.BoxBlur(rng.uniform(0.1, 0.5)))
    light = np.array(picture, np.float32)
    height, width = light.shape[:2]
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    fall_off = 1 - np.float32(rng.uniform(0, 0.14)) * (x**2 + y**2)
    light *= fall_off[..., None] * (rng.uniform(0.92, 1.08) * rng.normal(1, 0.012, 3)).astype(np.float32)
    # Saturation moves colours away from grey, contrast away from the middle; both in one step.
    saturation, contrast = rng.uniform(0.75, 1.15), rng.uniform(0.88, 1.12)
    grey = light.mean(axis=2) * np.float32(contrast * (1 - saturation)) + np.float32(118 * (1 - contrast) + 0.5)
    grey += rng.standard_normal((height, width), np.float32) * np.float32(rng.uniform(0.5, 4.0))
    light *= np.float32(contrast * saturation)
    light += grey[..., None]
    return np.clip(light, 0, 255, out=light).astype(np.uint8)
