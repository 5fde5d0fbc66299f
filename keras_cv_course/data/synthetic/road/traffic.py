"""Who uses a road, and where: vehicles, pedestrians and traffic lights."""

from dataclasses import dataclass

import numpy as np

from keras_cv_course.data.synthetic.road.camera import xyz
from keras_cv_course.data.synthetic.road.layout import Road

CLASS_NAMES = ("car", "bus", "lorry", "pedestrian", "traffic light")
CAR, BUS, LORRY, PEDESTRIAN, TRAFFIC_LIGHT = range(5)
MOTORCYCLE = 5  # in no traffic that is placed here, and so without a name among those above

_FARTHEST = 85.0  # metres
_SHARES = [0.6, 0.18, 0.22]  # of cars, buses and lorries on the road
_CAR_LENGTH = 5.0  # metres, of the ground that a car needs


@dataclass(frozen=True)
class Spot:
    """A user of the road and its place.

    Attributes:
        class_id: place in `CLASS_NAMES`, or `MOTORCYCLE`.
        position: (3,) metres, of the middle of its footprint; of a traffic light, of its housing's middle.
        heading: direction in which it looks, radians from z towards x.
        length: of a vehicle, metres.
        state: of a traffic light: 0 red, 1 amber, 2 green.
        look: traffic lights with the same number look the same.
    """

    class_id: int
    position: np.ndarray
    heading: float
    length: float = 0.0
    state: int = 0
    look: int = 0


@dataclass(frozen=True)
class SignalPost:
    """What traffic lights hang from: metres, its foot (3,), and how far its arm reaches along x."""

    foot: np.ndarray
    height: float
    reach: float
    colour: np.ndarray


def place_vehicles(road: Road, camera_across: float, rng: np.random.Generator) -> list[Spot]:
    """Fill the lanes, leaving the camera's own free at its feet, the parking strips and the crossing road."""
    return _drive(road, camera_across, rng) + _park(road, rng) + _cross(road, rng)


def _drive(road: Road, camera_across: float, rng: np.random.Generator) -> list[Spot]:
    spots = []
    gap = rng.choice([3.0, 9.0, 22.0], p=[0.25, 0.45, 0.3])
    for lane in range(-road.lanes[1], road.lanes[0]):
        across = (lane + 0.5) * road.lane_width
        own = abs(across - camera_across) < 0.6 * road.lane_width
        along = (4.0 if own else -8.0) + rng.exponential(gap)
        while along < _FARTHEST:
            kind = int(rng.choice([CAR, BUS, LORRY], p=_SHARES))
            length = _length(kind, rng)
            middle = along + length / 2
            along += length + 1.5 + rng.exponential(gap)
            if road.crosses(middle, length / 2):
                continue
            heading = road.heading(middle) + (0 if lane >= 0 else np.pi) + rng.normal(0, 0.03)
            if rng.random() < 0.05:  # changing lanes
                heading += rng.uniform(-0.35, 0.35)
            spots.append(Spot(kind, road.point(across + rng.normal(0, 0.2), middle), heading, length))
    return spots


def _park(road: Road, rng: np.random.Generator) -> list[Spot]:
    spots: list[Spot] = []
    share = rng.uniform(0.3, 0.95)
    for side, kerb in zip((-1, 1), road.edges, strict=True) if road.parking else ():
        along = -6.0 + rng.uniform(0, 4)
        while along < 60:
            kind = LORRY if rng.random() < 0.06 else CAR
            length = _length(kind, rng)
            middle = along + length / 2
            along += length + rng.uniform(0.6, 1.9)
            if rng.random() < share and not road.crosses(middle, length / 2 + 4):
                heading = road.heading(middle) + (0 if side > 0 else np.pi) + rng.normal(0, 0.02)
                across = kerb - side * (1.15 if kind == CAR else 1.4)
                spots.append(Spot(kind, road.point(across, middle), heading, length))
    return spots


