"""A lesson, and what learners write, for the assignment of `tiny_assignment`."""

from pathlib import Path

from tiny_assignment import write_assignment

LESSON = '''\
# %% [markdown]
# # Two small functions
#
# Numbers can be **doubled**.

# %%
from keras_cv_course.grading import check

# %%
# GRADED FUNCTION: double


def double(x):
    """Give twice x."""
    ### START CODE HERE
    # Add it to itself.
    #~ result = None
    result = (
        x
        + x
    )

    # %notmagic
    x = 0  # no longer needed

    ### END CODE HERE
    return result


# %%
check(double)

# %%
# GRADED FUNCTION: mean


def mean(row):
    ### START CODE HERE
    #~ total = None
    total = row.sum()
    ### END CODE HERE
    # Divide by the number.
    ### START CODE HERE
    #~return None
    return total / len(row)
    ### END CODE HERE


# %%
open("was_run.txt", "w").write("as the learner would")
'''

MISTAKES = """\
[[mistake]]
name = "Doubled | trebled"
function = "double"
old = "        + x"
new = "        + 2 * x"
check = "A negative number"
says = "the secret of the hidden check"

[[mistake]]
name = "The sum"
function = "mean"
source = "def mean(row):\\n    return row.sum()"
check = "A drawn row"
says = "mean(x)"

[[equivalent]]
name = "A product"
function = "double"
source = "double = lambda x: 2 * x"
"""


def write_lesson(folder: Path, lesson: str = LESSON, mistakes: str = MISTAKES) -> Path:
    """Write the assignment with its lesson; give its folder."""
    assignment = write_assignment(folder)
    (assignment / "lesson.py").write_text(lesson)
    (assignment / "mistakes.toml").write_text(mistakes)
    return assignment
