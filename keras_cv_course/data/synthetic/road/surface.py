"""Sky and ground as the camera sees them: clouds, grain, shadows, wetness and haze."""

from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from keras_cv_course.data.synthetic.road.camera import Camera
from keras_cv_course.data.synthetic.road.ground import paint_carriageway, paint_ground
from keras_cv_course.data.synthetic.road.layout import Road
from keras_cv_course.data.synthetic.road.light import Light
from keras_cv_course.data.synthetic.road.shadows import Shadow

_NOISE = 256  # side of the noise tile
_FARTHEST = 2000.0  # metres; beyond, all is haze


def draw_surface(
    road: Road, camera: Camera, light: Light, shadows: list[Shadow], rng: np.random.Generator
) -> np.ndarray:
    """Draw sky and ground.

    Args:
        road: what lies on the ground.
        camera: where from.
        light: which light.
        shadows: on the ground.
        rng: decides colours, markings, wear and grain.

    Returns:
        float32 (height, width, 3), values 0..255.
    """
    height, width = camera.image_size
    noise = _noise_tile(rng)
    land = Image.new("RGB", (2 * width, 2 * height))
    paint_ground(ImageDraw.Draw(land), road, camera.enlarged(2), light.wet, rng)
    picture = _sky(camera, light, noise)
    rays = camera.rays()
    below = _below(rays, camera)
    first = int(below.any(axis=1).argmax()) if below.any() else height  # the rows from here on show ground
    rays, below = rays[first:], below[first:]

    distance = np.float32(camera.position[1]) / np.where(below, -rays[..., 1], 1)
    x = np.float32(camera.position[0]) + distance * rays[..., 0]
    z = np.float32(camera.position[2]) + distance * rays[..., 2]
    fine, middle, coarse = rng.uniform([0.03, 0.02, 0.02], [0.10, 0.06, 0.06]).astype(np.float32)
    grain = fine * _sample(noise, x, z, 22) / (1 + distance / 12)  # too fine to be seen from afar
    grain += middle * _sample(noise, x, z, 2.3) + coarse * _sample(noise, z, x, 0.6)
    ground = np.asarray(land.reduce(2), np.float32)[first:]
    brightness = (1 + grain) * (1 - _draw_shadows(camera, shadows)[first:])
    ground = ground * brightness[..., None]
    ground *= light.ambient * 0.95 + light.sun * max(float(light.to_sun[1]), 0.0)
    if light.wet:
        mirrored = light.wet * np.clip(distance / 40, 0.08, 0.6) * (1 + 0.6 * _sample(noise, x, z, 3))
        ground += mirrored[..., None].astype(np.float32) * (0.8 * light.sky_horizon - ground)
    picture[first:] = np.where(below[..., None], light.through_air(ground, distance), picture[first:])
    return np.clip(picture, 0, 255, out=picture)


def map_surface(road: Road, camera: Camera, sky: int, ground: int, carriageway: int) -> np.ndarray:
    """Tell of each pixel whether it shows sky, ground or carriageway where nothing stands before them.

    Args:
        road: what lies on the ground.
        camera: where from.
        sky: the number of the sky's pixels, 0..255.
        ground: that of pavements and land.
        carriageway: that of the road from kerb to kerb, with its markings.

    Returns:
        uint8 (height, width).
    """
    painted = Image.new("L", camera.image_size[::-1])
    paint_carriageway(ImageDraw.Draw(painted), road, camera)
    land = np.where(np.asarray(painted) == 1, np.uint8(carriageway), np.uint8(ground))
    return np.where(_below(camera.rays(), camera), land, np.uint8(sky))


def _below(rays: np.ndarray, camera: Camera) -> np.ndarray:
    """Tell which rays (height, width, 3) meet the ground, bool (height, width)."""
    return rays[..., 1] < -camera.position[1] / _FARTHEST


def _sky(camera: Camera, light: Light, noise: np.ndarray) -> np.ndarray:
    """Sky (height, width, 3), also below the horizon; float32. Drawn at a quarter of the size: it is soft."""
    height, width = camera.image_size
    small = replace(camera, focal=camera.focal / 4, image_size=(-(-height // 4), -(-width // 4)))
    directions = small.rays()
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    up = directions[..., 1]
    sky = light.sky(up)
    glow = np.maximum(directions @ light.to_sun, 0)[..., None]
    sky = sky + 60 * glow**12 * light.sun
    if light.clouds > 0:
        # Clouds lie in a plane, so they crowd towards the horizon.
        far = 1 / (np.maximum(up, 0) + 0.12)
        x, z = directions[..., 0] * far, directions[..., 2] * far
        density = 0.8 * _sample_smoothly(noise, x, z, 5.0) + 0.3 * _sample_smoothly(noise, z, x, 19.0)
        cover = np.clip(1.2 * density + 4 * (light.clouds - 0.5), 0, 1) * np.clip(up * 9, 0, 1)
        bright = np.clip(light.sky_horizon * 0.6 + 110 * (light.ambient + light.sun * 0.5), 0, 250)
        sky = sky + 0.85 * cover[..., None] * (bright - 12 * np.clip(density, -1, 2)[..., None] - sky)
    image = Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8))
    return np.array(image.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def _draw_shadows(camera: Camera, shadows: list[Shadow]) -> np.ndarray:
    """Darkness float32 (height, width), 0..1; where shadows meet, that of the darkest."""
    height, width = camera.image_size
    mask = Image.new("L", (width, height))
    pen = ImageDraw.Draw(mask)
    for polygon, dark in sorted(shadows, key=lambda shadow: shadow[1]):
        outline = camera.outline(polygon)
        if len(outline) >= 6:
            pen.polygon(outline, fill=round(255 * dark))
    mask = mask.filter(ImageFilter.GaussianBlur(0.0035 * max(height, width)))
    return np.asarray(mask, np.float32) / 255


def _noise_tile(rng: np.random.Generator) -> np.ndarray:
    """Seamless noise (256, 256) of unit variance whose amplitude falls with frequency."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(_NOISE), np.fft.rfftfreq(_NOISE), indexing="ij"))
    spectrum = np.fft.rfft2(rng.standard_normal((_NOISE, _NOISE))) / (frequency + 4 / _NOISE)
    tile = np.fft.irfft2(spectrum, (_NOISE, _NOISE))
    return ((tile - tile.mean()) / tile.std()).astype(np.float32)


def _sample(tile: np.ndarray, x: np.ndarray, z: np.ndarray, per_metre: float) -> np.ndarray:
    """Nearest values of the repeated tile at places (n,), clipped to two standard deviations."""
    columns = (x * per_metre).astype(np.int32) & (_NOISE - 1)
    rows = (z * per_metre).astype(np.int32) & (_NOISE - 1)
    return np.clip(tile[rows, columns], -2, 2)


def _sample_smoothly(tile: np.ndarray, x: np.ndarray, z: np.ndarray, per_metre: float) -> np.ndarray:
    """Bilinear values of the repeated tile at places of any shape."""
    columns, rows = x * per_metre, z * per_metre
    left, top = np.floor(columns).astype(np.int32), np.floor(rows).astype(np.int32)
    right_share, low_share = columns - left, rows - top
    last = _NOISE - 1
    upper = tile[top & last, left & last] * (1 - right_share) + tile[top & last, (left + 1) & last] * right_share
    top = top + 1
    lower = tile[top & last, left & last] * (1 - right_share) + tile[top & last, (left + 1) & last] * right_share
    return upper * (1 - low_share) + lower * low_share
