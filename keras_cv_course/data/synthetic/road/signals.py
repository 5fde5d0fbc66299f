"""Traffic lights: the housing with its lamps is the object, its post and arm are scenery."""

import numpy as np

from keras_cv_course.data.synthetic.road.mesh import MATTE, SIGNAL, Mesh

_HOUSINGS = np.array([[30, 32, 34], [40, 44, 44], [52, 54, 52], [206, 160, 44], [36, 52, 44]], float)
_OFF = np.array([[74, 26, 26], [78, 58, 24], [24, 58, 44]], float)
_ON = np.array([[255, 64, 48], [255, 190, 60], [70, 255, 170]], float)
_TURN = np.linspace(0, 2 * np.pi, 16, endpoint=False)
_DISC = np.stack([np.cos(_TURN), np.sin(_TURN), np.zeros(16)], axis=1)  # (16, 3)


def build_traffic_light(rng: np.random.Generator, state: int) -> Mesh:
    """Build a housing about its middle, its lamps towards z.

    Args:
        rng: decides its look.
        state: the burning lamp: 0 red, 1 amber, 2 green.
    """
    mesh = Mesh()
    housing = _HOUSINGS[rng.choice(5, p=[0.34, 0.24, 0.16, 0.16, 0.10])] + rng.normal(0, 4, 3)
    half_width, half_height, depth = rng.uniform(0.15, 0.18), 0.5, 0.12
    lying = rng.random() < 0.08

    def place(points: np.ndarray) -> np.ndarray:
        return points[..., [1, 0, 2]] * [-1, 1, 1] if lying else points

    if rng.random() < 0.4:  # a plate behind the housing, often with a bright rim
        rim = np.array([226.0, 186, 60]) if rng.random() < 0.4 else housing * 0.8
        for grow, colour, z in ((0.13, rim, -depth - 0.02), (0.09, np.array([28.0, 29, 30]), -depth - 0.01)):
            x, y = half_width + grow, half_height + grow
            plate = np.array([[-x, -y, z], [x, -y, z], [x, y, z], [-x, y, z]])
            mesh.add(place(plate), colour, MATTE, np.array([0, 0, z - 0.1]))
            mesh.add(place(plate), housing * 0.7, MATTE, np.array([0, 0, z + 0.1]))
    corner = np.array([half_width, half_height, depth])
    ends = np.sort(place(np.stack([-corner, corner])), axis=0)
    mesh.add_box(ends[0], ends[1], housing, MATTE)
    radius = 0.115
    for lamp in range(3):
        centre = np.array([0, (1 - lamp) * 0.31, depth + 0.012])
        mesh.add(place(_DISC * radius * 1.18 + centre), housing * 0.4, MATTE, np.zeros(3))
        if lamp == state:
            mesh.add(place(_DISC * radius + centre), _ON[lamp], SIGNAL, np.zeros(3))
            mesh.add(place(_DISC * radius * 0.55 + centre), _ON[lamp] + 70, SIGNAL, np.zeros(3))
        else:
            mesh.add(place(_DISC * radius + centre), _OFF[lamp], MATTE, np.zeros(3))
        # Visor over each lamp.
        arc = _DISC[np.arange(-1, 10) % 16] * radius * 1.2
        near, far = arc + centre, arc * [1, 1, 0] + centre + [0, 0, 0.2]
        visor = np.stack([near[:-1], near[1:], far[1:], far[:-1]], axis=1)
        mesh.add(place(visor), housing * 0.7, MATTE, place(centre))
    return mesh
