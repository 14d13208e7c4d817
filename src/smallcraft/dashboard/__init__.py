"""Web pages over all of it: what is released, served, watched and labelled; rendered on the server."""
