"""smallcraft: ship small models you can prove.

Hand it labelled rows and a budget; it releases the cheapest compact model that is provably good enough.
The Python face is `smallcraft.api`, the on-device runtime `smallcraft.bundle`.
"""

__version__ = "0.1.0"
