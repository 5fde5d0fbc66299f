"""What a detector gains and loses with its least score, as a picture."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from keras_cv_course.metrics.voc import PrecisionRecall
from keras_cv_course.report.plots import FAINT, INK, writable

CURVES_SHOWN = 10
_COLOURS = (
    "#1f6feb",
    "#d97706",
    "#17754a",
    "#9333ea",
    "#dc2626",
    "#0e7490",
    "#db2777",
    "#65a30d",
    "#475569",
    "#78350f",
)


def plot_precision_recall(curves: Mapping[str, PrecisionRecall]) -> Figure:
    """Draw precision over recall, a line for each class that has objects, of more than ten for those with most.

    Args:
        curves: class name -> its curve.

    Returns:
        A figure with one axes.
    """
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.subplots()
    some = sorted((item for item in curves.items() if item[1].objects), key=lambda item: -item[1].objects)
    for (name, curve), colour in zip(some[:CURVES_SHOWN], _COLOURS, strict=False):
        recall = np.concatenate([[0], curve.recall])
        precision = np.concatenate([curve.precision[:1], curve.precision]) if len(curve.scores) else np.zeros(1)
        marker = "o" if len(recall) == 1 else None  # a line of one point would not show
        # Without a formula's dollar signs, as a class may be named "$".
        label = writable(name).replace("$", r"\$")
        axes.plot(recall, precision, color=colour, linewidth=1.8, marker=marker, label=f"{label}  {curve.ap_2012:.3f}")
    for set_limits, set_label, text in (
        (axes.set_xlim, axes.set_xlabel, "recall"),
        (axes.set_ylim, axes.set_ylabel, "precision"),
    ):
        set_limits(-0.02, 1.02)
        set_label(text, color=INK)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelcolor=INK)
    if some:
        figure.legend(loc="outside right upper", frameon=False, labelcolor=INK, title="AP (VOC 2012)", alignment="left")
    return figure
