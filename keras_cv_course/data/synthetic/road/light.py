"""Weather and time of day: sun, sky, haze, and how a colour looks in them."""

from dataclasses import dataclass

import numpy as np

# Sky at the top, sky at the horizon, sun, ambient, haze in metres, clouds, wet road.
_WEATHERS = {
    "clear": ((74, 128, 200), (190, 214, 234), 0.62, 0.52, 420, 0.0, 0.0),
    "fair": ((92, 142, 206), (200, 216, 230), 0.52, 0.58, 400, 0.45, 0.0),
    "overcast": ((158, 166, 178), (208, 212, 216), 0.06, 0.84, 330, 0.6, 0.0),
    "hazy": ((176, 188, 200), (214, 218, 220), 0.22, 0.74, 130, 0.0, 0.0),
    "evening": ((104, 132, 180), (246, 204, 152), 0.50, 0.54, 300, 0.35, 0.0),
    "rain": ((128, 136, 146), (178, 184, 190), 0.0, 0.68, 170, 0.6, 0.7),
    "dusk": ((44, 56, 96), (168, 128, 128), 0.06, 0.50, 320, 0.4, 0.0),
}
_WEATHER_SHARES = [0.2, 0.22, 0.2, 0.1, 0.12, 0.08, 0.08]


@dataclass(frozen=True)
class Light:
    """Light, air and weather. Colours are RGB 0..255, strengths RGB factors about 1.

    Attributes:
        to_sun: unit vector (3,), float32 as all arrays here.
        sun: strength of the direct light (3,).
        ambient: strength of the light from the whole sky (3,).
        sky_top, sky_horizon: colours (3,); the latter is also the haze's.
        haze: metres at which 63 % of a colour has become haze.
        clouds: share of the sky that clouds cover, 0..1.
        lamps_on: whether vehicles drive with light.
        wet: how much the road mirrors the sky, 0..1.
    """

    to_sun: np.ndarray
    sun: np.ndarray
    ambient: np.ndarray
    sky_top: np.ndarray
    sky_horizon: np.ndarray
    haze: float
    clouds: float
    lamps_on: bool
    wet: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Light":
        """Choose weather and time of day."""
        kind = rng.choice(["clear", "fair", "overcast", "hazy", "evening", "rain", "dusk"], p=_WEATHER_SHARES)
        top, horizon, sun, ambient, haze, clouds, wet = _WEATHERS[str(kind)]
        low = kind in ("evening", "dusk")
        height = np.radians(rng.uniform(10, 24) if low else rng.uniform(28, 68))
        turn = rng.uniform(0, 2 * np.pi)
        to_sun = np.array([np.cos(height) * np.sin(turn), np.sin(height), np.cos(height) * np.cos(turn)])
        exposure = rng.uniform(0.95, 1.22)
        warm = np.array([1.0, 0.94, 0.84]) if not low else np.array([1.0, 0.78, 0.52])
        return cls(
            to_sun.astype(np.float32),
            (sun * exposure * warm * rng.uniform(0.85, 1.15)).astype(np.float32),
            (ambient * exposure * np.array([0.96, 1.0, 1.05]) * rng.uniform(0.92, 1.08)).astype(np.float32),
            np.clip((np.array(top) + rng.normal(0, 6, 3)) * exposure, 0, 250).astype(np.float32),
            np.clip((np.array(horizon) + rng.normal(0, 5, 3)) * exposure, 0, 250).astype(np.float32),
            haze * rng.uniform(0.7, 1.5),
            float(np.clip(clouds + rng.normal(0, 0.12), 0, 1)) if clouds else 0.0,
            kind in ("dusk", "rain") or rng.random() < 0.15,
            wet * rng.uniform(0.5, 1.0),
        )

    def sky(self, up: np.ndarray) -> np.ndarray:
        """Colour (..., 3) of the sky in directions whose vertical part is `up` (...), 0..1."""
        share = np.clip(up, 0, 1)[..., None] ** 0.6
        return self.sky_horizon + share * (self.sky_top - self.sky_horizon)

    def through_air(self, colours: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """Colours (..., 3) as they look from `distance` (...) metres."""
        clear = np.exp(-distance / self.haze)[..., None]
        return self.sky_horizon + clear * (colours - self.sky_horizon)
