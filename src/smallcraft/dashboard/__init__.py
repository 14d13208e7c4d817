"""Web pages over all of it: what is released, served, rolled out, watched and labelled; rendered on the server."""
