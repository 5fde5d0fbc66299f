"""`kcc train landmarks`: a network that finds points, on drawn faces or bodies."""

import json
import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from keras_cv_course.cli.console import INTERRUPTED, check_folder, err, note, progress_bar, say, start_keras
from keras_cv_course.cli.options import KEPT_ASIDE_SEED
from keras_cv_course.errors import RunError

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
    batch_size: Annotated[int | None, typer.Option(min=1, help="Pictures a step. [dim]Default: 16[/]")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest. [dim]Default: 0.002[/]")] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="float32, bfloat16, float16 or auto. [dim]Default: auto, what suits the machine[/]"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**32 - 1, help="Of the pictures and all random numbers. [dim]Default: 0[/]"),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="The run's folder. [dim]Default: runs/landmarks-<time>-seed<seed>[/]")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run in this folder, with its own settings.")
    ] = None,
) -> None:
    """Train a model that finds points, on drawn pictures, and measure it on others.

    Ctrl-C stops cleanly; --resume goes on after the last whole epoch, as it does after a crash.
    """
    options = {"model": model, "points": points, "pictures": pictures}
    fit_options = {
        **{"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate},
        **{"precision": precision, "seed": seed},
    }
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    fit_given: dict[str, Any] = {name: value for name, value in fit_options.items() if value is not None}
    if resume is not None and (given or fit_given or folder is not None):
        raise RunError("--resume goes on with the run's own settings and takes no other options. Leave them out.")

    start_keras()
    from keras_cv_course.training.fit_landmarks import LandmarkFitConfig
    from keras_cv_course.training.run_folder import RunFolder

    if resume is not None:
        run, details = RunFolder(resume), RunFolder(resume).read_config()
        if details.get("task") != "landmarks":
            raise RunError(f"{run.path} is a run of the task {details.get('task')!r}, not of 'landmarks'.")
        config = LandmarkFitConfig.from_json(details["fit"])
    else:
        config, details = LandmarkFitConfig(**fit_given), {"task": "landmarks", **DEFAULTS, **given}
        default = Path("runs") / f"landmarks-{datetime.now():%Y%m%d-%H%M%S}-seed{config.seed}"
        run = RunFolder(folder or default, details)
        check_folder(run.path)
        run.require_free()
    try:
        _run(run, details, config, resume=resume is not None)
    except KeyboardInterrupt:
        go_on = f"Go on with: kcc train landmarks --resume {shlex.quote(str(run.path))}"
        note(f"Stopped. {go_on if run.config.exists() else 'Nothing was trained yet.'}")
        raise typer.Exit(INTERRUPTED) from None


def _run(run: "RunFolder", details: dict[str, Any], config: "LandmarkFitConfig", *, resume: bool) -> None:
    from keras_cv_course.cli.epoch_progress import EpochProgress
    from keras_cv_course.training.device import prepare_devices
    from keras_cv_course.training.fit_landmarks import fit_landmarks

    if resume and run.model.exists() and not _page(run).exists():  # stopped between training and report
        _report(run, details, run.read_history())
        return
    if resume:
        run.go_on()
    train = draw(details["points"], details["pictures"], config.seed)
    gpus = prepare_devices(config.seed)
    note(f"Run: {run.path}   pictures: {len(train.images)}   devices: {', '.join(gpus) or 'CPU'}")
    network = build(details["model"], train)
    with progress_bar("Epochs", config.epochs) as (bar, task):
        progress = EpochProgress(bar, task, len(train.images), shown=("loss",))
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
    from keras_cv_course.files import write_text_atomically
    from keras_cv_course.models.landmark_finder import load_landmark_finder

    held_out = draw(details["points"], HELD_OUT, KEPT_ASIDE_SEED)
    with err.status("Measuring ..."):
        result = measure_finder(load_landmark_finder(run.path), held_out)
    write_text_atomically(run.path / "result.json", json.dumps(result.to_json(), indent=2) + "\n")
    fit = run.read_config()["fit"]
    facts = {name: str(details[name]) for name in DEFAULTS}
    facts |= {name: str(fit[name]) for name in ("epochs", "batch_size", "learning_rate", "seed")}
    result.write_page(
        _page(run),
        title=f"{held_out.scheme.name.capitalize()}, found by {details['model']}",
        facts={name.replace("_", " ").capitalize(): value for name, value in facts.items()},
        history=history,
    )
    metrics, minutes = result.metrics, sum(history["seconds"]) / 60
    say(
        f"Normalised mean error ({metrics.normaliser}): {metrics.error:.4f}, on {metrics.pictures} drawn pictures kept "
        f"aside, after {minutes:.0f} minutes of training"
    )
    say(f"Page: {_page(run).resolve()}")
    say(f"Use it: kcc landmarks --model {shlex.quote(str(run.path))} IMAGE...")


def _page(run: "RunFolder") -> Path:
    """Give the place of the report, the last file that a run writes."""
    return run.path / "report.html"
