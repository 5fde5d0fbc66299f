"""A solid body of round cones, seen straight on, lit and shaded: a small renderer for drawn pictures.

A body is a list of :class:`Cone`. :func:`draw_relief` gives the height of its surface towards the viewer at
each pixel, :func:`shade_relief` the light that it sends back. Everything is measured in pixels: x to the
right, y down, z towards the viewer.
"""

from typing import NamedTuple

import numpy as np

NOTHING = -1e6
"""Height, in pixels, where the body does not cover the picture: far below everything that is drawn."""


class Cone(NamedTuple):
    """A sphere that moves from `start` to `end` while its radius changes evenly: a bone with its flesh."""

    start: np.ndarray  # (3,) x, y, z
    end: np.ndarray  # (3,)
    start_radius: float
    end_radius: float
    colour: np.ndarray  # (3,) RGB, 0..1


def draw_relief(cones: list[Cone], side: int, smoothing: float) -> tuple[np.ndarray, np.ndarray]:
    """Join cones to one surface.

    Where cones meet, their joint is rounded by a smooth maximum of the heights, the logarithm of a sum of
    exponentials, and their colours blend by the same weights.

    Args:
        cones: the body; parts outside the picture are left out.
        side: width and height of the picture, pixels.
        smoothing: about the size of the rounding, pixels, above 0.

    Returns:
        The height (side, side), `NOTHING` where there is no body, and the colour (side, side, 3), 0 there.
    """
    weights = np.zeros((4, side, side))  # red, green and blue times the weight, and the weight
    for cone in cones:
        reach = np.array([[cone.start_radius], [cone.end_radius]])
        ends = np.stack([cone.start[:2], cone.end[:2]])
        left, top = np.clip(np.floor((ends - reach).min(0)), 0, side).astype(int)
        right, bottom = np.clip(np.ceil((ends + reach).max(0)) + 1, 0, side).astype(int)
        if left < right and top < bottom:
            axis, rise = _cone_height(cone, np.arange(left, right), np.arange(top, bottom)[:, None])
            # Not exp: a cone fades in from its edge, where it would leave a step on its neighbours.
            weight = np.exp(axis / smoothing) * np.expm1(rise / smoothing)
            weights[:, top:bottom, left:right] += weight * [*cone.colour[:, None, None], [[1]]]
    total = weights[3]
    covered = total > 0
    safe = np.where(covered, total, 1)
    return np.where(covered, smoothing * np.log(safe), NOTHING), np.moveaxis(weights[:3] / safe, 0, -1)


def _cone_height(cone: Cone, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height of one cone over the pixels (x, y), from the highest of the spheres that it is made of there.

    The sphere at t in 0..1 has the height z(t) + sqrt(q(t)), where q(t) = radius(t)^2 - distance(t)^2 is a
    parabola q = peak - bend (t - middle)^2. The sum is concave in t, so its maximum has a closed form, and
    clipping that to 0..1 stays right.

    Returns:
        Height of that sphere's centre, and of the surface above the centre: 0 where the cone does not reach.
    """
    along = cone.end - cone.start
    growth = cone.end_radius - cone.start_radius
    bend = max(float(along[:2] @ along[:2]) - growth**2, 1e-6)
    x, y = x - cone.start[0], y - cone.start[1]
    half_slope = cone.start_radius * growth + x * along[0] + y * along[1]
    at_start = cone.start_radius**2 - x**2 - y**2
    middle = half_slope / bend
    peak = np.maximum(at_start + half_slope * middle, 0)
    t = np.clip(middle + np.sqrt(peak) * (along[2] / np.sqrt(bend * (bend + along[2] ** 2))), 0, 1)
    q = at_start + (2 * half_slope - bend * t) * t
    return cone.start[2] + along[2] * t, np.sqrt(np.maximum(q, 0))


def shade_relief(height: np.ndarray, light: np.ndarray, ambient: float, scale: float) -> np.ndarray:
    """Light that a matt, slightly translucent surface sends to the viewer.

    Args:
        height: (side, side), pixels, `NOTHING` where there is no body.
        light: (3,) unit vector towards the lamp.
        ambient: share of the light that comes from everywhere, 0..1.
        scale: about the half width of the hollows that stay dark and of the parts that throw shadows,
            pixels, above 0.

    Returns:
        Brightness (side, side), about 0..1.2; meaningless where there is no body.
    """
    covered = height > NOTHING / 2
    around = blur_height(height, scale)
    solid = np.where(covered, height, around - 0.3 * scale)
    # No slope above 1.7: the sides that the lamp leaves dark still see the wall, which is bright.
    down, right = (np.clip(slope, -1.7, 1.7) for slope in np.gradient(solid))
    facing = (light[2] - right * light[0] - down * light[1]) / np.sqrt(1 + right**2 + down**2)
    # Light that enters skin comes out beside: it reaches a little past the edge of the lit side.
    diffuse = np.clip((facing + 0.4) / 1.4, 0, None)
    hollow = np.exp(-0.5 * np.clip((around - solid) / scale, -0.4, 1.5))
    lamp = 1 - 0.45 * blur(_hidden_from_lamp(solid, light, scale), 0.12 * scale)
    return (ambient + (1 - ambient) * diffuse * lamp) * hollow


def _hidden_from_lamp(height: np.ndarray, light: np.ndarray, scale: float) -> np.ndarray:
    """Where (side, side) a nearer part of the body stands between the surface and the lamp."""
    hidden = np.zeros(height.shape, bool)
    for distance in np.linspace(0.5, 2, 3) * scale:
        shift_x, shift_y = round(-light[0] * distance), round(-light[1] * distance)
        towards_lamp = np.roll(height, (shift_y, shift_x), axis=(0, 1))
        hidden |= towards_lamp > height + light[2] * distance + 0.3 * scale
    return hidden.astype(float)


def blur_height(height: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of a height (side, side), pixels, in which only the body counts; 0 far from the body."""
    covered = height > NOTHING / 2
    share = blur(covered.astype(float), sigma)
    return blur(np.where(covered, height, 0), sigma) / np.maximum(share, 1e-6)


def blur(picture: np.ndarray, sigma: float) -> np.ndarray:
    """Blur over the last two axes, by two running means along each, which together come near a Gaussian.

    Args:
        picture: (..., side, side).
        sigma: standard deviation, pixels, above 0.

    Returns:
        The blurred picture, same shape; nothing outside the picture counts.
    """
    # Not a product with a matrix of Gaussians: BLAS would share it among all cores, and on a busy machine
    # their waiting for each other takes a hundred times longer than the work.
    width = np.sqrt(6 * sigma**2 + 1)  # the variance of a mean over w pixels is (w^2 - 1) / 12
    for _ in range(2):
        picture = np.ascontiguousarray(np.swapaxes(picture, -1, -2))
        picture = _running_mean(_running_mean(picture, width), width)
    return picture


def _running_mean(picture: np.ndarray, width: float) -> np.ndarray:
    """Mean over `width` pixels, any real number, around each pixel along the last axis."""
    side = picture.shape[-1]
    middle = np.arange(side) + 0.5
    start, end = np.clip([middle - width / 2, middle + width / 2], 0, side)
    total = np.zeros((*picture.shape[:-1], side + 1))
    np.cumsum(picture, axis=-1, out=total[..., 1:])

    def total_before(place: np.ndarray) -> np.ndarray:
        pixel = np.minimum(place.astype(int), side - 1)
        return total.take(pixel, -1) + (place - pixel) * picture.take(pixel, -1)

    return (total_before(end) - total_before(start)) / (end - start)
