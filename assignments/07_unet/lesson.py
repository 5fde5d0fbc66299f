# %% [markdown]
# # A class for every pixel: U-Net
#
# A classifier says what is on a picture, a detector draws a box around it. *Semantic segmentation* goes as far as one
# can: it gives **every pixel** a class. A self-driving car learns from it where exactly the road ends; a doctor, where
# exactly a tumour does.
#
# In this notebook you
#
# 1. look at pictures with a mask for each thing on them,
# 2. make one map of all masks: `masks_to_class_map`,
# 3. go down: `conv_block`,
# 4. and up again: `upsampling_block`,
# 5. put the whole network together, `unet_model`, and train it,
# 6. measure how good it is: `mean_iou`,
# 7. see what happens if less goes across,
# 8. make of the measure something that can be trained: `dice_coefficient`,
# 9. let your network look at a picture of your own.
#
# You need to know what a convolutional network is, and a little NumPy and Keras. Code goes between
# `### START CODE HERE` and `### END CODE HERE` in six cells. After each of them a `check(...)` tells you at once what
# is right and what is not; the inputs it uses are drawn by a generator, so there is no answer to copy. `kcc grade` in a
# terminal grades the whole notebook.
#
# (While the next cell runs, TensorFlow writes a few red lines about your machine. They are notes, not errors.)

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow's log: what is wrong comes as an exception anyway

import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras.layers import Conv2D, Conv2DTranspose, Dropout, Input, MaxPooling2D, concatenate
from matplotlib.patches import Rectangle
from PIL import Image

import keras_cv_course as kcc
from keras_cv_course.grading import check

# %% [markdown]
# ## 1. The pictures
#
# `datasets/street_masks.npz` has small pictures of streets: on three of four stands a pedestrian, a car or a
# motorcycle. They are **drawn**, so nothing has to be downloaded, and nobody had to mark the pixels by hand: who draws
# a car knows where it is. (On a photograph of a street that takes a person more than an hour.)
#
# To each thing belong a class and a **mask**: a picture of the same size that is true where the thing is. Each is
# marked as if nothing stood on it. So the mask of the ground goes on below the road, and that of the road behind the
# car: masks overlap. What belongs to no mask (the sky, houses, trees, posts) is background.
#
# The last 60 pictures are held out: no training sees them.

# %%
with np.load("datasets/street_masks.npz") as streets:
    images, masks = streets["images"], streets["masks"]
    mask_class_ids, mask_images = streets["class_ids"], streets["image_numbers"]  # of each mask: class, and picture
    class_names = ["background", *(str(name) for name in streets["class_names"])]
n_classes = len(class_names)
held_out = len(images) - 60
height, width = np.shape(images[0])[:2]
colours = np.array(plt.get_cmap("tab10").colors)[[7, 2, 5, 1, 3, 0]]
print(f"{len(images)} pictures of {height} x {width} pixels, {len(masks)} masks; classes: {', '.join(class_names)}")


def show(axis, picture, title=""):
    """Show a picture without axes; class maps in the colours of the classes."""
    axis.imshow(picture if picture.ndim == 3 else colours[picture])
    axis.set_title(title, fontsize=9)
    axis.axis("off")


example = int(np.argmax(np.bincount(mask_images)))  # the first with an object
of_example = mask_images == example
figure, axes = plt.subplots(1, 1 + of_example.sum(), figsize=(2.2 * (1 + of_example.sum()), 2.4))
show(axes[0], images[example], "the picture")
for axis, mask, class_id in zip(axes[1:], masks[of_example], mask_class_ids[of_example]):
    axis.imshow(mask, cmap="cividis")
    axis.set_title(f"{class_names[1 + class_id]}: class {class_id}", fontsize=9)
    axis.set(xticks=[], yticks=[])  # the frame stays: masks are as white as the page
plt.show()

# %% [markdown]
# ## 2. One map of all masks
#
# **The idea.** The network shall give one answer for each pixel, so each pixel needs *one* class. Take a sheet of zeros
# and paint the masks on it, each with the number of its class:
#
# - **0 is the background.** So the classes move up by one: class 0 is painted as 1.
# - **The smaller over the larger.** Where masks overlap, the smaller thing is usually the one in front, and if it were
#   painted first, it would disappear. So paint the largest first, and the smallest last.
#
# ### Exercise 1: `masks_to_class_map`
#
# `masks[i].sum()` is the area of a mask, and `class_map[masks[i]] = 3` writes into all pixels where it is true.

