# %% [markdown]
# # Residual networks
#
# A deeper network can compute more. For years, though, networks of more than some twenty layers learned *worse* than
# shallow ones, on the training images too. In 2015 a small change removed the limit: let each group of layers
# compute a **change** of its input, and add the input to it. Networks of 50, 101 and 152 layers became trainable,
# and the same trick is in almost every deep network since, the transformers of today's language models among them.
#
# In this notebook you
#
# 1. measure what depth does to the learning signal, with and without the trick,
# 2. write the two blocks of a residual network: `identity_block` and `convolutional_block`,
# 3. train the same network with and without shortcuts, and see the difference,
# 4. solve a riddle: a network that is right in training and guesses in use,
# 5. build the whole `ResNet50`, give it trained weights, and let it read hand signs, your own too.
#
# You need to know what a convolution is, and a little NumPy and Keras. Code goes between `### START CODE HERE` and
# `### END CODE HERE` in three cells. After each of them a `check(...)` tells you at once what is right and what is
# not; the inputs it uses are drawn by a generator, so there is no answer to copy. `kcc grade` in a terminal grades
# the whole notebook.
#
# (While the next cell runs, TensorFlow writes a few red lines about your machine. They are notes, not errors.)

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow's log: what is wrong comes as an exception anyway

import time

import keras
import matplotlib.pyplot as plt
import numpy as np
from tensorflow.keras.initializers import glorot_uniform, random_uniform
from tensorflow.keras.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
    ZeroPadding2D,
)
from tensorflow.keras.models import Model

import keras_cv_course as kcc
from keras_cv_course.grading import check

# %% [markdown]
# ## 1. The pictures
#
# SIGNS: hands that show the numbers 0 to 5, 64 x 64 pixels. The files in `datasets/` hold **drawn** hands, so that
# nothing has to be downloaded. The photographs of the course have the same layout: put their `train_signs.h5` and
# `test_signs.h5` in place of these, and everything below works on them.
#
# Images come as whole numbers 0 to 255. The network gets them as 0 to 1.

# %%
X_train_orig, Y_train_orig, X_test_orig, Y_test_orig, classes = kcc.load_dataset("datasets")
X_train, X_test = X_train_orig.astype("float32") / 255, X_test_orig.astype("float32") / 255
y_train, y_test = Y_train_orig.reshape(-1), Y_test_orig.reshape(-1)

print("training images:", X_train.shape, " labels:", y_train.shape)
print("test images:    ", X_test.shape, " labels:", y_test.shape)

figure, axes = plt.subplots(2, 9, figsize=(13, 3.2))
for axis, image, label in zip(axes.flat, X_train_orig, y_train):
    axis.imshow(image)
    axis.set_title(f"sign {label}", fontsize=9)
    axis.axis("off")
plt.show()

# %% [markdown]
# ## 2. Why depth hurts
#
# **The idea.** A network learns from gradients: how would the loss change if this weight changed? For the first
# layer the answer travels back through all later layers, and each layer multiplies it by its matrix. Fifty factors
# in a row are a dangerous thing: if each makes the signal 20 % smaller, $0.8^{50} \approx 0.00001$ of it arrives. If
# each makes it 20 % larger, $1.2^{50} \approx 9000$ times as much does. Only a factor of almost exactly 1 is
# harmless, and no training keeps all factors there.
#
# Now let a layer *add* what it computes to its input: $y = x + F(x)$. Its derivative is $1 + F'(x)$. The 1 is a way
# on which the gradient passes through every layer unchanged, whatever $F$ does. It cannot vanish.
#
# **The experiment.** 50 layers in NumPy, each a random matrix $W$ and a ReLU. We send numbers forward and a gradient
# backward, and look at its size at each layer. `scale` sets how large the matrices are; 1 is the value at which a
# plain ReLU layer keeps the size of its input on average.


