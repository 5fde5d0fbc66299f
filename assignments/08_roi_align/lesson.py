# %% [markdown]
# # RoIAlign
#
# A detector says of each thing on a picture: it is in this box. Mask R-CNN (2017) also says which **pixels** of the
# box belong to it. For this it takes the part of the network's feature map that lies in the box, a *region of
# interest* (RoI), brings it to one size, say 14 x 14, and lets a small network draw a small mask from it. The mask is
# put back onto the picture.
#
# Cutting a box out of a map sounds simple. But a cell of the map stands for 16 pixels, and a box does not end where a
# cell ends. Before, one rounded (*RoI pooling*). For a class that is good enough; a mask comes out up to 8 pixels
# beside its thing. **RoIAlign** does not round. In the paper this alone made the masks better by several points.
#
# In this notebook you
#
# 1. draw things whose mask is known, and their feature map,
# 2. read a map between its cells: `bilinear`,
# 3. see what RoI pooling does, and write what replaced it: `roi_align`,
# 4. compare masks: `mask_iou`,
# 5. put a small mask onto the picture: `paste_mask`; then measure what rounding costs,
# 6. choose among maps of several resolutions: `level_of_box`,
# 7. let a tiny mask head learn from both.
#
# You need to know what a feature map is, and some NumPy; there is no Keras in it. Code goes between `### START CODE
# HERE` and `### END CODE HERE` in five cells. After each of them a `check(...)` tells you at once what is right and
# what is not; the inputs it uses are drawn by a generator, so there is no answer to copy. `kcc grade` in a terminal
# grades the whole notebook.

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from keras_cv_course.grading import check

# %% [markdown]
# ## 1. Things, masks and maps
#
# The things are blobs: warm ones on a cool ground, with a lot of noise. Each has a **mask** (true for its pixels) and
# a **box** (x1, y1, x2, y2) around it, in pixels. Coordinates begin at the picture's left upper corner, so the first
# pixel reaches from 0 to 1 and has its **centre at 0.5**. Much of what follows is about this half.
#
# Where the map of a network with a stride of 16 comes from does not matter here. So a cell is simply the mean colour of
# its 16 x 16 pixels: a map in which you can see what is in it.

# %%
SIZE = 128  # pixels of a picture's side


def draw_blob(rng, radius=None):
    """Draw a picture (128, 128, 3) of 0..1 with a blob; give it, the blob's mask (128, 128) and its box (4,)."""
    y, x = np.indices((SIZE, SIZE)) + 0.5
    radius = rng.uniform(16, 34) if radius is None else radius
    middle_y, middle_x = rng.uniform(1.4 * radius, SIZE - 1.4 * radius, 2)
    angle = np.arctan2(y - middle_y, x - middle_x)
    reach = radius * (1 + rng.uniform(0.15, 0.35) * np.cos(rng.integers(2, 6) * angle + rng.uniform(0, 2 * np.pi)))
    mask = np.hypot(y - middle_y, x - middle_x) < reach
    colours = [rng.uniform([0.5, 0.3, 0.1], [1.0, 0.7, 0.4]), rng.uniform([0.1, 0.3, 0.4], [0.5, 0.7, 1.0])]
    picture = np.where(mask[..., np.newaxis], *colours) + rng.normal(0, 0.15, (SIZE, SIZE, 3))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)
    return np.clip(picture, 0, 1), mask, box


def map_of(picture, stride):
    """Make a map (height / stride, width / stride, channels): the mean of each square of pixels."""
    cells = SIZE // stride
    return picture.reshape(cells, stride, cells, stride, -1).mean(axis=(1, 3))


def show_box(axis, box, colour="white"):
    """Draw a box (x1, y1, x2, y2)."""
    x1, y1, x2, y2 = box
    axis.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color=colour, linewidth=2))


picture, mask, box = draw_blob(np.random.default_rng(4))
figure, axes = plt.subplots(1, 3, figsize=(13, 4.2))
for axis, shown, title in zip(axes, (picture, mask, map_of(picture, 16)), ("picture", "mask", "map, stride 16")):
    axis.imshow(shown, extent=(0, SIZE, SIZE, 0), cmap="gray")
    axis.set_title(title)
    show_box(axis, box, "red")
plt.show()
print("box in pixels:", box, "  in cells of the map:", box / 16)

