"""Parts of a candidate: each file fits one kind of block or head that the bundle runtime then runs."""
