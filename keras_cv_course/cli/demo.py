"""`kcc demo`: the main job from nothing to a page."""

import os
from pathlib import Path
from typing import Annotated

import typer

from keras_cv_course.cli import data as data_command
from keras_cv_course.cli.console import check_folder, err, note, say, start_keras
from keras_cv_course.cli.options import DEFAULT_MODEL

SYNTHETIC_TEST_IMAGES = 240


def demo(
    folder: Annotated[Path, typer.Option("--out", help="Where the page and drawn data go.")] = Path("demo"),
) -> None:
    """Let the shipped ResNet50 read hand signs, and write a page about it.

    Uses the SIGNS files where they are found ($KERAS_CV_COURSE_DATA or ./datasets), else draws hands first.
    """
    check_folder(folder)
    start_keras()
    from keras_cv_course.data.signs import DATA_VARIABLE, find_signs, read_signs
    from keras_cv_course.errors import DataNotFoundError

    try:
        signs = find_signs()
    except DataNotFoundError:
        if os.environ.get(DATA_VARIABLE):  # other data than the named ones would be a surprise
            raise
        signs = folder / "datasets"
        if not all((signs / f"{part}_signs.h5").exists() for part in ("train", "test")):
            for half in signs.glob("*_signs.h5"):  # left by a demo that was stopped while it drew
                half.unlink()
            note(f"No SIGNS files here: drawing a synthetic set into {signs}")
            data_command.draw_signs(signs, train=120, test=SYNTHETIC_TEST_IMAGES, seed=0)
    part = read_signs(signs, "test")
    with err.status("Loading the shipped ResNet50 and classifying ..."):
        from keras_cv_course.cli.classification_result import measure_signs, signs_title
        from keras_cv_course.models.classifier import load_classifier

        result = measure_signs(load_classifier(DEFAULT_MODEL), part)
        page = folder / "signs.html"
        result.write_page(page, title=signs_title(result.classifier))
    say(f"{result.accuracy:.1%} of the {len(part.data)} {part.kind} hand signs in {part.path} read right.")
    say(f"Open the page: {page.resolve()}")
