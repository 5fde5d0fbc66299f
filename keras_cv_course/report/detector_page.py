"""How good a detector is on a set, as one HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from keras_cv_course.metrics.detector_metrics import DetectorMetrics
from keras_cv_course.report.detector_plots import CURVES_SHOWN, plot_precision_recall
from keras_cv_course.report.html import PageFacts, show_figure, show_picture, write_model_page
from keras_cv_course.report.plots import plot_confusion_matrix

RIGHT, WRONG, MISSED, NOT_COUNTED = (46, 204, 113), (229, 57, 53), (255, 193, 7), (170, 176, 184)

_PICTURE_WIDTH = 1000  # pixels


@dataclass(frozen=True, eq=False)
class MistakenPicture:
    """A picture on which the detector errs.

    Attributes:
        name: of the picture.
        drawn: uint8 (height, width, 3), RGB; boxes and missed objects in the four colours above.
        missed: number of objects that no box finds.
        wrong: number of boxes that find none.
    """

    name: str
    drawn: np.ndarray
    missed: int
    wrong: int


def write_detector_page(
    path: Path,
    *,
    metrics: DetectorMetrics,
    worst: Sequence[MistakenPicture],
    **about: Unpack[PageFacts],
) -> None:
    """Write a self-contained page: COCO's and VOC's figures, curves, the confusion matrix and the worst pictures.

    Args:
        path: the HTML file, written whole or not at all.
        metrics: the figures.
        worst: the pictures with most mistakes.
        about: the model.
    """
    coco, voc = metrics.coco, metrics.voc
    objects = [curve.objects for curve in voc.curves.values()]
    write_model_page(
        path,
        "detector.html.j2",
        about,
        metrics=metrics,
        coco=coco,
        voc=voc,
        pictures=len(metrics.truth),
        objects=sum(objects),
        classes=class_rows(metrics),
        curves=show_figure(plot_precision_recall(voc.curves)) if any(objects) else None,
        curves_left_out=max(0, sum(map(bool, objects)) - CURVES_SHOWN),
        confusion=show_figure(plot_confusion_matrix(metrics.confusion, [*metrics.truth.class_names, "background"])),
        worst=[
            {
                "name": one.name,
                "picture": show_picture(one.drawn, _PICTURE_WIDTH),
                "missed": one.missed,
                "wrong": one.wrong,
            }
            for one in worst
        ],
    )


def class_rows(metrics: DetectorMetrics) -> list[dict[str, Any]]:
    """Give the figures of each class, and then of all, as tables show them: name, objects, and figures from 0 to 1."""
    coco, voc = metrics.coco, metrics.voc
    rows: list[dict[str, Any]] = []
    for name, curve in voc.curves.items():
        precision, recall = curve.at(metrics.score_threshold)
        figures = (coco.class_ap[name], coco.class_ap50[name], curve.ap_2007, curve.ap_2012, precision, recall)
        rows.append({"name": name, "objects": curve.objects, "figures": figures})
    right = int(sum(one.right.sum() for one in metrics.outcomes))
    counted = right + int(sum(one.wrong.sum() for one in metrics.outcomes))
    objects = sum(row["objects"] for row in rows)
    shares = [float(right / total) if total else np.nan for total in (counted, objects)]
    all_figures = (coco.ap, coco.ap50, voc.ap_2007, voc.ap_2012, *shares)
    return [*rows, {"name": "all", "objects": objects, "figures": all_figures}]
