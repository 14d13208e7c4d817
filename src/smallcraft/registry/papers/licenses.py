"""Licenses that machines know by an identifier: those that data, encoders and code of this kind carry.

Leaves to others: where a license stands in a document.
Always: a license in words stays in words; only an exact identifier, in any case, becomes one.

Source:
    SPDX license list 3.25.
"""

from __future__ import annotations

_IDENTIFIERS = (
    *("AFL-3.0", "AGPL-3.0-only", "AGPL-3.0-or-later", "Apache-2.0", "Artistic-2.0", "BSD-2-Clause"),
    *("BSD-3-Clause", "BSL-1.0", "CC-BY-1.0", "CC-BY-2.0", "CC-BY-2.5", "CC-BY-3.0", "CC-BY-4.0"),
    *("CC-BY-NC-2.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-NC-ND-3.0", "CC-BY-NC-ND-4.0"),
    *("CC-BY-NC-SA-2.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "CC-BY-SA-3.0"),
    *("CC-BY-SA-4.0", "CC0-1.0", "CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "CDLA-Sharing-1.0"),
    *("ECL-2.0", "EPL-2.0", "EUPL-1.2", "GFDL-1.3-only", "GPL-2.0-only", "GPL-2.0-or-later"),
    *("GPL-3.0-only", "GPL-3.0-or-later", "ISC", "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only"),
    *("LGPL-3.0-or-later", "MIT", "MPL-2.0", "MS-PL", "NCSA", "O-UDA-1.0", "ODbL-1.0", "ODC-By-1.0"),
    *("OFL-1.1", "PDDL-1.0", "PSF-2.0", "Unlicense", "WTFPL", "Zlib"),
)
_BY_NAME = {identifier.lower(): identifier for identifier in _IDENTIFIERS}


def license_identifier(text: str) -> str | None:
    """The identifier as its list spells it; None for a license in words.

    >>> license_identifier("cc-by-4.0"), license_identifier("ask the legal department")
    ('CC-BY-4.0', None)
    """
    return _BY_NAME.get(text.strip().lower())


def license_address(text: str) -> str:
    """Where the license can be read; a license in words as it is.

    >>> license_address("MIT")
    'https://spdx.org/licenses/MIT.html'
    """
    identifier = license_identifier(text)
    return f"https://spdx.org/licenses/{identifier}.html" if identifier else text
