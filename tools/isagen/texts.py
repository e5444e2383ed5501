# SPDX-License-Identifier: MIT OR Apache-2.0
"""Text templates of insns: what they print for a word, which fields a text means, and how `expands` finds the insn it means."""
import re

from expr import Expr, fold, num
from source import IsaError

NUMBER = r"-?(?:0x[0-9a-f]+|[0-9]+)"
PLAIN = ("", "hex", "pc")


class Part:
    """Fields in a style. names: the list's entries, or None; c: a C function of the guest prints it."""

    def __init__(self, spec, pattern, text, place):
        fields, _, self.style = text.partition(":")
        self.fields = [f.strip() for f in fields.split(",")]
        for f in self.fields:
            if f not in pattern.fields:
                raise IsaError(place, f"text: `{f}` is no field of `{pattern.insn.name}`")
        self.names = spec.names(self.style) if self.style in spec.lists else None
        self.c = self.names is None and self.style not in PLAIN
        if not self.c and self.names is None and len(self.fields) > 1:
            raise IsaError(place, "text: several fields need a style that is a list or a C function")
        self.pattern = pattern
        self.width = sum(pattern.fields[f].width for f in self.fields)
        if self.names and self.width > 16:
            raise IsaError(place, f"text: `{text}` has too many bits for a list")

    def index(self, values):
        n = 0
        for f in self.fields:
            width = self.pattern.fields[f].width
            n = n << width | values[f] & (1 << width) - 1
        return n

    def format(self, values, pc):
        if self.names is not None:
            n = self.index(values)
            return self.names[n] if n < len(self.names) else str(n)
        v = values[self.fields[0]]
        if self.style == "pc":
            return f"0x{pc + v & (1 << 64) - 1:x}"
        return f"0x{v & (1 << 64) - 1:x}" if self.style == "hex" else str(v)

    def regex(self):
        if self.c:
            return "(.*?)"
        if self.names is not None:
            words = sorted(set(self.names), key=len, reverse=True)
            return "(" + "|".join([re.escape(w) for w in words] + (["[0-9]+"] if len(self.names) < 1 << self.width else [])) + ")"
        return f"({NUMBER})"

    def means(self, text, values, pc):
        """Does the text say these values?"""
        if self.c:
            return True
        if self.names is not None:
            return self.format(values, pc) == text
        v, f = int(text, 0), self.pattern.fields[self.fields[0]]
        have = values[self.fields[0]]
        if self.style == "pc":
            return v & (1 << 64) - 1 in (have + pc & (1 << 64) - 1, have & (1 << 64) - 1)
        return v == have or self.style == "hex" and v == have & (1 << f.width) - 1


class Template:
    def __init__(self, spec, pattern, text, place):
        self.parts, self.place, self.pattern = [], place, pattern  # str or Part
        for m in re.finditer(r"(\{\{)|(\}\})|\{([^{}]*)\}|([^{}]+)|(.)", text):
            if m[5]:
                raise IsaError(place, f"text: stray `{m[5]}`")
            piece = "{" if m[1] else "}" if m[2] else m[4]
            if piece is None:
                self.parts.append(Part(spec, pattern, m[3], place))
            elif self.parts and isinstance(self.parts[-1], str):
                self.parts[-1] += piece
            else:
                self.parts.append(piece)

    def fields(self):
        return {f for p in self.parts if isinstance(p, Part) for f in p.fields}

    def uses_c(self):
        return any(isinstance(p, Part) and p.c for p in self.parts)

    def format(self, word, pc=0):
        """None: a C function of the guest has a part in it."""
        if self.uses_c():
            return None
        values = {n: f.extract(word) for n, f in self.pattern.fields.items()}
        return "".join(p if isinstance(p, str) else p.format(values, pc) for p in self.parts)

    def means(self, text, word):
        """Does the text, read back, give the fields of the word?"""
        m = re.fullmatch("".join(re.escape(p) if isinstance(p, str) else p.regex() for p in self.parts), text)
        if not m:
            return False
        values = {n: f.extract(word) for n, f in self.pattern.fields.items()}
        shown = [p for p in self.parts if isinstance(p, Part)]
        return all(p.means(t, values, 0) for p, t in zip(shown, m.groups()))


# ---- expands ----

def bindings(target, source):
    """Fields of the target's template as closed trees over the source's fields, or None if the texts do not fit."""
    flat = []
    for p in source.parts:
        flat += list(p) if isinstance(p, str) else [p]
    return match(target.parts, flat, {})


def match(parts, flat, bound):
    if not parts:
        return bound if not flat else None
    part, rest = parts[0], parts[1:]
    if isinstance(part, str):
        n = len(part)
        return match(rest, flat[n:], bound) if flat[:n] == list(part) else None
    if flat and isinstance(flat[0], Part):
        found = same(part, flat[0])
        return match(rest, flat[1:], {**bound, **found}) if found else None
    literal = ""
    for x in flat:
        if isinstance(x, Part):
            break
        literal += x
    for text, values in readings(part, literal):
        found = match(rest, flat[len(text):], {**bound, **values})
        if found is not None:
            return found
    return None


def readings(part, literal):
    """(text, values) for every way the literal can start with this part."""
    if part.c:
        return
    if part.names is not None:
        for n, name in sorted(enumerate(part.names), key=lambda x: -len(x[1])):
            if literal.startswith(name):
                values = {}
                for f in reversed(part.fields):
                    width = part.pattern.fields[f].width
                    values[f], n = num(n & (1 << width) - 1), n >> width
                yield name, values
    elif m := re.match(NUMBER, literal):
        yield m[0], {part.fields[0]: num(int(m[0], 0))}


def same(target, source):
    """One part of each: the target's fields by the source's."""
    if len(target.fields) != len(source.fields):
        return None
    trees = [Expr("field", f, (), None) for f in source.fields]
    if target.style == source.style or target.names is None and source.names is None and not target.c and not source.c:
        return dict(zip(target.fields, trees))
    if target.names and source.names and len(trees) == 1 and source.width <= 16:
        places = [target.names.index(n) if n in target.names else None for n in source.names]
        offsets = {p - i for i, p in enumerate(places) if p is not None}
        if None not in places and len(offsets) == 1:
            return {target.fields[0]: fold(Expr("bin", "+", (trees[0], num(offsets.pop())), None))}
    return None

