# SPDX-License-Identifier: MIT OR Apache-2.0
"""C text that the emitters share: strings, and templates in which G and GU stand for the guest's name."""
import re


def c_string(s):
    return '"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"'


def filled(gen, text):
    """The lines of a template."""
    return re.sub(r"\bG(?=_)", gen.guest, re.sub(r"\bGU(?=_)", gen.upper, text)).rstrip("\n").split("\n")