# %%
def gradient_sizes(scale, has_shortcuts, depth=50, width=64):
    """Give the norm of the gradient before each layer, relative to that after the last: (depth + 1,) numbers."""
    draw = np.random.default_rng(0)
    matrices = [draw.normal(0, scale * np.sqrt(2 / width), (width, width)) for _ in range(depth)]
    x = draw.normal(size=(32, width))
    active = []
    for matrix in matrices:
        before_relu = x @ matrix
        active.append(before_relu > 0)
        x = np.maximum(before_relu, 0) + (x if has_shortcuts else 0)
    gradient = draw.normal(size=x.shape)
    sizes = [np.linalg.norm(gradient)]
    for matrix, mask in zip(reversed(matrices), reversed(active)):
        gradient = (gradient * mask) @ matrix.T + (gradient if has_shortcuts else 0)
        sizes.append(np.linalg.norm(gradient))
    return np.array(sizes[::-1]) / sizes[0]


figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4))
for has_shortcuts, style, name in ((False, "--", "plain"), (True, "-", "with shortcuts")):
    for scale, colour in ((0.2, "tab:blue"), (0.5, "tab:orange"), (0.8, "tab:green")):
        left.semilogy(gradient_sizes(scale, has_shortcuts), style, color=colour, label=f"{name}, scale {scale}")
    scales = np.linspace(0.05, 1.3, 26)
    arriving = [gradient_sizes(scale, has_shortcuts)[0] for scale in scales]
    right.semilogy(scales, arriving, style, color="black", label=name)
left.set(title="Size of the gradient at each layer", xlabel="layer", ylabel="relative to the last layer")
left.legend(fontsize=8)
right.axhline(1, color="lightgrey")
right.set(title="What arrives at the first layer", xlabel="scale of the weights", ylabel="relative to the last layer")
right.legend()
plt.show()

# %% [markdown]
# Look at the right picture first. In the plain network (dashed) the gradient is either nothing or far too much,
# except at one point. With shortcuts (solid) it never vanishes. It can still grow, where the matrices are large:
# that is why the blocks below also contain **batch norms**, which keep what is added at a moderate size.
#
# Try it: change `depth` to 10 and to 200. Which of the curves hardly change?

# %% [markdown]
# ## 3. The identity block
#
# **The idea.** ResNet50 adds not after every layer but after three convolutions, a so-called *bottleneck*:
#
# | part | convolution | filters | then |
# | --- | --- | --- | --- |
# | first | 1 x 1 | `F1`, few | batch norm, ReLU |
# | second | `f` x `f`, the only one that looks at neighbours | `F2`, few | batch norm, ReLU |
# | third | 1 x 1 | `F3`, as many channels as the input has | batch norm |
# | end | | | **add the input**, then ReLU |
#
# The 1 x 1 convolutions make the expensive `f` x `f` one cheap: it works on `F1` channels instead of, say, 1024. The
# two ways from the input to the addition are called *main path* and *shortcut*.


# %%
def draw_block(parts, shortcut):
    """Draw a block: the main path in a row, and the shortcut above it."""
    _, axis = plt.subplots(figsize=(13, 2.6))
    for place, (text, colour) in enumerate(parts):
        axis.text(place, 0, text, ha="center", va="center", fontsize=9, bbox={"boxstyle": "round", "facecolor": colour})
    axis.plot([0, len(parts) - 1], [0, 0], color="black", zorder=1)  # behind the boxes
    end = next(place for place, (text, _) in enumerate(parts) if text == "+")
    axis.plot([0, 0, end, end], [0, 1, 1, 0], color="tab:red", zorder=1)
    axis.text(end / 2, 1, shortcut, ha="center", va="center", color="tab:red", bbox={"facecolor": "white", "lw": 0})
    axis.set(xlim=(-0.6, len(parts) - 0.4), ylim=(-0.6, 1.4))
    axis.axis("off")
    plt.show()


