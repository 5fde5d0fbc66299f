"""What a run folder says about its result, beside the page."""

import json
from collections.abc import Mapping, Sequence

from keras_cv_course.cli.classification_result import ClassificationResult
from keras_cv_course.files import write_text_atomically
from keras_cv_course.report.plots import plot_confusion_matrix, plot_training_curves, save_figure
from keras_cv_course.training.run_folder import RunFolder


def write_run_result(
    run: RunFolder,
    history: Mapping[str, Sequence[float]],
    result: ClassificationResult | None,
    figures: Mapping[str, object],
) -> None:
    """Write result.json (with further `figures`) and confusion.png if something was measured, and curves.png last."""
    if result is not None:
        text = json.dumps({**result.to_json(), **figures}, indent=2)
        write_text_atomically(run.path / "result.json", text + "\n")
        save_figure(plot_confusion_matrix(result.confusion, result.data.class_names), run.path / "confusion.png")
    save_figure(plot_training_curves(history), run.path / "curves.png")
