"""Builds the users of a road where they stand, with the shadows that they throw."""

import numpy as np

from keras_cv_course.data.synthetic.road.buses import build_bus
from keras_cv_course.data.synthetic.road.camera import NEAR, Camera, to_world
from keras_cv_course.data.synthetic.road.cars import build_car
from keras_cv_course.data.synthetic.road.light import Light
from keras_cv_course.data.synthetic.road.limbs import Limbs
from keras_cv_course.data.synthetic.road.lorries import build_lorry
from keras_cv_course.data.synthetic.road.mesh import Mesh
from keras_cv_course.data.synthetic.road.motorcycles import Motorcycle
from keras_cv_course.data.synthetic.road.people import Pedestrian
from keras_cv_course.data.synthetic.road.shadows import Shadow, contact_shadow, round_shadow, sun_shadow
from keras_cv_course.data.synthetic.road.signals import build_traffic_light
from keras_cv_course.data.synthetic.road.things import Extent, Thing
from keras_cv_course.data.synthetic.road.traffic import BUS, CAR, LORRY, MOTORCYCLE, PEDESTRIAN, TRAFFIC_LIGHT, Spot

_HALF_WIDTHS = {CAR: 0.92, BUS: 1.3, LORRY: 1.28, PEDESTRIAN: 0.22, TRAFFIC_LIGHT: 0.12, MOTORCYCLE: 0.42}  # metres
_HEIGHTS = {
    CAR: 2.0,
    BUS: 4.6,
    LORRY: 4.6,
    PEDESTRIAN: 2.0,
    TRAFFIC_LIGHT: 1.4,
    MOTORCYCLE: 2.0,
}  # enough for every one
_MARGIN = 0.4  # for mirrors, arms and plates
_CLEARANCE = 1.6  # metres that everyone keeps from the camera


def estimate(spot: Spot, camera: Camera) -> Extent | None:
    """Give a box on the picture that holds a user of the road; None where it is beside or behind the camera."""
    low = -_HEIGHTS[TRAFFIC_LIGHT] / 2 if spot.class_id == TRAFFIC_LIGHT else 0.0
    sides = [np.array([-1.0, 1.0]) * (half + _MARGIN) for half in _half_sizes(spot)]
    corners = np.array([(x, y, z) for x in sides[0] for y in (low, low + _HEIGHTS[spot.class_id]) for z in sides[1]])
    viewed = camera.view(to_world(corners, spot.position, spot.heading))
    if viewed[:, 2].max() < 3:
        return None
    if viewed[:, 2].min() < NEAR:  # reaches past the camera
        return 0.0, 0.0, float(camera.image_size[1]), float(camera.image_size[0])
    pixels = camera.pixels(viewed)
    (left, top), (right, bottom) = pixels.min(axis=0).tolist(), pixels.max(axis=0).tolist()
    return left, top, right, bottom


def footprint(spot: Spot) -> np.ndarray:
    """Give the ground (4, 2) that a user of the road takes: x and z of the corners."""
    x, z = _half_sizes(spot)
    corners = np.array([[-x, 0, -z], [x, 0, -z], [x, 0, z], [-x, 0, z]])
    return to_world(corners, spot.position, spot.heading)[:, [0, 2]]


def _half_sizes(spot: Spot) -> tuple[float, float]:
    return _HALF_WIDTHS[spot.class_id], spot.length / 2 or _HALF_WIDTHS[spot.class_id]


def build(spot: Spot, camera: Camera, light: Light, rng: np.random.Generator) -> Thing | None:
    """Build a user of the road; None where it would stand in the camera's way."""
    position, heading = spot.position, spot.heading
    away = camera.position - position
    cosine, sine = np.cos(heading), np.sin(heading)
    eye = np.array([away[0] * cosine - away[2] * sine, away[1], away[0] * sine + away[2] * cosine])  # as it sees us
    solid: Mesh | Limbs
    if spot.class_id == TRAFFIC_LIGHT:
        solid = build_traffic_light(np.random.default_rng(spot.look), spot.state)
    elif spot.class_id == PEDESTRIAN:
        solid = Pedestrian(rng)
    elif spot.class_id == MOTORCYCLE:
        solid = Motorcycle(rng)
    else:
        scale = camera.pixels_per_metre(position)
        if spot.class_id == CAR:
            solid = build_car(rng, eye, scale)
        else:
            solid = (build_bus if spot.class_id == BUS else build_lorry)(rng, spot.length, eye, scale)
    low, high = solid.extent()
    if (low[[0, 2]] - _CLEARANCE < eye[[0, 2]]).all() and (eye[[0, 2]] < high[[0, 2]] + _CLEARANCE).all():
        return None
    shapes = solid.shapes(camera, light, position, heading)
    if not shapes:
        return None
    shadows: list[Shadow] = []
    if spot.class_id == PEDESTRIAN:
        shadows = round_shadow(position) + sun_shadow(solid.world_points(position, heading), 0.1, light)
    elif spot.class_id != TRAFFIC_LIGHT:
        shadows = contact_shadow(position, heading, high - low)
        shadows += sun_shadow(solid.world_points(position, heading), 0.1 if isinstance(solid, Limbs) else 0.0, light)
    return Thing(footprint(spot), shapes, shadows=shadows, class_id=spot.class_id)