blue, green, yellow = "#cfe2f3", "#d9ead3", "#fff2cc"
draw_block(
    [
        ("X", "white"),
        ("1x1 conv\nF1", blue),
        ("batch norm", green),
        ("ReLU", yellow),
        ("f x f conv\nF2, same", blue),
        ("batch norm", green),
        ("ReLU", yellow),
        ("1x1 conv\nF3", blue),
        ("batch norm", green),
        ("+", "white"),
        ("ReLU", yellow),
    ],
    "shortcut: X as it is",
)

# %% [markdown]
# **Three details, each with its reason.**
#
# - *The last ReLU comes after the addition.* A ReLU before it would let the block only ever add, never take away.
# - *The batch norm comes before the addition.* Behind it, it would rescale the shortcut too, and the way on which
#   the gradient passes unchanged would be gone.
# - *The middle convolution has `padding="same"`.* The addition needs both paths to have the same height and width. A
#   1 x 1 convolution loses no border; there `"valid"` and `"same"` are the same.
#
# **Batch norm behaves in two ways.** In training it measures the mean and the variance of the batch before it; in
# use there may be only one picture, so it takes moving averages of what it saw in training. In a finished model
# `fit` and `predict` say which of the two it is. A block can also be called on numbers, to try it out, and then its
# argument `training` says so: pass it on to each batch norm, `BatchNormalization(axis=3)(X, training=training)`.
# `axis=3` is the axis of the channels in (image, row, column, channel).
#
# ### Exercise 1: `identity_block`
#
# The first part is there as a pattern. Every convolution gets `kernel_initializer=initializer(seed=0)`. For the sum
# use `Add()([X, X_shortcut])`.

# %%
# GRADED FUNCTION: identity_block


def identity_block(X, f, filters, training=None, initializer=random_uniform):
    """Apply three convolutions, and add the input to their result.

    Args:
        X: (images, height, width, channels).
        f: rows and columns of the middle kernel.
        filters: F1, F2, F3: the filters of the three convolutions. F3 is the number of channels of X.
        training: True, False, or None to let Keras decide.
        initializer: gives the first weights of a convolution, when called with `seed=0`.

    Returns:
        A tensor of the shape of X.
    """
    F1, F2, F3 = filters
    X_shortcut = X

    # First part of the main path
    X = Conv2D(F1, kernel_size=1, strides=(1, 1), padding="valid", kernel_initializer=initializer(seed=0))(X)
    X = BatchNormalization(axis=3)(X, training=training)
    X = Activation("relu")(X)

    ### START CODE HERE
    # Second part: f x f convolution that keeps height and width, batch norm, ReLU
    X = Conv2D(F2, kernel_size=f, strides=(1, 1), padding="same", kernel_initializer=initializer(seed=0))(X)
    X = BatchNormalization(axis=3)(X, training=training)
    X = Activation("relu")(X)
    #~ X = None

    # Third part: 1x1 convolution, batch norm
    X = Conv2D(F3, kernel_size=1, strides=(1, 1), padding="valid", kernel_initializer=initializer(seed=0))(X)
    X = BatchNormalization(axis=3)(X, training=training)
    #~ X = None

    # The end: add the shortcut, ReLU
    X = Add()([X, X_shortcut])
    X = Activation("relu")(X)
    #~ X = None
    ### END CODE HERE

    return X


# %%
check(identity_block)

# %% [markdown]
# **A block that does nothing.** Why can more layers never hurt such a network? Because a block can always choose to
# do nothing. Let the scale `gamma` of its last batch norm be 0: then the main path gives 0, and what comes out is
# the input (where it is not negative, and after a ReLU it never is). Good recipes start every block in this way, so
# that training begins with a shallow network and deepens it where that helps.

# %%
block_input = Input((8, 8, 16))
block = Model(block_input, identity_block(block_input, 3, [4, 4, 16]))
some_input = np.random.default_rng(0).uniform(0, 1, (1, 8, 8, 16)).astype("float32")
print("largest change by the block as it is made:  ", np.abs(block(some_input, training=True) - some_input).max())