# %% [markdown]
# ## 2. Between the cells
#
# The box ends in the middle of cells. To cut it out without rounding, we must read the map at any place (y, x).
#
# Places are counted in cells here, and **(0, 0) is the centre of the first cell**, as with indices. The four cells
# around a place are those of the rows $\lfloor y \rfloor$ and $\lfloor y \rfloor + 1$ and of the columns
# $\lfloor x \rfloor$ and $\lfloor x \rfloor + 1$. The nearer one is, the more it counts: with
# $d = y - \lfloor y \rfloor$, the lower row has the share $d$ and the upper one $1 - d$; with
# $a = x - \lfloor x \rfloor$, the right column has $a$ and the left one $1 - a$.
#
# $$v = (1 - d)\,\bigl[(1 - a)\,f_{\text{top, left}} + a\,f_{\text{top, right}}\bigr]
# + d\,\bigl[(1 - a)\,f_{\text{bottom, left}} + a\,f_{\text{bottom, right}}\bigr]$$
#
# At the edge there are not four cells. The rule, that of most implementations of RoIAlign:
#
# - a place more than **one cell beyond the outermost centres** (y below -1 or above `height`; the same for x) has the
#   value 0,
# - any other place outside is moved to the nearest one inside, 0 to `height - 1`.

# %%
figure, axis = plt.subplots(figsize=(6, 4.4))
rows, columns = np.indices((3, 4))
axis.scatter(columns, rows, s=60, color="black")
for column, row in [(1, 0), (2, 0), (1, 1), (2, 1)]:
    share = (1 - abs(1.3 - column)) * (1 - abs(0.6 - row))
    axis.scatter(column, row, s=4000 * share, color="tab:orange", alpha=0.5)
    axis.text(column + 0.1, row - 0.12, f"{share:.2f}")
axis.plot(1.3, 0.6, "r+", markersize=14, markeredgewidth=3)
for line in range(5):
    axis.axvline(line - 0.5, color="gray", linewidth=0.6)
    axis.axhline(line - 0.5, color="gray", linewidth=0.6)
axis.set(xlim=(-0.6, 3.6), ylim=(2.6, -0.6), xlabel="x", ylabel="y", aspect="equal")
axis.set_title("shares of the cells at y = 0.6, x = 1.3")
plt.show()

# %% [markdown]
# ### Exercise 1: `bilinear`
#
# `y` and `x` are arrays of one shape, so that one call reads many places. `feature_map[top, left]` with arrays of whole
# numbers gives the cells of all of them, (..., channels); shares need a last axis, `down[..., np.newaxis]`, to be
# multiplied with that.

# %%
# GRADED FUNCTION: bilinear


def bilinear(feature_map, y, x):
    """Read a map between its cells.

    Args:
        feature_map: (height, width, channels).
        y: (...) rows, in cells; 0 is the centre of the first row.
        x: (...) columns, in the same way.

    Returns:
        The values (..., channels).
    """
    height, width = feature_map.shape[:2]
    y, x = np.asarray(y, float), np.asarray(x, float)
    ### START CODE HERE
    # True where the place is not far beyond the edge
    is_near = (y >= -1) & (y <= height) & (x >= -1) & (x <= width)
    #~ is_near = None

    # Places that are outside move to the edge
    y = np.clip(y, 0, height - 1)
    x = np.clip(x, 0, width - 1)

    # The rows above and below, the columns to the left and to the right
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)

    # The shares of the lower row and of the right column
    down, across = (y - top)[..., np.newaxis], (x - left)[..., np.newaxis]

    # Along x in both rows, then along y
    upper = (1 - across) * feature_map[top, left] + across * feature_map[top, right]
    lower = (1 - across) * feature_map[bottom, left] + across * feature_map[bottom, right]
    values = (1 - down) * upper + down * lower
    #~ values = None

    # 0 far beyond the edge
    values = np.where(is_near[..., np.newaxis], values, 0)
    #~ values = None
    ### END CODE HERE

    return values


# %%
check(bilinear)

# %% [markdown]
# **The experiment.** Read the map of 8 x 8 cells at 220 x 220 places, up to a cell and a half beyond its edges. (The
# picture does not become sharper. But it has a value everywhere, and no jumps but at the end.)

