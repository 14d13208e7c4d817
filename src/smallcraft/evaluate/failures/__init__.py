"""Where errors are: conditions on rows, slices in which errors concentrate, classes that are mixed up."""
