# SPDX-License-Identifier: MIT OR Apache-2.0
"""Text of .isa files: errors with their place, comments, items and clauses, the token reader. Used by every other module.

A place is (file, line); substitution of `for` columns happens inside lines, so line numbers stay true.
"""
import re

CLAUSES = ("for", "bits", "form", "where", "unpred", "gate", "flags", "text", "alias", "expands", "do", "lanes", "test", "ref")
STATEMENTS = ("let", "when", "else", "each", "key", "then", "partial", "extern", "get", "put")
PREDEFINED = ("insn", "len")
TOKEN = re.compile(r'\s*(?:(0[xX][0-9a-fA-F]+|0b[01]+|\d+)|([A-Za-z_]\w*)|"([^"\n]*)"|'
                   r'(\.\.|->|<<|>>|<=|>=|==|!=|&&|\|\||[^\s\w"]))')
CLAUSE = re.compile(r'"[^"\n]*"|(?<![^\s])(' + "|".join(CLAUSES) + r")(?![^\s])")


class IsaError(Exception):
    def __init__(self, place, message):
        super().__init__(message)
        self.place, self.message = place, message
        self.insn, self.expanded = None, False  # in whose stanza; the message tells the place in a macro too

    def __str__(self):
        return f"{self.place[0]}:{self.place[1]}: error: {self.message}{f' (in insn `{self.insn}`)' if self.insn else ''}"


def strip_comments(text):
    """Comments become spaces; strings are left alone; line breaks stay."""
    def keep(m):
        return m[0] if m[0][0] == '"' else " " * len(m[0])
    return re.sub(r'"[^"\n]*"|#[^\n]*', keep, text)


def items(text, file):
    """Yields (keyword, rest, place) for each item: a line that starts in column 1 and the indented lines after it."""
    start, lines = None, []
    for number, line in enumerate(strip_comments(text).split("\n") + ["end"], 1):
        if line[:1].strip():
            if lines:
                keyword, _, rest = re.match(r"(\S+)(\s?)(.*)", "\n".join(lines), re.S).groups()
                yield keyword, rest, (file, start)
            start, lines = number, [line]
        elif lines:
            lines.append(line)
        elif line.strip():
            raise IsaError((file, number), "an item starts in column 1")


def clauses(text, place):
    """(head, head's place, [(keyword, text, place)]): the text of an insn item cut at the clause words."""
    cuts = [m for m in CLAUSE.finditer(text) if m[1]]
    out = []
    for m, after in zip(cuts, cuts[1:] + [None]):
        line = place[1] + text.count("\n", 0, m.start())
        out.append((m[1], text[m.end():after.start() if after else len(text)], (place[0], line)))
    return text[:cuts[0].start() if cuts else len(text)], out


class Reader:
    """Tokens of one clause or item; kinds: num, name, str, op, end."""

    def __init__(self, text, place):
        self.text, self.place, self.pos = text, place, 0
        self.token = None  # looked ahead: (kind, value, end)

    def here(self):
        """The line of the next token; at the end, that of the last."""
        m = re.compile(r"\s*(?=\S)").match(self.text, self.pos)
        return self.place[0], self.place[1] + self.text.count("\n", 0, m.end() if m else self.pos)

    def error(self, message):
        return IsaError(self.here(), message)

    def peek(self):
        if self.token is None:
            m = TOKEN.match(self.text, self.pos)
            if not m:
                if self.text[self.pos:].strip():
                    raise self.error(f"cannot read: {self.text[self.pos:].strip().split()[0]}")
                self.token = ("end", "", self.pos)
            elif m[1]:
                self.token = ("num", m[1], m.end())
            elif m[2]:
                self.token = ("name", m[2], m.end())
            elif m[3] is not None:
                self.token = ("str", m[3], m.end())
            else:
                self.token = ("op", m[4], m.end())
        return self.token[:2]

    def next(self):
        kind, value = self.peek()
        self.pos, self.token = self.token[2], None
        return kind, value

    def at(self, value):
        kind, text = self.peek()
        return kind in ("op", "name") and text == value

    def take(self, value):
        if self.at(value):
            self.next()
            return True
        return False

    def expect(self, value):
        if not self.take(value):
            raise self.error(f"`{value}` expected, found `{self.peek()[1] or 'the end'}`")

    def name(self, what="a name"):
        kind, value = self.peek()
        if kind != "name":
            raise self.error(f"{what} expected, found `{value or 'the end'}`")
        return self.next()[1]

    def number(self):
        kind, value = self.peek()
        if kind != "num":
            raise self.error(f"a number expected, found `{value or 'the end'}`")
        self.next()
        return int(value, 0) if value.strip("0") else 0

    def string(self):
        kind, value = self.peek()
        if kind != "str":
            raise self.error(f"a string expected, found `{value or 'the end'}`")
        return self.next()[1]

    def word(self, stop=","):
        """A raw word up to white space (or a character of stop); quoted words may hold anything. None at the end."""
        assert self.token is None or self.token[0] == "end"
        m = re.compile(r'\s*(?:"([^"\n]*)"|([^\s"' + re.escape(stop) + r"]+))").match(self.text, self.pos)
        if not m:
            return None
        self.pos, self.token = m.end(), None
        return m[1] if m[1] is not None else m[2]

    def done(self):
        kind, value = self.peek()
        if kind != "end":
            raise self.error(f"`{value}` is too much here")