last_norm = [layer for layer in block.layers if isinstance(layer, BatchNormalization)][-1]
last_norm.gamma.assign(np.zeros(16))
print("largest change with gamma 0 in the last norm:", np.abs(block(some_input, training=True) - some_input).max())

# %% [markdown]
# ## 4. When the size changes: the convolutional block
#
# **The idea.** From stage to stage a network makes its maps smaller and gives them more channels. Then input and
# output of a block do not fit, and there is nothing to add. So the shortcut gets a convolution of its own: 1 x 1,
# with `F3` filters and the stride `s`, and a batch norm, but no ReLU. Its only task is to give the input the right
# size.
#
# **Sizes.** With rows $n$, kernel $f$, padding $p$ on each side and stride $s$ a convolution gives $\lfloor (n + 2p
# - f) / s \rfloor + 1$ rows. A 1 x 1 kernel with stride 2 looks at every second row and column, and never at the
# rest. The figure shows which positions are left.

# %%
draw_block(
    [
        ("X", "white"),
        ("1x1 conv\nF1, stride s", blue),
        ("batch norm", green),
        ("ReLU", yellow),
        ("f x f conv\nF2, same", blue),
        ("batch norm", green),
        ("ReLU", yellow),
        ("1x1 conv\nF3", blue),
        ("batch norm", green),
        ("+", "white"),
        ("ReLU", yellow),
    ],
    "shortcut: 1x1 conv with F3 filters and stride s, then batch norm",
)

figure, axes = plt.subplots(1, 3, figsize=(9, 3))
for axis, stride in zip(axes, (1, 2, 3)):
    grid = np.zeros((15, 15))
    grid[::stride, ::stride] = 1
    axis.imshow(grid, cmap="Blues", vmin=0, vmax=1.4)
    axis.set_title(f"15 rows, stride {stride}: {(15 - 1) // stride + 1} are left", fontsize=9)
    axis.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
# The stride is in **two** places, the first convolution of the main path and the shortcut, and nowhere else. (Others
# put it in the middle convolution of the main path, which then sees all positions. That is a little more accurate
# and costs more; it gives other numbers, and weights trained for one do not fit the other.)
#
# ### Exercise 2: `convolutional_block`

# %%
# GRADED FUNCTION: convolutional_block


def convolutional_block(X, f, filters, s=2, training=None, initializer=glorot_uniform):
    """Apply three convolutions, the first with a stride, and add the input, made to fit by one more convolution.

    Args:
        X: (images, height, width, channels).
        f: rows and columns of the middle kernel.
        filters: F1, F2, F3: the filters of the three convolutions.
        s: stride of the first convolution and of the shortcut's.
        training: True, False, or None to let Keras decide.
        initializer: gives the first weights of a convolution, when called with `seed=0`.

    Returns:
        A tensor (images, height / s rounded up, width / s rounded up, F3).
    """
    F1, F2, F3 = filters
    ### START CODE HERE
    # Keep the input for the shortcut
    X_shortcut = X
    #~ X_shortcut = None

    # First part: 1x1 convolution with the stride s, batch norm, ReLU
    X = Conv2D(F1, kernel_size=1, strides=(s, s), padding="valid", kernel_initializer=initializer(seed=0))(X)
    X = BatchNormalization(axis=3)(X, training=training)
    X = Activation("relu")(X)
    #~ X = None

    # Second part: f x f convolution that keeps height and width, batch norm, ReLU
    X = Conv2D(F2, kernel_size=f, strides=(1, 1), padding="same", kernel_initializer=initializer(seed=0))(X)
    X = BatchNormalization(axis=3)(X, training=training)
    X = Activation("relu")(X)
    #~ X = None

    # Third part: 1x1 convolution, batch norm
    X = Conv2D(F3, kernel_size=1, strides=(1, 1), padding="valid", kernel_initializer=initializer(seed=0))(X)
    X = BatchNormalization(axis=3)(X, training=training)
    #~ X = None

    # Shortcut: 1x1 convolution with F3 filters and the stride s, batch norm
    X_shortcut = Conv2D(F3, kernel_size=1, strides=(s, s), padding="valid", kernel_initializer=initializer(seed=0))(
        X_shortcut
    )
    X_shortcut = BatchNormalization(axis=3)(X_shortcut, training=training)
    #~ X_shortcut = None

    # The end: add the shortcut, ReLU
    X = Add()([X, X_shortcut])
    X = Activation("relu")(X)
    #~ X = None
    ### END CODE HERE

    return X


