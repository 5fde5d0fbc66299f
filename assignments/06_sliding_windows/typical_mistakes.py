"""What typical mistakes give on given inputs: a sentence for the learner -> the wrong result."""

import numpy as np

from .reference import (
    Found,
    Network,
    Size,
    box_of,
    corners,
    cut,
    overlaps,
    softmax,
    suppress,
    to_kernel,
    waves,
    window_map,
)


def corner_mistakes(image_size: Size, window: Size, stride: int) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `window_corners` give; without those that make no difference here."""
    right = corners(image_size, window, stride)
    fits = [(size - side) % stride == 0 for size, side in zip(image_size, window, strict=True)]
    ends = [size - side for size, side in zip(image_size, window, strict=True)]

    def grid(tops: np.ndarray, lefts: np.ndarray) -> np.ndarray:
        return np.stack(np.meshgrid(tops, lefts, indexing="ij"), axis=-1)

    mistakes = {
        "Windows reach beyond the edge of the picture: the last one begins at height - window height at most, and at "
        "width - window width.": grid(*(np.arange(0, size, stride) for size in image_size)),
        "The stride is not used: the windows are 1 pixel apart.": corners(image_size, window, 1),
        "The windows are as far apart as they are large: they are to be stride pixels apart, and may overlap.": grid(
            *(np.arange(0, end + 1, side) for end, side in zip(ends, window, strict=True))
        ),
        "A corner is (top, left), the row first: here it is (left, top).": right[..., ::-1],
        "Rows and columns of the result are swapped: [row, column] must be the window in this row and this column. "
        "(np.meshgrid does so with indexing='ij'.)": right.swapaxes(0, 1),
        "The window's height and width are swapped: window is (height, width).": corners(
            image_size, window[::-1], stride
        ),
        "The picture's height and width are swapped: image_size is (height, width).": corners(
            image_size[::-1], window, stride
        ),
        "These are the middles of the windows: their left upper corners are asked for.": right + np.array(window) // 2,
        "These are numbers of rows and columns: times stride they are pixels.": right // stride,
    }
    if all(fits):
        mistakes["The last row and the last column are missing: a window may end at the picture's edge, so the end "
                 "height - window height is included."] = right[:-1, :-1]  # fmt: skip
    else:
        mistakes["The last windows are not stride pixels from the ones before: no window is pushed to the edge."] = (
            grid(*(np.append(np.arange(0, end + 1, stride), end) for end in ends))
        )
    return mistakes


def map_mistakes(image: np.ndarray, window: Size, stride: int, classes: int) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `classify_windows` give."""
    right = window_map(image, window, stride, classes)
    places = corners(image.shape[:2], window, stride)
    rows, columns = places.shape[:2]
    flat = right.reshape(-1, classes)
    mistakes = {
        "The map has a row for each row of windows: reshape to (rows, columns, classes), not to (columns, rows, "
        "classes).": flat.reshape(columns, rows, classes),
        "Rows and columns of the map are swapped: [row, column] belongs to the window in this row and this column. "
        "(A crop is image[top : top + height, left : left + width].)": right.swapaxes(0, 1),
        "The stride is not used: the windows are 1 pixel apart.": window_map(image, window, 1, classes),
        "The result is flat: reshape it to (rows, columns, classes).": flat,
        "That is the best class of each window: the probabilities of all classes are asked for.": right.argmax(axis=-1),
        "All windows give the same: the first window is classified again and again.": np.broadcast_to(
            right[0, 0], right.shape
        ),
        "The pixels are divided by 255: give them to classify as they are.": window_map(
            image / 255, window, stride, classes
        ),
        "The crops are a row and a column too small: top : top + height does not include its end.": _cropped(
            image, places, (window[0] - 1, window[1] - 1), classes
        ),
    }
    if window[0] != window[1]:
        mistakes["The window's height and width are swapped: window is (height, width)."] = window_map(
            image, window[::-1], stride, classes
        )
    return mistakes


def _cropped(image: np.ndarray, places: np.ndarray, window: Size, classes: int) -> np.ndarray:
    return waves(cut(image, places, window), classes).reshape(*places.shape[:2], classes)


