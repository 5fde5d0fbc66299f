"""The assignments' lessons: from one source to the notebooks, and from a notebook to a learner's folder."""