# %%
check(convolutional_block)

# %% [markdown]
# ## 5. Does it matter? The same network with and without shortcuts
#
# **The experiment.** A small network of 37 convolutions on the main path, built from your blocks; and the same
# convolutions, batch norms and ReLUs without shortcuts. Both are trained on the same pictures, six times over, with
# the same optimizer.
#
# Before you run it: what do you expect? Both have batch norms, so no gradient vanishes altogether at the start.


# %%
def plain_block(X, f, filters, s=1):
    """Apply the three convolutions of a block without its shortcut."""
    for number, (count, size) in enumerate(zip(filters, (1, f, 1))):
        X = Conv2D(count, size, strides=s if number == 0 else 1, padding="same")(X)
        X = BatchNormalization(axis=3)(X)
        X = Activation("relu")(X)
    return X


def small_network(same_size_block, new_size_block):
    """Build a network of three stages of four blocks each: about 100,000 parameters."""
    images = Input((64, 64, 3))
    X = Conv2D(16, 3, strides=2, padding="same")(images)
    X = BatchNormalization(axis=3)(X)
    X = Activation("relu")(X)
    X = MaxPooling2D(2)(X)
    for stage, width in enumerate((8, 16, 32)):
        X = new_size_block(X, 3, [width, width, 4 * width], s=1 if stage == 0 else 2)
        for _ in range(3):
            X = same_size_block(X, 3, [width, width, 4 * width])
    X = GlobalAveragePooling2D()(X)
    return Model(images, Dense(6, activation="softmax")(X))


def train(network, epochs):
    """Train a network; give its accuracy on the training images in each epoch, as `fit` reports it."""
    network.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
    started = time.time()
    # The same arithmetic as Keras's batch norm in one step instead of many: training is faster.
    with kcc.fused_batch_norm(network):
        history = network.fit(X_train, y_train, epochs=epochs, batch_size=32, verbose=0)
    print(f"{epochs} epochs in {time.time() - started:.0f} s")
    return history.history["accuracy"]


keras.utils.set_random_seed(0)
residual_network = small_network(identity_block, convolutional_block)
plain_network = small_network(plain_block, plain_block)
curves = {
    "with shortcuts": train(residual_network, epochs=6),
    "plain": train(plain_network, epochs=6),
}

figure, axis = plt.subplots(figsize=(7, 3.5))
for name, curve in curves.items():
    axis.plot(range(1, 7), curve, marker="o", label=name)
axis.axhline(1 / 6, color="lightgrey", label="guessing")
axis.set(title="Accuracy on the training images", xlabel="epoch", ylim=(0, 1))
axis.legend()
plt.show()

# %% [markdown]
# The plain network hardly learns, and on its *training* images: it is not overfitting, it is stuck. It could compute
# all that the other one can, but the optimizer does not find the way.

# %% [markdown]
# ## 6. A riddle: right in training, guessing in use
#
# The network with shortcuts learned well, `fit` says. Now measure it, on the very same training images.

# %%
measured = residual_network.evaluate(X_train, y_train, verbose=0)[1]
print(f"accuracy on the training images, as fit reports it:   {curves['with shortcuts'][-1]:.2f}")
print(f"accuracy on the training images, as evaluate measures: {measured:.2f}   (guessing: {1 / 6:.2f})")

