"""`kcc train landmarks`: a network that finds points, on drawn faces or bodies."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from keras_cv_course.cli.console import err, note, progress_bar, start_keras
from keras_cv_course.cli.options import KEPT_ASIDE_SEED
from keras_cv_course.cli.train_run import (
    AutoPrecision,
    BatchSize16,
    Resume,
    facts_of,
    finish,
    given,
    only_report_is_left,
    open_run,
    out_option,
    refuse_with_resume,
    stopping_cleanly,
)

if TYPE_CHECKING:
    import keras

    from keras_cv_course.data.synthetic.landmark_set import LandmarkImages
    from keras_cv_course.training.fit_landmarks import LandmarkFitConfig
    from keras_cv_course.training.run_folder import RunFolder

DEFAULTS: dict[str, Any] = {"model": "heatmaps", "points": "face", "pictures": 3000}
HELD_OUT = 500


def landmarks(
    model: Annotated[
        Literal["heatmaps", "coordinates"] | None,
        typer.Option(help="A stacked hourglass, or a plain network of numbers. [dim]Default: heatmaps[/]"),
    ] = None,
    points: Annotated[
        Literal["face", "eye-corners", "body"] | None,
        typer.Option(help="68 of a face, 4 of its eyes or 32 of a body. [dim]Default: face[/]"),
    ] = None,
    pictures: Annotated[int | None, typer.Option(min=1, help="To draw and train on. [dim]Default: 3000[/]")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over them. [dim]Default: 12[/]")] = None,
    batch_size: BatchSize16 = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest. [dim]Default: 0.002[/]")] = None,
    precision: AutoPrecision = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**32 - 1, help="Of the pictures and all random numbers. [dim]Default: 0[/]"),
    ] = None,
    folder: Annotated[Path | None, out_option("landmarks")] = None,
    resume: Resume = None,
) -> None:
    """Train a model that finds points, on drawn pictures, and measure it on others.

    Ctrl-C stops cleanly; --resume goes on after the last whole epoch, as it does after a crash.
    """
    own = given(model=model, points=points, pictures=pictures)
    fit = given(epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, precision=precision, seed=seed)
    refuse_with_resume(resume, (folder, *own, *fit))

    start_keras()
    from keras_cv_course.training.fit_landmarks import LandmarkFitConfig

    details = {"task": "landmarks", **DEFAULTS, **own, "fit": fit}
    run, details, config = open_run(details, LandmarkFitConfig, folder, resume)
    with stopping_cleanly(run, "landmarks"):
        _run(run, details, config, resume=resume is not None)


def _run(run: "RunFolder", details: dict[str, Any], config: "LandmarkFitConfig", *, resume: bool) -> None:
    from keras_cv_course.cli.epoch_progress import epochs_bar
    from keras_cv_course.training.device import prepare_devices
    from keras_cv_course.training.fit_landmarks import fit_landmarks

    if only_report_is_left(run, resume=resume):
        _report(run, details, run.read_history())
        return
    train = draw(details["points"], details["pictures"], config.seed)
    gpus = prepare_devices(config.seed)
    note(f"Run: {run.path}   pictures: {len(train.images)}   devices: {', '.join(gpus) or 'CPU'}")
    network = build(details["model"], train)
    with epochs_bar(config.epochs, len(train.images), shown=("loss",)) as progress:
        history = fit_landmarks(network, train, config, folder=run, resume=resume, callbacks=[progress])
    _report(run, details, history)


def draw(points: str, count: int, seed: int) -> "LandmarkImages":
    """Draw pictures behind a bar."""
    from keras_cv_course.data.synthetic.landmark_set import draw_landmark_images

    with progress_bar("Drawing", count) as (bar, task):
        return draw_landmark_images(points, count, seed, progress=lambda done: bar.update(task, completed=done))


def build(model: str, data: "LandmarkImages") -> "keras.Model":
    """Build the network that is asked for, with random weights, for the pictures and points of a set."""
    from keras_cv_course.models.hourglass import stacked_hourglass
    from keras_cv_course.models.landmarks import landmark_regressor

    return (stacked_hourglass if model == "heatmaps" else landmark_regressor)(data.scheme.count, data.image_size)


def _report(run: "RunFolder", details: dict[str, Any], history: dict[str, list[float]]) -> None:
    from keras_cv_course.cli.landmarks_result import measure_finder
    from keras_cv_course.models.landmark_finder import load_landmark_finder

    held_out = draw(details["points"], HELD_OUT, KEPT_ASIDE_SEED)
    with err.status("Measuring ..."):
        result = measure_finder(load_landmark_finder(run.path), held_out)
    write_page = partial(
        result.write_page,
        title=f"{held_out.scheme.name.capitalize()}, found by {details['model']}",
        facts=facts_of(run, details, [*DEFAULTS, "epochs", "batch_size", "learning_rate", "seed"]),
    )
    metrics = result.metrics
    said = (
        f"Normalised mean error ({metrics.normaliser}): {metrics.error:.4f}, on {metrics.pictures} drawn pictures kept "
        "aside"
    )
    finish(run, history, result.to_json(), write_page, said, "landmarks --model")
