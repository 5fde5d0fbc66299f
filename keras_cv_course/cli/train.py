"""`kcc train`: train a model in a run folder that can be resumed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keras_cv_course.cli import train_detector, train_folder, train_landmarks, train_localizer, train_segmenter
from keras_cv_course.cli.console import err, note, progress_bar, say, start_keras
from keras_cv_course.cli.options import DataFolder
from keras_cv_course.cli.train_run import (
    AutoPrecision,
    Resume,
    given,
    new_run,
    old_run,
    only_report_is_left,
    out_option,
    page_of,
    refuse_with_resume,
    say_use,
    stopping_cleanly,
)
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
    folder: Annotated[Path | None, out_option("signs")] = None,
    resume: Resume = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images. [dim]Default: 60[/]")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step. [dim]Default: 32[/]")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest. [dim]Default: 0.1[/]")] = None,
    precision: AutoPrecision = None,
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
    fit_given = given(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        precision=precision,
        patience=patience,
        seed=seed,
    )
    refuse_with_resume(resume, (data, folder, validation, add_synthetic, *fit_given))
    if patience is not None and not validation:
        raise RunError("--patience needs --validation, the images to judge an epoch by. Name both.")

    start_keras()
    from keras_cv_course.data.signs import find_signs
    from keras_cv_course.training.fit import FitConfig

    if resume is not None:
        run, details = old_run(resume, "signs")
        settings = FitConfig.from_json(details["fit"])
    else:
        settings = FitConfig(**fit_given)
        details = {
            "task": "signs",
            "data": str(find_signs(data).resolve()),
            "validation": validation or 0.0,
            "add_synthetic": add_synthetic or 0,
        }
        run = new_run(folder, "signs", settings.seed, details)
    with stopping_cleanly(run, "signs"):
        _run(run, details, settings, resume=resume is not None)


def _run(run: "RunFolder", details: dict[str, Any], settings: "FitConfig", *, resume: bool) -> None:
    from keras_cv_course.cli.epoch_progress import epochs_bar
    from keras_cv_course.data.signs import read_signs
    from keras_cv_course.models.resnet import resnet
    from keras_cv_course.training.device import prepare_devices
    from keras_cv_course.training.fit import fit

    train, test = (read_signs(details["data"], part) for part in ("train", "test"))
    if only_report_is_left(run, resume=resume):
        _report(run, run.read_history(), test)
        return
    images, held_out = train.data, None
    if details["validation"]:
        images, held_out = images.split(details["validation"], settings.seed)
    if details["add_synthetic"]:
        images = images.join(*_draw(details["add_synthetic"]))

    gpus = prepare_devices(settings.seed)
    note(f"Run: {run.path}   images: {len(images)}   devices: {', '.join(gpus) or 'CPU'}")
    model = resnet(DEPTH, images.images.shape[1:], len(images.class_names), batch_norm_momentum=BATCH_NORM_MOMENTUM)
    with epochs_bar(settings.epochs, len(images)) as progress:
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
    result.write_page(page_of(run), title=signs_title(result.classifier), history=history)
    say(f"{result.accuracy:.1%} of {len(test.data)} {test.kind} test images right.")
    say(f"Page: {page_of(run).resolve()}")
    say_use(run, "predict signs --model")
