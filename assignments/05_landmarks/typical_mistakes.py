"""What typical mistakes give on given inputs: a sentence for the learner -> the wrong result."""

import numpy as np

from .reference import (
    CLIPPED,
    aspect_ratio,
    centres,
    decode,
    distances,
    encode,
    flip,
    heatmaps,
    highest,
    logistic,
    shifts,
)

Mistakes = dict[str, np.ndarray]


def encode_mistakes(points: np.ndarray, image_size: tuple[int, int]) -> Mistakes:
    """Tell what typical mistakes in `encode_landmarks` give for a face."""
    height, width = image_size
    right = encode(points, image_size, len(points))

    def divided_by(*sides: float) -> np.ndarray:
        return np.concatenate([[1], (points / sides).ravel()]).astype(np.float32)

    return {
        "x and y are swapped: a point's numbers are x / width, then y / height.": np.concatenate(
            [right[:1], right[1:].reshape(-1, 2)[:, ::-1].ravel()]
        ),
        "Height and width are swapped: image_size is (height, width), and x is divided by the width.": divided_by(
            height, width
        ),
        "The coordinates are in pixels: divide x by the width and y by the height.": divided_by(1, 1),
        "x and y are both divided by the width: y is divided by the height.": divided_by(width, width),
        "x and y are both divided by the height: x is divided by the width.": divided_by(height, height),
        "x is divided by the width and y by the height, without 1 less.": divided_by(width - 1, height - 1),
        "All x come first, then all y: the order is x1, y1, x2, y2, ...": np.concatenate(
            [right[:1], right[1::2], right[2::2]]
        ),
        "The first number is missing: 1 for a picture with a face.": right[1:],
        "The 1 for the face comes last: it is the first number.": np.roll(right, -1),
        "The first number is 0: it must be 1 for a picture with a face.": np.concatenate([[0], right[1:]]).astype(
            np.float32
        ),
        "The coordinates are all 0: they are fractions of the picture's sides. Is the division // instead of /, or are "
        "they turned into whole numbers?": np.concatenate([[1], np.zeros(2 * len(points))]).astype(np.float32),
        "The points are rounded to whole pixels: coordinates between pixels are as good as any.": encode(
            np.round(points), image_size, len(points)
        ),
    }


def loss_mistakes(true: np.ndarray, predicted: np.ndarray) -> Mistakes:
    """Tell what typical mistakes in `landmark_loss` give; those of the mask show only where a picture has no face."""
    has_face, probability = true[:, 0], predicted[:, 0]
    of_face = logistic(has_face, probability)
    gaps = (predicted - true).astype(np.float64)
    each = (gaps[:, 1:] ** 2).sum(axis=1)
    squares = has_face * each
    mistakes = {
        "The points count in pictures without a face, too: multiply their squares by y_true[:, 0].": of_face + each,
        "The points are multiplied by the predicted probability: y_true[:, 0] says whether there is a face.": of_face
        + probability * each,
        "The points count where there is no face, and not where there is one.": of_face + (1 - has_face) * each,
        "Pictures without a face have a loss of 0: only their points do not count, their probability does.": has_face
        * (of_face + each),
        "The logistic loss of the probability is missing.": squares,
        "The points are missing: add the sum of their squared differences.": of_face,
        "The sign of the logistic loss is wrong: a logarithm of a probability is negative.": squares - of_face,
        "The probability has a squared error: its loss is the logistic one.": gaps[:, 0] ** 2 + squares,
        "The squared difference of the first number is counted with the points: they begin at number 1.": of_face
        + squares
        + has_face * gaps[:, 0] ** 2,
        "The squares are divided by the number of coordinates: take their sum, not their mean.": of_face
        + squares / gaps[:, 1:].shape[1],
        "The differences of the points are not squared.": of_face + has_face * np.abs(gaps[:, 1:]).sum(axis=1),
        "The sum of squares has no root.": of_face + np.sqrt(squares),
        "True and predicted probabilities are swapped in the logistic loss.": _swapped(has_face, probability) + squares,
    }
    total = of_face + squares
    mistakes |= {
        "One number for the whole batch: expected one for each picture.": total.mean(),
        "One number for the whole batch, a sum: expected one for each picture.": total.sum(),
    }
    return {text: np.asarray(value, np.float32) for text, value in mistakes.items()}