def kernel_mistakes(weights: np.ndarray, map_shape: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `dense_to_convolution` give; without those that make no difference here."""
    height, width, channels = map_shape
    right = to_kernel(weights, map_shape)
    count = weights.shape[1]
    mistakes = {
        "Flatten goes through the map row by row, with all channels of a place one after another: the order is height, "
        "width, channels; here the channels come first.": weights.reshape(channels, height, width, count).transpose(
            1, 2, 0, 3
        ),
        "Height and width are swapped: Flatten goes through the map row by row.": weights.reshape(
            width, height, channels, count
        ).swapaxes(0, 1),
        "The outputs are taken for the first axis: the weights are (inputs, outputs), so reshape them without a "
        "transposition.": weights.T.reshape(right.shape),
        "The kernel is the reverse of the right one: Keras's convolution does not turn its kernel around.": right[
            ::-1, ::-1
        ],
        "The first index runs fastest (order='F'): Flatten and np.reshape let the last one do so.": weights.reshape(
            right.shape, order="F"
        ),
        "That is a 1x1 kernel on a flat map: the kernel must be as large as the map, (height, width, channels, "
        "outputs).": weights.reshape(1, 1, *weights.shape),
        "The outputs are the last axis of a kernel in Keras: (height, width, channels, outputs).": np.moveaxis(
            right, -1, 0
        ),
        "The kernel is (height, width, channels, outputs): here width and height have changed places.": (
            right.swapaxes(0, 1)
        ),
        "The weights come back as they are: reshape them to (height, width, channels, outputs).": weights,
    }
    return {text: value for text, value in mistakes.items() if not _is_same(value, right)}


def network_mistakes(network: Network, images: np.ndarray) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `to_fully_convolutional` give; without those that make no difference here."""
    kernels = network.kernels()
    right = network.probabilities(images)
    logits = network.logits(images, kernels)
    mistakes = {
        "The softmax is missing: the last convolution needs the activation of the last dense layer.": logits,
        "The softmax is over the rows of the map: it is over the classes, the last axis.": softmax(logits, 1),
        "The softmax is over the columns of the map: it is over the classes, the last axis.": softmax(logits, 2),
        "The softmax is missing: here is a sigmoid.": 1 / (1 + np.exp(-logits)),
        "The biases of the dense layers are missing: a convolution has the same bias.": softmax(
            network.logits(images, kernels, biases=False)
        ),
        "No convolution has the activation of its dense layer: activation=layer.activation.": network.logits(
            images, kernels, relu=False
        ),
        "The ReLU after the hidden layers is missing: a convolution needs the activation of its dense layer.": softmax(
            network.logits(images, kernels, relu=False)
        ),
    }
    for text, kernel in kernel_mistakes(network.dense[0], network.map_shape).items():
        if kernel.shape == kernels[0].shape:
            mistakes[text] = softmax(network.logits(images, [kernel, *kernels[1:]]))
    return {text: value for text, value in mistakes.items() if not _is_same(value, right)}


def box_mistakes(row: int, column: int, window: Size, strides: list[int]) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `cell_to_box` give."""
    x1, y1, *_ = right = box_of(row, column, window, strides)
    height, width = window

    def with_step(step: int) -> np.ndarray:
        return box_of(row, column, window, [step])

    return {
        "The strides are not used: neighbouring cells are their product apart, in pixels.": with_step(1),
        "The strides multiply: neighbouring cells are their product apart, not their sum.": with_step(sum(strides)),
        "The strides that are given are not used: 2 is always taken.": with_step(2),
        "Every layer's stride counts: here it is the largest alone.": with_step(max(strides)),
        "Every layer's stride counts: here it is that of the first layer alone.": with_step(strides[0]),
        "Every layer's stride counts: here it is that of the last layer alone.": with_step(strides[-1]),
        "Row and column are swapped: the row decides y, the column x.": box_of(column, row, window, strides),
        "The window's height and width are swapped: window is (height, width).": box_of(
            row, column, (width, height), strides
        ),
        "The box is (y1, x1, y2, x2): here x comes first, (x1, y1, x2, y2).": right[[1, 0, 3, 2]],
        "The box is a corner, width and height: the last two numbers are to be the right lower corner.": np.array(
            [x1, y1, width, height], np.float64
        ),
        "The box is (x1, y1, x2, y2): its middle and its size are asked for nowhere.": np.array(
            [x1 + width / 2, y1 + height / 2, width, height], np.float64
        ),
        "The cell is taken for the middle of its window: it is the left upper corner.": right
        - np.array([width, height, width, height]) / 2,
        "Cells are taken to be a window apart: they are the product of the strides apart.": np.array(
            [column * width, row * height, (column + 1) * width, (row + 1) * height], np.float64
        ),
        "The box is as large as the step from cell to cell: it is as large as the window.": np.array(
            [x1, y1, x1 + np.prod(strides), y1 + np.prod(strides)], np.float64
        ),
        "The right lower corner is one pixel too near: a window from x1 that is width wide ends at x1 + width.": right
        - np.array([0, 0, 1, 1]),
    }


def suppression_mistakes(found: Found, score_threshold: float, iou_threshold: float) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `notes_non_max_suppression` give."""
    right = suppress(found, score_threshold, iou_threshold)
    joined = np.array(sorted(right, key=lambda place: (found.classes[place], -found.scores[place])), np.int64)
    inner = np.array([np.flatnonzero(found.classes == found.classes[place]).searchsorted(place) for place in right])
    first = [place for place in right if (found.classes[right] == found.classes[place]).argmax() == _at(right, place)]
    return {
        "Boxes of another class were suppressed: a box drops others of its own class only.": suppress(
            found, score_threshold, iou_threshold, per_class=False
        ),
        "Only one box of each class stays: as long as boxes are left, the best of them stays as well.": np.array(
            first, np.int64
        ),
        "A box that was dropped drops others: only boxes that stay may do so.": _not_greedy(
            found, score_threshold, iou_threshold
        ),
        "Boxes of a low score stay: first drop those of at most score_threshold.": suppress(found, 0, iou_threshold),
        "Nothing was suppressed: a box goes if its IoU with a better one of its class is at least iou_threshold.": (
            suppress(found, score_threshold, 2)
        ),
        "The two thresholds are swapped.": suppress(found, iou_threshold, score_threshold),
        "iou_threshold is not used: 0.5 is always taken.": suppress(found, score_threshold, 0.5),
        "score_threshold is not used: 0.6 is always taken.": suppress(found, 0.6, iou_threshold),
        "The arguments are not used: the thresholds are always 0.6 and 0.5.": suppress(found),
        "The right boxes, but class by class: sort the places by falling score at the end.": joined,
        "The right boxes, but the worst comes first: sort by falling score.": right[::-1],
        "The right boxes, but in the order in which they came: sort by falling score.": np.sort(right),
        "The worst box was taken first: take the box of the highest score.": _worst_first(
            found, score_threshold, iou_threshold
        ),
        "The places are those among the boxes of a class: give the places among all boxes.": inner,
        "The boxes come back: give their places.": found.boxes[right],
        "The scores come back: give the places of the boxes.": found.scores[right],
    }


def _at(places: np.ndarray, place: int) -> int:
    return int(np.flatnonzero(places == place)[0])


def _not_greedy(found: Found, score_threshold: float, iou_threshold: float) -> np.ndarray:
    """Keep the boxes with which no better one of their class overlaps, dropped or not."""
    rivals = (overlaps(found.boxes) >= iou_threshold) & (found.classes[:, None] == found.classes)
    beaten = (rivals & (found.scores > found.scores[:, None])).any(axis=1)
    order = np.argsort(-found.scores)
    return order[(~beaten & (found.scores > score_threshold))[order]]


def _worst_first(found: Found, score_threshold: float, iou_threshold: float) -> np.ndarray:
    likely = np.flatnonzero(found.scores > score_threshold)
    turned = Found(1 - found.scores[likely], found.boxes[likely], found.classes[likely])
    kept = likely[suppress(turned, -1, iou_threshold)]
    return kept[np.argsort(-found.scores[kept])]


def _is_same(first: np.ndarray, second: np.ndarray) -> bool:
    return first.shape == second.shape and np.allclose(first, second, rtol=0.01)
