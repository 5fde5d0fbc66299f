"""Lamp posts, signs, bollards, bins, cones, and what traffic lights hang from."""

import numpy as np

from keras_cv_course.data.synthetic.road.camera import NEAR, Camera, Shape, bytes_of, xyz
from keras_cv_course.data.synthetic.road.layout import Road
from keras_cv_course.data.synthetic.road.light import Light
from keras_cv_course.data.synthetic.road.mesh import MATTE, Mesh
from keras_cv_course.data.synthetic.road.order import square
from keras_cv_course.data.synthetic.road.things import Thing
from keras_cv_course.data.synthetic.road.traffic import SignalPost

_GALVANISED = np.array([96.0, 100, 104])
_ORANGE, _WHITE = np.array([240.0, 96, 40]), np.array([240.0, 238, 230])
_SIGNS = (  # colours of rim and middle, corners
    ((200, 40, 42), (236, 234, 230), 24),
    ((48, 90, 170), (48, 90, 170), 24),
    ((226, 184, 50), (226, 184, 50), 4),
    ((200, 40, 42), (200, 40, 42), 8),
    ((40, 110, 76), (40, 110, 76), 4),
    ((200, 40, 42), (240, 238, 230), 3),
)


def street_furniture(road: Road, camera: Camera, light: Light, rng: np.random.Generator) -> list[Thing]:
    """Lamp posts, signs, bollards, bins and cones."""
    things = []
    colour, tall = _GALVANISED * rng.uniform(0.5, 1.2), rng.uniform(6, 9)
    spacing = rng.uniform(20, 35) if rng.random() < 0.75 else 1000.0
    for side, kerb in zip((-1, 1), road.edges, strict=True):
        for along in np.arange(rng.uniform(-5, 15), 110, spacing):
            foot = road.point(kerb + side * 0.6, along)
            top, tip = foot + xyz(0, tall, 0), foot + xyz(-side * 1.8, tall + 0.3, 0)
            shapes = post(camera, light, foot, top, 0.08, colour) + post(camera, light, top, tip, 0.05, colour)
            shapes += post(camera, light, tip, tip + xyz(-side * 0.6, 0, 0), 0.09, colour * 0.8)
            things.append(Thing(square(foot), shapes))
    for _ in range(int(rng.integers(0, 7))):
        side = int(rng.integers(2))
        beyond = rng.uniform(0.4, max(road.side, 0.6))
        foot = road.point(road.edges[side] + (2 * side - 1) * beyond, rng.uniform(5, 50))
        if camera.view(foot)[2] < 2:
            continue
        if rng.random() < 0.55:
            shapes = _sign(camera, light, foot, rng)
        else:
            shapes = _low_object(rng).shapes(camera, light, foot, rng.uniform(0, 1))
        things.append(Thing(square(foot), shapes))
    return things


def signal_post(camera: Camera, light: Light, stand: SignalPost) -> Thing:
    """Draw what traffic lights hang from."""
    top = stand.foot + xyz(0, stand.height, 0)
    shapes = post(camera, light, stand.foot, top, 0.13 if stand.reach else 0.08, stand.colour)
    if stand.reach:
        shapes += post(camera, light, top - xyz(0, 0.2, 0), top + xyz(stand.reach, 0.1, 0), 0.07, stand.colour)
    return Thing(square(stand.foot), shapes)


def post(
    camera: Camera, light: Light, foot: np.ndarray, top: np.ndarray, radius: float, colour: np.ndarray
) -> list[Shape]:
    """Draw a round post, lit along its middle; nothing where an end lies behind the camera."""
    viewed = camera.view(np.stack([foot, top]))
    if viewed[:, 2].min() < 2 * NEAR:
        return []
    ends = camera.pixels(viewed)
    along = ends[1] - ends[0]
    across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)
    half = (radius * camera.focal / viewed[:, 2])[:, None] * across
    shapes = []
    for width, strength in ((1.0, light.ambient * 0.75), (0.45, light.ambient + 0.4 * light.sun)):
        corners = np.concatenate([ends - width * half, (ends + width * half)[::-1]])
        red, green, blue = bytes_of(light.through_air(colour * strength, viewed[:, 2].mean()))
        shapes.append(Shape(corners.ravel().tolist(), (red, green, blue)))
    return shapes


def _sign(camera: Camera, light: Light, foot: np.ndarray, rng: np.random.Generator) -> list[Shape]:
    tall, size = rng.uniform(2.1, 2.9), rng.uniform(0.3, 0.42)
    shapes = post(camera, light, foot, foot + xyz(0, tall, 0), 0.035, _GALVANISED)
    rim, inner, corners = _SIGNS[int(rng.integers(len(_SIGNS)))]
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False) + (np.pi / corners if corners % 4 == 0 else np.pi / 2)
    plate = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1) * size
    for scale, colour in ((1.0, rim), (0.76, inner)):
        outline = camera.outline(foot + xyz(0, tall + 0.1, -0.05) + plate * scale)
        red, green, blue = bytes_of(np.array(colour) * (light.ambient + 0.35 * light.sun))
        shapes.append(Shape(outline, (red, green, blue)))
    return shapes


def _low_object(rng: np.random.Generator) -> Mesh:
    """Build a bollard, a bin or a cone."""
    mesh, kind = Mesh(), rng.integers(3)
    if kind == 0:
        mesh.add_box(np.array([-0.09, 0, -0.09]), np.array([0.09, 1.0, 0.09]), np.array([60.0, 64, 66]), MATTE)
    elif kind == 1:
        paint = rng.uniform(40, 110) * rng.uniform(0.8, 1.2, 3)
        mesh.add_box(np.array([-0.33, 0, -0.33]), np.array([0.33, 1.1, 0.33]), paint, MATTE)
    else:
        turn = np.linspace(0, 2 * np.pi, 11)
        ring = np.stack([np.cos(turn), 0 * turn, np.sin(turn)], axis=1)
        for low, high, paint in ((0.03, 0.3, _ORANGE), (0.3, 0.48, _WHITE), (0.48, 0.75, _ORANGE)):
            a, b = (ring * (0.19 - 0.2 * y) + xyz(0, y, 0) for y in (low, high))
            mesh.add(np.stack([a[:-1], a[1:], b[1:], b[:-1]], axis=1), paint, MATTE, np.array([0, 0.3, 0]))
    return mesh
