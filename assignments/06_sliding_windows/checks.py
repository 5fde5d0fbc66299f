"""Public checks of the sliding windows assignment."""

from collections.abc import Iterator

import numpy as np

from keras_cv_course.grading import Subject, check_of, compare

from .asking import see_boxes, see_corners, see_kept, see_map, see_network
from .inputs import Answers, draw_found, draw_image, draw_network, draw_sizes, telling
from .reference import Found, Network, Size, corners, suppress, to_kernel, window_map
from .typical_mistakes import corner_mistakes, kernel_mistakes, map_mistakes, suppression_mistakes

# window_corners


@check_of(
    "window_corners",
    title="Every window that fits",
    points=2,
    hint="tops 0, stride, 2 * stride ... up to height - window height; the same for lefts; all pairs of them.",
)
def corners_of_a_picture(subject: Subject, draw: np.random.Generator) -> None:
    """Leave a strip at two edges into which no window fits."""
    see_told_corners(subject, draw, exact=False)


@check_of(
    "window_corners",
    title="Windows that end at the edge",
    hint="np.arange leaves its end out: the last place is height - window height itself.",
)
def corners_at_the_edge(subject: Subject, draw: np.random.Generator) -> None:
    """Let the last windows fit exactly."""
    see_told_corners(subject, draw, exact=True)


def see_told_corners(subject: Subject, draw: np.random.Generator, *, exact: bool) -> None:
    """Compare for a picture in which each mistake shows."""

    def answers(sizes: tuple[Size, Size, int]) -> Answers:
        return corners(*sizes), corner_mistakes(*sizes)

    sizes, (_, mistakes) = telling(draw_sizes(draw, exact=exact), answers)
    see_corners(subject, *sizes, mistakes)


# classify_windows


