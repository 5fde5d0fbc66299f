"""Training curves, confusion matrices and contact sheets as pictures.

The plots are plain `Figure` objects, never pyplot's: nothing opens a window, and no state outlives a call.
"""

from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageDraw, ImageFont

from keras_cv_course.errors import DataContentError
from keras_cv_course.files import atomic_path

INK = "#33383f"
FAINT = "#d5d9de"
TRAIN = "#8a94a3"
VALIDATION = "#1f6feb"

_PANELS = {"loss": "Loss", "accuracy": "Accuracy", "ap50": "Average precision at IoU .50", "mean_iou": "Mean IoU"}


def plot_training_curves(history: Mapping[str, Sequence[float]]) -> Figure:
    """Draw loss, accuracy, average precision and mean IoU over the epochs, training and validation in one panel each.

    Args:
        history: one value per epoch under the names of Keras: `loss`, `val_loss`, `accuracy`, `val_accuracy`,
            `val_ap50`, `mean_iou`; NaN where it was not measured. A panel is drawn for each of the four that is there;
            other names (`learning_rate`) are left out.

    Returns:
        A figure with an axes for each panel.

    Raises:
        DataContentError: `history` has none of the four with at least one epoch.
    """
    drawn = [name for name in _PANELS if history.get(name) or history.get(f"val_{name}")]
    if not drawn:
        raise DataContentError(
            f"Expected a history with loss or accuracy of at least one epoch, received the names {sorted(history)}."
        )
    figure = Figure(figsize=(4.6 * len(drawn), 3.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn, strict=True):
        _draw_curve(axes, history.get(name, ()), "training", TRAIN)
        _draw_curve(axes, history.get(f"val_{name}", ()), "validation", VALIDATION)
        if name == "ap50":
            axes.set_ylim(0, 1)  # of a detector that finds nothing yet the noise would fill the panel
        axes.set_title(_PANELS[name], loc="left", color=INK, fontsize=11)
        axes.set_xlabel("epoch", color=INK)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
        axes.grid(axis="y", color=FAINT, linewidth=0.6)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, labelcolor=INK)
        axes.legend(frameon=False, labelcolor=INK)
    return figure


def plot_confusion_matrix(matrix: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Draw a confusion matrix: the counts as numbers, their share of the row as colour (by its square root).

    Args:
        matrix: integer counts of shape (C, C); rows are ground truth, columns predictions.
        class_names: C names.

    Returns:
        A figure with one axes, larger for more classes so that the numbers stay legible.

    Raises:
        DataContentError: `matrix` does not have one row and one column per name.
    """
    class_names = [writable(name) for name in class_names]
    number_of_classes = len(class_names)
    if matrix.shape != (number_of_classes, number_of_classes):
        raise DataContentError(
            f"Expected a confusion matrix of shape {(number_of_classes, number_of_classes)} for "
            f"{number_of_classes} class names, received shape {matrix.shape}."
        )
    row_totals = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.maximum(row_totals, 1)  # no division by zero for a class without images
    strengths = np.sqrt(shares)  # one mistake among forty still has a colour

    side = max(4.0, 1.8 + 0.5 * number_of_classes)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(np.ma.masked_equal(strengths, 0), cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        ink = "white" if strengths[row, column] > 0.6 else INK if count else FAINT
        axes.text(column, row, f"{count}", ha="center", va="center", color=ink, fontsize=10)

    positions = np.arange(number_of_classes)
    upright = max(map(len, class_names)) <= 3
    # Without parse_math=False a class named "$" would be read as a formula.
    axes.set_xticks(positions, class_names, rotation=0 if upright else 90, parse_math=False)
    axes.set_yticks(positions, class_names, parse_math=False)
    axes.set_xticks(positions[1:] - 0.5, minor=True)
    axes.set_yticks(positions[1:] - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("ground truth", color=INK)
    return figure


def draw_contact_sheet(
    images: np.ndarray, labels: np.ndarray, class_names: Sequence[str], columns: int = 12, tile: int = 96
) -> np.ndarray:
    """Lay images out in rows, class by class, with the class name and its number of images at the left.

    Args:
        images: uint8 array of shape (N, height, width, 3).
        labels: integer array of shape (N,), from 0 to C - 1.
        class_names: C names.
        columns: images per row; a class with more fills several rows, one without images leaves a row empty.
        tile: side in pixels of the square into which each image is stretched.

    Returns:
        uint8 array of shape (height, width, 3), a picture on white.

    Raises:
        DataContentError: images and labels do not belong together, or a label has no name.
    """
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise DataContentError(
            f"Expected uint8 images of shape (N, height, width, 3), received {images.dtype} of shape {images.shape}."
        )
    if labels.shape != images.shape[:1] or not np.isin(labels, np.arange(len(class_names))).all():
        raise DataContentError(
            f"Expected {len(images)} labels from 0 to {len(class_names) - 1}, received shape {labels.shape} "
            f"with the values {np.unique(labels).tolist()}."
        )
    gap = tile // 12
    font = ImageFont.load_default(size=tile / 4)
    small_font = ImageFont.load_default(size=tile / 7)
    captions = [f"{np.sum(labels == c)} shown" for c in range(len(class_names))]
    margin = gap * 4 + round(max(*map(font.getlength, class_names), *map(small_font.getlength, captions)))
    rows = [max(1, -(-int(np.sum(labels == c)) // columns)) for c in range(len(class_names))]

    step = tile + gap
    sheet = Image.new("RGB", (margin + columns * step, sum(rows) * step + (len(rows) + 1) * gap), "white")
    draw = ImageDraw.Draw(sheet)
    top = gap
    for label, name in enumerate(class_names):
        draw.text((2 * gap, top + tile // 2), name, fill=INK, font=font, anchor="lb")
        draw.text((2 * gap, top + tile // 2 + gap), captions[label], fill=TRAIN, font=small_font, anchor="lt")
        for place, index in enumerate(np.flatnonzero(labels == label)):
            row, column = divmod(place, columns)
            picture = Image.fromarray(images[index]).resize((tile, tile), Image.Resampling.LANCZOS)
            sheet.paste(picture, (margin + column * step, top + row * step))
        top += rows[label] * step + gap
    return np.array(sheet)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure to `path` as PNG, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=160)


def writable(text: str) -> str:
    """Give text that UTF-8 can hold: the name of a file from an old disk may have bytes that are no characters."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _draw_curve(axes: Axes, values: Sequence[float], label: str, color: str) -> None:
    epochs = [epoch for epoch, value in enumerate(values, start=1) if not isnan(value)]
    if not epochs:
        return
    marker = "o" if len(epochs) == 1 else None  # a line of one point would not show
    axes.plot(epochs, [values[epoch - 1] for epoch in epochs], label=label, color=color, linewidth=1.8, marker=marker)
