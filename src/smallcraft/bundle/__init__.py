"""The on-device runtime: open a bundle and predict, with numpy, onnxruntime and tokenizers only.

>>> import smallcraft.bundle
>>> smallcraft.bundle.open is smallcraft.bundle.open_bundle
True
"""

from smallcraft.bundle.runtime import Bundle, open_bundle

open = open_bundle  # noqa: A001 - `smallcraft.bundle.open(path)` is how it reads

__all__ = ["Bundle", "open", "open_bundle"]