# %% [markdown]
# The same weights, the same images, and it guesses! Overfitting never looks like that: it would show on the test
# images only.
#
# The difference is in the batch norms. `fit` uses each batch's own mean and variance, `evaluate` the moving
# averages. A moving average with Keras's default `momentum=0.99` takes one hundredth of each new value: it remembers
# about the last hundred steps, and starts at mean 0 and variance 1. Six epochs are little more than a hundred steps,
# in which Adam has moved the weights far. The averages belong to weights that are long gone, and some forty batch
# norms in a row multiply the error.
#
# If that is the reason, then nothing but the averages must be changed to mend it. The next cell leaves all weights
# as they are and takes the averages anew, over one pass through the training images.

# %%
batches = [(X_train[start : start + 50], None) for start in range(0, len(X_train), 50)]
kcc.reestimate_statistics(residual_network, batches)
print(f"training images: {residual_network.evaluate(X_train, y_train, verbose=0)[1]:.2f}")
print(f"test images:     {residual_network.evaluate(X_test, y_test, verbose=0)[1]:.2f}")

# %% [markdown]
# Three remedies, then, for short trainings: a `momentum` of 0.9, averages that are estimated anew at the end, or a
# learning rate that falls towards 0, so that the weights stand still while the averages catch up. `kcc train signs`
# uses all three. And one lesson for life: when `fit` says one thing and `evaluate` *on the same images* another,
# look at the layers that behave differently in training: batch norm and dropout.

# %% [markdown]
# ## 7. The whole ResNet50
#
# | stage | what | filters | stride | blocks |
# | --- | --- | --- | --- | --- |
# | | `ZeroPadding2D((3, 3))` | | | |
# | 1 | 7 x 7 convolution, batch norm, ReLU; then 3 x 3 max pooling, stride 2 | 64 | 2 | |
# | 2 | convolutional block, then identity blocks | 64, 64, 256 | **1** | 1 + 2 |
# | 3 | convolutional block, then identity blocks | 128, 128, 512 | 2 | 1 + 3 |
# | 4 | convolutional block, then identity blocks | 256, 256, 1024 | 2 | 1 + 5 |
# | 5 | convolutional block, then identity blocks | 512, 512, 2048 | 2 | 1 + 2 |
# | end | 2 x 2 average pooling, `Flatten`, `Dense` with softmax | classes | | |
#
# The first convolution and the dense layer, and three convolutions in each of the 16 blocks: $1 + 3 \cdot 16 + 1 =
# 50$ layers with weights, where those of the shortcuts are not counted. All `f` are 3.
#
# Stage 2 has the stride 1, for the max pooling before it has already halved the maps. It needs a convolutional block
# all the same: its input has 64 channels, its output 256.
#
# **Sizes.** What becomes of 64 rows? Compute it before you build it:


# %%
def rows_after(rows, kernel, stride, padding):
    """Give the rows that a convolution or pooling leaves."""
    return (rows + 2 * padding - kernel) // stride + 1


def sizes_of_maps(rows=64):
    """List name, rows and channels of each map of the network."""
    sizes = [("image", rows, 3)]
    rows = rows_after(rows, kernel=7, stride=2, padding=3)
    sizes.append(("convolution", rows, 64))
    rows = rows_after(rows, kernel=3, stride=2, padding=0)
    sizes.append(("max pooling", rows, 64))
    for stage, stride, channels in ((2, 1, 256), (3, 2, 512), (4, 2, 1024), (5, 2, 2048)):
        rows = rows_after(rows, kernel=1, stride=stride, padding=0)
        sizes.append((f"stage {stage}", rows, channels))
    rows = rows_after(rows, kernel=2, stride=2, padding=0)
    return [*sizes, ("average pooling", rows, 2048)]


figure, axis = plt.subplots(figsize=(13, 3))
place = 0.0
for name, rows, channels in sizes_of_maps():
    width = np.log2(channels) / 8
    axis.add_patch(plt.Rectangle((place, -rows / 2), width, rows, facecolor=blue, edgecolor="black"))
    axis.text(place + width / 2, 36, f"{name}\n{rows} x {rows} x {channels}", ha="center", va="bottom", fontsize=8)
    place += width + 1
