"""Tables that no memory holds: counted whole, piece by piece on any engine; a sample for the rest."""
