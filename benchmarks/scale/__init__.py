"""Tables that no memory holds, on one machine and on a cluster; the suite `scale` and tests use it."""
