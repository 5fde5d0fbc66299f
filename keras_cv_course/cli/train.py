"""`kcc train`: train a model in a run folder that can be resumed."""

import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keras_cv_course.cli import train_detector, train_folder, train_landmarks, train_localizer, train_segmenter
from keras_cv_course.cli.console import INTERRUPTED, check_folder, err, note, progress_bar, say, start_keras
from keras_cv_course.cli.options import DataFolder
from keras_cv_course.errors import RunError

if TYPE_CHECKING:
    import numpy as np

    from keras_cv_course.training.fit import FitConfig
    from keras_cv_course.training.run_folder import RunFolder

BATCH_NORM_MOMENTUM = 0.9
DEPTH = 50
EXTRA_HANDS_SEED = 2**31

app = typer.Typer(help="Train a model.", no_args_is_help=True)
app.command("folder")(train_folder.folder)
app.command("detector")(train_detector.detector)
app.command("landmarks")(train_landmarks.landmarks)
app.command("localizer")(train_localizer.localizer)
app.command("segmenter")(train_segmenter.segmenter)


@app.command()
def signs(
    data: DataFolder = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="The run's folder. [dim]Default: runs/signs-<time>-seed<seed>[/]")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run in this folder, with its own settings.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images. [dim]Default: 60[/]")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step. [dim]Default: 32[/]")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest. [dim]Default: 0.1[/]")] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="float32, bfloat16, float16 or auto. [dim]Default: auto, what suits the machine[/]"),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=0.9, help="Share of the training images kept to choose the best epoch by. [dim]Default: 0[/]"
        ),
    ] = None,
    add_synthetic: Annotated[
        int | None, typer.Option(min=0, help="Drawn hands to train on beside the images. [dim]Default: 0[/]")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="With --validation: stop after so many epochs without a better one.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all random numbers. [dim]Default: 0[/]")] = None,
) -> None:
    """Train a ResNet50 on the SIGNS training images, then measure it on the test images.

    The test images take no part in training or in any choice. Ctrl-C stops cleanly; --resume goes on after the last
    whole epoch, as it does after a crash.
    """
    fit_options = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "precision": precision,
        "patience": patience,
        "seed": seed,
    }
    given: dict[str, Any] = {name: value for name, value in fit_options.items() if value is not None}
    if resume is not None and (given or any(o is not None for o in (data, folder, validation, add_synthetic))):
        raise RunError("--resume goes on with the run's own settings and takes no other options. Leave them out.")

    if patience is not None and not validation:
        raise RunError("--patience needs --validation, the images to judge an epoch by. Name both.")

    start_keras()
    from keras_cv_course.data.signs import find_signs
    from keras_cv_course.training.fit import FitConfig
    from keras_cv_course.training.run_folder import RunFolder

    if resume is not None:
        run, config = RunFolder(resume), RunFolder(resume).read_config()
        if config.get("task") != "signs":
            raise RunError(f"{run.path} is a run of the task {config.get('task')!r}, not of 'signs'.")
        settings, details = FitConfig.from_json(config["fit"]), config
    else:
        settings = FitConfig(**given)
        details = {
            "task": "signs",
            "data": str(find_signs(data).resolve()),
            "validation": validation or 0.0,
            "add_synthetic": add_synthetic or 0,
        }
        default = Path("runs") / f"signs-{datetime.now():%Y%m%d-%H%M%S}-seed{settings.seed}"
        run = RunFolder(folder or default, details)
        check_folder(run.path)
    try:
        _run(run, details, settings, resume=resume is not None)
    except KeyboardInterrupt:
        go_on = f"Go on with: kcc train signs --resume {shlex.quote(str(run.path))}"
        note(f"Stopped. {go_on if run.config.exists() else 'Nothing was trained yet.'}")
        raise typer.Exit(INTERRUPTED) from None


def _run(run: "RunFolder", details: dict[str, Any], settings: "FitConfig", *, resume: bool) -> None:
    from keras_cv_course.cli.epoch_progress import EpochProgress
    from keras_cv_course.data.signs import read_signs
    from keras_cv_course.models.resnet import resnet
    from keras_cv_course.training.device import prepare_devices
    from keras_cv_course.training.fit import fit

    train, test = (read_signs(details["data"], part) for part in ("train", "test"))
    if resume and run.model.exists() and not _page(run).exists():  # stopped between training and report
        _report(run, run.read_history(), test)
        return
    if resume:
        run.go_on()
    else:
        run.require_free()
    images, held_out = train.data, None
    if details["validation"]:
        images, held_out = images.split(details["validation"], settings.seed)
    if details["add_synthetic"]:
        images = images.join(*_draw(details["add_synthetic"]))

    gpus = prepare_devices(settings.seed)
    note(f"Run: {run.path}   images: {len(images)}   devices: {', '.join(gpus) or 'CPU'}")
    model = resnet(DEPTH, images.images.shape[1:], len(images.class_names), batch_norm_momentum=BATCH_NORM_MOMENTUM)
    with progress_bar("Epochs", settings.epochs) as (bar, task):
        progress = EpochProgress(bar, task, len(images))
        history = fit(model, images, settings, validation=held_out, folder=run, resume=resume, callbacks=[progress])
    _report(run, history, test)


def _draw(count: int) -> tuple["np.ndarray", "np.ndarray"]:
    """Draw hands other than those of `kcc data signs` with its usual seed, which serve for tests."""
    from keras_cv_course.data.synthetic.hand_signs import draw_hand_signs

    with progress_bar("Drawing hands", count) as (bar, task):
        return draw_hand_signs(count, EXTRA_HANDS_SEED, progress=lambda done: bar.update(task, completed=done))


def _report(run: "RunFolder", history: dict[str, list[float]], test: Any) -> None:
    from keras_cv_course.cli.classification_result import measure_signs, signs_title
    from keras_cv_course.cli.run_result import write_run_result
    from keras_cv_course.models.classifier import load_classifier

    with err.status("Measuring on the test images ..."):
        result = measure_signs(load_classifier(run.path), test)
    write_run_result(run, history, result, {"kind_of_data": test.kind})
    result.write_page(_page(run), title=signs_title(result.classifier), history=history)
    say(f"{result.accuracy:.1%} of {len(test.data)} {test.kind} test images right.")
    say(f"Page: {_page(run).resolve()}")
    say(f"Use it: kcc predict signs --model {shlex.quote(str(run.path))} IMAGE...")


def _page(run: "RunFolder") -> Path:
    """Give the place of the report, the last file that a run writes."""
    return run.path / "report.html"
