"""What typical mistakes give on given inputs: a sentence for the learner -> the wrong result."""

import numpy as np

from .reference import (
    Box,
    Size,
    align,
    interpolate,
    level,
    mask_overlaps,
    mask_places,
    mean_of,
    paste,
    points,
    resized,
    shares,
)


def between_mistakes(feature_map: np.ndarray, y: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `bilinear` give at places inside the map."""
    top, left = np.floor(y), np.floor(x)
    down, across = y - top, x - left

    def at(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return interpolate(feature_map, rows, columns)

    return {
        "That is the value of the nearest cell: the four cells around the place count, the nearer the more.": at(
            np.round(y), np.round(x)
        ),
        "That is the value of the upper left of the four cells: all four count, the nearer the more.": at(top, left),
        "All four cells count the same here: the nearer a cell, the more it counts.": at(top + 0.5, left + 0.5),
        "x and y are swapped: y is the row, feature_map[y, x].": at(x, y),
        "The shares of the upper and the lower row are swapped: the lower one has y - floor(y).": at(top + 1 - down, x),
        "The shares of the left and the right column are swapped: the right one has x - floor(x).": at(
            y, left + 1 - across
        ),
        "The shares are swapped: the lower row has y - floor(y), the right column x - floor(x).": at(
            top + 1 - down, left + 1 - across
        ),
        "The shares of rows and columns are mixed up: those of the rows come from y, those of the columns from x.": at(
            top + across, left + down
        ),
        "Only along x are there values between the cells: the rows have shares too.": at(top, x),
        "Only along y are there values between the cells: the columns have shares too.": at(y, left),
        "Half a cell is subtracted: here (0, 0) is the centre of the first cell already.": at(y - 0.5, x - 0.5),
        "The shares are missing: the four values are only added.": 4 * at(top + 0.5, left + 0.5),
    }


def beside_mistakes(feature_map: np.ndarray, y: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `bilinear` give at places less than a cell beyond the outermost centres."""
    height, width = feature_map.shape[:2]
    wider = np.pad(feature_map, ((1, 1), (1, 1), (0, 0)), mode="wrap")
    zeros = np.pad(feature_map, ((1, 1), (1, 1), (0, 0)))
    first = np.concatenate([feature_map[-1:], feature_map, feature_map[-1:]])
    first = np.concatenate([first[:, -1:], first, first[:, -1:]], axis=1)
    return {
        "A place less than a cell beyond the outermost centres has the value at the edge, not 0.": interpolate(
            feature_map, y, x, reach=0.0
        ),
        "The map goes on at its other side: index -1 is the last row. Move the place to 0..height - 1 first.": (
            interpolate(first, y + 1, x + 1)
        ),
        "The map goes on at its other side: no place is taken modulo the map's size.": interpolate(wider, y + 1, x + 1),
        "The value falls towards 0 beyond the edge: up to one cell beyond it stays that at the edge.": interpolate(
            zeros, y + 1, x + 1
        ),
        "The place is moved one cell too far: the outermost centres are 0 and height - 1.": interpolate(
            feature_map, np.clip(y, 1, height - 2), np.clip(x, 1, width - 2)
        ),
    }


def align_mistakes(
    feature_map: np.ndarray, box: Box, output_size: Size, spatial_scale: float, sampling: int
) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `roi_align` give."""
    rows, columns = output_size
    sides = np.array(box, np.float64)
    right = align(feature_map, box, output_size, spatial_scale, sampling)

    def at(sides: np.ndarray, count: int = sampling) -> np.ndarray:
        x1, y1, x2, y2 = sides
        return mean_of(feature_map, points(y1, y2, rows, count), points(x1, x2, columns, count))

    cells = sides * spatial_scale
    ys, xs = points(cells[1], cells[3], rows, sampling) - 0.5, points(cells[0], cells[2], columns, sampling) - 0.5
    values = interpolate(feature_map, *np.meshgrid(ys.ravel(), xs.ravel(), indexing="ij"))
    bins = values.reshape(rows, sampling, columns, sampling, -1)
    steps = np.array([(ys[1, 0] - ys[0, 0]), (xs[1, 0] - xs[0, 0])]) / sampling
    whole = [np.linspace(cells[axis], cells[axis + 2], count * sampling) - 0.5
             for axis, count in ((1, rows), (0, columns))]  # fmt: skip
    mistakes = {
        "The half cell is missing: pixel coordinates begin at the edge of the first cell, places on the map at its "
        "centre. So subtract 0.5 after the scale.": at(cells),
        "Half a cell is added: subtract it.": at(cells + 0.5),
        "Half a pixel is subtracted before the scale: half a cell comes after it.": at((sides - 0.5) * spatial_scale),
        "All values are 0, as if every point were far beyond the map: box * spatial_scale is the box in cells.": 0
        * right,
        "The corners are rounded to whole cells. That is what RoIAlign does away with.": at(np.round(cells) - 0.5),
        "The corners are cut off to whole cells. That is what RoIAlign does away with.": at(np.floor(cells) - 0.5),
        "The corners are rounded to whole cells, and the half cell is missing.": at(np.round(cells)),
        "The places are rounded to whole cells after the half is subtracted.": at(np.round(cells - 0.5)),
        "x and y of the box are swapped: it is (x1, y1, x2, y2), and y decides the row.": at(
            (cells - 0.5)[[1, 0, 3, 2]]
        ),
        "The last two numbers of the box are taken for its width and height: they are its right lower corner.": at(
            np.concatenate([cells[:2], cells[:2] + cells[2:]]) - 0.5
        ),
        "The points are at the corners of their parts: shift them by half a step into the middle.": mean_of(
            feature_map, ys - steps[0] / 2, xs - steps[1] / 2
        ),
        "The points reach from edge to edge of the box: the first is half a step inside, and so is the last.": mean_of(
            feature_map, whole[0].reshape(rows, sampling), whole[1].reshape(columns, sampling)
        ),
        "Each bin has a single point, at its middle: sampling x sampling points are asked for.": at(cells - 0.5, 1),
        "sampling is not used: 2 x 2 points are always taken.": at(cells - 0.5, 2),
        "That is the largest of the points of a bin: RoIAlign takes their mean.": bins.max(axis=(1, 3)),
        "That is the sum of the points of a bin: RoIAlign takes their mean.": bins.sum(axis=(1, 3)),
        "The points are put into the wrong bins: neighbours along y belong to one bin, so reshape to (rows, sampling, "
        "columns, sampling, channels) and take the mean over axes 1 and 3.": values.reshape(
            sampling, rows, sampling, columns, -1
        ).mean(axis=(0, 2)),
        "Rows and columns of the output are swapped.": right.swapaxes(0, 1),
        "output_size is (height, width): here it is taken for (width, height).": align(
            feature_map, box, (columns, rows), spatial_scale, sampling
        ),
    }
    if min(cells[2:] - cells[:2]) < 1:
        mistakes["The box is made at least one cell large: RoIAlign leaves it as small as it is."] = at(
            np.concatenate([cells[:2], cells[:2] + np.maximum(cells[2:] - cells[:2], 1)]) - 0.5
        )
    return mistakes


def beyond_mistakes(
    feature_map: np.ndarray, box: Box, output_size: Size, spatial_scale: float, sampling: int
) -> dict[str, np.ndarray]:
    """Tell what `roi_align` gives with a box that is clipped first, for one that reaches beyond the map."""
    height, width = feature_map.shape[:2]
    x1, y1, x2, y2 = np.clip(np.array(box) * spatial_scale - 0.5, 0, [width - 1, height - 1] * 2)
    in_cells = mean_of(feature_map, points(y1, y2, output_size[0], sampling), points(x1, x2, output_size[1], sampling))
    inside = _as_box(np.clip(box, 0, np.array([width, height] * 2) / spatial_scale))
    return {
        "The box is clipped to the centres of the outer cells: leave it as it is, bilinear knows what to do.": in_cells,
        "The box is clipped to the picture: leave it as it is, bilinear knows what to do.": align(
            feature_map, inside, output_size, spatial_scale, sampling
        ),
    }


def overlap_mistakes(first: np.ndarray, second: np.ndarray) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `mask_iou` give."""
    right = mask_overlaps(first, second)
    both = (first[:, np.newaxis] & second).sum(axis=(2, 3))
    either = (first[:, np.newaxis] | second).sum(axis=(2, 3))
    areas = [masks.sum(axis=(1, 2)) for masks in (first, second)]
    total = areas[0][:, np.newaxis] + areas[1]
    return {
        "The union counts the common pixels twice: it is area + area - intersection.": both / total,
        "That is the Dice coefficient, 2 * intersection / (area + area): IoU divides by the union.": 2 * both / total,
        "That is the IoU of the boxes around the masks: count the pixels of the masks themselves.": mask_overlaps(
            filled(first), filled(second)
        ),
        "The intersection is divided by the smaller area: divide by the union.": both
        / np.minimum(areas[0][:, np.newaxis], areas[1]),
        "The intersection is divided by the area of the first mask: divide by the union.": both
        / areas[0][:, np.newaxis],
        "The intersection is divided by the area of the second mask: divide by the union.": both / areas[1],
        "The union is without the intersection: pixels that both have belong to it.": both / (either - both),
        "Pixels that neither has count as well: only those of at least one mask do.": (
            first[:, np.newaxis] == second
        ).mean(axis=(2, 3)),
        "The intersection is divided by the number of all pixels: divide by the union.": both / first[0].size,
        "Rows and columns are swapped: [i, j] belongs to mask i of the first and mask j of the second.": right.T,
        "A product of bool says only whether there are common pixels: make numbers of the masks first.": (both > 0)
        / (total - (both > 0)),
        "These are numbers of common pixels: divide by those of the union.": both * 1.0,
    }


def filled(masks: np.ndarray) -> np.ndarray:
    """Fill the box around each mask (n, height, width)."""
    rows, columns = masks.any(axis=2), masks.any(axis=1)
    spans = [np.maximum.accumulate(side, 1) & np.maximum.accumulate(side[:, ::-1], 1)[:, ::-1]
             for side in (rows, columns)]  # fmt: skip
    return spans[0][:, :, np.newaxis] & spans[1][:, np.newaxis]


def paste_mistakes(mask: np.ndarray, box: Box, image_size: Size, threshold: float) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `paste_mask` give."""
    sides = np.array(box)
    values = resized(mask, box, image_size)
    inside = np.isfinite(values)

    def moved(pixel: float, cell: float, less: int = 0) -> np.ndarray:
        places = [(mask_places(start, end, pixels, cells - less) + 0.5 + pixel * (cells - less) / (end - start) + cell)
                  for start, end, pixels, cells in _axes(mask, box, image_size)]  # fmt: skip
        return inside & (_read(mask, *places) >= threshold)

    return {
        "The half of the pixels is missing: the centre of pixel 0 is at 0.5.": moved(-0.5, -0.5),
        "The half of the mask's cells is missing: its first cell has its centre at 0.5 cells from the box's edge, so "
        "subtract 0.5.": moved(0, 0),
        "Both halves are missing: the centre of a pixel is at + 0.5, and the first cell of the mask begins at - 0.5.": (
            moved(-0.5, 0)
        ),
        "The centres of the mask's outer cells are put onto the edges of the box: cells have a size, so the mask is "
        "mask.shape[0] cells high, not one less.": moved(0, 0, 1),
        "The threshold comes before the mask is enlarged: enlarge the probabilities, then compare.": paste(
            (mask >= threshold).astype(np.float64), box, image_size, threshold
        ),
        "The nearest cell is taken: read the mask with bilinear.": inside
        & (_read(mask, *(np.round(mask_places(*axis)) for axis in _axes(mask, box, image_size))) >= threshold),
        "The box is rounded to whole pixels: leave it as it is.": paste(
            mask, _as_box(np.round(sides)), image_size, threshold
        ),
        "The box is cut off to whole pixels: leave it as it is.": paste(
            mask, _as_box(np.floor(sides)), image_size, threshold
        ),
        "x and y of the box are swapped: it is (x1, y1, x2, y2).": paste(
            mask, _as_box(sides[[1, 0, 3, 2]]), image_size, threshold
        ),
        "Rows and columns of the mask are swapped: mask[row, column], and y decides the row.": paste(
            mask.T, box, image_size, threshold
        ),
        "image_size is (height, width): here it is taken for (width, height).": paste(
            mask, box, image_size[::-1], threshold
        ),
        "Pixels outside of the box belong to the mask: only those whose centre is in the box may.": (
            _read(mask, *(mask_places(*axis) for axis in _axes(mask, box, image_size))) >= threshold
        ),
        "The threshold is not used: 0.5 is always taken.": paste(mask, box, image_size),
        "The whole box is filled: compare the mask's values with the threshold.": inside,
        "The pixels are below the threshold: those of at least the threshold are asked for.": inside
        & (values < threshold),
        "The probabilities come back: compare them with the threshold.": np.nan_to_num(values),
    }


def _axes(mask: np.ndarray, box: Box, image_size: Size) -> list[tuple[float, float, int, int]]:
    return [(box[1], box[3], image_size[0], mask.shape[0]), (box[0], box[2], image_size[1], mask.shape[1])]


def _read(mask: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return np.asarray(shares(rows, mask.shape[0]) @ mask @ shares(columns, mask.shape[1]).T)


def _as_box(sides: np.ndarray) -> Box:
    x1, y1, x2, y2 = (float(side) for side in sides)
    return x1, y1, x2, y2


def clipped_mistakes(mask: np.ndarray, box: Box, image_size: Size, threshold: float) -> dict[str, np.ndarray]:
    """Tell what `paste_mask` gives with a box that is clipped first, for one that reaches beyond the picture."""
    height, width = image_size
    inside = np.clip(box, 0, [width, height, width, height])
    return {
        "The box is clipped to the picture before the mask is put into it, so that the mask is squeezed: leave the box "
        "as it is, and give only the pixels that there are.": paste(mask, _as_box(inside), image_size, threshold)
    }


def level_mistakes(
    boxes: list[Box], levels: Size, canonical_level: int, canonical_size: float
) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `level_of_box` give, for several boxes."""
    corners = np.array(boxes)
    sizes = corners[:, 2:] - corners[:, :2]
    root = np.sqrt(sizes.prod(axis=1))
    ratio = root / canonical_size

    def of(power: np.ndarray, first: int = canonical_level, limits: Size = levels) -> np.ndarray:
        return np.clip(first + np.floor(power).astype(int), *limits)

    return {
        "That is the natural logarithm: the levels go by doublings, so take log2.": of(np.log(ratio)),
        "The root is missing: it is log2(sqrt(width * height) / canonical_size).": of(
            np.log2(root**2 / canonical_size)
        ),
        "The root is missing: width * height is compared with the square of canonical_size.": of(2 * np.log2(ratio)),
        "The logarithm is rounded to the nearest number: round down, with floor.": of(np.round(np.log2(ratio))),
        "The logarithm is rounded up: round down, with floor.": of(np.ceil(np.log2(ratio))),
        "The level is not kept between the lowest and the highest: clip it.": of(np.log2(ratio), limits=(-99, 99)),
        "The levels are upside down: the larger a box, the higher its level.": of(-np.log2(ratio)),
        "The box's last two numbers are taken for its width and height: width = x2 - x1.": of(
            np.log2(np.sqrt(corners[:, 2] * corners[:, 3]) / canonical_size)
        ),
        "The longer side decides here: take the root of width * height.": of(
            np.log2(sizes.max(axis=1) / canonical_size)
        ),
        "The shorter side decides here: take the root of width * height.": of(
            np.log2(sizes.min(axis=1) / canonical_size)
        ),
        "The mean of the sides decides here: take the root of width * height.": of(
            np.log2(sizes.mean(axis=1) / canonical_size)
        ),
        "canonical_level is not used: 4 is always taken.": of(np.log2(ratio), 4),
        "canonical_size is not used: 224 is always taken.": of(np.log2(root / 224)),
        "levels is not used: 2 and 5 are always taken.": of(np.log2(ratio), limits=(2, 5)),
        "The arguments are not used: levels 2 to 5, canonical level 4 and size 224 are always taken.": np.array(
            [level(box) for box in boxes]
        ),
        "The lowest level is counted as 0: give the level itself.": of(np.log2(ratio)) - levels[0],
    }
