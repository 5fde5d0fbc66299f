"""What all HTML pages share: templates, and pictures inside the file, which loads nothing else."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import jinja2
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from keras_cv_course.files import write_text_atomically
from keras_cv_course.report.plots import plot_training_curves, writable

# A card is at most this wide on a screen of double density.
_CARD_WIDTH = 400
# A picture up to this size shows its pixels as they are. A larger one is taken for a photograph, which as JPEG is a
# fraction as long and looks the same.
_LARGEST_SMALL_PICTURE = 96


class PageFacts(TypedDict):
    """What every page about a trained model says.

    Attributes:
        title: the headline.
        facts: what a reader needs to judge or repeat the result, by name.
        data_note: what the pictures are; shown at the top.
        history: of the training, as :func:`~keras_cv_course.report.plots.plot_training_curves` takes it; None or left
            out for no curves.
    """

    title: str
    facts: Mapping[str, str]
    data_note: str
    history: NotRequired[Mapping[str, Sequence[float]] | None]


def write_model_page(path: Path, template: str, about: PageFacts, **content: Any) -> None:
    """Write a page about a trained model, whole or not at all.

    Args:
        path: the HTML file.
        template: as of :func:`render_page`; it takes the curves as ``training``.
        about: the model.
        content: the template's own.
    """
    history = about.get("history")
    page = render_page(
        template,
        title=about["title"],
        facts=about["facts"],
        data_note=about["data_note"],
        training=None if history is None else show_figure(plot_training_curves(history)),
        **content,
    )
    write_text_atomically(path, page)


def render_page(template: str, **content: Any) -> str:
    """Fill one of the templates; what has no place in UTF-8 is replaced.

    Args:
        template: a file in ``templates/``, which extends ``page.html.j2``.
        content: for the template: title, data_note and facts (name -> text) for the common frame, and its own.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    environment.filters["decimals"] = decimals
    return writable(environment.get_template(template).render(**content))


def percent(share: float) -> str:
    """A share as text; 100 % only for all of it, so that one mistake in ten thousand still shows."""
    return "100 %" if share == 1 else f"{min(100 * share, 99.9):.1f} %"


def decimals(figure: float) -> str:
    """A figure from 0 to 1 with three digits as text; a dash for NaN."""
    return "\N{EN DASH}" if math.isnan(figure) else f"{figure:.3f}"


def show_picture(image: np.ndarray, largest: int = _CARD_WIDTH) -> dict[str, Any]:
    """Give what a template shows of a picture: ``uri``, and whether it is ``pixelated``, its pixels to be seen.

    Args:
        image: uint8 (height, width, 3), RGB.
        largest: its longer side on the page, pixels.
    """
    small = max(image.shape[:2]) <= _LARGEST_SMALL_PICTURE
    picture = Image.fromarray(image)
    picture.thumbnail((largest, largest))
    buffer = io.BytesIO()
    if small:
        picture.save(buffer, "PNG")
    else:
        picture.save(buffer, "JPEG", quality=85)
    return {"uri": data_uri("image/png" if small else "image/jpeg", buffer.getvalue()), "pixelated": small}


def show_figure(figure: Figure) -> dict[str, Any]:
    """Give what a template shows of a plot: ``uri``, and ``legible_width``, below which it scrolls, not shrinks."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", transparent=True)
    full_width = 96 * figure.get_figwidth()  # CSS pixels
    return {"uri": data_uri("image/svg+xml", buffer.getvalue()), "legible_width": round(0.7 * full_width)}


def data_uri(media_type: str, contents: bytes) -> str:
    """Put a file into an address."""
    return f"data:{media_type};base64,{base64.b64encode(contents).decode('ascii')}"
