"""Hidden checks of the landmarks assignment: other sizes and numbers, and cases that are easily forgotten."""

import numpy as np

from keras_cv_course.grading import Array, Subject, Tensor, check_of, compare

from .checks import PIXELS, see_error, see_flip, see_loss, see_maps
from .inputs import at_centres, draw_eyes, draw_maps, draw_points, draw_size
from .reference import aspect_ratio, centres, decode, encode, heatmaps, highest


@check_of("encode_landmarks", title="Any number of points")
def encode_any_number(subject: Subject, draw: np.random.Generator) -> None:
    """Ask for the 137 numbers of 68 points, for one point, and for a picture that is higher than wide."""
    for count in (68, 1, int(draw.integers(20, 40))):
        size = draw_size(draw, 40, 90)[::-1]
        points = draw_points(draw, count, size)
        received = subject.call("encode_landmarks", points, size, count)
        compare.close(received, encode(points, size, count), f"encode_landmarks of {count} points")


@check_of("landmark_loss", title="Another number of points, and faces in any order")
def loss_of_any_number(subject: Subject, draw: np.random.Generator) -> None:
    """Take as many points as there are in the common scheme."""
    see_loss(subject, draw, [1, *(int(face) for face in draw.permutation([0, 0, 1, 1])), 0], points=68)


@check_of(
    "landmark_loss",
    title="A network that is quite sure",
    hint="The logarithm of 0 is not finite: keep probabilities at least 1e-7 away from 0 and 1.",
)
def loss_of_sure_probabilities(subject: Subject, draw: np.random.Generator) -> None:
    """Give probabilities of 0 and 1, right and wrong; how large the loss of a wrong one is depends on the clipping."""
    true = np.float32([[1, 0.4, 0.4], [0, 0, 0], [1, 0.4, 0.4], [0, 0, 0]])
    predicted = true.copy()
    predicted[2:, 0] = 1 - true[2:, 0]
    received = subject.call("landmark_loss", Tensor(true), Tensor(predicted))
    if isinstance(received, Array) and received.values.dtype.kind == "f" and not np.isfinite(received.values).all():
        raise compare.Wrong("A loss is not finite where the network says 0 or 1: the logarithm of 0 must be avoided.")
    compare.close(received, _as_sure(received), "landmark_loss of probabilities 0 and 1", atol=1e-3)


def _as_sure(received: object) -> np.ndarray:
    """Expect 0 where the network is right; where it is wrong, what is received, but at least 5."""
    wrong = received.values[2:] if isinstance(received, Array) and received.values.shape == (4,) else np.zeros(2)
    return np.concatenate([np.zeros(2), np.maximum(wrong, 5)]).astype(np.float32)


@check_of("flip_points", title="A batch of faces")
def flip_a_batch(subject: Subject, draw: np.random.Generator) -> None:
    """Have more faces than points, so that faces may be taken for points without an error."""
    see_flip(subject, draw, 2, 1, faces=(7,))


@check_of("normalized_mean_error", title="68 points, and faces that are found exactly")
def error_of_many_points(subject: Subject, draw: np.random.Generator) -> None:
    """Ask for 0 too."""
    see_error(subject, draw, 3, points=68)
    true = draw_points(draw, 2 * 68, (128, 128)).reshape(2, 68, 2)
    received = subject.call("normalized_mean_error", true, true, 36, 45)
    compare.close(received, np.asarray(0.0), "normalized_mean_error of exact points")


@check_of("encode_heatmaps", title="Many points, some of them outside of the map")
def maps_of_many_points(subject: Subject, draw: np.random.Generator) -> None:
    """Let a Gaussian reach into the map from a centre beyond its edge."""
    see_maps(subject, draw, between=True, count=9)
    size = draw_size(draw, 16, 26)
    points = draw_points(draw, 3, size) * np.float32([1, 0]) - np.float32([0, 1.5])
    received = subject.call("encode_heatmaps", points, size, 2.5)
    compare.close(received, heatmaps(points, size, 2.5), "encode_heatmaps of points above the map")


@check_of(
    "decode_heatmaps",
    title="A peak at the edge of the map",
    hint="A pixel at the edge has no neighbour beyond it: in this direction the point stays on its pixel.",
)
def decode_at_the_edge(subject: Subject, draw: np.random.Generator) -> None:
    """Put one peak on each edge, and one in a corner."""
    height, width = size = draw_size(draw, 16, 26)
    x, y = draw_points(draw, 1, size, edge=3.0)[0]
    points = np.float32([[0.5, y], [width - 0.5, y], [x, 0.5], [x, height - 0.5], [width - 0.5, 0.5]])
    maps = draw_maps(draw, points, size, 1.2)
    whole, right = centres(highest(maps)), decode(maps)
    mistakes = {"The points are the centres of pixels: along the edge a point may still lie between pixels.": whole}
    compare.close(subject.call("decode_heatmaps", maps), right, "decode_heatmaps", mistakes=mistakes, atol=PIXELS)


@check_of(
    "decode_heatmaps",
    title="A single pixel that is not 0",
    hint="The logarithm of 0 is not finite: np.maximum(maps, 1e-6) first.",
)
def decode_a_pixel(subject: Subject, draw: np.random.Generator) -> None:
    """Expect that pixel."""
    size = draw_size(draw, 16, 26)
    points = at_centres(draw_points(draw, 4, size, edge=2.0))
    maps = np.zeros((*size, 4), np.float32)
    maps[points[:, 1].astype(int), points[:, 0].astype(int), np.arange(4)] = 0.5
    received = subject.call("decode_heatmaps", maps)
    if isinstance(received, Array) and received.values.dtype.kind == "f" and not np.isfinite(received.values).all():
        raise compare.Wrong(
            "A point is not a number where the values beside the peak are 0: the logarithm of 0 is not."
        )
    compare.close(received, points, "decode_heatmaps", atol=PIXELS)


@check_of("eye_aspect_ratio", title="Eyes that are nearly closed, and a whole film of them")
def ratios_of_closed_eyes(subject: Subject, draw: np.random.Generator) -> None:
    """Take more axes than before, and an eye whose lids touch."""
    eyes = draw_eyes(draw, (3, 4, 2), most_tilted=0.6, least_open=0.03)
    compare.close(subject.call("eye_aspect_ratio", eyes), aspect_ratio(eyes), "eye_aspect_ratio")
    closed = draw_eyes(draw)
    closed[[5, 4]] = closed[[1, 2]]
    compare.close(subject.call("eye_aspect_ratio", closed), aspect_ratio(closed), "eye_aspect_ratio of a closed eye")
