"""Hidden checks of the sliding windows assignment: other shapes, and cases that are easily forgotten."""

import numpy as np

from keras_cv_course.grading import Subject, check_of, compare

from .asking import build, see_boxes, see_corners, see_kept, see_map, see_network
from .inputs import draw_found, draw_image, draw_network, draw_sizes
from .reference import Found, suppress, to_kernel, window_map


@check_of("window_corners", title="A window as large as the picture, and a stride of 1")
def corners_of_one_window(subject: Subject, draw: np.random.Generator) -> None:
    """Expect a single corner; then a window one pixel smaller, which fits four times."""
    height, width = (int(number) for number in draw.integers(5, 40, 2))
    see_corners(subject, (height, width), (height, width), int(draw.integers(1, 9)), {})
    see_corners(subject, (height, width), (height - 1, width - 1), 1, {})


@check_of("window_corners", title="A stride larger than the window")
def corners_far_apart(subject: Subject, draw: np.random.Generator) -> None:
    """Leave out pixels between the windows."""
    window = (int(draw.integers(2, 5)), int(draw.integers(2, 5)))
    see_corners(subject, (int(draw.integers(40, 60)), int(draw.integers(60, 90))), window, int(draw.integers(6, 9)), {})


@check_of("classify_windows", title="Another classifier, and a picture of one channel")
def map_of_another(subject: Subject, draw: np.random.Generator) -> None:
    """Compare with three classes, where the last windows end at the edge."""
    size, window, stride = next(draw_sizes(draw, exact=True))
    image = draw_image(draw, size, 1)
    see_map(subject, image, "classify_in_three", window, stride, window_map(image, window, stride, 3), {})


@check_of("classify_windows", title="A single window")
def map_of_one_window(subject: Subject, draw: np.random.Generator) -> None:
    """Expect a map of one cell."""
    size = (int(draw.integers(5, 9)), int(draw.integers(5, 9)))
    image = draw_image(draw, size)
    see_map(subject, image, "classify_by_waves", size, 3, window_map(image, size, 3, 4), {})


@check_of("dense_to_convolution", title="A map of any shape, and a dense layer after another")
def kernel_of_any_map(subject: Subject, draw: np.random.Generator) -> None:
    """Draw the shape; then take one place, as after the first dense layer."""
    drawn = tuple(int(number) for number in draw.integers(2, 9, 3))
    for shape in (drawn, (1, 1, int(draw.integers(10, 40)))):
        weights = draw.normal(0, 1, (int(np.prod(shape)), int(draw.integers(2, 9)))).astype(np.float32)
        received = subject.call("dense_to_convolution", weights, shape)
        compare.close(received, to_kernel(weights, (shape[0], shape[1], shape[2])), "dense_to_convolution")


@check_of("to_fully_convolutional", title="A network of other sizes")
def network_of_other_sizes(subject: Subject, draw: np.random.Generator) -> None:
    """Take one dense layer less, grey pictures, a larger pooling, and sizes that the strides do not divide."""
    network = draw_network(draw, (17, 11), 1, 4, 2, 3, (int(draw.integers(5, 12)),), int(draw.integers(2, 6)))
    see_network(subject, draw, network, [(25, 31)], named=False)


@check_of("to_fully_convolutional", title="The network itself stays as it was")
def network_stays(subject: Subject, draw: np.random.Generator) -> None:
    """Run it after the submission made convolutions of it."""
    network = draw_network(draw, (8, 8), 2, 3, 3, 2, (6,), 3)
    given, _ = build(subject, network)
    images = draw_image(draw, network.window, 2)[np.newaxis]
    received = subject.predict(given, images)
    mistake = (
        "The network that was given says something else afterwards: make new layers, and leave its own as they are."
    )
    try:
        compare.close(received, network.probabilities(images)[:, 0, 0], "the network", rtol=1e-3)
    except compare.Wrong as wrong:
        raise compare.Wrong(f"{mistake}\n{wrong}") from None


@check_of("cell_to_box", title="The first cell, and no stride at all")
def box_of_the_first_cell(subject: Subject, draw: np.random.Generator) -> None:
    """Expect the window in the picture's corner, and cells one pixel apart."""
    height, width, row, column = (int(number) for number in draw.integers(5, 60, 4))
    see_boxes(subject, [(0, 0, (height, width))], [2, 2])
    see_boxes(subject, [(row, column, (height, width))], [1, 1])


@check_of("notes_non_max_suppression", title="The thresholds by default")
def suppression_by_default(subject: Subject, draw: np.random.Generator) -> None:
    """Let other thresholds give something else."""
    for found in draw_found(draw, 4, (0.6, 0.5)):
        right = suppress(found)
        others = [suppress(found, 0.5, 0.5), suppress(found, 0.6, 0.4), suppress(found, 0.6, 0.7)]
        if all(list(other) != list(right) for other in others):
            break
    see_kept(subject, found, right, {})


@check_of("notes_non_max_suppression", title="Nothing is likely enough, and no box at all")
def suppression_of_nothing(subject: Subject, draw: np.random.Generator) -> None:
    """Expect no places."""
    found = next(draw_found(draw, 3, (0.6, 0.5)))
    none = Found(np.zeros(0), np.zeros((0, 4)), np.zeros(0, np.int64))
    for boxes, threshold in ((found, 1.0), (none, 0.6)):
        see_kept(subject, boxes, np.zeros(0, np.int64), {}, score_threshold=threshold)
