"""The on-device runtime: open a bundle and predict, with numpy, onnxruntime and tokenizers only.

>>> import smallcraft.bundle
>>> smallcraft.bundle.open is smallcraft.bundle.open_bundle
True
"""

from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.bundle.trunk.trunk import Trunk, open_trunk

open = open_bundle  # noqa: A001 - `smallcraft.bundle.open(path)` is how it reads

__all__ = ["Bundle", "Trunk", "open", "open_bundle", "open_trunk"]
