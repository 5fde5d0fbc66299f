"""Public checks of the landmarks assignment.

Points are (x, y) in pixels from the left upper corner of the picture, as in the package: the centre of its first pixel
is at (0.5, 0.5). Nothing here depends on how a result is computed: NumPy or TensorFlow, in a loop or at once.
"""

from collections.abc import Iterator

import numpy as np

from keras_cv_course.grading import Subject, Tensor, check_of, compare

from .asking import each_close
from .inputs import (
    Case,
    at_centres,
    draw_batch,
    draw_eyes,
    draw_faces,
    draw_maps,
    draw_permutation,
    draw_points,
    draw_size,
    telling,
)
from .reference import aspect_ratio, decode, encode, flip, heatmaps, loss, mean_error
from .typical_mistakes import (
    centroid,
    encode_mistakes,
    error_mistakes,
    heatmap_mistakes,
    loss_mistakes,
    mirror_mistakes,
    name_mistakes,
    place_mistakes,
    ratio_mistakes,
    shift_mistakes,
)

PIXELS = 0.02  # largest error of a decoded point
PLACE_MISTAKES = 3  # that a check tells from each other

# encode_landmarks


@check_of(
    "encode_landmarks",
    title="A picture with a face",
    points=2,
    hint="1, then for each point x / width and y / height; image_size is (height, width).",
)
def encode_a_face(subject: Subject, draw: np.random.Generator) -> None:
    """Take a picture that is not square."""

    def cases() -> Iterator[Case]:
        while True:
            size = draw_size(draw, 40, 90)
            points = draw_points(draw, 4, size)
            yield (points, size), encode(points, size, 4), encode_mistakes(points, size)

    (points, size), right, mistakes = telling(cases(), 1e-3)
    received = subject.call("encode_landmarks", points, size, 4)
    compare.close(received, right, "encode_landmarks", mistakes=mistakes)


@check_of(
    "encode_landmarks",
    title="A picture without a face",
    hint="points is None: all 1 + 2 * num_points numbers are 0.",
)
def encode_nothing(subject: Subject, draw: np.random.Generator) -> None:
    """Expect as many numbers as for a face."""
    count = int(draw.integers(3, 9))
    zeros = np.zeros(1 + 2 * count, np.float32)
    mistakes = {
        "The first number is 1 where there is no face: it must be 0.": np.concatenate([[1], zeros[1:]]),
        "A picture without a face has as many numbers as one with a face: 1 + 2 * num_points.": zeros[:1],
        "All numbers are there but the first: 1 + 2 * num_points of them.": zeros[1:],
        "There are as many numbers as points: expected 1 + 2 * num_points.": zeros[: 1 + count],
    }
    received = subject.call("encode_landmarks", None, draw_size(draw, 40, 90), count)
    compare.close(received, zeros, "encode_landmarks without a face", mistakes=mistakes)


# landmark_loss


@check_of(
    "landmark_loss",
    title="Pictures with a face",
    points=2,
    hint="-(y log p + (1 - y) log(1 - p)), and the sum of the squared differences of all coordinates.",
)
def loss_of_faces(subject: Subject, draw: np.random.Generator) -> None:
    """Leave the mask out of the question."""
    see_loss(subject, draw, [1, 1, 1])


@check_of(
    "landmark_loss",
    title="Pictures without a face",
    points=2,
    hint="Where y_true[:, 0] is 0 the points do not matter, whatever the network says of them.",
)
def loss_of_others(subject: Subject, draw: np.random.Generator) -> None:
    """Mix them with faces, so that the mask is a mask."""
    see_loss(subject, draw, [0, 1, 0, 1])


def see_loss(subject: Subject, draw: np.random.Generator, has_face: list[int], points: int = 4) -> None:
    """Compare for a batch; of the mistakes in the mask none can show where all pictures have a face."""

    def cases() -> Iterator[Case]:
        while True:
            true, predicted = draw_batch(draw, has_face, points)
            mistakes = loss_mistakes(true, predicted)
            if all(has_face):
                without = ("The points count", "Pictures without")
                mistakes = {text: value for text, value in mistakes.items() if not text.startswith(without)}
            yield (true, predicted), loss(true, predicted), mistakes

    (true, predicted), right, mistakes = telling(cases(), 1e-3)
    received = subject.call("landmark_loss", Tensor(true), Tensor(predicted))
    compare.close(received, right, "landmark_loss", mistakes=mistakes)


# flip_points


@check_of(
    "flip_points",
    title="Points of which none has a left or right",
    hint="What was x away from the left edge is as far from the right edge, which is at width.",
)
def flip_places(subject: Subject, draw: np.random.Generator) -> None:
    """Give a permutation that changes nothing."""
    see_flip(subject, draw, 0, 5)


@check_of(
    "flip_points",
    title="Left becomes right",
    points=2,
    hint="points[..., permutation, :] takes the points in another order.",
)
def flip_names(subject: Subject, draw: np.random.Generator) -> None:
    """Give a permutation that exchanges pairs which stand anywhere."""
    see_flip(subject, draw, 3, 2)


