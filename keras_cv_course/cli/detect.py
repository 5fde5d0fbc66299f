"""`kcc detect`: boxes around the objects on anyone's pictures and videos."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from keras_cv_course.cli.console import (
    INTERRUPTED,
    check_folder,
    note,
    out,
    printable,
    progress_bar,
    say,
    start_keras,
)
from keras_cv_course.cli.detect_files import Source, find_sources
from keras_cv_course.cli.detect_results import FileResult, results_table, write_coco, write_csv, write_json
from keras_cv_course.cli.detect_windows import (
    Background,
    Settings,
    Stride,
    WindowHeights,
    check_method,
    load_windows,
)
from keras_cv_course.cli.options import (
    DEFAULT_DETECTOR,
    DEFAULT_WINDOWS,
    ClassNames,
    HowToResize,
    InputSize,
    NetworkOfWeights,
    load_detector,
    parse_size,
)
from keras_cv_course.errors import DataError, ImageFileError, RunError

if TYPE_CHECKING:
    import numpy as np

    from keras_cv_course.cli.detect_windows import Detect
    from keras_cv_course.detections import Detections
    from keras_cv_course.models.detector import Resize

BATCH_SIZE = 4


def detect(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Pictures, videos, folders of them, or patterns such as 'photos/*.jpg'."),
    ],
    method: Annotated[
        Literal["yolo", "sliding-window"],
        typer.Option(help="YOLOv2, or a classifier that looks at every window of a picture, small and large."),
    ] = "yolo",
    weights: Annotated[
        str | None,
        typer.Option(
            help="The detector: a name (road-yolov2 is shipped, yolov2 and its like are downloaded once), a .keras "
            "file, a run folder, Darknet's .weights, or model_data. With sliding windows a classifier: a name, a "
            f".keras file or a run folder. [dim]Default: {DEFAULT_DETECTOR}; with sliding windows {DEFAULT_WINDOWS}[/]"
        ),
    ] = None,
    network: NetworkOfWeights = None,
    names: ClassNames = None,
    classes: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Keep these classes only, such as car,bus.")
    ] = None,
    score: Annotated[float, typer.Option(min=0, max=1, help="Least score of a box.")] = 0.6,
    iou: Annotated[
        float, typer.Option(min=0, max=1, help="A box goes that overlaps a better one of its class by more than this.")
    ] = 0.5,
    max_boxes: Annotated[
        int | None, typer.Option(min=1, help="Keep only so many of the best on a picture. [dim]Default: all[/]")
    ] = None,
    resize: HowToResize = None,
    input_size: InputSize = None,
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for the pictures and videos with boxes.")
    ] = Path("detections"),
    json_file: Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write all boxes here.")] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", dir_okay=False, help="Write a line for each box here.")
    ] = None,
    coco_file: Annotated[
        Path | None,
        typer.Option(
            "--coco",
            dir_okay=False,
            help="Write COCO results here. A picture's id is its file's number, or its place where not all have one.",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"Pictures that go through YOLOv2 together: more for a GPU. [dim]Default: {BATCH_SIZE}[/]",
        ),
    ] = None,
    background: Background = None,
    window_heights: WindowHeights = None,
    stride: Stride = None,
) -> None:
    """Find objects on pictures and videos: draw them, list them, write them down.

    Boxes are in pixels of the picture as a viewer shows it: a camera's orientation is applied. Videos are written as
    H.264 without sound. A file that cannot be used is reported by name and the others go on; the exit status is 1 then.
    After Ctrl-C, what was found until then is still written down.
    """
    size = parse_size(input_size)
    of_yolo = {
        "--network": network,
        "--names": names,
        "--resize": resize,
        "--input-size": input_size,
        "--batch-size": batch_size,
    }
    of_windows = {"--background": background, "--window-heights": window_heights, "--stride": stride}
    check_method(method, weights, of_yolo, of_windows)
    sources = find_sources(paths, folder)
    wanted = None if classes is None else tuple(name.strip() for name in classes.split(",") if name.strip())
    if wanted == ():
        raise RunError(f"Expected names of classes after --classes, such as car,bus. Received: {classes!r}.")
    settings = Settings(score, iou, max_boxes, wanted)
    _check(sources, coco_file, [folder, *(file.parent for file in (json_file, csv_file, coco_file) if file)])
    start_keras()
    if method == "yolo":
        weights = weights or DEFAULT_DETECTOR
        find, facts = _load(weights, network, names, resize, size, batch_size or BATCH_SIZE, settings)
    else:
        weights = weights or DEFAULT_WINDOWS
        find, facts = load_windows(weights, background, window_heights, stride, settings)

    started = time.perf_counter()
    results: list[FileResult] = []
    try:
        pictures = [source for source in sources if not source.is_video]
        if pictures:
            with progress_bar("Detecting", len(pictures)) as (bar, task):
                for result in _detect_pictures(find, pictures):
                    results.append(result)
                    rate = len(results) / (time.perf_counter() - started)
                    bar.update(task, advance=1, note=f"{rate:.1f} pictures/s")
        for source in sources:
            if source.is_video:
                results.append(_detect_video(find, source))
    except KeyboardInterrupt:
        note(f"Stopped after {len(results)} of {len(sources)} files. Drawn so far: {folder.resolve()}")
        raise typer.Exit(INTERRUPTED) from None
    finally:  # what is done is written down whatever ends the run
        seconds = time.perf_counter() - started
        order = {source.path: number for number, source in enumerate(sources)}
        results.sort(key=lambda result: order[result.path])
        if json_file is not None:
            write_json(json_file, results, {"method": method, "weights": weights, **facts, **asdict(settings)})
        if csv_file is not None:
            write_csv(csv_file, results)
        if coco_file is not None:  # of all files, because ids depend on the others
            done = {result.path: result for result in results}
            write_coco(coco_file, [done.get(source.path, FileResult(source.path)) for source in sources])
    out.print(results_table(results))
    _summarize(results, seconds, folder)
    if any(result.error for result in results):
        raise typer.Exit(1)


def _check(sources: list[Source], coco_file: Path | None, folders: list[Path]) -> None:
    """Refuse before any work what could only fail later."""
    from keras_cv_course.data.video import import_av

    if any(source.is_video for source in sources):
        import_av()
        if coco_file is not None:
            raise RunError("COCO results are of pictures. Received: --coco with a video. Take --json or --csv.")
    for folder in folders:
        check_folder(folder)


def _load(
    weights: str,
    network: str | None,
    names: Path | None,
    resize: "Resize | None",
    input_size: tuple[int, int] | None,
    batch_size: int,
    settings: Settings,
) -> tuple["Detect", dict[str, Any]]:
    """Load the detector, and give the function that finds objects with the settings, and facts for the JSON file."""
    from keras_cv_course.detection.predict import detect, find_classes

    detector = load_detector(weights, network, names, resize, input_size)
    if settings.classes is not None:
        find_classes(settings.classes, detector.class_names)

    def find(images: Iterator["np.ndarray"]) -> Iterator["Detections"]:
        return detect(
            detector,
            images,
            score_threshold=settings.score,
            iou_threshold=settings.iou,
            max_boxes=settings.max_boxes,
            classes=settings.classes,
            batch_size=batch_size,
        )

    return find, {"resize": detector.resize, "batch_size": batch_size}


def _detect_pictures(find: "Detect", sources: list[Source]) -> Iterator[FileResult]:
    """Read, look at and draw pictures, batch by batch; yields a result for each as soon as it is there."""
    from keras_cv_course.data.image_files import read_image

    broken: list[FileResult] = []

    def readable() -> Iterator[tuple[Source, "np.ndarray"]]:
        for source in sources:
            try:
                yield source, read_image(source.path)
            except ImageFileError as error:
                note(str(error))
                broken.append(FileResult(source.path, error=str(error).removeprefix(f"{source.path}: ")))

    pairs, copies = tee(readable())  # which holds a batch, what `find` is ahead by
    for (source, image), found in zip(pairs, find(image for _, image in copies), strict=True):
        _draw_picture(image, found, source.target)
        yield FileResult(source.path, frames=[(0.0, found)])
        while broken:
            yield broken.pop()
    yield from broken


def _draw_picture(image: "np.ndarray", found: "Detections", target: Path) -> None:
    from PIL import Image

    from keras_cv_course.detection.draw import draw_detections
    from keras_cv_course.files import atomic_path

    drawn = Image.fromarray(draw_detections(image, found))
    with atomic_path(target) as temporary:
        drawn.save(temporary, quality=95)  # of JPEG and WebP


def _detect_video(find: "Detect", source: Source) -> FileResult:
    """Look at and draw one video; a damaged one leaves no file."""
    from keras_cv_course.data.video import Frame, read_frames, video_info, write_video
    from keras_cv_course.detection.draw import draw_detections

    result = FileResult(source.path, is_video=True)
    try:
        info = video_info(source.path)
        started = time.perf_counter()
        with (
            write_video(source.target, info.frame_rate) as write,
            progress_bar(escape(printable(source.path.name)), info.frames or None) as (bar, task),
        ):
            frames, copies = tee(read_frames(source.path))
            for frame, found in zip(frames, find(frame.image for frame in copies), strict=True):
                write(Frame(draw_detections(frame.image, found), frame.seconds))
                result.frames.append((frame.seconds, found))
                rate = len(result.frames) / (time.perf_counter() - started)
                bar.update(task, advance=1, note=f"{rate:.1f} frames/s")
    except DataError as error:
        reason = str(error).removeprefix(f"{source.path}: ")  # an error of the encoder names the target instead
        note(f"{source.path}: {reason}")
        return FileResult(source.path, is_video=True, error=reason)
    return result


def _summarize(results: list[FileResult], seconds: float, folder: Path) -> None:
    frames = [found for result in results for _, found in result.frames]
    boxes, pictures = sum(map(len, frames)), len(frames)
    videos = any(result.is_video for result in results)
    broken = sum(result.error is not None for result in results)
    say(
        f"{boxes} box{'' if boxes == 1 else 'es'} on {pictures} {'frame' if videos else 'picture'}"
        f"{'' if pictures == 1 else 's'} in {seconds:.1f} s ({pictures / seconds:.1f} per second)"
        + (f"; {broken} of {len(results)} files could not be used." if broken else ".")
    )
    if frames:
        note(f"Drawn: {folder.resolve()}")
