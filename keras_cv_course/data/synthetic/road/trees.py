"""Trees along the road: a trunk, and foliage as a sprite that is drawn once for a scene."""

import numpy as np
from PIL import Image, ImageDraw

from keras_cv_course.data.synthetic.road.camera import Camera, xyz
from keras_cv_course.data.synthetic.road.furniture import post
from keras_cv_course.data.synthetic.road.layout import Road
from keras_cv_course.data.synthetic.road.light import Light
from keras_cv_course.data.synthetic.road.order import square
from keras_cv_course.data.synthetic.road.shadows import sun_shadow
from keras_cv_course.data.synthetic.road.things import Thing

_SPRITE = 224  # pixels
_LEAVES = 520
_ROUND, _OTHER_ROUND, _TALL = range(3)


def foliage(light: Light, camera: Camera, rng: np.random.Generator) -> list[Image.Image]:
    """Three tree crowns (224, 224) RGBA, lit from the sun's side: two round, one tall."""
    to_sun = camera.turn @ light.to_sun
    on_picture = np.array([to_sun[0], -to_sun[1] - 0.4])
    return [_crown(kind, on_picture, light, rng) for kind in (_ROUND, _OTHER_ROUND, _TALL)]


def _crown(kind: int, to_sun: np.ndarray, light: Light, rng: np.random.Generator) -> Image.Image:
    """Leaves around a few lobes; those that look to the sun are lighter and lie on top."""
    green = np.array([rng.uniform(60, 110), rng.uniform(96, 132), rng.uniform(40, 66)])
    if rng.random() < 0.12:  # autumn
        green = np.array([rng.uniform(150, 190), rng.uniform(100, 130), 50])
    if kind == _TALL:
        down = rng.uniform(0.04, 0.96, _LEAVES)
        lobes = np.column_stack([np.full(_LEAVES, 0.5), down])
        leaves = lobes + np.column_stack([rng.uniform(-0.42, 0.42, _LEAVES) * down, np.zeros(_LEAVES)])
        inside = [(0.5, y, 0.36 * y) for y in np.linspace(0.2, 0.75, 8)]
    else:
        centres = 0.5 + np.column_stack([rng.uniform(-0.27, 0.27, 8), rng.uniform(-0.26, 0.2, 8)])
        lobes = centres[rng.integers(0, 8, _LEAVES)]
        turn, reach = rng.uniform(0, 2 * np.pi, _LEAVES), 0.21 * np.sqrt(rng.uniform(0, 1, _LEAVES))
        leaves = lobes + np.column_stack([np.cos(turn), np.sin(turn)]) * reach[:, None]
        inside = [(x, y, 0.17) for x, y in centres]
    lit = (leaves - lobes) @ to_sun / 0.3 + (leaves - 0.5) @ to_sun / 0.6
    brightness = light.ambient * 0.68 + np.clip(0.45 + 0.55 * lit, 0, 1.2)[:, None] * light.sun * 0.9
    colours = np.clip(green * brightness * rng.uniform(0.82, 1.14, (_LEAVES, 1)), 0, 255).astype(int)
    order = np.argsort(lit + rng.normal(0, 0.35, _LEAVES))
    sizes = _SPRITE * rng.uniform(0.010, 0.032, _LEAVES)

    sprite = Image.new("RGBA", (_SPRITE, _SPRITE))
    pen = ImageDraw.Draw(sprite)
    shade = tuple(np.clip(green * light.ambient * 0.6, 0, 255).astype(int).tolist())
    for x, y, radius in inside:
        sides = (x - radius, y - radius, x + radius, y + radius)
        pen.ellipse([_SPRITE * side for side in sides], fill=(*shade, 255))
    for (x, y), size, colour in zip(_SPRITE * leaves[order], sizes[order], colours[order].tolist(), strict=True):
        pen.ellipse([x - size, y - 0.8 * size, x + size, y + 0.8 * size], fill=(*colour, 255))
    return sprite


def trees(road: Road, camera: Camera, light: Light, rng: np.random.Generator) -> list[Thing]:
    """Trees along both sides; those behind the camera have nothing but a shadow."""
    things = []
    spacing = rng.choice([6.0, 10, 16, 40], p=[0.25, 0.3, 0.3, 0.15])
    for side, kerb in zip((-1, 1), road.edges, strict=True):
        for along in np.arange(-6.0, 105, spacing):
            along += rng.uniform(-0.35, 0.35) * spacing
            if rng.random() < 0.25 or road.crosses(along, 3):
                continue
            in_verge = road.verge > 1 and rng.random() < 0.6
            beyond = road.verge / 2 if in_verge else road.side + rng.uniform(0.3, 6)
            things.append(_tree(road.point(kerb + side * max(beyond, 0.7), along), camera, light, rng))
    return things


def _tree(position: np.ndarray, camera: Camera, light: Light, rng: np.random.Generator) -> Thing:
    tall = rng.uniform(4.5, 11)
    kind = int(rng.choice([_ROUND, _OTHER_ROUND, _TALL], p=[0.42, 0.42, 0.16]))
    trunk, slender = (tall * 0.1, 0.55) if kind == _TALL else (tall * rng.uniform(0.3, 0.42), rng.uniform(0.9, 1.3))
    wide = (tall - trunk) * slender
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ring = np.stack([np.cos(turn), 0 * turn, np.sin(turn)], axis=1) * rng.uniform(0.3, 0.55, (12, 1)) * wide
    shadows = sun_shadow(position + xyz(0, trunk + (tall - trunk) * 0.45, 0) + ring, 0.0, light, through=0.2)
    bark, radius = np.array([96.0, 78, 62]) * rng.uniform(0.7, 1.1), rng.uniform(0.1, 0.22)
    depth = float(camera.view(position)[2])
    if depth < 2.5:
        return Thing(square(position), [], shadows=shadows)
    shapes = post(camera, light, position, position + xyz(0, trunk + 0.2 * (tall - trunk), 0), radius, bark)
    ends = camera.pixels(camera.view(position + np.array([[0, trunk * 0.85, 0], [0, tall, 0]])))
    half = wide / 2 * camera.focal / depth
    box = (ends[1, 0] - half, ends[1, 1], ends[1, 0] + half, ends[0, 1])
    return Thing(square(position), shapes, [(kind, box)], shadows)
