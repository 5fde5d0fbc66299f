import base64
import io
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from keras_cv_course.errors import DataContentError
from keras_cv_course.report.classification_page import Attention, Sample, write_classification_page

CLASSES = ["zero", "one", "<b>two</b>"]
VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """What the tests need to see of a page: its tags with their attributes, its headings, its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.headings: list[str] = []
        self.words: list[str] = []
        self.feed(source)
        assert self.open == [], "tags that are never closed"
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            assert "url(" not in data
            assert "@import" not in data
            return
        self.words.append(data)
        if "h2" in self.open:
            self.headings.append(data)

    def images(self, kind: str) -> Iterator[dict[str, str | None]]:
        return (a for tag, a in self.tags if tag == "img" and (a["src"] or "").startswith(f"data:{kind};base64,"))


def sample(truth: str | None = "one", predicted: str = "one", size: tuple[int, int] = (64, 64)) -> Sample:
    probabilities = [0.05] * 3
    probabilities[CLASSES.index(predicted)] = 0.9
    return Sample(np.full((*size, 3), 77, np.uint8), truth, predicted, probabilities)


def attention(truth: str | None = "one", predicted: str = "one", size: tuple[int, int] = (64, 64)) -> Attention:
    image = np.full((*size, 3), 77, np.uint8)
    return Attention(image, image + 100, truth, predicted, 0.875)


def pixels(image: dict[str, str | None]) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(base64.b64decode(image["src"].split(",")[1]))))


def write(tmp_path, **changes) -> Page:
    arguments = {
        "title": "Hand signs",
        "facts": {"Weights": "signs.weights.h5", "SHA-256": "ab" * 32},
        "data_note": "Real photographs.",
        "accuracy": 213 / 216,
        "number_of_images": 216,
        "class_names": CLASSES,
        "confusion": np.array([[70, 1, 0], [1, 71, 0], [0, 1, 72]]),
        "samples": [sample(), sample("zero", "zero")],
        "mistakes": [sample("zero", "one"), sample("one", "zero"), sample("<b>two</b>", "one")],
        "history": {"loss": [1.0, 0.5], "accuracy": [0.5, 0.9]},
    }
    path = tmp_path / "page.html"
    write_classification_page(path, **(arguments | changes))
    assert list(tmp_path.iterdir()) == [path]
    return Page(path.read_text(encoding="utf-8"))


def test_says_how_good_the_model_is_on_which_data(tmp_path):
    page = write(tmp_path)
    assert "98.6 %" in page.text
    assert "213 of 216 test images" in page.text
    assert "96.0 % to 99.5 %" in page.text
    assert "Real photographs." in page.text
    assert "3 of 216 test images are classified wrongly." in page.text
    assert "ab" * 32 in page.text
    assert page.headings == ["Sample predictions", "Mistakes", "Confusion matrix", "Training", "Facts"]


def test_loads_nothing_from_outside(tmp_path):
    page = write(tmp_path)
    addresses = [a[name] for _, a in page.tags for name in ("src", "href", "srcset", "action") if name in a]
    assert len(addresses) == 1 + 5 + 2  # icon, pictures, plots
    assert all(address.startswith("data:") for address in addresses)
    assert not any(tag in ("script", "iframe", "object", "embed") for tag, _ in page.tags)


def test_every_picture_has_an_alternative_text(tmp_path):
    page = write(tmp_path)
    assert [a["alt"] for tag, a in page.tags if tag == "img"] == [
        "Picture of one, predicted correctly",
        "Picture of zero, predicted correctly",
        "Picture of zero, wrongly predicted as one",
        "Picture of one, wrongly predicted as zero",
        "Picture of <b>two</b>, wrongly predicted as one",
        "Confusion matrix of 216 images, 213 of them on the diagonal",
        "Loss and accuracy over 2 epochs",
    ]


def test_embeds_the_pictures_themselves(tmp_path):
    first = next(write(tmp_path).images("image/png"))
    assert pixels(first).tolist() == sample().image.tolist()
    assert first["class"] == "pixelated"


def test_shrinks_large_pictures(tmp_path):
    (large,) = write(tmp_path, samples=[sample(size=(900, 1200))], mistakes=[]).images("image/jpeg")
    assert pixels(large).shape == (300, 400, 3)
    assert "class" not in large


@pytest.mark.parametrize(("size", "kind"), [((96, 96), "png"), ((97, 5), "jpeg"), ((5, 97), "jpeg")])
def test_only_small_pictures_are_stored_pixel_by_pixel(tmp_path, size, kind):
    page = write(tmp_path, samples=[sample(size=size)], mistakes=[], attention=[attention(size=size)])
    picture, beside, overlay = page.images(f"image/{kind}")
    assert pixels(picture).shape == pixels(beside).shape == pixels(overlay).shape == (*size, 3)
    # One colour everywhere: JPEG at quality 85 keeps it to within a rounding of its luma.
    assert abs(pixels(picture).astype(int) - 77).max() <= 1
    assert abs(pixels(overlay).astype(int) - 177).max() <= 1


def test_photographs_do_not_swell_the_page(tmp_path):
    draw = np.random.default_rng(0)
    noise = draw.integers(0, 256, (28, 28, 3), dtype=np.uint8)
    photo = np.array(Image.fromarray(noise).resize((224, 224)))  # details of eight pixels
    photo = np.clip(photo + draw.normal(0, 3, photo.shape), 0, 255).astype(np.uint8)  # and the noise of a camera
    write(tmp_path, samples=[replace(sample(), image=photo)] * 10, mistakes=[], confusion=None, history=None)
    assert (tmp_path / "page.html").stat().st_size < 10 * 30_000
    assert photo.nbytes == 150_528


STRANGE_NAMES = [
    "<b>bold</b>.jpg",
    "a/" + 198 * "x",
    "תמונות/אלפקה.jpg",
    "overridden \u202egpj.exe",
    "😀.jpg",
    '" onerror="x',
    "two\nlines",
]


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_shows_the_name_of_a_picture(tmp_path, name):
    page = write(tmp_path, samples=[replace(sample(), name=name)], skipped=[name], history=None)
    assert page.words.count(name) == 2
    (caption,) = [a for tag, a in page.tags if a.get("class") == "name"]
    assert caption["title"] == name
    # Isolated: what changes the direction of writing inside a name ends with it.
    assert [a for tag, a in page.tags if tag == "bdi"] == [{"dir": "ltr"}] * 2
    assert not any("onerror" in a for _, a in page.tags)


def test_name_that_is_no_text_does_not_spoil_the_page(tmp_path):
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")  # as Python reads it from a disk of the Latin-1 days
    classes = [*CLASSES[:2], name]
    page = write(
        tmp_path, class_names=classes, samples=[replace(sample(), name=name)], mistakes=[], facts={"Data": name}
    )
    assert page.words.count("caf?.jpg") == 2


def test_pictures_without_a_name_have_no_caption(tmp_path):
    assert not any(a.get("class") == "name" for _, a in write(tmp_path).tags)


def test_escapes_everything(tmp_path):
    nasty = "<b>\"&'</b>"
    page = write(
        tmp_path,
        title=nasty,
        facts={nasty: nasty},
        data_note=nasty,
        samples=[sample("<b>two</b>", "<b>two</b>")],
    )
    assert page.text.count(nasty) == 5  # title twice, note, fact and its name
    assert "<b>two</b>" in page.text
    # Of its own, the page has one <b> for the data note and one for the truth of each mistake.
    assert sum(tag == "b" for tag, _ in page.tags) == 1 + 3


def test_no_mistakes(tmp_path):
    page = write(tmp_path, accuracy=1.0, mistakes=[], confusion=None)
    assert "100 %" in page.text
    assert "There are none: every test image is classified correctly." in page.text


def test_more_mistakes_than_are_shown(tmp_path):
    page = write(tmp_path, mistakes=[sample("zero", "one")])
    assert "3 of 216 test images are classified wrongly; 1 of them is shown." in page.text
    assert "none of them is shown." in write(tmp_path, mistakes=[]).text


def test_most_confident_mistakes_come_first(tmp_path):
    # The truth's probability must not count, nor the order of the caller.
    mistakes = [
        Sample(np.full((8, 8, 3), shade, np.uint8), "zero", "one", probabilities)
        for shade, probabilities in [(1, [0.3, 0.5, 0.2]), (2, [0.0, 1.0, 0.0]), (3, [0.3, 0.6, 0.1])]
    ]
    page = write(tmp_path, samples=[], mistakes=mistakes)
    assert [int(pixels(image)[0, 0, 0]) for image in page.images("image/png")] == [2, 3, 1]
    assert "3 of 216 test images are classified wrongly. The most confident come first." in page.text
    page = write(tmp_path, mistakes=mistakes[:2])
    assert "classified wrongly; 2 of them are shown. The most confident come first." in page.text
    assert "come first" not in write(tmp_path, mistakes=mistakes[:1]).text


def test_says_which_part_of_the_data_it_is_about(tmp_path):
    page = write(tmp_path, split="validation")
    assert "213 of 216 validation images" in page.text
    assert "3 of 216 validation images are classified wrongly" in page.text
    assert (
        "every validation image" in write(tmp_path, split="validation", accuracy=1.0, mistakes=[], confusion=None).text
    )
    assert "test image" not in page.text


def test_shows_what_the_model_looks_at(tmp_path):
    pairs = [attention(), attention("<b>two</b>"), attention(None)]
    page = write(tmp_path, samples=[], mistakes=[], history=None, attention=pairs)
    assert page.headings == ["Mistakes", "What the model looks at", "Confusion matrix", "Facts"]
    images = list(page.images("image/png"))
    assert [int(pixels(image).mean()) for image in images] == 3 * [77, 177]
    heat = "The same picture, coloured where it speaks for one"
    assert [image["alt"] for image in images] == [
        "Picture of one",
        heat,
        "Picture of <b>two</b>",
        heat,
        "Picture",
        heat,
    ]
    start = page.text.index("What the model looks at")
    section = page.text[start : page.text.index("Confusion matrix")]
    assert section.count("87.5 %") == 3
    assert section.count("✓ right") == section.count("✗ wrong") == 1
    assert "truth: <b>two</b>" in section


@pytest.mark.parametrize(
    ("count", "lines", "more"), [(1, 1, None), (50, 50, None), (51, 50, "and 1 more"), (2000, 50, "and 1950 more")]
)
def test_lists_the_files_left_out(tmp_path, count, lines, more):
    page = write(tmp_path, skipped=[f"{i:04}.jpg: truncated" for i in range(count)])
    assert page.headings[-2:] == ["Files left out", "Facts"]
    assert f"{count} file{' is' if count == 1 else 's are'} not among the images of this page." in page.text
    assert page.text.count(".jpg: truncated") == lines
    assert f"{lines - 1:04}.jpg: truncated" in page.text
    assert page.text.count(" more ") == (more is not None)
    assert more is None or more in page.text


def test_one_mistake_in_many_images_is_not_100_percent(tmp_path):
    page = write(tmp_path, accuracy=9999 / 10000, number_of_images=10000, mistakes=[], confusion=None)
    assert "99.9 %" in page.text
    assert "1 of 10000 test images is classified wrongly" in page.text


def test_one_picture_of_unknown_class(tmp_path):
    page = write(
        tmp_path,
        accuracy=None,
        number_of_images=1,
        confusion=None,
        samples=[sample(None)],
        mistakes=[],
        history=None,
        facts={},
    )
    assert page.headings == ["Sample predictions"]
    assert "1 image, without ground truth" in page.text
    assert "right" not in page.text
    assert "wrong" not in page.text
    assert next(page.images("image/png"))["alt"] == "Picture predicted as one"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"samples": [sample("three")]}, "truth 'three'"),
        ({"samples": [Sample(sample().image, None, "three", [0.1] * 3)]}, "predicted 'three'"),
        ({"samples": [Sample(sample().image, None, "one", [0.1] * 4)]}, "received 4 probabilities"),
        ({"mistakes": [Sample(sample().image, "one", "zero", [])]}, "received 0 probabilities"),
        ({"attention": [attention("three")]}, "truth 'three'"),
        ({"attention": [replace(attention(), predicted="three")]}, "predicted 'three'"),
        ({"attention": [replace(attention(), overlay=np.zeros((64, 65, 3), np.uint8))]}, r"\(64, 65, 3\)"),
        ({"attention": [replace(attention(), probability=98.0)]}, "from 0 to 1, received .* 98.0"),
        ({"attention": [replace(attention(), probability=float("nan"))]}, "received .* nan"),
        ({"accuracy": 1.5}, "correct=324, total=216"),
        ({"number_of_images": 0}, "total=0"),
        ({"accuracy": 1.0}, "Expected at most 0 mistakes, .* received 3"),
        ({"confusion": np.diag([71, 71, 72])}, "received 214 of 214"),
    ],
)
def test_rejects_what_does_not_fit_and_writes_nothing(tmp_path, changes, problem):
    with pytest.raises(DataContentError, match=problem):
        write(tmp_path, **changes)
    assert list(tmp_path.iterdir()) == []