def _swapped(has_face: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Compute as Keras does, in float32, where 1 - 1e-7 is a little more than that away from 1."""
    kept = np.clip(has_face, np.float32(CLIPPED), np.float32(1 - CLIPPED))
    return -(probability * np.log(kept) + (1 - probability) * np.log(1 - kept))


def mirror_mistakes(points: np.ndarray, width: int, permutation: list[int]) -> Mistakes:
    """Tell what typical mistakes in the coordinates give in `flip_points`."""
    named = points[..., permutation, :]
    x, y = named[..., :1], named[..., 1:]

    def joined(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.concatenate([x, y], axis=-1).astype(np.float32)

    return {
        "The points are a pixel too far to the left: x is 0 at the left edge and width at the right one, so it becomes "
        "width - x.": (joined(width - 1 - x, y)),
        "x only has another sign: mirrored in a picture it becomes width - x.": joined(-x, y),
        "x becomes 1 - x, which is for relative coordinates: in pixels it is width - x.": joined(1 - x, y),
        "The points are not mirrored: x becomes width - x.": named,
        "y is mirrored and x is not: a flip from left to right keeps y.": joined(x, width - y),
        "x and y are both mirrored: a flip from left to right keeps y.": joined(width - x, width - y),
        "x and y are swapped: expected points as (x, y).": joined(y, width - x),
    }


def name_mistakes(points: np.ndarray, width: int, permutation: list[int]) -> Mistakes:
    """Tell what typical mistakes in the names give in `flip_points`."""
    right = flip(points, width, permutation)
    unnamed = flip(points, width, list(range(len(permutation))))
    mistakes = {
        "The points keep their old names: after a flip the left eye is at the place of the right one. Take them in the "
        "order of permutation.": unnamed,
        "x is taken in the order of permutation, and y is not.": np.stack(
            [right[..., 0], unnamed[..., 1]], axis=-1
        ).astype(np.float32),
        "y is taken in the order of permutation, and x is not.": np.stack(
            [unnamed[..., 0], right[..., 1]], axis=-1
        ).astype(np.float32),
        "The order of the points is turned around, whatever permutation says.": unnamed[..., ::-1, :],
        "Nothing has changed: x becomes width - x, and the order that of permutation.": points,
    }
    return {**mistakes, **mirror_mistakes(points, width, permutation)}


def error_mistakes(predicted: np.ndarray, true: np.ndarray, left: int, right: int) -> Mistakes:
    """Tell what typical mistakes in `normalized_mean_error` give; some of them only for several faces."""
    gaps, off = predicted - true, distances(predicted, true)
    eyes, predicted_eyes = (distances(points[:, left], points[:, right]) for points in (true, predicted))
    each = (off / eyes[:, np.newaxis]).mean(axis=1)
    mistakes = {
        "The distances are not divided by that of the eye corners: the error is in pixels.": off.mean(),
        "The error is divided by the distance of the predicted eye corners: take the true ones.": (
            off / predicted_eyes[:, np.newaxis]
        ).mean(),
        "The distance of the eye corners is only that in x: a head may be tilted.": (
            off / np.abs(true[:, left, 0] - true[:, right, 0])[:, np.newaxis]
        ).mean(),
        "The error is divided by the width of the face: the normaliser is the distance of the points left and right.": (
            off / np.ptp(true[..., 0], axis=1)[:, np.newaxis]
        ).mean(),
        "left and right are not used: the distance is that of the first and the last point.": (
            off / distances(true[:, 0], true[:, -1])[:, np.newaxis]
        ).mean(),
        "The distances are squared: the root is missing.": (off**2 / eyes[:, np.newaxis]).mean(),
        "The distances and that of the eye corners are squared: the roots are missing.": (
            (off / eyes[:, np.newaxis]) ** 2
        ).mean(),
        "That is the root of the mean of squares: take the mean of the distances.": (
            np.sqrt((off**2).mean(axis=1)) / eyes
        ).mean(),
        "The mean is over x and y: a distance is the root of the sum of their squares.": (
            np.abs(gaps).mean(axis=(1, 2)) / eyes
        ).mean(),
        "x and y are added: a distance is the root of the sum of their squares.": (
            np.abs(gaps).sum(axis=2).mean(axis=1) / eyes
        ).mean(),
        "The distances of all points are added: take their mean.": (off.sum(axis=1) / eyes).mean(),
        "That is the error in per cent: without the factor 100.": 100 * each.mean(),
        "One number for each face: take their mean.": each,
        "One number for each point: take their mean.": off / eyes[:, np.newaxis],
        "All differences are put into one distance: np.linalg.norm needs axis=-1.": (
            np.linalg.norm(gaps) / eyes
        ).mean(),
    }
    if len(true) > 1:
        mistakes |= {
            "The mean distance is divided by the mean size: divide for each face by its own, then take the mean.": (
                off.mean() / eyes.mean()
            ),
            "The errors of the faces are added: take their mean.": each.sum(),
            "The size is that of the first face for all of them.": (off / eyes[0]).mean(),
        }
    return {text: np.asarray(value, np.float64) for text, value in mistakes.items()}


def heatmap_mistakes(points: np.ndarray, size: tuple[int, int], spread: float) -> Mistakes:
    """Tell what typical mistakes in `encode_heatmaps` give; those of rounding only where points are between pixels."""
    right = heatmaps(points, size, spread)
    y, x = np.mgrid[: size[0], : size[1]][..., np.newaxis] + 0.5
    squares = (x - points[:, 0]) ** 2 + (y - points[:, 1]) ** 2  # (height, width, n)
    mistakes = {
        "x and y are swapped: a point is (x, y), x across and y down.": heatmaps(points[:, ::-1], size, spread),
        "The maps are (width, height, n): rows come first, so (height, width, n).": right.transpose(1, 0, 2),
        "The maps come first: expected (height, width, n), the maps last.": right.transpose(2, 0, 1),
        "The spread is not squared: the exponent is -d^2 / (2 spread^2).": np.exp(-squares / (2 * spread)),
        "The 2 is missing: the exponent is -d^2 / (2 spread^2).": np.exp(-squares / spread**2),
        "The exponent is divided by 2 and multiplied by spread^2: it is -d^2 / (2 spread^2).": np.exp(
            -squares / 2 * spread**2
        ),
        "The distance is not squared: the exponent is -d^2 / (2 spread^2).": np.exp(
            -np.sqrt(squares) / (2 * spread**2)
        ),
        "x and y are added and not multiplied: the exponent has the sum of their squares.": np.exp(
            -((x - points[:, 0]) ** 2) / (2 * spread**2)
        )
        + np.exp(-((y - points[:, 1]) ** 2) / (2 * spread**2)),
        "The peak is 1 / (2 pi spread^2): it must be 1, without a factor.": right / (2 * np.pi * spread**2),
        "The values of each map add up to 1: its peak must be 1.": right / right.sum(axis=(0, 1)),
        "The peaks are half a pixel off: the centre of the first pixel is at 0.5, not at 0.": heatmaps(
            points + 0.5, size, spread
        ),
        "There is one map for all points: expected one for each.": right.max(axis=-1),
        "There is one map for all points, the sum: expected one for each.": right.sum(axis=-1),
    }
    if not (points % 1 == 0.5).all():
        mistakes |= {
            "The points are rounded: the peak of a map may lie between pixels.": heatmaps(
                np.round(points), size, spread
            ),
            "The points are cut off to whole numbers: the peak of a map may lie between pixels.": heatmaps(
                np.floor(points), size, spread
            ),
            "The points are moved to the centres of pixels: the peak of a map may lie between pixels.": heatmaps(
                np.floor(points) + 0.5, size, spread
            ),
        }
    return {text: np.asarray(value, np.float32) for text, value in mistakes.items()}


def place_mistakes(maps: np.ndarray) -> Mistakes:
    """Tell what a wrong pixel of the peak gives; without a mistake by which it lies outside of the map."""
    height, width, count = maps.shape
    swapped = "x and y are swapped: a point is (x, y), x the column and y the row."
    mistakes = {swapped: decode(maps)[:, ::-1]}
    places = {
        "The place of the largest value is divided by the height: a row has as many values as the map is wide.": divmod(
            maps.reshape(-1, count).argmax(axis=0), height
        ),
        "The maps are mixed up: they are the last axis: look at maps[..., n], and do not reshape to (n, ...).": divmod(
            maps.reshape(count, -1).argmax(axis=1), width
        ),
    }
    for text, (rows, columns) in places.items():
        if (rows < height).all() and (columns < width).all():
            mistakes[text] = decode(maps, (rows, columns))
    return mistakes


def shift_mistakes(maps: np.ndarray) -> Mistakes:
    """Tell what a wrong way from the peak's pixel to the point gives."""
    places, right = highest(maps), decode(maps)
    whole = centres(places)
    shift = right - whole
    return {
        "The points are the centres of pixels: the values beside the largest one tell where the peak is.": whole,
        "x and y are swapped: a point is (x, y), x the column and y the row.": right[:, ::-1],
        "The points are moved the wrong way: away from the larger neighbour.": whole - shift,
        "The points are moved twice as far as they should: the vertex has a factor of 1/2.": whole + 2 * shift,
        "The points are moved half as far as they should.": whole + shift / 2,
        "The points are moved by a quarter of a pixel: the vertex of the parabola is exact.": whole
        + 0.25 * np.sign(shift),
        "The parabola goes through the values: it is their logarithms that lie on one.": whole
        + shifts(maps.astype(np.float64), places),
        "The shifts of x and y are swapped: the values left and right are for x, those above and below for y.": whole
        + shift[:, ::-1],
        "The points are half a pixel off: the centre of the first pixel is at 0.5, not at 0.": right - np.float32(0.5),
        "Only x is between pixels: y is moved in the same way.": np.stack([right[:, 0], whole[:, 1]], axis=-1),
        "Only y is between pixels: x is moved in the same way.": np.stack([whole[:, 0], right[:, 1]], axis=-1),
    }


def centroid(maps: np.ndarray) -> np.ndarray:
    """Give the mean place (n, 2) of all pixels, each by its value."""
    height, width, _ = maps.shape
    total = maps.sum(axis=(0, 1))
    x = np.einsum("yxn,x->n", maps, np.arange(width) + 0.5) / total
    y = np.einsum("yxn,y->n", maps, np.arange(height) + 0.5) / total
    return np.stack([x, y], axis=-1).astype(np.float32)


def ratio_mistakes(eye: np.ndarray) -> Mistakes:
    """Tell what typical mistakes in `eye_aspect_ratio` give for eyes (..., 6, 2)."""
    points = [eye[..., number, :] for number in range(6)]

    def apart(first: int, second: int) -> np.ndarray:
        """Give the distance of two points, counted from 1 as in the figure."""
        return distances(points[first - 1], points[second - 1])

    def down(first: int, second: int) -> np.ndarray:
        return np.abs(points[first - 1][..., 1] - points[second - 1][..., 1])

    right, width = aspect_ratio(eye), apart(1, 4)
    mistakes = {
        "The two heights are added: divide by 2, for their mean.": 2 * right,
        "The division is upside down: heights are divided by the width.": 1 / right,
        "The distances are squared: the root is missing.": (apart(2, 6) ** 2 + apart(3, 5) ** 2) / (2 * width**2),
        "The pairs are crossed: p2 belongs to p6, and p3 to p5.": (apart(2, 5) + apart(3, 6)) / (2 * width),
        "The distances are those along the lids: p2 belongs to p6, and p3 to p5.": (apart(2, 3) + apart(5, 6))
        / (2 * width),
        "Only the height at p2 is used: take the mean of two heights.": apart(2, 6) / width,
        "Only the height at p3 is used: take the mean of two heights.": apart(3, 5) / width,
        "The heights are halved twice.": right / 2,
        "Heights are differences of y, and the width one of x: in a tilted head only distances are right.": (
            down(2, 6) + down(3, 5)
        )
        / (2 * np.abs(points[0][..., 0] - points[3][..., 0])),
        "Heights are differences of y: in a tilted head only distances are right.": (down(2, 6) + down(3, 5))
        / (2 * width),
        "Only the second height is divided: brackets are missing in (a + b) / (2 c).": apart(2, 6)
        + apart(3, 5) / (2 * width),
        "The result is multiplied by the width: brackets are missing in (a + b) / (2 c).": (apart(2, 6) + apart(3, 5))
        / 2
        * width,
    }
    if eye.ndim > 2 and len(eye) >= 6:
        gaps = [eye[1] - eye[5], eye[2] - eye[4], eye[0] - eye[3]]
        height1, height2, across = (np.linalg.norm(gap, axis=-1) for gap in gaps)
        of_all1, of_all2, of_all = map(np.linalg.norm, gaps)
        mistakes |= {
            "eye[0] is the first eye, and not p1 of each: write eye[..., 0, :].": (height1 + height2) / (2 * across),
            "eye[0] is the first eye, and np.linalg.norm without axis=-1 makes one number of all its points: write "
            "eye[..., 0, :].": (of_all1 + of_all2) / (2 * of_all),
        }
    return {text: np.asarray(value, np.float32) for text, value in mistakes.items()}
