import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from keras_cv_course.errors import DataContentError
from keras_cv_course.report.plots import (
    draw_contact_sheet,
    plot_confusion_matrix,
    plot_training_curves,
    save_figure,
)

HISTORY = {
    "loss": [2.0, 1.0, 0.5],
    "val_loss": [2.1, 1.2, 0.9],
    "accuracy": [0.2, 0.6, 0.8],
    "val_accuracy": [0.2, 0.5, 0.7],
    "learning_rate": [0.1, 0.1, 0.01],
}


def drawn(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def curves(figure: Figure) -> list[list[tuple[str, list[float]]]]:
    return [[(line.get_label(), list(line.get_ydata())) for line in axes.lines] for axes in figure.axes]


def test_training_curves_draw_training_and_validation():
    figure = plot_training_curves(HISTORY)
    assert curves(figure) == [
        [("training", HISTORY["loss"]), ("validation", HISTORY["val_loss"])],
        [("training", HISTORY["accuracy"]), ("validation", HISTORY["val_accuracy"])],
    ]
    assert list(figure.axes[0].lines[0].get_xdata()) == [1, 2, 3]
    assert drawn(figure)


def test_training_curves_of_one_epoch_show_points():
    figure = plot_training_curves({"loss": [1.0], "accuracy": [0.5]})
    assert [axes.lines[0].get_marker() for axes in figure.axes] == ["o", "o"]
    assert drawn(figure)


def test_training_curves_draw_only_what_is_there():
    assert curves(plot_training_curves({"loss": [2.0, 1.0]})) == [[("training", [2.0, 1.0])]]
    assert curves(plot_training_curves({"val_accuracy": [0.5]})) == [[("validation", [0.5])]]


@pytest.mark.parametrize("history", [{}, {"loss": []}, {"learning_rate": [0.1]}])
def test_training_curves_need_something_to_draw(history):
    with pytest.raises(DataContentError, match="Expected a history with loss or accuracy"):
        plot_training_curves(history)


@pytest.mark.parametrize("number_of_classes", [1, 2, 6, 20])
def test_confusion_matrix_shows_every_count(number_of_classes):
    matrix = np.arange(number_of_classes**2).reshape(number_of_classes, number_of_classes)
    figure = plot_confusion_matrix(matrix, [f"class {c}" for c in range(number_of_classes)])
    (axes,) = figure.axes
    assert [int(text.get_text()) for text in axes.texts] == matrix.ravel().tolist()
    assert drawn(figure)


def test_confusion_matrix_colours_by_row():
    matrix = np.array([[9, 1, 0], [0, 0, 0], [0, 0, 400]])
    (axes,) = plot_confusion_matrix(matrix, ["a", "b", "c"]).axes
    colour = np.ma.filled(axes.images[0].get_array(), 0)
    np.testing.assert_allclose(colour**2, [[0.9, 0.1, 0], [0, 0, 0], [0, 0, 1]])


def test_confusion_matrix_does_not_read_names_as_formulas():
    assert drawn(plot_confusion_matrix(np.eye(2, dtype=int), ["$\\nonsense$", "a_b"]))


def test_confusion_matrix_must_fit_the_names():
    with pytest.raises(DataContentError, match=r"shape \(3, 3\) .* received shape \(2, 2\)"):
        plot_confusion_matrix(np.eye(2, dtype=int), ["a", "b", "c"])


def test_contact_sheet_has_a_row_per_class():
    images = np.stack([np.full((8, 8, 3), value, np.uint8) for value in (10, 20, 30, 40)])
    sheet = draw_contact_sheet(images, np.array([2, 0, 2, 2]), ["a", "b", "c"], columns=2, tile=24)
    assert sheet.dtype == np.uint8
    # Class a fills one row, b none (and keeps an empty one), c two; 26 = tile + gap.
    assert sheet.shape[0] == 4 * 26 + 4 * 2
    left = sheet.shape[1] - 2 * 26
    rows = [2 + 12, 4 + 26 + 12, 6 + 2 * 26 + 12, 6 + 3 * 26 + 12]
    centres = sheet[rows][:, [left + 12, left + 26 + 12], 0]
    assert centres.tolist() == [[20, 255], [255, 255], [10, 30], [40, 255]]
    assert (sheet[:, :left] < 128).any(), "the class names are missing"


def test_contact_sheet_without_images():
    sheet = draw_contact_sheet(np.zeros((0, 8, 8, 3), np.uint8), np.zeros(0, int), ["a"], columns=3, tile=24)
    assert sheet.shape[0] == 26 + 2 * 2


@pytest.mark.parametrize(
    ("images", "labels", "problem"),
    [
        (np.zeros((2, 8, 8, 3)), np.array([0, 1]), "Expected uint8 images"),
        (np.zeros((2, 8, 8), np.uint8), np.array([0, 1]), "Expected uint8 images"),
        (np.zeros((2, 8, 8, 3), np.uint8), np.array([0]), r"Expected 2 labels .* received shape \(1,\)"),
        (np.zeros((2, 8, 8, 3), np.uint8), np.array([0, 2]), r"from 0 to 1, .* values \[0, 2\]"),
    ],
)
def test_contact_sheet_rejects_what_does_not_belong_together(images, labels, problem):
    with pytest.raises(DataContentError, match=problem):
        draw_contact_sheet(images, labels, ["a", "b"])


def test_save_figure_writes_a_png(tmp_path):
    save_figure(plot_training_curves(HISTORY), tmp_path / "new folder" / "curves.png")
    with Image.open(tmp_path / "new folder" / "curves.png") as picture:
        assert picture.format == "PNG"


def test_save_figure_leaves_nothing_half_written(tmp_path):
    class Broken(Figure):
        def savefig(self, fname, **options):
            fname.write_bytes(b"half a picture")
            raise OSError("disk full")

    path = tmp_path / "curves.png"
    path.write_bytes(b"the picture before")
    with pytest.raises(OSError, match="disk full"):
        save_figure(Broken(), path)
    assert path.read_bytes() == b"the picture before"
    assert list(tmp_path.iterdir()) == [path]