@check_of(
    "classify_windows",
    title="The map of a picture",
    points=2,
    hint="Cut the windows out, stack them, classify them, and reshape to (rows, columns, classes).",
)
def map_of_a_picture(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for a picture and a window that are not square."""
    see_told_map(subject, draw, square=False)


@check_of(
    "classify_windows",
    title="A square picture",
    hint="The row comes first: image[top : top + height, left : left + width].",
)
def map_of_a_square(subject: Subject, draw: np.random.Generator) -> None:
    """Compare where swapped axes give numbers, and not an error."""
    see_told_map(subject, draw, square=True)


def see_told_map(subject: Subject, draw: np.random.Generator, *, square: bool) -> None:
    """Compare for a picture in which each mistake shows."""

    def candidates() -> Iterator[tuple[np.ndarray, Size, int]]:
        for size, window, stride in draw_sizes(draw, exact=False):
            size, window = ((size[0],) * 2, (window[0],) * 2) if square else (size, window)
            yield draw_image(draw, size), window, stride

    def answers(inputs: tuple[np.ndarray, Size, int]) -> Answers:
        mistakes = map_mistakes(*inputs, 4)
        shape = "has a row for each row"  # in a square map only the order differs, and that is another mistake
        return window_map(*inputs, 4), {
            text: value for text, value in mistakes.items() if not square or shape not in text
        }

    (image, window, stride), (right, mistakes) = telling(candidates(), answers)
    see_map(subject, image, "classify_by_waves", window, stride, right, mistakes)


# dense_to_convolution


@check_of(
    "dense_to_convolution",
    title="A map that is wider than high",
    points=2,
    hint="np.reshape(weights, (height, width, channels, -1)).",
)
def kernel_of_a_wide_map(subject: Subject, draw: np.random.Generator) -> None:
    """Compare where each order of the axes gives something of its own."""
    see_told_kernel(subject, draw, (3, 5, 2), 7)


@check_of("dense_to_convolution", title="A square map")
def kernel_of_a_square_map(subject: Subject, draw: np.random.Generator) -> None:
    """Compare where swapped axes show in the values alone."""
    see_told_kernel(subject, draw, (5, 5, 16), 6)


def see_told_kernel(subject: Subject, draw: np.random.Generator, shape: tuple[int, int, int], count: int) -> None:
    """Compare for weights of a dense layer."""
    weights = draw.normal(0, 1, (int(np.prod(shape)), count)).astype(np.float32)
    received = subject.call("dense_to_convolution", weights, shape)
    mistakes = kernel_mistakes(weights, shape)
    compare.close(received, to_kernel(weights, shape), "dense_to_convolution", mistakes=mistakes)


# to_fully_convolutional


@check_of(
    "to_fully_convolutional",
    title="A picture of the window's size",
    hint="Conv2D(units, (height, width), activation=layer.activation); set_weights([kernel, bias]).",
)
def network_on_one_window(subject: Subject, draw: np.random.Generator) -> None:
    """Compare the only cell with what the network says."""
    network = draw_telling_network(draw)
    see_network(subject, draw, network, [network.window])


@check_of(
    "to_fully_convolutional",
    title="Every window of a larger picture",
    points=2,
    hint="Convolution and pooling stay as they are; each dense layer becomes a convolution without padding.",
)
def network_on_every_window(subject: Subject, draw: np.random.Generator) -> None:
    """Compare with the network on each window, for a picture that is wider than high."""
    network = draw_telling_network(draw)
    see_network(subject, draw, network, [(network.window[0] + 6, network.window[1] + 10)])


@check_of("to_fully_convolutional", title="The lecture's network")
def network_of_the_lecture(subject: Subject, draw: np.random.Generator) -> None:
    """See that 16x16 gives 2x2x4 and 28x28 gives 8x8x4."""
    network = draw_network(draw, (14, 14), 3, 16, 5, 2, (400, 400), 4)
    see_network(subject, draw, network, [(16, 16), (28, 28)], named=False)


def draw_telling_network(draw: np.random.Generator) -> Network:
    """Draw a network whose map is wider than high."""
    return draw_network(draw, (13, 19), 2, 3, 3, 3, (9, 7), 4)


# cell_to_box


@check_of(
    "cell_to_box",
    title="Cells of the lecture's network",
    points=2,
    hint="Only its pooling has a stride of 2: x1 = 2 * column, y1 = 2 * row.",
)
def boxes_of_the_lecture(subject: Subject, draw: np.random.Generator) -> None:
    """Ask for windows that are not square."""
    see_told_boxes(subject, draw, [1, 2, 1, 1, 1])


@check_of(
    "cell_to_box", title="Several layers with strides", hint="np.prod(strides) is the step from cell to cell in pixels."
)
def boxes_of_a_deeper_network(subject: Subject, draw: np.random.Generator) -> None:
    """Let product, sum, the largest, the first and the last stride differ, and 2."""
    see_told_boxes(subject, draw, [3, 5, 2, 4])


def see_told_boxes(subject: Subject, draw: np.random.Generator, strides: list[int]) -> None:
    """Compare for some cells, where no two of the numbers are the same."""
    numbers = [draw.choice(np.arange(3, 30), 4, replace=False).tolist() for _ in range(3)]
    see_boxes(subject, [(row, column, (height, width)) for row, column, height, width in numbers], strides)


# notes_non_max_suppression


@check_of(
    "notes_non_max_suppression",
    title="Boxes of one class",
    hint="While boxes are left: keep the best, go on with those whose IoU with it is below iou_threshold.",
)
def suppression_of_one_class(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for boxes that crowd around four places."""
    see_told_suppression(subject, draw, 1, 0.45, 0.3)


@check_of(
    "notes_non_max_suppression",
    title="Boxes of several classes",
    points=2,
    hint="Once for each class, with the boxes of this class alone; at the end sort by falling score.",
)
def suppression_of_classes(subject: Subject, draw: np.random.Generator) -> None:
    """Let boxes of three classes crowd around the same places."""
    see_told_suppression(subject, draw, 3, 0.4, 0.3)


def see_told_suppression(subject: Subject, draw: np.random.Generator, classes: int, score: float, iou: float) -> None:
    """Compare for boxes in which each mistake shows."""

    def answers(found: Found) -> Answers:
        mistakes = suppression_mistakes(found, score, iou)
        if classes == 1:  # where they make no difference
            mistakes = {text: value for text, value in mistakes.items() if "class" not in text or "better" in text}
        return suppress(found, score, iou), mistakes

    found, (right, mistakes) = telling(draw_found(draw, classes, (score, iou)), answers)
    see_kept(subject, found, right, mistakes, score_threshold=score, iou_threshold=iou)


@check_of(
    "notes_non_max_suppression",
    title="A score and an overlap of exactly the threshold",
    hint="A box stays only if its score is above score_threshold, and goes if the IoU is at least iou_threshold.",
)
def suppression_at_the_thresholds(subject: Subject, draw: np.random.Generator) -> None:
    """Move a box by a third of its width, so that its IoU is exactly 1/2, and use halves and quarters as scores."""
    third, height = (int(number) for number in draw.integers(3, 9, 2))
    x, y = (int(number) for number in draw.integers(0, 50, 2))
    lefts = x + third * np.array([0, 1, 20, 40])
    boxes = np.array([[left, y, left + 3 * third, y + height] for left in lefts], np.float64)
    scores = np.array([0.875, 0.75, 0.625, draw.choice([0.6875, 0.8125])])
    order = draw.permutation(4)
    found = Found(scores[order], boxes[order], np.zeros(4, np.int64))
    names = {
        "A box whose IoU with a better one is exactly iou_threshold must go: it stays only below it (<).": (
            0.625,
            0.51,
        ),
        "A box whose score is exactly score_threshold must go: it stays only above it (>).": (0.62, 0.5),
        "Boxes of exactly the threshold must go, both for the score and for the IoU.": (0.62, 0.51),
    }
    mistakes = {text: suppress(found, *thresholds) for text, thresholds in names.items()}
    right = suppress(found, 0.625, 0.5)
    see_kept(subject, found, right, mistakes, score_threshold=0.625, iou_threshold=0.5)