def see_flip(subject: Subject, draw: np.random.Generator, pairs: int, alone: int, faces: tuple[int, ...] = ()) -> None:
    """Compare for a face, or for a batch of them."""

    def cases() -> Iterator[Case]:
        while True:
            size = draw_size(draw, 40, 90)
            permutation = draw_permutation(draw, pairs, alone)
            count = len(permutation)
            points = draw_points(draw, int(np.prod(faces)) * count, size).reshape(*faces, count, 2)
            mistakes = name_mistakes if pairs else mirror_mistakes
            wrong = mistakes(points, size[1], permutation)
            yield (points, size[1], permutation), flip(points, size[1], permutation), wrong

    arguments, right, mistakes = telling(cases(), 0.1)
    compare.close(subject.call("flip_points", *arguments), right, "flip_points", mistakes=mistakes)


# normalized_mean_error


@check_of(
    "normalized_mean_error",
    title="One face",
    points=2,
    hint="The mean distance of its points, divided by the distance of the true points left and right.",
)
def error_of_a_face(subject: Subject, draw: np.random.Generator) -> None:
    """Take eye corners that are neither the first nor the last points."""
    see_error(subject, draw, 1)


@check_of(
    "normalized_mean_error",
    title="Faces of different sizes",
    points=2,
    hint="Divide the distances of each face by its own eye distance, then take the mean of everything.",
)
def error_of_faces(subject: Subject, draw: np.random.Generator) -> None:
    """Let small and large faces have errors of any size."""
    see_error(subject, draw, 4)


def see_error(subject: Subject, draw: np.random.Generator, faces: int, points: int = 6) -> None:
    """Compare for some faces."""
    left, right = (int(number) for number in draw.permutation(np.arange(1, points - 1))[:2])

    def cases() -> Iterator[Case]:
        while True:
            predicted, true = draw_faces(draw, faces, points)
            eyes = true[:, left] - true[:, right]
            if (np.abs(eyes) > 10).all():  # pixels: else no face
                mistakes = error_mistakes(predicted, true, left, right)
                yield (predicted, true), np.asarray(mean_error(predicted, true, left, right)), mistakes

    (predicted, true), expected, mistakes = telling(cases())
    received = subject.call("normalized_mean_error", predicted, true, left, right)
    compare.close(received, expected, "normalized_mean_error", mistakes=mistakes)


# encode_heatmaps


@check_of(
    "encode_heatmaps",
    title="A map for each point, with its peak there",
    points=2,
    hint="The centres of the pixels of a row are at 0.5, 1.5, ...: x across, y down, and the maps last.",
)
def maps_of_points(subject: Subject, draw: np.random.Generator) -> None:
    """Put the points on centres of pixels of a map that is not square."""
    see_maps(subject, draw, between=False)


@check_of(
    "encode_heatmaps",
    title="Points between the pixels",
    hint="Subtract the point as it is, not rounded: no value of the map need be 1.",
)
def maps_of_points_between(subject: Subject, draw: np.random.Generator) -> None:
    """Draw another spread."""
    see_maps(subject, draw, between=True)


def see_maps(subject: Subject, draw: np.random.Generator, *, between: bool, count: int = 3) -> None:
    """Compare for points on centres of pixels or between them."""

    def cases() -> Iterator[Case]:
        while True:
            size, spread = draw_size(draw, 16, 26), float(draw.uniform(1.2, 1.8))
            points = draw_points(draw, count, size, edge=1.0)
            points = points if between else at_centres(points)
            mistakes = heatmap_mistakes(points, size, spread)
            yield (points, size, spread), heatmaps(points, size, spread), mistakes

    arguments, right, mistakes = telling(cases())
    compare.close(subject.call("encode_heatmaps", *arguments), right, "encode_heatmaps", mistakes=mistakes)


# decode_heatmaps


@check_of(
    "decode_heatmaps",
    title="The pixel of the peak",
    points=2,
    hint="np.unravel_index(map.argmax(), map.shape) gives row and column, which are y and x, of a pixel.",
)
def decode_pixels(subject: Subject, draw: np.random.Generator) -> None:
    """Put the peaks on centres of pixels, and noise where they do not reach."""

    def cases() -> Iterator[Case]:
        while True:
            size = draw_size(draw, 16, 26)
            points = at_centres(draw_points(draw, 4, size, edge=2.0))
            maps = draw_maps(draw, points, size, 1.2)
            maps = np.maximum(maps, draw.uniform(0.01, 0.03, maps.shape)).astype(np.float32)
            mistakes = place_mistakes(maps)
            if len(mistakes) == PLACE_MISTAKES:  # so that each gives points, and not an error
                yield maps, decode(maps), mistakes

    maps, right, mistakes = telling(cases(), 0.2)
    compare.close(subject.call("decode_heatmaps", maps), right, "decode_heatmaps", mistakes=mistakes, atol=PIXELS)


