"""Sizes of boxes as a picture."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from keras_cv_course.report.plots import FAINT, INK, VALIDATION

_MOST_POINTS = 5000
_LEAST_SIDE = 0.5  # logarithms have no place for boxes without area


def plot_box_sizes(
    sizes: np.ndarray, anchors: np.ndarray | None = None, *, unit: str = "pixels", names: Sequence[str] = ()
) -> Figure:
    """Draw width against height, both on logarithmic axes.

    Args:
        sizes: (n, 2), width and height; of more than some thousand every so many-th is drawn.
        anchors: (k, 2), drawn over them; or None.
        unit: of both.
        names: of the anchors, written beside them.

    Returns:
        A figure with one axes.
    """
    figure = Figure(figsize=(5.2, 5.0), layout="constrained")
    axes = figure.subplots()
    step = max(1, -(-len(sizes) // _MOST_POINTS))
    least = _LEAST_SIDE if unit == "pixels" else _LEAST_SIDE / 32
    width, height = np.maximum(sizes[::step], least).T
    axes.scatter(width, height, s=9, color=VALIDATION, alpha=0.25 if len(width) > 100 else 0.7, linewidths=0)
    if anchors is not None:
        axes.scatter(anchors[:, 0], anchors[:, 1], s=70, color="#c2410c", marker="+", linewidths=2.2)
        for (x, y), name in zip(anchors, names, strict=True):
            text = axes.annotate(name, (x, y), (7, 5), textcoords="offset points", color=INK, fontsize=9)
            text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])  # dots lie behind it
    for axis, scale, label in ((axes.xaxis, axes.set_xscale, "width"), (axes.yaxis, axes.set_yscale, "height")):
        scale("log")
        axis.set_label_text(f"{label} ({unit})", color=INK)
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.set_aspect("equal", adjustable="datalim")
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(which="both", length=0, labelcolor=INK)
    return figure