# %%
# GRADED FUNCTION: masks_to_class_map


def masks_to_class_map(masks, class_ids):
    """Paint the masks of a picture into one map, the smaller over the larger.

    Args:
        masks: bool (n, h, w), one for each thing on the picture; n may be 0.
        class_ids: int (n,), the class of each.

    Returns:
        class_map: uint8 (h, w), 0 for the background and 1 + class elsewhere.
    """
    class_map = np.zeros(masks.shape[1:], np.uint8)
    ### START CODE HERE
    # The numbers of the masks, from the largest to the smallest
    order = np.argsort(-masks.sum(axis=(1, 2)))
    #~ order = None

    # Paint them
    for number in order:
        class_map[masks[number]] = 1 + class_ids[number]
    #~ class_map = None
    ### END CODE HERE

    return class_map


# %%
check(masks_to_class_map)

# %% [markdown]
# The maps of all pictures. A map is a picture, too, as high and wide as the one that it belongs to.

# %%
of_images = [mask_images == number for number in range(len(images))]
Y = np.stack([masks_to_class_map(masks[chosen], mask_class_ids[chosen]) for chosen in of_images])
X = images.astype("float32") / 127.5 - 1  # -1..1: numbers around 0 are learned from sooner
print("pictures:", X.shape, " class maps:", Y.shape)

figure, axes = plt.subplots(2, 6, figsize=(12, 3.5))
for number, (above, below) in enumerate(axes.T):
    show(above, images[number])
    show(below, Y[number])
handles = [Rectangle((0, 0), 1, 1, color=colour) for colour in colours[:n_classes]]
figure.legend(handles, class_names, loc="lower center", ncol=n_classes, frameon=False)
plt.show()

# %% [markdown]
# ## 3. Down
#
# **The idea.** To say that a pixel belongs to a car one must have seen the car, that is: much of the picture.
# So a U-Net begins like any classifier. It convolves, pools, convolves, pools. After each pooling the map is half as
# high and wide, and a kernel of 3 x 3 sees twice as much of the picture.
#
# **But:** a class for every pixel needs the pixels. How much of *where* is left after some poolings shows the figure:
# the picture, its map pooled down, and drawn large again. *That* something is there, one can still tell; where its edge
# runs, no more. So before it pools, each level puts its map aside. It goes **across** to the way up, where we will need
# it: the *skip connection*.

# %%
figure, axes = plt.subplots(1, 5, figsize=(12, 2.6))
pooled = np.array(X[example : example + 1])
for level, axis in enumerate(axes):
    show(axis, (pooled[0] + 1) / 2, f"level {level + 1}: {pooled.shape[1]} x {pooled.shape[2]}")
    pooled = np.asarray(keras.ops.max_pool(pooled, 2))
plt.show()

# %% [markdown]
# ### Exercise 2: `conv_block`
#
# One level of the way down:
#
# - two convolutions, one after the other: `n_filters` kernels of 3 x 3, `activation="relu"`, `padding="same"`, so that
#   nothing is lost at the borders, and `kernel_initializer="he_normal"`;
# - if `dropout_prob` is more than 0: `Dropout(dropout_prob)`;
# - that is what goes across;
# - if `max_pooling` is true, `MaxPooling2D(2)` of it is what the next level gets. Else the next level gets the same as
#   what goes across.

# %%
# GRADED FUNCTION: conv_block


def conv_block(inputs=None, n_filters=32, dropout_prob=0, max_pooling=True):
    """Make a level of the way down.

    Args:
        inputs: Keras tensor (m, h, w, c).
        n_filters: of both convolutions.
        dropout_prob: share of the numbers that are dropped in training.
        max_pooling: whether what the next level gets is pooled.

    Returns:
        next_layer: (m, h / 2, w / 2, n_filters), or (m, h, w, n_filters) without pooling.
        skip_connection: (m, h, w, n_filters), the map before the pooling.
    """
    ### START CODE HERE
    # Two convolutions
    conv = Conv2D(n_filters, 3, activation="relu", padding="same", kernel_initializer="he_normal")(inputs)
    conv = Conv2D(n_filters, 3, activation="relu", padding="same", kernel_initializer="he_normal")(conv)
    #~ conv = None

    # Dropout
    if dropout_prob > 0:
        conv = Dropout(dropout_prob)(conv)

    # What goes down, and what goes across
    next_layer = MaxPooling2D(2)(conv) if max_pooling else conv
    skip_connection = conv
    #~ next_layer = None
    #~ skip_connection = None
    ### END CODE HERE

    return next_layer, skip_connection


