"""Tables that no memory holds: cut into pieces, read one by one, counted piece by piece, merged exactly."""
