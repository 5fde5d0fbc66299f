"""`kcc train folder`: a classifier for anyone's photos, by transfer from a pretrained network."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keras_cv_course.cli.console import err, note, progress_bar, say, start_keras
from keras_cv_course.cli.train_run import (
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
    from collections.abc import Sequence

    from keras_cv_course.data.image_folders import ImageFolder, SkippedFile
    from keras_cv_course.data.read_images import ReadImages
    from keras_cv_course.training.run_folder import RunFolder
    from keras_cv_course.transfer.recipes import Recipe

RECIPE_NAMES = ("auto", "small", "medium", "large", "finetune")
FEW_TO_JUDGE_BY = 20
SHOWN = ("backbone", "recipe", "image_size", "epochs", "batch_size", "learning_rate", "seed")
DEFAULTS: dict[str, Any] = {"backbone": "mobilenetv2", "recipe": "auto", "validation": 0.2, "seed": 0}


def folder(
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Folder with a sub-folder of pictures for each class.")
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="Pretrained network: one of keras.applications in small letters (mobilenet-0.25: a narrow one), "
            "signs-resnet50, a run folder, or a .keras, .safetensors or .pth file. [dim]Default: mobilenetv2[/]"
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help=f"How much to train: {', '.join(RECIPE_NAMES)}. [dim]Default: auto, by the number of images[/]"
        ),
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(min=1, help="Height and width in pixels. [dim]Default: what suits the backbone[/]")
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(min=0.0, max=0.9, help="Share of each class kept to measure by. [dim]Default: 0.2[/]"),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of the recipe's last phase. [dim]Default: the recipe's[/]")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images a step. [dim]Default: the recipe's[/]")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest. [dim]Default: the recipe's[/]")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Of the split and all random numbers. [dim]Default: 0[/]")
    ] = None,
    folder: Annotated[Path | None, out_option("<DIR>")] = None,
    resume: Resume = None,
) -> None:
    """Train a classifier for your own photos, sorted into one sub-folder for each class.

    A share of each class is kept to measure by. Files that cannot be used are named and left out.
    """
    options = given(
        backbone=backbone,
        recipe=recipe,
        image_size=image_size,
        validation=validation,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
    )
    refuse_with_resume(resume, (directory, folder, *options))
    if resume is None and directory is None:
        raise RunError("Expected a folder of pictures, or --resume with a run. Received neither.")
    if recipe is not None and recipe not in RECIPE_NAMES:
        raise RunError(f"--recipe must be one of {', '.join(RECIPE_NAMES)}. Received: {recipe!r}.")

    from keras_cv_course.data.image_folders import find_images

    files = None if directory is None else find_images(directory.resolve())
    start_keras()
    if resume is not None:
        run, details = old_run(resume, "folder")
    else:
        assert directory is not None
        details = DEFAULTS | options | {"task": "folder", "data": str(directory.resolve())}
        if Path(details["backbone"]).exists():  # a run or a file: found from any folder when resuming
            details["backbone"] = str(Path(details["backbone"]).resolve())
        run = new_run(folder, directory.resolve().name, details["seed"], details)
    with stopping_cleanly(run, "folder"):
        _run(run, details, files)


def _run(run: "RunFolder", details: dict[str, Any], files: "ImageFolder | None") -> None:
    """Train, measure and report; `files` is None to resume, with the files that the run started with."""
    from keras_cv_course.cli.epoch_progress import EpochProgress
    from keras_cv_course.cli.folder_images import read_with_progress, say_skipped
    from keras_cv_course.training.device import prepare_devices
    from keras_cv_course.transfer.backbones import load_backbone
    from keras_cv_course.transfer.features import feature_cache
    from keras_cv_course.transfer.recipes import train_transfer

    resume = files is None
    trained = only_report_is_left(run, resume=resume, last_file="curves.png")
    if files is None:
        rest, held_out = (_files_of(details, part) for part in ("train_files", "held_out_files"))
        assert rest is not None
    else:
        rest, held_out = files.split(details["validation"], details["seed"])
        details["train_files"], details["held_out_files"] = ([*map(str, _relative(x))] for x in (rest, held_out))
    recipe = _recipe(details, len(rest))
    gpus = prepare_devices(details["seed"])
    size = details.get("image_size")
    if trained:
        input_size = (details["image_size"], details["image_size"])
    else:
        with err.status("Loading the backbone ..."):
            backbone = load_backbone(details["backbone"], (size, size) if size else None)
        input_size = backbone.network.input_shape[1:3]
        details |= {"recipe": recipe.name, "image_size": input_size[0]}
    cache = feature_cache()
    train = read_with_progress(rest, input_size)
    measured = read_with_progress(held_out, input_size, every_class=False) if held_out else None
    skipped = (*(files.skipped if files else ()), *train.skipped, *(measured.skipped if measured else ()))
    say_skipped(skipped, rest.root)
    counts = f"{len(train.data)} to train on, {len(measured.data) if measured else 'none'} to measure by"
    note(f"Run: {run.path}   images: {counts}   recipe: {recipe.name}   devices: {', '.join(gpus) or 'CPU'}")
    if measured is None or len(measured.data) < FEW_TO_JUDGE_BY:
        note("So few pictures to measure by say little about how good the classifier is. Add pictures if you can.")

    if trained:
        history = run.read_history()
    else:
        looks = 0
        if recipe.head is not None and not run.state.exists():
            looks = recipe.head.views_of(len(train.data)) * len(train.data) + (len(measured.data) if measured else 0)
        with progress_bar("Features", looks) as (bar, features):
            callbacks = []
            if recipe.fit is not None:
                epochs = bar.add_task("Epochs", total=recipe.fit.epochs, note="")
                callbacks.append(EpochProgress(bar, epochs, len(train.data)))
            _, history = train_transfer(
                backbone,
                recipe,
                train.data,
                validation=measured.data if measured else None,
                folder=run,
                resume=resume,
                cache=cache,
                callbacks=callbacks,
                progress=lambda done: bar.update(features, completed=done),
            )
    _report(run, details, history, measured, skipped)


def _relative(files: "ImageFolder | None") -> "list[Path]":
    return [path.relative_to(files.root) for path in files.paths] if files else []


def _files_of(details: dict[str, Any], part: str) -> "ImageFolder | None":
    """Give the files of one part as they were when the run started; None where there were none."""
    import numpy as np

    from keras_cv_course.data.image_folders import ImageFolder

    root, names, classes = Path(details["data"]), details[part], details["class_names"]
    missing = [name for name in names if not (root / name).is_file()]
    if missing:
        raise RunError(f"{root}: {len(missing)} pictures of the run are gone, such as {missing[0]}. Start a new run.")
    labels = np.array([classes.index(Path(name).parts[0]) for name in names], np.int64)
    return ImageFolder(root, tuple(root / name for name in names), labels, tuple(classes)) if names else None


def _recipe(details: dict[str, Any], images: int) -> "Recipe":
    """Take the recipe that is asked for, with the settings of its last phase that are asked for."""
    from keras_cv_course.transfer.recipes import RECIPES, choose_recipe

    recipe = choose_recipe(images) if details["recipe"] == "auto" else RECIPES[details["recipe"]]
    changes = {name: details[name] for name in ("epochs", "batch_size", "learning_rate") if name in details}
    seed = {"seed": details["seed"]}
    head = recipe.head and replace(recipe.head, **seed, **({} if recipe.fit else changes))
    return replace(recipe, head=head, fit=recipe.fit and replace(recipe.fit, **seed, **changes))


def _report(
    run: "RunFolder",
    details: dict[str, Any],
    history: dict[str, list[float]],
    measured: "ReadImages | None",
    skipped: "Sequence[SkippedFile]",
) -> None:
    from keras_cv_course.cli.classification_result import measure
    from keras_cv_course.cli.run_result import write_run_result
    from keras_cv_course.data.image_folders import describe_skipped
    from keras_cv_course.models.classifier import load_classifier
    from keras_cv_course.transfer.recipes import RECIPES

    root, result = Path(details["data"]), None
    kept_aside = "kept aside before the training"
    if RECIPES[details["recipe"]].fit is not None:
        kept_aside += "; they chose the best epoch"
    with err.status("Measuring ..."):
        classifier = load_classifier(run.path)
        if measured is not None:
            result = measure(
                classifier,
                measured.data,
                source=str(root),
                data_note=f"{len(measured.data)} pictures from {root.name}, {kept_aside}.",
                split="validation",
                names=tuple(str(path.relative_to(root)) for path in measured.paths),
            )
            result.write_page(
                page_of(run),
                title=f"Pictures of {root.name}, classified",
                facts={name.replace("_", " ").capitalize(): str(details[name]) for name in SHOWN if name in details},
                history=history,
                skipped=describe_skipped(skipped, root, most=len(skipped)),
                show_attention=True,
            )
        write_run_result(run, history, result, {"skipped": describe_skipped(skipped, root, most=len(skipped))})
    if result is None:
        say(f"Trained; no picture was kept to measure by. The model: {run.model.resolve()}")
    else:
        say(f"{result.accuracy:.1%} of {len(result.data)} pictures right, {kept_aside}.")
        say(f"Page: {page_of(run).resolve()}")
    say_use(run, "predict folder --model")