@check_of(
    "decode_heatmaps",
    title="Points between the pixels",
    points=2,
    hint="With a, b, c the logarithms before, at and after the peak, the vertex is at (a - c) / (2 (a - 2 b + c)).",
)
def decode_between(subject: Subject, draw: np.random.Generator) -> None:
    """Let the peaks be lower than 1, as a network's are."""

    def cases() -> Iterator[Case]:
        while True:
            size = draw_size(draw, 16, 26)
            points = draw_points(draw, 6, size, edge=3.0)
            maps = draw_maps(draw, points, size, 0.8)
            if np.abs(points - np.round(points)).min() > 0.02:  # where one pixel is clearly the nearest
                yield maps, decode(maps), shift_mistakes(maps)

    maps, right, mistakes = telling(cases(), 0.06)
    compare.close(subject.call("decode_heatmaps", maps), right, "decode_heatmaps", mistakes=mistakes, atol=PIXELS)


@check_of(
    "decode_heatmaps",
    title="The higher of two peaks",
    hint="A network may see a second eye corner: only the neighbours of the largest value count.",
)
def decode_the_higher(subject: Subject, draw: np.random.Generator) -> None:
    """Put a lower peak into the same map, far enough away to leave the first one as it is."""

    def cases() -> Iterator[Case]:
        while True:
            size = draw_size(draw, 20, 30)
            first, second = draw_points(draw, 3, size, edge=2.0), draw_points(draw, 3, size, edge=2.0)
            maps = heatmaps(first, size, 1.0) + np.float32(0.5) * heatmaps(second, size, 1.0)
            if np.hypot(*(first - second).T).min() > 10:
                mistakes = {
                    "That is the mean of the whole map, each pixel by its value: the second peak draws it away.": (
                        centroid(maps)
                    ),
                    "That is the lower of the two peaks.": decode(heatmaps(second, size, 1.0)),
                }
                yield maps, decode(maps), mistakes

    maps, right, mistakes = telling(cases(), 0.2)
    compare.close(subject.call("decode_heatmaps", maps), right, "decode_heatmaps", mistakes=mistakes, atol=PIXELS)


# eye_aspect_ratio


@check_of(
    "eye_aspect_ratio",
    title="An eye",
    points=2,
    hint="(|p2 - p6| + |p3 - p5|) / (2 |p1 - p4|), with the distances of points between the bars.",
)
def ratio_of_an_eye(subject: Subject, draw: np.random.Generator) -> None:
    """Take level ones."""
    see_single_ratios(subject, draw, 0.0)


@check_of(
    "eye_aspect_ratio",
    title="An eye in a tilted head",
    hint="A distance is the root of the sum of the squares in x and in y.",
)
def ratio_of_a_tilted_eye(subject: Subject, draw: np.random.Generator) -> None:
    """Tilt it by half a radian or so, where a difference in y is no height."""
    see_single_ratios(subject, draw, 0.8)


@check_of(
    "eye_aspect_ratio",
    title="Many eyes at once",
    hint="eye[..., 0, :] is p1 of every eye, np.linalg.norm(..., axis=-1) the length of every difference.",
)
def ratios_of_many_eyes(subject: Subject, draw: np.random.Generator) -> None:
    """Take two eyes in each of some frames."""
    eyes, right, mistakes = telling(ratio_cases(draw, (6, 2), 0.5))
    compare.close(subject.call("eye_aspect_ratio", eyes), right, "eye_aspect_ratio", mistakes=mistakes)


def see_single_ratios(subject: Subject, draw: np.random.Generator, most_tilted: float) -> None:
    """Compare for single eyes, each also with its points counted from the other corner.

    One alone could agree with a mistake by chance. And where the one has its larger height at p2, the other has it at
    p3: the larger of the two is then neither.
    """
    drawn = [telling(ratio_cases(draw, (), most_tilted))[0] for _ in range(2)]
    eyes = [eye[order] for eye in drawn for order in ([0, 1, 2, 3, 4, 5], [3, 2, 1, 0, 5, 4])]
    received = [subject.call("eye_aspect_ratio", eye) for eye in eyes]
    mistakes = [visible_mistakes(eye, most_tilted) for eye in eyes]
    each_close(received, [aspect_ratio(eye) for eye in eyes], "eye_aspect_ratio", mistakes)


def ratio_cases(draw: np.random.Generator, shape: tuple[int, ...], most_tilted: float) -> Iterator[Case]:
    """Give eyes, their ratios, and what mistakes make of them."""
    while True:
        eyes = draw_eyes(draw, shape, most_tilted)
        yield eyes, aspect_ratio(eyes), visible_mistakes(eyes, most_tilted)


def visible_mistakes(eyes: np.ndarray, most_tilted: float) -> dict[str, np.ndarray]:
    """Tell what mistakes make of eyes; of level ones without those that show only in tilted ones."""
    mistakes = ratio_mistakes(eyes)
    if most_tilted:
        return mistakes
    # Heights are differences of y there, but for a little.
    return {text: value for text, value in mistakes.items() if "tilted" not in text}
