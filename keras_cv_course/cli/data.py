"""`kcc data`: make data sets and look at them."""

from pathlib import Path
from typing import Annotated

import typer

from keras_cv_course.cli import boxes
from keras_cv_course.cli.console import check_folder, progress_bar, say

app = typer.Typer(help="Make data sets, look at them, convert them.", no_args_is_help=True)
app.command("inspect")(boxes.inspect)
app.command("preview")(boxes.preview)
app.command("convert")(boxes.convert)
app.command("roads")(boxes.roads)


@app.command()
def signs(
    folder: Annotated[Path, typer.Option("--out", help="Where the files go.")] = Path("datasets"),
    train: Annotated[int, typer.Option(min=1, help="Number of training images.")] = 1080,
    test: Annotated[int, typer.Option(min=1, help="Number of test images.")] = 120,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds draw equal images.")] = 0,
) -> None:
    """Draw a synthetic SIGNS set: hands that show 0 to 5, in the files of the course.

    Writes train_signs.h5, test_signs.h5 and a contact sheet. Files that exist are never replaced.
    """
    check_folder(folder)
    draw_signs(folder, train, test, seed)
    say(f"{train} training and {test} test images (synthetic) in {folder}")
    say(f"Look at them: {folder / 'signs_contact_sheet.png'}")


def draw_signs(folder: Path, train: int, test: int, seed: int) -> None:
    """Write the two files and the contact sheet, with a progress bar."""
    from PIL import Image

    from keras_cv_course.data.signs import read_signs, write_synthetic_signs
    from keras_cv_course.files import atomic_path
    from keras_cv_course.report.plots import draw_contact_sheet

    with progress_bar("Drawing hands", train + test) as (bar, task):
        write_synthetic_signs(
            folder, train=train, test=test, seed=seed, progress=lambda done: bar.update(task, completed=done)
        )
    drawn = read_signs(folder, "train").data
    with atomic_path(folder / "signs_contact_sheet.png") as path:
        Image.fromarray(draw_contact_sheet(drawn.images[:72], drawn.labels[:72], drawn.class_names)).save(path)


@app.command()
def faces(
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new or an empty folder.")],
    count: Annotated[int, typer.Option(min=1, help="Number of faces.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds draw equal faces.")] = 0,
    size: Annotated[int, typer.Option(min=16, help="Side of the pictures in pixels.")] = 256,
) -> None:
    """Draw faces with their 68 points: PNG files, each with a .pts file beside it, as 300-W has them.

    A smaller set is the beginning of a larger one.
    """
    from keras_cv_course.data.synthetic.face_set import write_faces

    check_folder(folder)
    with progress_bar("Drawing faces", count) as (bar, task):
        write_faces(
            folder,
            count=count,
            seed=seed,
            image_size=(size, size),
            progress=lambda done: bar.update(task, completed=done),
        )
    say(f"{count} faces (synthetic) with their points in {folder.resolve()}")
