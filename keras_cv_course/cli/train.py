"""`kcc train`: train a model in a run folder that can be resumed."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keras_cv_course.cli.console import note, progress_bar, say, start_keras
from keras_cv_course.cli.options import DataFolder
from keras_cv_course.errors import RunError

if TYPE_CHECKING:
    import numpy as np

    from keras_cv_course.training.run_folder import RunFolder

INTERRUPTED = 130  # the shell's exit status for Ctrl-C
BATCH_NORM_MOMENTUM = 0.9
DEPTH = 50
EXTRA_HANDS_SEED = 2**31

app = typer.Typer(help="Train a model.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `signs` a subcommand while it is the only one."""


@app.command()
def signs(
    data: DataFolder = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="The run's folder. [dim]Default: runs/signs-<time>[/]")
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
    seed: Annotated[int | None, typer.Option(min=0, help="Of all random numbers. [dim]Default: 0[/]")] = None,
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

    start_keras()
    from keras_cv_course.data.signs import find_signs
    from keras_cv_course.training.fit import FitConfig
    from keras_cv_course.training.run_folder import RunFolder

    if resume is not None:
        run = RunFolder(resume)
        config = run.read_config()
    else:
        run = RunFolder(folder or Path("runs") / f"signs-{datetime.now():%Y%m%d-%H%M%S}")
        config = {
            "task": "signs",
            "data": str(find_signs(data).resolve()),
            "class_names": [],
            "validation": validation or 0.0,
            "add_synthetic": add_synthetic or 0,
            "fit": FitConfig(**given).to_json(),
        }
    _run(run, config, resume=resume is not None)


def _run(run: "RunFolder", config: dict[str, Any], *, resume: bool) -> None:
    from keras_cv_course.data.signs import read_signs
    from keras_cv_course.models.resnet import resnet
    from keras_cv_course.training.device import prepare_devices
    from keras_cv_course.training.fit import FitConfig, fit

    if config.get("task") != "signs":
        raise RunError(f"{run.path} is a run of the task {config.get('task')!r}, not of 'signs'.")
    settings = FitConfig.from_json(config["fit"])
    train, test = (read_signs(config["data"], part) for part in ("train", "test"))
    images, held_out = train.data, None
    if config["validation"]:
        images, held_out = images.split(config["validation"], settings.seed)
    if config["add_synthetic"]:
        images = images.join(*_draw(config["add_synthetic"]))
    if not resume:
        run.start(config | {"class_names": list(images.class_names)})

    gpus = prepare_devices(settings.seed)
    note(f"Run: {run.path}   images: {len(images)}   devices: {', '.join(gpus) or 'CPU'}")
    model = resnet(DEPTH, images.images.shape[1:], len(images.class_names), batch_norm_momentum=BATCH_NORM_MOMENTUM)
    with progress_bar("Epochs", settings.epochs) as (bar, task):
        from keras_cv_course.cli.epoch_progress import EpochProgress

        try:
            history = fit(
                model,
                images,
                settings,
                validation=held_out,
                folder=run,
                resume=resume,
                callbacks=[EpochProgress(bar, task)],
            )
        except KeyboardInterrupt:
            bar.stop()
            note(f"Stopped. Go on with: kcc train signs --resume {run.path}")
            raise typer.Exit(INTERRUPTED) from None
    _report(run, history, test)


def _draw(count: int) -> tuple["np.ndarray", "np.ndarray"]:
    """Draw hands other than those of `kcc data signs` with its usual seed, which serve for tests."""
    from keras_cv_course.data.synthetic.hand_signs import draw_hand_signs

    with progress_bar("Drawing hands", count) as (bar, task):
        return draw_hand_signs(count, EXTRA_HANDS_SEED, progress=lambda done: bar.update(task, completed=done))


def _report(run: "RunFolder", history: dict[str, list[float]], test: Any) -> None:
    from keras_cv_course.cli.signs_result import measure_signs
    from keras_cv_course.files import write_text_atomically
    from keras_cv_course.models.classifier import load_classifier
    from keras_cv_course.report.plots import plot_confusion_matrix, plot_training_curves, save_figure

    result = measure_signs(load_classifier(run.path), test)
    write_text_atomically(run.path / "result.json", json.dumps(result.to_json(), indent=2) + "\n")
    save_figure(plot_training_curves(history), run.path / "curves.png")
    save_figure(plot_confusion_matrix(result.confusion, test.data.class_names), run.path / "confusion.png")
    result.write_page(run.path / "report.html", history)
    say(f"{result.accuracy:.1%} of {len(test.data)} {result.kind_of_data} test images right.")
    say(f"Page: {(run.path / 'report.html').resolve()}")