def _cross(road: Road, rng: np.random.Generator) -> list[Spot]:
    spots: list[Spot] = []
    if road.junction is None:
        return spots
    for direction in (-1, 1):
        across = -16 + rng.uniform(0, 12)
        while across < 16:
            kind = int(rng.choice([CAR, BUS, LORRY], p=_SHARES))
            length = _length(kind, rng)
            if rng.random() < 0.45:
                position = np.array([across + length / 2, 0, road.junction - direction * road.cross_width / 4])
                spots.append(Spot(kind, position, direction * np.pi / 2 + rng.normal(0, 0.06), length))
            across += length + rng.uniform(2, 12)
    return spots


def _length(kind: int, rng: np.random.Generator) -> float:
    if kind == CAR:
        return _CAR_LENGTH
    if kind == BUS:
        return rng.uniform(8.5, 12.3)
    return rng.uniform(6, 8.5) if rng.random() < 0.6 else rng.uniform(9, 14)


def place_pedestrians(road: Road, rng: np.random.Generator) -> list[Spot]:
    """Let people walk on the pavements, over the crossing and, now and then, over the road elsewhere."""
    spots = []
    left, right = road.edges
    for _ in range(int(rng.poisson(rng.choice([1.0, 4.0, 9.0])))):
        where = rng.random()
        heading = rng.choice([-1, 1]) * np.pi / 2
        if road.junction is not None and where < 0.35:
            along = road.junction + rng.choice([-1, 1]) * (road.cross_width / 2 + rng.uniform(1.6, 4.2))
            place = road.point(rng.uniform(left, right), along)
        elif where > 0.9:
            place = road.point(rng.uniform(left, right), rng.uniform(6, 35))
        else:
            side = int(rng.integers(2))
            beyond = rng.uniform(0.5, max(road.side - 0.3, 1.5))
            place = road.point(road.edges[side] + (2 * side - 1) * beyond, rng.uniform(3, 38))
            heading = rng.choice([0, np.pi])
        for _ in range(int(rng.choice([1, 2, 3], p=[0.75, 0.18, 0.07]))):
            position = place + xyz(rng.normal(0, 0.25), 0, rng.normal(0, 0.5))
            spots.append(Spot(PEDESTRIAN, position, heading + rng.normal(0, 0.4)))
    return spots


def place_signals(road: Road, rng: np.random.Generator) -> tuple[list[Spot], list[SignalPost]]:
    """Put traffic lights at the junction, or at a crossing where there is none; on four roads in five and on one."""
    spots: list[Spot] = []
    posts: list[SignalPost] = []
    if rng.random() < (0.8 if road.junction is None else 0.2):
        return spots, posts
    near = rng.uniform(9, 35) if road.junction is None else road.junction - road.cross_width / 2 - 1.5
    places = [near] if road.junction is None else [near, near + road.cross_width + 3.0]
    state = int(rng.choice([0, 1, 2], p=[0.5, 0.12, 0.38]))
    colour = np.array([70.0, 74, 78]) * rng.uniform(0.5, 1.5)
    has_arms, low, look = rng.random() < 0.55, rng.uniform(2.5, 3.3), int(rng.integers(1 << 30))

    def hang(position: np.ndarray, heading: float, state: int) -> None:
        spots.append(Spot(TRAFFIC_LIGHT, position, heading, state=state, look=look))

    for along in places:
        for side, kerb in zip((-1, 1), road.edges, strict=True):
            if rng.random() < 0.15:
                continue
            foot = road.point(kerb + side * 0.8, along)
            hang(foot + xyz(0, low, -0.25), np.pi, state)
            if road.junction is not None and rng.random() < 0.5:
                hang(foot + xyz(-side * 0.3, low, 0), -side * np.pi / 2, 2 if state == 0 else 0)
            reach = 0.0
            if has_arms and side > 0 and along == places[-1]:
                reach = -rng.uniform(3.5, min(road.lanes[0] * road.lane_width + 1.5, 8.5))
                for share in np.linspace(1, 0.35, int(rng.integers(1, 4))):
                    hang(foot + xyz(reach * share, 5.5, -0.2), np.pi + rng.normal(0, 0.05), state)
            elif rng.random() < 0.5:  # for those who come towards the camera
                hang(foot + xyz(0, low, 0.3), rng.normal(0, 0.1), state)
            posts.append(SignalPost(foot, 5.7 if reach else low + 0.5, reach, colour))
    return spots, posts