# %%
feature_map = map_of(picture, 16)
places = np.linspace(-2, 9, 220)
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.4))
axes[0].imshow(feature_map, extent=(-0.5, 7.5, 7.5, -0.5))
axes[0].set_title("cells")
axes[1].imshow(bilinear(feature_map, *np.meshgrid(places, places, indexing="ij")), extent=(-2, 9, 9, -2))
axes[1].set_title("bilinear, also beyond the edge")
for axis in axes:
    axis.set(xlim=(-2, 9), ylim=(9, -2))
plt.show()

# %% [markdown]
# ## 3. A box of the map
#
# **RoI pooling**, of Fast R-CNN (2015), is given. It rounds twice: the corners of the box to whole cells, and the bins
# of the output to whole cells again. Of each bin it takes the largest value.


# %%
def roi_pool(feature_map, box, output_size, spatial_scale):
    """Cut a box out of a map with rounding: (rows, columns, channels)."""
    x1, y1, x2, y2 = np.round(np.asarray(box) * spatial_scale).astype(int)
    height, width = feature_map.shape[:2]
    ys = np.linspace(y1, max(y2, y1 + 1), output_size[0] + 1)
    xs = np.linspace(x1, max(x2, x1 + 1), output_size[1] + 1)
    pooled = np.zeros((*output_size, feature_map.shape[2]))
    for row, (top, bottom) in enumerate(zip(np.floor(ys[:-1]).astype(int), np.ceil(ys[1:]).astype(int))):
        for column, (left, right) in enumerate(zip(np.floor(xs[:-1]).astype(int), np.ceil(xs[1:]).astype(int))):
            cells = feature_map[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
            pooled[row, column] = cells.max(axis=(0, 1)) if cells.size else 0
    return pooled


rounded = np.round(box / 16) * 16
figure, axis = plt.subplots(figsize=(5.4, 5.4))
axis.imshow(picture, extent=(0, SIZE, SIZE, 0))
axis.set(xticks=range(0, SIZE + 1, 16), yticks=range(0, SIZE + 1, 16))
axis.grid(color="white", alpha=0.4)
show_box(axis, box)
show_box(axis, rounded, "red")
axis.set_title("the box (white), and what RoI pooling makes of it (red)")
plt.show()
print("the corners move by", rounded - box, "pixels")

# %% [markdown]
# **RoIAlign.** No rounding at all:
#
# 1. The box in cells is `box * spatial_scale`, with a `spatial_scale` of 1/16 for a stride of 16. That counts from the
#    **edge** of the first cell, and `bilinear` from its **centre**: so subtract 0.5. (Early implementations forgot it.
#    It moves all that is read by half a cell, 8 pixels here.)
# 2. Divide the box into `output_size` bins of equal size.
# 3. In each bin lie `sampling` x `sampling` points, evenly spread, each in the middle of its part of the bin. Read the
#    map there.
# 4. A bin's value is the **mean** of its points.
#
# Along one axis there are `bins * sampling` points: with $n$ of them the box from $a$ to $b$ has steps of $(b - a)/n$,
# and the points are at $a + (i + \tfrac12)\,(b - a)/n$.

# %%
figure, axis = plt.subplots(figsize=(6.4, 6.4))
axis.imshow(map_of(picture, 16), extent=(-0.5, 7.5, 7.5, -0.5), alpha=0.7)
x1, y1, x2, y2 = np.asarray(box) / 16 - 0.5
show_box(axis, (x1, y1, x2, y2))
for part in np.linspace(0, 1, 4)[1:-1]:
    axis.plot([x1 + part * (x2 - x1)] * 2, [y1, y2], color="white")
    axis.plot([x1, x2], [y1 + part * (y2 - y1)] * 2, color="white")
steps = (np.arange(6) + 0.5) / 6
axis.plot(*np.meshgrid(x1 + steps * (x2 - x1), y1 + steps * (y2 - y1)), "k.")
axis.set_title("3 x 3 bins with 2 x 2 points each; ticks are the centres of cells")
plt.show()

# %% [markdown]
# ### Exercise 2: `roi_align`
#
# Use your `bilinear`. The values of all points are an array (rows * sampling, columns * sampling, channels). Reshaped
# to (rows, sampling, columns, sampling, channels), a bin's points are along the axes 1 and 3.

# %%
# GRADED FUNCTION: roi_align


def roi_align(feature_map, box, output_size, spatial_scale, sampling=2):
    """Cut a box out of a map without rounding.

    Args:
        feature_map: (height, width, channels).
        box: (x1, y1, x2, y2) in pixels of the picture.
        output_size: (height, width) of the result: the bins.
        spatial_scale: cells of the map for each pixel of the picture: 1 / stride.
        sampling: points of a bin along each axis.

    Returns:
        (output height, output width, channels): the mean of each bin's points.
    """
    rows, columns = output_size
    ### START CODE HERE
    # The box in cells, counted from the centre of the first one
    x1, y1, x2, y2 = np.asarray(box) * spatial_scale - 0.5

    # The places of the points along each axis
    ys = y1 + (np.arange(rows * sampling) + 0.5) * (y2 - y1) / (rows * sampling)
    xs = x1 + (np.arange(columns * sampling) + 0.5) * (x2 - x1) / (columns * sampling)

    # The values at all of them
    values = bilinear(feature_map, *np.meshgrid(ys, xs, indexing="ij"))

    # The mean of each bin
    aligned = values.reshape(rows, sampling, columns, sampling, -1).mean(axis=(1, 3))
    #~ aligned = None
    ### END CODE HERE

    return aligned


# %%
check(roi_align)

# %% [markdown]
# **The experiment.** Move the box to the right, pixel by pixel, and look at one bin of the output. With RoI pooling
# nothing happens for many pixels, and then it jumps: the map does not know where exactly the box is, and a mask that is
# drawn from it cannot know either. RoIAlign follows each pixel.

# %%
moves = np.arange(0, 33)
moved = [box + (move - 16) * np.array([1, 0, 1, 0]) for move in moves]
figure, axis = plt.subplots(figsize=(9, 3.4))
axis.plot(moves, [roi_pool(feature_map, place, (7, 7), 1 / 16)[3, 0, 0] for place in moved], "r.-", label="RoI pooling")
axis.plot(moves, [roi_align(feature_map, place, (7, 7), 1 / 16)[3, 0, 0] for place in moved], "b.-", label="RoIAlign")
axis.set(xlabel="the box is moved by so many pixels", ylabel="red in bin [3, 0]")
axis.legend()
plt.show()

# %% [markdown]
# And in numbers: on a map in which each cell holds the x of its own middle, a bin should hold the x of the bin's
# middle. By how many pixels is it wrong?

# %%
middles = np.broadcast_to((np.arange(8) + 0.5) * 16, (8, 8))[..., np.newaxis]
wrong = {"RoI pooling": [], "RoIAlign without the half cell": [], "RoIAlign": []}
rng = np.random.default_rng(0)
for _ in range(200):
    x1, y1 = rng.uniform(16, 48, 2)
    place = np.array([x1, y1, x1 + rng.uniform(30, 60), y1 + 40])
    true = place[0] + (np.arange(7) + 0.5) / 7 * (place[2] - place[0])
    wrong["RoI pooling"].append(roi_pool(middles, place, (7, 7), 1 / 16)[3, :, 0] - true)
    wrong["RoIAlign without the half cell"].append(roi_align(middles, place + 8, (7, 7), 1 / 16)[3, :, 0] - true)
    wrong["RoIAlign"].append(roi_align(middles, place, (7, 7), 1 / 16)[3, :, 0] - true)
for name, values in wrong.items():
    print(f"{name:32} mean {np.mean(values):+6.2f} pixels, mean size {np.abs(values).mean():5.2f}")

# %% [markdown]
# ## 4. How much alike are two masks?
#
# As with boxes: the pixels that both have, divided by the pixels that at least one has.
#
# $$\text{IoU}(A, B) = \frac{|A \cap B|}{|A \cup B|}, \qquad |A \cup B| = |A| + |B| - |A \cap B|$$
#
# It says more than the IoU of boxes. Two people who embrace have nearly the same box, and not one pixel in common.
# And a mask can be without any pixel, for a network may find nothing: two of these have the IoU **0** here, not 0 /
# 0.
#
# Usually there are many masks, and every found one is compared with every true one.
#
# ### Exercise 3: `mask_iou`
#
# With masks as rows of 0 and 1, (n, pixels), the matrix product `first @ second.T` counts common pixels of all pairs.
# (Not with bool: there `@` says only whether there are any.)

# %%
# GRADED FUNCTION: mask_iou


def mask_iou(first, second):
    """Compare each mask with each other one.

    Args:
        first: bool (n, height, width).
        second: bool (m, height, width).

    Returns:
        The IoU (n, m); 0 where neither mask has a pixel.
    """
    ### START CODE HERE
    # Masks as rows of 0 and 1
    rows1 = first.reshape(len(first), first.shape[1] * first.shape[2]).astype(float)
    rows2 = second.reshape(len(second), second.shape[1] * second.shape[2]).astype(float)

    # Pixels of both, and of at least one
    intersection = rows1 @ rows2.T
    union = rows1.sum(axis=1)[:, np.newaxis] + rows2.sum(axis=1) - intersection

    # Without a division by 0
    iou = intersection / np.maximum(union, 1)
    #~ iou = None
    ### END CODE HERE

    return iou


# %%
check(mask_iou)

# %% [markdown]
# **The experiment.** A mask that is moved by a few pixels. Small things suffer most: the same shift is a larger part of
# them.

# %%
figure, axis = plt.subplots(figsize=(7, 3.4))
for radius in (8, 16, 32):
    _, blob, _ = draw_blob(np.random.default_rng(2), radius)
    shifted = np.stack([np.roll(blob, shift, axis=1) for shift in range(13)])
    axis.plot(mask_iou(blob[np.newaxis], shifted)[0], ".-", label=f"radius {radius} pixels")
axis.set(xlabel="moved by so many pixels", ylabel="IoU", ylim=(0, 1.05))
axis.legend()
plt.show()

# %% [markdown]
# ## 5. Back onto the picture
#
# The mask head gives 28 x 28 probabilities for the box, whatever size it has. They are enlarged until they fill it,
# between the cells by `bilinear`, and **then** compared with a threshold. (The other order gives stairs.)
#
# Go from the pixel to the mask. The centre of pixel column $i$ is at $i + \tfrac12$. In the mask, which reaches from
# $x_1$ to $x_2$ and is $M$ cells wide, that is at
#
# $$\frac{i + \frac12 - x_1}{x_2 - x_1}\,M - \tfrac12,$$
#
# the last half again because `bilinear` counts from the centre of the first cell. Pixels whose centre is not in the box
# do not belong to the mask. A box may reach beyond the picture: nothing special happens, only there are no pixels.
# (Do not clip it before, or the mask is squeezed.)
#
# The outer cells reach to the edge of the box here, as when a picture is enlarged. Some implementations let the values
# fall to 0 over the outer half cell, which makes the mask a little smaller.
#
# ### Exercise 4: `paste_mask`
#
# `bilinear` wants a last axis for channels: `mask[..., np.newaxis]`.

# %%
# GRADED FUNCTION: paste_mask


def paste_mask(mask, box, image_size, threshold=0.5):
    """Put a small mask onto the picture.

    Args:
        mask: (rows, columns), probabilities for the cells of the box.
        box: (x1, y1, x2, y2) in pixels; may reach beyond the picture.
        image_size: (height, width) of the picture.
        threshold: a pixel belongs to the mask if its probability is at least this.

    Returns:
        bool (height, width).
    """
    height, width = image_size
    x1, y1, x2, y2 = box
    ### START CODE HERE
    # The centres of the pixels: two arrays (height, width)
    y, x = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")

    # Where they are in the mask, in cells
    rows = (y - y1) / (y2 - y1) * mask.shape[0] - 0.5
    columns = (x - x1) / (x2 - x1) * mask.shape[1] - 0.5

    # The probabilities there
    values = bilinear(mask[..., np.newaxis], rows, columns)[..., 0]

    # Pixels in the box that are likely enough
    is_inside = (x > x1) & (x < x2) & (y > y1) & (y < y2)
    pasted = is_inside & (values >= threshold)
    #~ pasted = None
    ### END CODE HERE

    return pasted


# %%
check(paste_mask)

# %% [markdown]
# **The experiment.** How fine must the small mask be? Take the true mask, cut it out with `roi_align` at a scale of 1
# (it is a map with one channel), paste it back, and compare. That is the best any mask head of this size can do.

# %%
blobs = [draw_blob(np.random.default_rng(seed)) for seed in range(40)]
for side in (3, 7, 14, 28, 56):
    ious = []
    for _, true, place in blobs:
        small = roi_align(true[..., np.newaxis].astype(float), place, (side, side), 1.0, 4)[..., 0]
        ious.append(mask_iou(true[np.newaxis], paste_mask(small, place, true.shape)[np.newaxis])[0, 0])
    print(f"{side:2} x {side:2} cells: IoU {np.mean(ious):.3f}")

small = roi_align(mask[..., np.newaxis].astype(float), box, (7, 7), 1.0, 4)[..., 0]
stairs = paste_mask(np.kron(small >= 0.5, np.ones((20, 20))), box, mask.shape)
figure, axes = plt.subplots(1, 4, figsize=(15, 4))
for axis, shown, title in zip(
    axes,
    (mask, small, paste_mask(small, box, mask.shape), stairs),
    ("true mask", "7 x 7 cells of its box", "pasted", "threshold first: stairs"),
):
    axis.imshow(shown, cmap="gray")
    axis.set_title(title)
    axis.axis("off")
plt.show()

# %% [markdown]
# **What does rounding cost?** Give a network everything but the rounding: a feature map that knows the thing perfectly,
# as well as a map of its stride can: each cell has the share of its pixels that belong to the thing. Cut the box out,
# paste what comes, and compare with the truth. Three ways: RoI pooling; RoIAlign of a box that was rounded to whole
# cells; and RoIAlign.

# %%
print("stride   RoI pooling   rounded box   RoIAlign")
for stride in (2, 4, 8, 16):
    ious = []
    for _, true, place in blobs:
        shares = map_of(true[..., np.newaxis].astype(float), stride)
        crops = (
            roi_pool(shares, place, (28, 28), 1 / stride),
            roi_align(shares, np.round(place / stride) * stride, (28, 28), 1 / stride),
            roi_align(shares, place, (28, 28), 1 / stride),
        )
        pasted = np.stack([paste_mask(crop[..., 0], place, true.shape) for crop in crops])
        ious.append(mask_iou(true[np.newaxis], pasted)[0])
    print(
        f"{stride:6}   {np.mean(ious, axis=0)[0]:11.3f}   {np.mean(ious, axis=0)[1]:11.3f}   "
        f"{np.mean(ious, axis=0)[2]:8.3f}"
    )

# %% [markdown]
# ## 6. Maps of several resolutions
#
# On a map with a stride of 32 a thing of 20 pixels is less than one cell. A *feature pyramid* (FPN, 2017) has a map for
# each resolution: level 2 with a stride of $2^2 = 4$, level 3 with 8, up to level 5 with 32. Each box is cut out of the
# map that fits its size:
#
# $$k = \left\lfloor k_0 + \log_2 \frac{\sqrt{w\,h}}{224} \right\rfloor, \qquad k_0 = 4,$$
#
# and not below the lowest level nor above the highest. (224 is the side of the pictures on which such networks are
# pretrained: a box of this size gets the map that they used.)
#
# ### Exercise 5: `level_of_box`

# %%
# GRADED FUNCTION: level_of_box


def level_of_box(box, levels=(2, 5), canonical_level=4, canonical_size=224):
    """Choose the level of a feature pyramid for a box.

    Args:
        box: (x1, y1, x2, y2) in pixels.
        levels: the lowest and the highest level that there are.
        canonical_level: level of a box of `canonical_size`.
        canonical_size: root of its area in pixels.

    Returns:
        The level, a whole number.
    """
    x1, y1, x2, y2 = box
    ### START CODE HERE
    # Root of the area
    size = np.sqrt((x2 - x1) * (y2 - y1))

    # The level, a whole number
    level = int(np.floor(canonical_level + np.log2(size / canonical_size)))

    # One that there is
    level = min(max(level, levels[0]), levels[1])
    #~ level = None
    ### END CODE HERE

    return level


# %%
check(level_of_box)

# %% [markdown]
# **The experiment.** How many cells is a box wide on its map? Between 56 and 896 pixels always 14 to 28: as many as
# the mask head needs. Smaller boxes have to do with fewer, for there is no finer map.

# %%
sides = np.arange(8, 1000, 2)
found = np.array([level_of_box((0, 0, side, side)) for side in sides])
figure, axis = plt.subplots(figsize=(9, 3.4))
for level in (2, 3, 4, 5):
    of_level = found == level
    axis.plot(sides[of_level], sides[of_level] / 2**level, label=f"level {level}, stride {2**level}")
axis.axhspan(14, 28, color="gray", alpha=0.2)
axis.set(xlabel="side of the box in pixels", ylabel="cells")
axis.legend()
plt.show()

# %% [markdown]
# ## 7. A tiny mask head
#
# So far the map knew the truth. Now it has only colours and noise, and something has to learn what a thing looks
# like. The smallest mask head that there is: one 3 x 3 convolution, from the three colours of 14 x 14 cells to 14 x
# 14 numbers. Its 28 weights are found by least squares, so nothing has to be trained for long. It learns from 150
# blobs, once from what RoI pooling cuts out and once from what RoIAlign does, and is tested on the 40 others.


# %%
def neighbours(crop):
    """Give the 3 x 3 cells around each cell of a crop (14, 14, 3), and a 1 for the bias: (196, 28)."""
    wide = np.pad(crop, ((1, 1), (1, 1), (0, 0)), mode="edge")
    parts = [wide[row : row + 14, column : column + 14] for row in range(3) for column in range(3)]
    return np.concatenate([*parts, np.ones((14, 14, 1))], axis=-1).reshape(196, -1)


train = [draw_blob(np.random.default_rng(seed)) for seed in range(100, 250)]
targets = [roi_align(true[..., np.newaxis].astype(float), place, (14, 14), 1.0)[..., 0] for _, true, place in train]
print("stride   RoI pooling   RoIAlign")
for stride in (4, 8, 16):
    means = []
    for cut in (roi_pool, roi_align):
        inputs = np.concatenate(
            [neighbours(cut(map_of(seen, stride), place, (14, 14), 1 / stride)) for seen, _, place in train]
        )
        weights = np.linalg.lstsq(inputs, np.ravel(targets), rcond=None)[0]
        ious = []
        for seen, true, place in blobs:
            head = neighbours(cut(map_of(seen, stride), place, (14, 14), 1 / stride)) @ weights
            pasted = paste_mask(head.reshape(14, 14), place, true.shape)
            ious.append(mask_iou(true[np.newaxis], pasted[np.newaxis])[0, 0])
        means.append(np.mean(ious))
    print(f"{stride:6}   {means[0]:11.3f}   {means[1]:8.3f}")

# %% [markdown]
# Learning does not make good for what was rounded away: how far the crop is off differs from box to box, and nothing in
# the crop tells it.
#
# What remains to Mask R-CNN? Boxes that a network proposes, a head that names their class and corrects them, and a mask
# head of some convolutions with a mask for each class. All three read their map through your `roi_align`.
#
# ## 8. Mistakes, and what they look like
#
# Everyone makes some of these. The checks recognise them; here is how you notice them without a check.
#
# | mistake | what it looks like |
# | --- | --- |
# | the nearest cell in place of four | Squares; the curve of the moved box has steps. |
# | the shares swapped | A saw: values jump at each cell. |
# | x and y swapped | The map is mirrored at its diagonal. |
# | no `np.minimum` for the last row | An `IndexError` at the map's edge. |
# | index -1 before the first row | Colours of the other side at the upper and left edge. |
# | the value at the edge far outside too | Boxes beyond the picture see long stripes. |
# | the half cell forgotten | All masks are moved to the left and up by half a cell. |
# | the half subtracted before the scale | Hardly better: half a pixel is a 32nd of a cell. |
# | `spatial_scale` forgotten | All zeros: the box is far beyond the map. |
# | the box rounded | The curve of the moved box has steps. |
# | x2, y2 taken for width and height | Crops reach far too far; worse, the further right the box is. |
# | points at the corners of their parts | All masks are moved to the right and down by a part of a bin. |
# | the maximum in place of the mean | Masks that are too fat. |
# | reshape in another order | Crops look woven. |
# | the union without the subtraction | Equal masks have the IoU 0.5. |
# | the boxes' IoU | Two people who embrace are one. |
# | Dice for IoU | Every number is too good. |
# | 0 / 0 | A warning, and a mean that is `nan`. |
# | the half pixel forgotten when pasting | Masks moved by half a pixel: small things lose most. |
# | the threshold before the enlarging | Stairs. |
# | the box clipped first | Things at the edge of the picture have squeezed masks. |
# | pixels outside of the box | Straight fringes around masks that touch their box. |
# | the natural logarithm | Too many boxes on the middle levels. |
# | `round` for `floor` | A level too high for half of the boxes. |
# | no limits | `KeyError` or `IndexError` for tiny boxes. |
#
# Not a mistake: any number of points per bin. Two along each axis are usual; the paper found that their number hardly
# matters, as long as nothing is rounded.
#
# ## 9. Grade it
#
# Save the notebook, then run in a terminal, in this folder:
#
# ```
# kcc grade roi_align.ipynb --assignment 08
# ```
#
# It runs the checks above and hidden ones, with other inputs, and says what earned points.
