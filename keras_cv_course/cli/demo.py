"""`kcc demo`: the main jobs from nothing to a page that links their reports."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keras_cv_course.cli import data as data_command
from keras_cv_course.cli.console import check_folder, err, note, say, start_keras
from keras_cv_course.cli.landmarks import DEFAULT_LANDMARKS
from keras_cv_course.cli.options import (
    DEFAULT_DETECTOR,
    DEFAULT_LOCALIZER,
    DEFAULT_MODEL,
    DEFAULT_SEGMENTER,
    DEFAULT_WINDOWS,
)

if TYPE_CHECKING:
    import numpy as np

    from keras_cv_course.data.signs import SignsPart
    from keras_cv_course.data.synthetic.road_scenes import RoadScene
    from keras_cv_course.detections import Detections
    from keras_cv_course.report.demo_page import Demonstrated

SYNTHETIC_TEST_IMAGES = 240
LONE_PICTURES = 60
ROAD_PICTURES, ROAD_SEED, ROAD_SIZE = 8, 2026, (720, 1280)  # no training used this seed
SCORE_THRESHOLD = 0.4
WINDOW_PICTURES, WINDOW_SIZE = 4, (480, 832)
WINDOW_SCORE, WINDOW_IOU = 0.9, 0.3
SEGMENTED_PICTURES, SEGMENTED_SHOWN = 24, 3
FACES, FACES_SEED, FACES_SHOWN = 120, 2026, 4  # nor this
GRADING_SEED = 0


def demo(
    folder: Annotated[Path, typer.Option("--out", help="Where the pages and drawn data go.")] = Path("demo"),
) -> None:
    """Read hand signs, find cars in three ways, tell pixels and points of faces; grade the reference solutions.

    Writes a page about each, and index.html with links to all. Uses the SIGNS files where they are found
    ($KERAS_CV_COURSE_DATA or ./datasets), else draws hands first. The road pictures are drawn. Solutions to grade are
    in the repository only.
    """
    from keras_cv_course.report.demo_page import write_demo_page

    check_folder(folder)
    start_keras()
    signs = _signs(folder)
    parts = [_read_signs(folder, signs), _localize(folder), _find_cars(folder), _slide_windows(folder)]
    parts += [_segment(folder), _find_points(folder)]
    parts += _grade_solutions(folder)
    page = folder / "index.html"
    write_demo_page(page, title="The course at work", parts=parts)
    say(f"Open the page: {page.resolve()}")


def _signs(folder: Path) -> "SignsPart":
    """Find the test images of SIGNS, or draw some."""
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
    return read_signs(signs, "test")


def _read_signs(folder: Path, part: "SignsPart") -> "Demonstrated":
    from keras_cv_course.cli.classification_result import measure_signs, signs_title
    from keras_cv_course.models.classifier import load_classifier
    from keras_cv_course.report.demo_page import Demonstrated

    page = folder / "signs.html"
    with err.status("Loading the shipped ResNet50 and classifying ..."):
        result = measure_signs(load_classifier(DEFAULT_MODEL), part)
        result.write_page(page, title=signs_title(result.classifier))
    said = f"{result.accuracy:.1%} of the {len(part.data)} {part.kind} hand signs in {part.path} read right."
    say(said)
    return Demonstrated("Hand signs, read by ResNet50", said, page, _one_of_each(part))


def _one_of_each(part: "SignsPart") -> "np.ndarray":
    """Put the first hand of each sign side by side."""
    import numpy as np

    labels = part.data.labels
    return np.concatenate([part.data.images[np.argmax(labels == sign)] for sign in np.unique(labels)], axis=1)


def _localize(folder: Path) -> "Demonstrated":
    import numpy as np

    from keras_cv_course.cli.localizer_result import measure_localizer
    from keras_cv_course.data.localized_images import draw_localized_images
    from keras_cv_course.models.trained_localizer import load_localizer
    from keras_cv_course.pretrained import pretrained
    from keras_cv_course.report.demo_page import Demonstrated

    page, entry = folder / "localizer.html", pretrained(DEFAULT_LOCALIZER)
    with err.status("Drawing roads with one user, and localizing ..."):
        data = draw_localized_images(LONE_PICTURES, ROAD_SEED, entry.input_size)
        result = measure_localizer(load_localizer(DEFAULT_LOCALIZER), data)
        result.write_page(
            page,
            title="One user of the road, or none: classification with localization",
            facts={
                "Model": entry.name,
                "Trained on": entry.trained_on,
                "Recipe": entry.recipe,
                "Weights sha256": entry.sha256 or "not known",
            },
            data_note="Road scenes drawn by this package, with seeds that no training used. On photographs the "
            "model, which never saw one, goes wrong.",
        )
    metrics = result.metrics
    said = (
        f"{round(metrics.correct * metrics.pictures)} of {metrics.pictures} drawn roads right: whether a pedestrian, a "
        "car or a motorcycle is there, and where."
    )
    say(said)
    first = [number for number, class_id in enumerate(data.class_ids) if class_id >= 0][:3]
    picture = np.concatenate([result.draw(number) for number in first], axis=1)
    return Demonstrated("One user of the road, localized", said, page, picture)


def _find_cars(folder: Path) -> "Demonstrated":
    from keras_cv_course.convert.open_detector import open_detector
    from keras_cv_course.data.synthetic.road_scenes import draw_road_scenes
    from keras_cv_course.detection.predict import detect

    with err.status("Drawing roads, loading the shipped YOLOv2 and detecting ..."):
        scenes = list(draw_road_scenes(ROAD_PICTURES, ROAD_SEED, ROAD_SIZE))
        detector = open_detector(DEFAULT_DETECTOR)
        all_found = detect(detector, [scene.image for scene in scenes], score_threshold=SCORE_THRESHOLD)
        return _write_roads(
            folder / "roads.html",
            "Cars and other road users, found by YOLOv2",
            "cars, buses, lorries, pedestrians and traffic lights",
            DEFAULT_DETECTOR,
            "kcc detect PHOTO",
            scenes,
            list(all_found),
            SCORE_THRESHOLD,
        )


def _slide_windows(folder: Path) -> "Demonstrated":
    from keras_cv_course.data.synthetic.road_scenes import draw_road_scenes
    from keras_cv_course.detection.sliding_windows import detect_windows
    from keras_cv_course.models.window_classifier import load_window_classifier

    with err.status("Sliding windows over drawn roads ..."):
        scenes = list(draw_road_scenes(WINDOW_PICTURES, ROAD_SEED, WINDOW_SIZE))
        classifier = load_window_classifier(DEFAULT_WINDOWS)
        images = [scene.image for scene in scenes]
        all_found = detect_windows(classifier, images, score_threshold=WINDOW_SCORE, iou_threshold=WINDOW_IOU)
        return _write_roads(
            folder / "windows.html",
            "Cars and other road users, found by sliding windows",
            "cars, buses, lorries and pedestrians",
            DEFAULT_WINDOWS,
            "kcc detect --method sliding-window PHOTO",
            scenes,
            list(all_found),
            WINDOW_SCORE,
        )


def _segment(folder: Path) -> "Demonstrated":
    import numpy as np

    from keras_cv_course.cli.segmenter_result import measure_segmenter
    from keras_cv_course.data.segmented_images import draw_segmented_images
    from keras_cv_course.models.segmenter import load_segmenter
    from keras_cv_course.pretrained import pretrained
    from keras_cv_course.report.demo_page import Demonstrated

    page, title = folder / "segmentation.html", "What each pixel shows, by U-Net"
    with err.status("Drawing roads and telling their pixels ..."):
        entry = pretrained(DEFAULT_SEGMENTER)
        data = draw_segmented_images(SEGMENTED_PICTURES, ROAD_SEED, entry.input_size)
        result = measure_segmenter(load_segmenter(DEFAULT_SEGMENTER), data)
        result.write_page(
            page,
            title=title,
            facts={
                "Model": entry.name,
                "Trained on": entry.trained_on,
                "Recipe": entry.recipe,
                "Weights sha256": entry.sha256 or "not known",
            },
            data_note="Road scenes drawn by this package, with seeds that no training used.",
        )
    metrics = result.metrics
    said = (
        f"{metrics.pixel_accuracy:.1%} of the pixels of {len(data)} drawn roads right, mean IoU {metrics.mean_iou:.2f} "
        f"of {len(data.class_names)} classes."
    )
    say(said)
    shown = [result.picture(number) for number in range(SEGMENTED_SHOWN)]
    beside = [np.concatenate([one.image, one.said], axis=1) for one in shown]
    return Demonstrated(title, said, page, np.concatenate(beside, axis=1))


def _find_points(folder: Path) -> "Demonstrated":
    import numpy as np

    from keras_cv_course.cli.landmarks_result import measure_finder
    from keras_cv_course.data.synthetic.landmark_set import draw_landmark_images
    from keras_cv_course.models.landmark_finder import load_landmark_finder
    from keras_cv_course.pretrained import pretrained
    from keras_cv_course.report.demo_page import Demonstrated

    page, title = folder / "faces.html", "Points of faces, found by a stacked hourglass"
    with err.status("Drawing faces and finding their points ..."):
        entry = pretrained(DEFAULT_LANDMARKS)
        result = measure_finder(
            load_landmark_finder(DEFAULT_LANDMARKS), draw_landmark_images("face", FACES, FACES_SEED, entry.input_size)
        )
        facts = {"Model": entry.name, "Trained on": entry.trained_on, "Recipe": entry.recipe}
        result.write_page(page, title=title, facts={**facts, "Weights sha256": entry.sha256 or "not known"})
    said = (
        f"68 points on {result.metrics.pictures} drawn faces, on average {result.metrics.error:.1%} of the distance "
        "between the eyes' outer corners from the true ones."
    )
    say(said)
    shown = [one.drawn for one in result.best_and_worst()["The first pictures"][:FACES_SHOWN]]
    return Demonstrated(title, said, page, np.concatenate(shown, axis=1))


def _write_roads(
    page: Path,
    title: str,
    things: str,
    model: str,
    command: str,
    scenes: "Sequence[RoadScene]",
    all_found: "Sequence[Detections]",
    score_threshold: float,
) -> "Demonstrated":
    """Write the page of what a shipped model found on drawn roads, of the classes that it knows."""
    import numpy as np

    from keras_cv_course.data.synthetic.road_scenes import CLASS_NAMES
    from keras_cv_course.detection.draw import draw_detections
    from keras_cv_course.pretrained import pretrained
    from keras_cv_course.report.demo_page import Demonstrated
    from keras_cv_course.report.detection_page import DetectedPicture, write_detection_page

    entry = pretrained(model)
    known = [number for number, name in enumerate(CLASS_NAMES) if name in entry.class_names]
    pictures = []
    for scene, found in zip(scenes, all_found, strict=True):
        kept = np.isin(scene.class_ids, known)
        drawn = draw_detections(scene.image, found)
        pictures.append(DetectedPicture(drawn, found, scene.boxes[kept], scene.class_ids[kept]))
    right, there, wrong = write_detection_page(
        page,
        title=title,
        facts={
            "Model": entry.name,
            "Trained on": entry.trained_on,
            "Recipe": entry.recipe,
            "Weights sha256": entry.sha256 or "not known",
            "Least score of a box": f"{score_threshold}",
        },
        data_note="Road scenes drawn by this package, with seeds that no training used. On photographs the "
        f"model, which never saw one, finds less: {command} shows it.",
        pictures=pictures,
    )
    said = f"{right} of {there} {things} found on {len(scenes)} drawn roads, {wrong} boxes of none."
    say(said)
    return Demonstrated(title, said, page, pictures[0].drawn)


def _grade_solutions(folder: Path) -> Iterator["Demonstrated"]:
    """Grade the reference solution of each assignment, where the installation has them and can make a sandbox."""
    from keras_cv_course.errors import SandboxError
    from keras_cv_course.grading.assignment import assignment_names, find_assignment, load_assignment
    from keras_cv_course.grading.formats.plain import number
    from keras_cv_course.grading.scoring import grade
    from keras_cv_course.grading.server import WorkerServer
    from keras_cv_course.report.demo_page import Demonstrated
    from keras_cv_course.report.grading_page import write_grading_page

    found = [find_assignment(name) / "solution.ipynb" for name in assignment_names()]
    if not (solutions := [path for path in found if path.is_file()]):
        return
    try:
        server = WorkerServer()  # one for all: its start takes seconds
    except SandboxError as error:
        note(f"No solution is graded: {error}")
        return
    with server:
        for solution in solutions:
            name = solution.parent.name
            with err.status(f"Grading the reference solution of {name} ..."):
                assignment = load_assignment(solution.parent)
                result = grade(solution, assignment, seed=GRADING_SEED, server=server)
            page = folder / f"{name}.html"
            write_grading_page(page, result.to_dict(), title=assignment.title)
            said = (
                f"The reference solution has {number(result.earned)} of {number(result.points)} points, "
                f"in {result.seconds:.1f} seconds."
            )
            say(f"{assignment.title}. {said}")
            yield Demonstrated(f"Assignment: {assignment.title}", said, page)