axis.set(xlim=(-0.8, place), ylim=(-36, 56))
axis.axis("off")
plt.show()

# %% [markdown]
# ### Exercise 3: `ResNet50`
#
# Use your blocks: `X = convolutional_block(X, f=3, filters=[64, 64, 256], s=1, training=training)`, and so on. The
# name `X` goes from line to line: a line that does not begin with `X = ` computes something that nobody uses.

# %%
# GRADED FUNCTION: ResNet50


def ResNet50(input_shape=(64, 64, 3), classes=6, training=None):
    """Build the network of 50 layers.

    Args:
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        training: passed on to every block.

    Returns:
        A model from images (images, height, width, channels) to probabilities (images, classes).
    """
    X_input = Input(input_shape)
    X = ZeroPadding2D((3, 3))(X_input)

    # Stage 1
    X = Conv2D(64, (7, 7), strides=(2, 2), kernel_initializer=glorot_uniform(seed=0))(X)
    X = BatchNormalization(axis=3)(X)
    X = Activation("relu")(X)
    X = MaxPooling2D((3, 3), strides=(2, 2))(X)

    # Stage 2
    X = convolutional_block(X, f=3, filters=[64, 64, 256], s=1, training=training)
    X = identity_block(X, 3, [64, 64, 256], training=training)
    X = identity_block(X, 3, [64, 64, 256], training=training)

    ### START CODE HERE
    # Stage 3: filters 128, 128, 512
    X = convolutional_block(X, f=3, filters=[128, 128, 512], s=2, training=training)
    X = identity_block(X, 3, [128, 128, 512], training=training)
    X = identity_block(X, 3, [128, 128, 512], training=training)
    X = identity_block(X, 3, [128, 128, 512], training=training)
    #~ X = None

    # Stage 4: filters 256, 256, 1024
    X = convolutional_block(X, f=3, filters=[256, 256, 1024], s=2, training=training)
    for _ in range(5):
        X = identity_block(X, 3, [256, 256, 1024], training=training)
    #~ X = None

    # Stage 5: filters 512, 512, 2048
    X = convolutional_block(X, f=3, filters=[512, 512, 2048], s=2, training=training)
    X = identity_block(X, 3, [512, 512, 2048], training=training)
    X = identity_block(X, 3, [512, 512, 2048], training=training)
    #~ X = None

    # 2x2 average pooling
    X = AveragePooling2D((2, 2))(X)
    #~ X = None

    # Flatten, and a dense layer with softmax; kernel_initializer=glorot_uniform(seed=0)
    X = Flatten()(X)
    X = Dense(classes, activation="softmax", kernel_initializer=glorot_uniform(seed=0))(X)
    #~ X = None
    ### END CODE HERE

    return Model(inputs=X_input, outputs=X)


# %%
check(ResNet50)

# %%
model = ResNet50(input_shape=(64, 64, 3), classes=6)
print(f"{model.count_params():,} parameters, {len(model.layers)} layers")

# %% [markdown]
# ## 8. Trained weights
#
# Your ResNet50 is ready to train. With 23.6 million weights that takes a while without a graphics card: some 12
# minutes on two cores of a server for 60 epochs of the course's photographs. This command does it by the rules
# above, and shows how far it is:
#
# ```
# kcc train signs --data datasets --out my_run
# ```
#
# The package brings weights that were trained in this way, on photographs and drawn hands together. They fit into
# the network that **you** built, for it is the same network. (If your blocks make their layers in another order, as
# is your right, the numbers would land in the wrong places; the function below notices that and uses its own copy of
# the network.)


# %%
def with_trained_weights(model):
    """Give the model its trained weights; or, if they do not fit its order of layers, the trained network itself."""
    trained = kcc.load_classifier("signs-resnet50").model
    shapes, trained_shapes = ([weight.shape for weight in each.weights] for each in (model, trained))
    if shapes == trained_shapes:
        model.set_weights(trained.get_weights())
        if np.allclose(model.predict(X_test[:4], verbose=0), trained.predict(X_test[:4], verbose=0), atol=1e-3):
            print("These are the trained weights in your network.")
            return model
    print("Your layers are in another order: this is a copy of the trained network.")
    return trained


