"""`kcc anchors`: anchors that fit one's own boxes."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from keras_cv_course.cli.boxes import BoxSet
from keras_cv_course.cli.console import check_folder, out, say
from keras_cv_course.cli.options import parse_grid_size
from keras_cv_course.errors import DataContentError


def anchors(
    path: BoxSet,
    k: Annotated[int, typer.Option("--k", min=1, help="Number of anchors.")] = 5,
    input_size: Annotated[
        str,
        typer.Option(metavar="SIZE|HEIGHTxWIDTH", help="Of the network's pictures, in pixels, multiples of 32."),
    ] = "416",
    resize: Annotated[
        Literal["stretch", "letterbox"],
        typer.Option(help="How pictures come to the network's size: stretched, or with grey beside them."),
    ] = "stretch",
    seed: Annotated[int, typer.Option(min=0, help="Of k-means' random starts.")] = 0,
    part: Annotated[
        str | None, typer.Option("--list", metavar="NAME", help="Only pictures of this list, such as train.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write them as the course's yolo_anchors.txt.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw boxes and anchors to a PNG file.")] = None,
) -> None:
    """Find anchors for the boxes of a set by k-means on 1 - IoU, and say how well they fit."""
    from keras_cv_course.data.detection_datasets import find_boxes
    from keras_cv_course.detection.anchors import STRIDE, find_anchors, sizes_in_cells
    from keras_cv_course.files import write_text_atomically

    size = parse_grid_size(input_size)
    for target in (file, plot):
        if target is not None:
            check_folder(target.parent)
    data = find_boxes(path)
    sizes = sizes_in_cells(data if part is None else data.part(part), size, resize)
    if not len(sizes):
        raise DataContentError(f"{path}: expected at least one usable box. Received: none. See `kcc data inspect`.")
    found = find_anchors(sizes, k, seed)

    table = Table(box=None, pad_edge=False)
    for title in ("anchor", "width", "height", "cells wide", "cells high"):
        table.add_column(title, justify="right")
    for number, (width, height) in enumerate(found.sizes.tolist(), start=1):
        table.add_row(
            f"{number}", f"{width * STRIDE:.0f} px", f"{height * STRIDE:.0f} px", f"{width:.4f}", f"{height:.4f}"
        )
    out.print(table)
    say(f"{len(sizes)} boxes at {size[0]} x {size[1]} (height x width)")
    say(f"Average IoU with the best anchor: {found.average_iou:.3f}")
    text = ", ".join(f"{side:.5f}" for side in found.sizes.ravel())
    say(f"anchors = {text}")
    if file is not None:
        write_text_atomically(file, text + "\n")
        say(f"Anchors: {file.resolve()}")
    if plot is not None:
        from keras_cv_course.report.box_plots import plot_box_sizes
        from keras_cv_course.report.plots import save_figure

        names = [f"{number}" for number in range(1, k + 1)]
        save_figure(plot_box_sizes(sizes, found.sizes, unit="cells", names=names), plot)
        say(f"Plot: {plot.resolve()}")
