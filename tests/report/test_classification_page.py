import base64
import io
from collections.abc import Iterator
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from keras_cv_course.errors import DataContentError
from keras_cv_course.report.classification_page import Sample, write_classification_page

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
    picture = Image.open(io.BytesIO(base64.b64decode(first["src"].split(",")[1])))
    assert np.array(picture).tolist() == sample().image.tolist()
    assert first["class"] == "enlarged"


def test_shrinks_large_pictures(tmp_path):
    (large,) = write(tmp_path, samples=[sample(size=(900, 1200))], mistakes=[]).images("image/png")
    picture = Image.open(io.BytesIO(base64.b64decode(large["src"].split(",")[1])))
    assert picture.size == (400, 300)
    assert "class" not in large


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