trained_model = with_trained_weights(model)
probabilities = trained_model.predict(X_test, verbose=0)
predicted = probabilities.argmax(axis=1)
print(f"accuracy on {len(X_test)} test images: {np.mean(predicted == y_test):.3f}")

# %% [markdown]
# One number hides a lot. Which pictures is the network least sure about? Would *you* have known?

# %%
least_sure = np.argsort(probabilities.max(axis=1))[:9]
figure, axes = plt.subplots(1, 9, figsize=(13, 2))
for axis, index in zip(axes, least_sure):
    axis.imshow(X_test_orig[index])
    axis.set_title(
        f"is {y_test[index]}, says {predicted[index]}\np = {probabilities[index].max():.2f}",
        fontsize=8,
        color="black" if predicted[index] == y_test[index] else "tab:red",
    )
    axis.axis("off")
plt.show()

# %% [markdown]
# ### Your own picture
#
# Take a photograph of your hand before a plain wall, put the file into this folder and write its name below. Until
# then the picture is a drawn hand. The network knows hands that fill most of the picture, upright, in daylight: try
# what happens when you leave these limits. And notice how sure it is when it is wrong.

# %%
my_image = "my_hand.png"

picture = kcc.read_image(my_image)
small_picture = kcc.crop_and_resize(picture, (64, 64))
my_probabilities = trained_model.predict(small_picture[np.newaxis].astype("float32") / 255, verbose=0)[0]

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3))
left.imshow(picture)
left.set_title("your picture")
middle.imshow(small_picture)
middle.set_title("what the network sees")
right.bar(range(6), my_probabilities)
right.set(title=f"it says {my_probabilities.argmax()}", xlabel="sign", ylabel="probability", ylim=(0, 1))
for axis in (left, middle):
    axis.axis("off")
plt.show()

# %% [markdown]
# ## 9. Mistakes, and what they look like
#
# Everyone makes some of these. The checks recognise them; here is how you notice them without a check.
#
# | mistake | what it looks like |
# | --- | --- |
# | `padding="valid"` in the middle convolution | An error at the addition: `f - 1` rows and columns are missing. |
# | the stride on one path only | An error at the addition: one shape has twice as many rows. |
# | the shortcut saved after the first convolution | An error at the addition: one shape has `F1` channels. |
# | the last ReLU missing | The block's output has negative numbers. |
# | the last ReLU before the addition | The output is nowhere smaller than the shortcut. |
# | the shortcut added before the batch norm | Everything runs. Deep networks learn slowly again. |
# | the shortcut not added | Everything runs, and the network behaves like the plain one above. |
# | `X_shortcut = X` just before the addition | Everything runs: the main path is added to itself. |
# | a batch norm missing | A few parameters are missing; training needs a much smaller learning rate. |
# | the stride in the middle convolution | Only the numbers differ. Weights from elsewhere give nonsense. |
# | `training` not passed on | A block called on numbers with `training=True` gives what it gives without. |
# | `X =` forgotten in a line of `ResNet50` | The parameters of a whole block are missing; no error. |
# | `s=2` in stage 2 | An error at the average pooling: nothing is left of the map. |
# | `s=1` in a later stage | The dense layer has four times the weights: 8192 inputs instead of 2048. |
# | max or average pooling forgotten | The same. |
# | softmax forgotten | The "probabilities" are negative or above 1; the loss is strange from the first step. |
# | sigmoid for softmax | The probabilities of a picture do not sum to 1. |
# | `classes` or `input_shape` not used | All is well, until someone has ten classes or other pictures. |
#
# ## 10. Grade it
#
# Save the notebook, then run in a terminal, in this folder:
#
# ```
# kcc grade residual_networks.ipynb --assignment 01
# ```
#
# It runs the checks above and hidden ones, with other inputs, and says what earned points.