# %%
check(conv_block)

# %% [markdown]
# ## 4. Up
#
# **The idea.** At the bottom of the network there is a small map with many features. It must grow again. A
# *transposed* convolution with a stride of 2 does the reverse of a convolution with that stride: there, a patch of 3
# x 3 numbers becomes one. Here, one number becomes a patch: the kernel, times the number, is *written* onto a sheet
# of twice the size. Where patches overlap they are added. In the figure a single 1, then a few numbers. What the
# kernel should be, the network learns.

# %%
grow = keras.Sequential([Input((4, 4, 1)), Conv2DTranspose(1, 3, strides=2, padding="same")])
grow.set_weights([np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], "float32")[..., np.newaxis, np.newaxis] / 4, np.zeros(1)])
single = np.array([[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], "float32")
some = np.array([[0, 0, 0, 0], [0, 3, 1, 0], [0, 0, 2, 0], [1, 0, 0, 0]], "float32")
figure, axes = plt.subplots(1, 4, figsize=(12, 3))
for below, (left, right) in zip((single, some), axes.reshape(2, 2)):
    for axis, numbers in ((left, below), (right, np.asarray(grow(below[np.newaxis, ..., np.newaxis]))[0, ..., 0])):
        axis.imshow(numbers, cmap="viridis", vmin=0, vmax=4)
        for (row, column), number in np.ndenumerate(numbers):
            axis.text(column, row, f"{number:.3g}", ha="center", va="center", color="white", fontsize=8)
        axis.set_title(f"{numbers.shape[0]} x {numbers.shape[1]}", fontsize=9)
        axis.axis("off")
plt.show()

# %% [markdown]
# **And across.** The map that has grown knows *what* is there. What was put aside at this level on the way down knows
# *where* edges are. Put both behind one another, along the channels, and let two convolutions make one of them.
#
# ### Exercise 3: `upsampling_block`
#
# - `Conv2DTranspose(n_filters, 3, strides=2, padding="same")` of what comes from below; no activation;
# - `concatenate([..., ...], axis=3)` joins it with what comes across;
# - two convolutions as in `conv_block`.

# %%
# GRADED FUNCTION: upsampling_block


def upsampling_block(expansive_input, contractive_input, n_filters=32):
    """Make a level of the way up.

    Args:
        expansive_input: Keras tensor (m, h, w, c), what comes from below.
        contractive_input: Keras tensor (m, 2 h, 2 w, d), what comes across.
        n_filters: of all three convolutions.

    Returns:
        Keras tensor (m, 2 h, 2 w, n_filters).
    """
    ### START CODE HERE
    # Twice as high and wide
    up = Conv2DTranspose(n_filters, 3, strides=2, padding="same")(expansive_input)
    #~ up = None

    # Joined with what comes across
    merge = concatenate([up, contractive_input], axis=3)
    #~ merge = None

    # Two convolutions
    conv = Conv2D(n_filters, 3, activation="relu", padding="same", kernel_initializer="he_normal")(merge)
    conv = Conv2D(n_filters, 3, activation="relu", padding="same", kernel_initializer="he_normal")(conv)
    #~ conv = None
    ### END CODE HERE

    return conv


# %%
check(upsampling_block)

# %% [markdown]
# ## 5. The whole network
#
# Four levels down, one at the bottom, four levels up: drawn, it is a U.

# %%
figure, axis = plt.subplots(figsize=(9, 4.2))
for level in range(5):
    size = 2.6 * 0.62**level
    y, filters = -1.15 * level, f"{2**level if level else ''}n"
    left, right = 1.6 * level, 16 - 1.6 * level
    for x in (left,) if level == 4 else (left, right):
        axis.add_patch(Rectangle((x, y - 0.3), 0.9, 0.6, color=plt.get_cmap("viridis")(level / 5)))
        axis.text(x + 0.45, y, filters, ha="center", va="center", color="white")
    arrow = {"arrowstyle": "->", "color": "black"}
    if level < 4:
        axis.annotate("", (right - 0.1, y), (left + 1, y), arrowprops={**arrow, "color": "tab:red"})
        axis.annotate("", (left + 2, y - 0.8), (left + 0.5, y - 0.35), arrowprops=arrow)
        axis.annotate("", (right + 0.4, y - 0.35), (right - 1 if level < 3 else left + 2.6, y - 0.8), arrowprops=arrow)
axis.text(8.4, 0.15, "across: skip_connection", color="tab:red", ha="center")
axis.text(0.1, -2.6, "conv_block", ha="center")
axis.text(16.6, -2.6, "upsampling_block", ha="center")
axis.set(xlim=(-1.5, 19), ylim=(-5.1, 0.8))
axis.axis("off")
plt.show()

# %% [markdown]
# ### Exercise 4: `unet_model`
#
# | | filters | |
# | --- | --- | --- |
# | `cblock1` to `cblock4` | 1, 2, 4 and 8 times `n_filters` | the fourth with `dropout_prob=0.3` |
# | `cblock5`, the bottom | 16 times | `dropout_prob=0.3, max_pooling=False` |
# | `ublock6` to `ublock9` | 8, 4, 2 and 1 times | each gets what comes from below, and what its own level put aside |
# | `conv9` | 1 time | a convolution of 3 x 3 with ReLU, as those in the blocks |
# | `conv10` | `n_classes` | a convolution of 1 x 1 without an activation |
#
# `conv_block` gives two maps: `cblock1[0]` goes down, `cblock1[1]` goes across. What goes across last is used first:
# `ublock6` stands beside `cblock4`, and `ublock9` beside `cblock1`.
#
# The outputs are **logits**, for each pixel and class a number of any size. The loss makes probabilities of them
# (`from_logits=True`), which is more exact; and the largest logit has the largest probability.

# %%
# GRADED FUNCTION: unet_model


def unet_model(input_size=(96, 128, 3), n_filters=32, n_classes=23):
    """Make a U-Net.

    Args:
        input_size: (height, width, channels) of a picture; height and width are multiples of 16.
        n_filters: of the highest level.
        n_classes: number of classes, the background included.

    Returns:
        A Keras model from pictures (m, height, width, channels) to logits (m, height, width, n_classes).
    """
    inputs = Input(input_size)
    ### START CODE HERE
    # Down
    cblock1 = conv_block(inputs, n_filters)
    cblock2 = conv_block(cblock1[0], 2 * n_filters)
    cblock3 = conv_block(cblock2[0], 4 * n_filters)
    cblock4 = conv_block(cblock3[0], 8 * n_filters, dropout_prob=0.3)
    cblock5 = conv_block(cblock4[0], 16 * n_filters, dropout_prob=0.3, max_pooling=False)

    # Up
    ublock6 = upsampling_block(cblock5[0], cblock4[1], 8 * n_filters)
    ublock7 = upsampling_block(ublock6, cblock3[1], 4 * n_filters)
    ublock8 = upsampling_block(ublock7, cblock2[1], 2 * n_filters)
    ublock9 = upsampling_block(ublock8, cblock1[1], n_filters)

    # Logits
    conv9 = Conv2D(n_filters, 3, activation="relu", padding="same", kernel_initializer="he_normal")(ublock9)
    conv10 = Conv2D(n_classes, 1, padding="same")(conv9)
    #~ conv10 = None
    ### END CODE HERE

    return keras.Model(inputs=inputs, outputs=conv10)


# %%
check(unet_model)

# %% [markdown]
# **What is asked of it** is what is asked of a classifier, for each pixel: the cross-entropy. The loss is its mean over
# all pixels. In that mean a class counts the more, the more pixels it has, and here nearly all are background, ground
# or road. So each pixel gets a weight: 1 divided by the square root of its class's share of the pixels.
#
# `fit` could do the training. Here it is written out: so one can read all of it, and for so few steps `fit` spends much
# of its time on getting ready.

# %%
cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
shares = np.bincount(Y[:held_out].ravel(), minlength=n_classes) / Y[:held_out].size
weights = (shares**-0.5 / np.sum(shares**0.5)).astype("float32")  # 1 in the mean over all pixels
print(", ".join(f"{name}: {share:.1%}" for name, share in zip(class_names, shares)))


def train(model, steps, learning_rate):
    """Train a network, in each step on 4 pictures, which may be mirrored; then map the pictures held out."""
    schedule = keras.optimizers.schedules.CosineDecay(0.0, steps - 30, warmup_target=learning_rate, warmup_steps=30)
    optimizer = keras.optimizers.Adam(schedule, beta_2=0.99)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = cross_entropy(y, model(x, training=True), sample_weight=tf.gather(weights, tf.cast(y, tf.int32)))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    started, draw, losses = time.time(), np.random.default_rng(0), []
    for _ in range(steps):
        chosen, direction = draw.choice(held_out, 4, replace=False), draw.choice([-1, 1])
        losses.append(float(step(X[chosen, :, ::direction], Y[chosen, :, ::direction])))
    first, last = np.mean(losses[:20]), np.mean(losses[-20:])
    print(f"{steps} steps in {time.time() - started:.0f} s: the loss fell from {first:.2f} to {last:.2f}")
    return model.predict(X[held_out:], verbose=0).argmax(axis=-1).astype(np.uint8)


keras.utils.set_random_seed(0)
unet = unet_model((height, width, 3), n_filters=8, n_classes=n_classes)
print(f"{unet.count_params():,} numbers to learn")
predicted = train(unet, steps=380, learning_rate=0.004)


def show_maps(*rows):
    """Show held-out pictures, and below them class maps: (title, maps) each."""
    _, axes = plt.subplots(1 + len(rows), 8, figsize=(14, 1.5 * (1 + len(rows))))
    for number in range(8):
        show(axes[0, number], images[held_out + number])
        for axis, (title, maps) in zip(axes[1:, number], rows):
            show(axis, maps[number], title if number == 0 else "")
    plt.show()


show_maps(("the truth", Y[held_out:]), ("your network", predicted))

# %% [markdown]
# Sky, ground and road are right nearly everywhere. Where a thing stands is right, too, but not all of its parts have
# the same class: a wheel may be that of a car or of a motorcycle.
#
# ## 6. How good is it?
#
# **The share of right pixels** is easily said, and says little. A network that knows background, ground and road may be
# right on nearly nine of ten pixels, and has found not one car.
#
# **Intersection over union** (IoU) asks of each class: of all pixels that the truth *or* the prediction gives this
# class, how many do *both*?
#
# $$\text{IoU}_c = \frac{|\text{true}_c \cap \text{predicted}_c|}{|\text{true}_c \cup \text{predicted}_c|}$$
#
# The mean over the classes counts a small class as much as a large one.
#
# - Pixels are counted over **all pictures together**, not picture by picture.
# - A class that is in **neither** map has no IoU (0 / 0): it is left out of the mean. One that is predicted but nowhere
#   there has an IoU of 0, and counts.
# - Where people mark pixels, some cannot be told. By custom they have **255** in the true map. They count nowhere,
#   whatever is predicted there.
#
# ### Exercise 5: `mean_iou`

# %%
# GRADED FUNCTION: mean_iou


def mean_iou(y_true, y_pred, n_classes):
    """Give the mean, over classes, of intersection over union.

    Args:
        y_true: uint8 class maps of any shape, (h, w) or (m, h, w); pixels of 255 count nowhere.
        y_pred: class maps of the same shape.
        n_classes: classes are 0 to n_classes - 1.

    Returns:
        The mean over those classes that are in one of the maps, from 0 to 1.
    """
    ### START CODE HERE
    # The pixels that count
    counted = y_true != 255
    y_true, y_pred = y_true[counted], y_pred[counted]

    # IoU of each class that there is
    ious = []
    for class_id in range(n_classes):
        intersection = np.sum((y_true == class_id) & (y_pred == class_id))
        union = np.sum((y_true == class_id) | (y_pred == class_id))
        if union > 0:
            ious.append(intersection / union)
    mean = np.mean(ious)
    #~ mean = None
    ### END CODE HERE

    return mean


# %%
check(mean_iou)

# %%
all_background = np.zeros_like(predicted)
for name, maps in (("your network", predicted), ("background everywhere", all_background)):
    accuracy = np.mean(maps == Y[held_out:])
    print(f"{name:22} right pixels {accuracy:.3f}, mean IoU {mean_iou(Y[held_out:], maps, n_classes):.3f}")

# %% [markdown]
# ## 7. Less goes across
#
# **The experiment.** The same network, but at its two highest levels what would go across is multiplied by 0. All that
# it knows comes through maps of at most 12 x 16 places. It begins with what yours has learned, and trains for 120 steps
# more to get used to it. Guess, before you run it: which pixels will be wrong?

# %%
def cut_across(model):
    """Make the same network anew, with nothing but zeros going across at its two highest levels."""

    def call(layer, *arguments, **keywords):
        if isinstance(layer, keras.layers.Concatenate):
            up, across = arguments[0]
            if up.shape[1] > height // 4:
                arguments = ([up, keras.layers.Rescaling(0.0)(across)],)
        return layer(*arguments, **keywords)

    cut = keras.models.clone_model(model, call_function=call)
    cut.set_weights(model.get_weights())
    return cut


keras.utils.set_random_seed(0)
less_across = train(cut_across(unet), steps=120, learning_rate=0.004)
show_maps(("the truth", Y[held_out:]), ("your network", predicted), ("less across", less_across))
for name, maps in (("your network", predicted), ("less across", less_across)):
    print(f"{name:12} mean IoU {mean_iou(Y[held_out:], maps, n_classes):.3f}")

# %% [markdown]
# **What you see.** Things are found where they are, but as blobs: their edges are gone.
#
# **And checkerboards**, here in many things, in your network's maps only at some edges. They come from the transposed
# convolution. In the figure of part 4 a kernel of 3 x 3 is written in steps of 2, so it overlaps with its neighbours,
# but not evenly: some pixels are written once, some twice, some four times. The network must learn kernels that make
# up for it, and after so few steps it has not; where the map across tells it what each pixel looks like, it matters
# less. A kernel of 2 x 2 or 4 x 4 overlaps evenly; or one makes the map larger first and then convolves as usual.

# %% [markdown]
# ## 8. A measure that can be trained
#
# IoU counts pixels, and a count has no slope: a training step cannot follow it. **Dice's coefficient** compares
# areas, too. With probabilities $p$ in place of counted pixels and $t$ for the truth (1 or 0) it is
#
# $$\text{Dice} = \frac{2 \sum t\,p + 1}{\sum t + \sum p + 1}$$
#
# It is 1 where both agree, and has a slope everywhere. The two 1 are there for empty pictures, where it would
# otherwise be 0 / 0. `1 - Dice` is a loss.
#
# **What is it good for?** The cross-entropy takes the mean over all pixels. So the smaller a thing is, the less it
# matters whether it is found. (The weights of part 5 help rare classes, not small things.) Dice's coefficient asks
# about shares of the thing itself.
#
# ### Exercise 6: `dice_coefficient`
#
# It must be made of functions that have a gradient: those of `keras.ops`, such as `keras.ops.sum(x, axis=(1, 2))`, or
# TensorFlow's.

# %%
# GRADED FUNCTION: dice_coefficient


def dice_coefficient(y_true, y_pred):
    """Say how well masks agree.

    Args:
        y_true: float32 (m, h, w), 1 where the thing is and 0 elsewhere.
        y_pred: float32 (m, h, w), probabilities.

    Returns:
        Dice's coefficient of each picture, (m,), from 0 to 1.
    """
    ### START CODE HERE
    # The shared part, and the sizes of both
    shared = keras.ops.sum(y_true * y_pred, axis=(1, 2))
    sizes = keras.ops.sum(y_true, axis=(1, 2)) + keras.ops.sum(y_pred, axis=(1, 2))

    dice = (2 * shared + 1) / (sizes + 1)
    #~ dice = None
    ### END CODE HERE

    return dice


# %%
check(dice_coefficient)

# %% [markdown]
# A thing of more and more pixels, and a network that does not see it: everywhere it says that there is nothing, with a
# probability of 0.99. How much does each loss mind?

# %%
sides = np.arange(1, 25)
truth = np.zeros((len(sides), 48, 64), "float32")
for number, side in enumerate(sides):
    truth[number, :side, :side] = 1
missed = np.full_like(truth, 0.01)
of_pixels = -np.mean(truth * np.log(missed) + (1 - truth) * np.log(1 - missed), axis=(1, 2))
of_dice = 1 - np.asarray(dice_coefficient(tf.constant(truth), tf.constant(missed)))
figure, axis = plt.subplots(figsize=(7, 3))
axis.plot(sides**2, of_pixels / of_pixels.max(), label="cross-entropy")
axis.plot(sides**2, of_dice / of_dice.max(), label="1 - Dice")
axis.set(xlabel="pixels of the thing that is missed, of 3072", title="loss, as a part of that for the largest thing")
axis.legend()
plt.show()

# %% [markdown]
# And of your network, class by class: how well do its probabilities agree with the truth?

# %%
probabilities = np.asarray(keras.ops.softmax(unet.predict(X[held_out:], verbose=0)))
for class_id, name in enumerate(class_names):
    true = (Y[held_out:] == class_id).astype("float32")
    dice = np.asarray(dice_coefficient(tf.constant(true), tf.constant(probabilities[..., class_id])))
    print(f"{name:12} Dice {dice[true.any(axis=(1, 2))].mean():.3f}, on {true.any(axis=(1, 2)).sum()} pictures")

# %% [markdown]
# ## 9. Your own picture
#
# Put a picture into this folder and write its name below. It is made as small as those that the network knows; the
# map is made as large as the picture again. Between classes there is nothing: so a map is never resized by mixing
# colours, but by taking the **nearest** pixel.

# %%
my_image = "my_street.jpg"

picture = kcc.read_image(my_image)
small = np.asarray(Image.fromarray(picture).resize((width, height)), "float32") / 127.5 - 1
found = unet.predict(small[np.newaxis], verbose=0)[0].argmax(axis=-1).astype(np.uint8)
found = np.asarray(Image.fromarray(found).resize(picture.shape[1::-1], Image.Resampling.NEAREST))

figure, axes = plt.subplots(1, 3, figsize=(10, 3.4))
show(axes[0], picture, "the picture")
show(axes[1], found, "its map")
show(axes[2], (0.5 * picture + 127 * colours[found]).clip(0, 255).astype(np.uint8), "one over the other")
plt.show()
print(", ".join(f"{name}: {np.mean(found == class_id):.1%}" for class_id, name in enumerate(class_names)))

# %% [markdown]
# Two cars side by side are one patch of the same class: the map does not know where one ends and the other begins.
# Telling them apart is *instance* segmentation, and needs boxes as well.
#
# ## 10. Mistakes, and what they look like
#
# Everyone makes some of these. The checks recognise them; here is how you notice them without a check.
#
# | mistake | what it looks like |
# | --- | --- |
# | the larger mask over the smaller | Small things are missing from some maps. |
# | masks in the order in which they are given | The same, on about half of the pictures where things overlap. |
# | classes not moved up by one | Class 0 is background: its things are never learned. |
# | a missing `padding="same"` | An error where maps are joined: one is smaller. |
# | no ReLU | It trains, but hardly better than a single layer: two convolutions without it are one. |
# | average pooling | It trains; thin things fade. |
# | the pooled map goes across | An error where maps are joined: one is half as large. |
# | dropout after the pooling | Nothing: the network across is trained without it. |
# | `1 - dropout_prob` | Training is slow: most numbers are gone. |
# | no `strides=2`, or pooling at the bottom | An error where maps are joined. |
# | a ReLU in the transposed convolution | It trains; what is negative is lost before the two maps are joined. |
# | nothing joined | Edges are blurred, as in part 7. |
# | the same number of filters everywhere | It trains, but knows little: where maps are small they need many features. |
# | a softmax at the end, with `from_logits=True` | Training is slow, and the loss never comes near 0. |
# | a ReLU at the end | Negative logits are lost: the loss gets stuck where all of a pixel's are 0. |
# | `n_classes` without the background | The loss is `nan`, or an error: a label is too large. |
# | the share of right pixels for the IoU | Too good: small classes hardly count. |
# | absent classes counted as 0 or 1 | The mean depends on classes that are not even there. |
# | pixels of 255 counted | The mean can never be 1. |
# | Dice for IoU | Too good: Dice's coefficient is never the smaller one. |
# | probabilities rounded | The loss never changes: no gradient. |
# | no 1 above and below | Some day the loss is `nan`: a picture without the thing. |
# | the 2 forgotten | A perfect network has a coefficient of about 1/2. |
#
# ## 11. Grade it
#
# Save the notebook, then run in a terminal, in this folder:
#
# ```
# kcc grade unet.ipynb --assignment 07
# ```
#
# It runs the checks above and hidden ones, with other inputs, and says what earned points.
