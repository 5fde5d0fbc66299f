"""`kcc data inspect`, `preview`, `convert` and `roads`: sets of pictures with boxes."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from keras_cv_course.cli.console import check_folder, note, out, printable, progress_bar, say, start_keras
from keras_cv_course.cli.options import parse_grid_size
from keras_cv_course.errors import DataContentError, RunError

if TYPE_CHECKING:
    import numpy as np

    from keras_cv_course.data.box_counts import ClassCount
    from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages, Problem
    from keras_cv_course.models.detector import Resize
    from keras_cv_course.report.box_set_page import BoxedCard

Format = Literal["voc", "coco", "yolo", "csv"]
BoxSet = Annotated[
    Path,
    typer.Argument(metavar="PATH", help="Folder of the set (VOC, COCO, YOLO or CSV), or its file."),
]

_PLACES_SHOWN = 5
_SAMPLE = 24
_WRONG = 9
_CARD = 640  # pixels, the longer side of a picture on the page
_LEAST_SOURCES, _BATCH = 32, 8  # of a preview


def inspect(
    path: BoxSet,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with pictures and boxes.")] = None,
    masks: Annotated[
        bool, typer.Option("--masks", help="Read masks too: COCO, VOC's PNG files or Labelme's JSON files.")
    ] = False,
) -> None:
    """Tell what a set of pictures with boxes, or with masks, holds, and what is wrong with it.

    Every picture is decoded and every box looked at; nothing is changed.
    """
    from keras_cv_course.data.box_counts import count_classes
    from keras_cv_course.data.box_problems import find_problems
    from keras_cv_course.data.detection_datasets import find_boxes
    from keras_cv_course.data.segmentation_datasets import find_masks

    if html is not None:
        check_folder(html.parent)
    data = find_masks(path) if masks else find_boxes(path)
    with progress_bar("Looking at pictures", len(data)) as (bar, task):
        problems = find_problems(data, lambda done: bar.update(task, completed=done))
    counts = count_classes(data)
    for name, value in _facts(data).items():
        say(f"{name}: {value}")
    out.print()
    out.print(_class_table(counts))
    out.print()
    _say_problems(problems)
    if html is not None:
        _write_page(html, data, counts, problems)
        say(f"Page: {html.resolve()}")


def preview(
    path: BoxSet,
    html: Annotated[Path, typer.Option("--out", metavar="FILE", help="The page.")] = Path("preview.html"),
    count: Annotated[int, typer.Option(min=1, help="Number of pictures.")] = 24,
    input_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE|HEIGHTxWIDTH",
            help="Of the network's pictures, multiples of 32. [dim]Default: as `kcc train detector`[/]",
        ),
    ] = None,
    resize: Annotated[
        Literal["stretch", "letterbox"], typer.Option(help="How pictures come to that size.")
    ] = "letterbox",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Equal seeds show equal pictures.")] = 0,
) -> None:
    """Show pictures with their boxes as `kcc train detector` changes them at random: windows and colours."""
    from keras_cv_course.data.detection_datasets import find_boxes

    asked_for = None if input_size is None else parse_grid_size(input_size)
    if html.suffix not in (".html", ".htm"):
        raise RunError(f"--out is the page, a file such as preview.html. Received: {html}.")
    check_folder(html.parent)
    data = find_boxes(path)
    start_keras()
    from keras_cv_course.report.preview_page import write_preview_page
    from keras_cv_course.training.fit_detector import fitting_size

    size = asked_for or fitting_size([image.size for image in data.images])
    cards = _augmented_cards(data, count, size, resize, seed)
    facts = {"Set": str(path), "Input": f"{size[0]} x {size[1]} (height x width)", "Seed": f"{seed}"}
    write_preview_page(html, title=f"{data.root.resolve().name}, as training sees it", facts=facts, cards=cards)
    say(f"Page: {html.resolve()}")


def _augmented_cards(
    data: "BoxedImages", count: int, size: tuple[int, int], resize: "Resize", seed: int
) -> "list[BoxedCard]":
    """Draw the boxes on the pictures of a first epoch."""
    import numpy as np
    from PIL import Image

    from keras_cv_course.boxes import scale_xyxy, xywh_to_xyxy, xyxy_to_yxyx
    from keras_cv_course.detection.draw import draw_boxes
    from keras_cv_course.report.box_set_page import BoxedCard
    from keras_cv_course.training.augment_boxes import BoxAugmentation
    from keras_cv_course.training.detector_batches import detector_batches, read_boxed_pixels

    chosen = np.random.default_rng(seed).permutation(len(data))[: max(count, _LEAST_SOURCES)]
    with progress_bar("Reading pictures", len(chosen)) as (bar, task):
        pixels = read_boxed_pixels(
            data.take(chosen.tolist()), size, resize, lambda done: bar.update(task, completed=done)
        )
    cards: list[BoxedCard] = []
    batches = detector_batches(pixels, _BATCH, [size], epochs=count, seed=seed, augmentation=BoxAugmentation())
    for pictures, truth in batches.as_numpy_iterator():
        for picture, rows in zip(pictures, truth, strict=True):
            rows = rows[rows[:, 2] > 0]
            boxes = scale_xyxy(xywh_to_xyxy(rows[:, :4]), size)
            ids = rows[:, 4].astype(np.int64)
            counts = Counter(data.class_names[number] for number in ids)
            caption = ", ".join(f"{n} x {name}" for name, n in counts.most_common()) or "no boxes"
            shown = Image.fromarray(np.rint(picture * 255).astype(np.uint8))
            drawn = draw_boxes(shown, xyxy_to_yxyx(boxes), ids, data.class_names)
            cards.append(BoxedCard(f"Picture {len(cards) + 1}", drawn, caption))
            if len(cards) == count:
                return cards
    return cards


def convert(
    source: BoxSet,
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A new or an empty folder.")],
    to: Annotated[Format, typer.Option("--to", help="Format of the new set.")],
) -> None:
    """Write a set of pictures with boxes in another format, with copies of the pictures.

    Nothing is lost: boxes, classes, flags such as difficult, and the lists for training and validation. A set of which
    something cannot be read is refused.
    """
    from keras_cv_course.data.detection_datasets import find_boxes, write_boxes
    from keras_cv_course.files import check_new_folder

    check_new_folder(target)
    check_folder(target)
    data = find_boxes(source)
    if data.problems:
        first = data.problems[0]
        raise DataContentError(
            f"{source}: expected a set that can be read in full. Received: {len(data.problems)} problems, such as "
            f"{first.kind} in {first.where} ({first.detail}). See them all with `kcc data inspect`, and mend them."
        )
    with progress_bar("Copying pictures", len(data)) as (bar, task):
        write_boxes(data, target, to, lambda done: bar.update(task, completed=done))
    for what in data.left_out:
        note(f"not boxes, so not in the new set: {what}")
    say(f"{len(data)} pictures with {sum(map(len, data.images))} boxes, from {data.format} to {to}: {target.resolve()}")


def roads(
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new or an empty folder.")],
    count: Annotated[int, typer.Option(min=1, help="Number of scenes.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds draw equal scenes.")] = 0,
    size: Annotated[int, typer.Option(min=64, help="Side of the pictures in pixels.")] = 416,
    to: Annotated[Format, typer.Option("--to", help="Format of the set.")] = "voc",
    lone: Annotated[
        bool, typer.Option("--lone", help="One pedestrian, car or motorcycle on each scene, or nobody.")
    ] = False,
) -> None:
    """Draw road scenes with exact boxes: cars, buses, lorries, pedestrians and traffic lights.

    Every fifth scene is in the list val, the others in train. A smaller set is the beginning of a larger one.
    """
    from keras_cv_course.data.synthetic.road_set import write_road_scenes

    check_folder(folder)
    with progress_bar("Drawing scenes", count) as (bar, task):
        write_road_scenes(
            folder,
            count=count,
            seed=seed,
            format=to,
            image_size=(size, size),
            lone=lone,
            progress=lambda done: bar.update(task, completed=done),
        )
    say(f"{count} road scenes (synthetic) in {folder.resolve()}")
    say(f"Look at them: kcc data inspect {folder} --html roads.html")


def _facts(data: "BoxedImages") -> dict[str, str]:
    from keras_cv_course.data.detection_datasets import FORMATS
    from keras_cv_course.data.masked_images import MaskedImages
    from keras_cv_course.data.segmentation_datasets import MASK_FORMATS

    formats = MASK_FORMATS if isinstance(data, MaskedImages) else FORMATS
    splits = ", ".join(f"{name} {number}" for name, number in data.splits.items())
    flags = Counter(flag for image in data.images for some in image.flags for flag in some)
    empty = sum(not len(image) for image in data.images)
    sides = [side for image in data.images for side in image.size]
    return {
        "Set": str(data.root),
        "Format": formats[data.format].title,
        "Pictures": f"{len(data)}, {min(sides)} to {max(sides)} pixels a side, {empty} without boxes",
        "Lists": splits or "none",
        "Boxes": f"{sum(map(len, data.images))}, classes: {len(data.class_names)}",
        "Flags": ", ".join(f"{flag} {number}" for flag, number in sorted(flags.items())) or "none",
        **({"Masks": "one for each box"} if isinstance(data, MaskedImages) else {}),
        "Not read": "; ".join(data.left_out) or "nothing",
    }


def _class_table(counts: "Sequence[ClassCount]") -> Table:
    from keras_cv_course.report.box_set_page import show_sides

    table = Table(box=None, pad_edge=False, caption="pixels at 5 %, 50 % and 95 % of the boxes", caption_justify="left")
    table.add_column("class", overflow="fold")
    for title in ("boxes", "pictures", "width", "height"):
        table.add_column(title, justify="right")
    for count in counts:
        sides = (count.widths, count.heights)
        texts = [" ".join(f"{text:>4}" for text in show_sides(side[1:4])) if side else "" for side in sides]
        table.add_row(escape(printable(count.name)), f"{count.boxes}", f"{count.pictures}", *texts)
    return table


def _say_problems(problems: "Sequence[Problem]") -> None:
    from keras_cv_course.data.box_problems import count_problems

    if not problems:
        say("Nothing wrong was found.")
        return
    say("What is wrong:")
    for kind, (number, places) in count_problems(problems).items():
        say(f"  {kind}: {number} in {places} place{'' if places == 1 else 's'}")
        found = [problem for problem in problems if problem.kind == kind]
        for problem in found[:_PLACES_SHOWN]:
            often = f"{problem.count} times, such as " if problem.count > 1 else ""
            say(f"    {problem.where}: {often}{problem.detail}")
        if len(found) > _PLACES_SHOWN:
            say(f"    and {len(found) - _PLACES_SHOWN} more")


def _write_page(path: Path, data: "BoxedImages", counts: "Sequence[ClassCount]", problems: "Sequence[Problem]") -> None:
    from keras_cv_course.data.box_counts import box_sizes, choose_pictures
    from keras_cv_course.report.box_set_page import write_box_set_page

    kinds: dict[str, list[str]] = {}
    for problem in problems:
        if problem.name is not None:
            kinds.setdefault(problem.name, []).append(problem.kind)
    wrong = [image for image in data.images if image.name in kinds]
    write_box_set_page(
        path,
        title=data.root.resolve().name,
        facts=_facts(data),
        pictures=len(data),
        counts=counts,
        sizes=box_sizes(data)[0],
        problems=problems,
        sample=_cards([data.images[i] for i in choose_pictures(data, _SAMPLE)], data.class_names, {}),
        wrong=_cards(wrong[:_WRONG], data.class_names, kinds),
    )


def _cards(
    images: "Sequence[BoxedImage]", class_names: tuple[str, ...], kinds: dict[str, list[str]]
) -> "list[BoxedCard]":
    """Draw boxes on pictures; one that cannot be read has no card."""
    from keras_cv_course.data.image_files import read_image
    from keras_cv_course.errors import ImageFileError
    from keras_cv_course.report.box_set_page import BoxedCard

    cards = []
    for image in images:
        counts = Counter(class_names[number] for number in image.class_ids)
        caption = ", ".join(kinds.get(image.name, ())) or ", ".join(f"{n} x {name}" for name, n in counts.most_common())
        try:
            drawn = _draw(read_image(image.path), image, class_names)
        except ImageFileError:
            continue
        cards.append(BoxedCard(image.name, drawn, caption or "no boxes"))
    return cards


def _draw(pixels: "np.ndarray", image: "BoxedImage", class_names: tuple[str, ...]) -> "np.ndarray":
    """Draw the boxes on a picture as large as it is shown, so that the labels can be read."""
    from PIL import Image

    from keras_cv_course.boxes import scale_xyxy, sort_corners, xyxy_to_yxyx
    from keras_cv_course.data.masked_images import MaskedImage
    from keras_cv_course.detection.draw import draw_boxes, get_colors_for_classes
    from keras_cv_course.detection.draw_masks import draw_masks

    if isinstance(image, MaskedImage) and pixels.shape[:2] == image.size:
        colours = get_colors_for_classes(len(class_names))
        pixels = draw_masks(pixels, image.decode_masks(), [colours[number] for number in image.class_ids])
    picture = Image.fromarray(pixels)
    picture.thumbnail((_CARD, _CARD))
    height, width = pixels.shape[:2]
    boxes = scale_xyxy(sort_corners(image.boxes), (picture.height / height, picture.width / width))
    return draw_boxes(picture, xyxy_to_yxyx(boxes), image.class_ids, class_names)
