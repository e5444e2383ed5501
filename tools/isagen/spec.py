# SPDX-License-Identifier: MIT OR Apache-2.0
"""Items of .isa files to objects: everything but the stanzas' `do` texts, which lower.py reads. The lists keep the order of the files.

A stanza becomes one Insn for every combination of its `for` rows; columns are substituted as text before the clauses are parsed.
"""
import itertools
import re

import source
from expr import Stmt, is_upper, parse_body, parse_expr, parse_stmt, parse_stmts
from model import CELLS, Accessor, Gate, Helper, Insn, Key, Macro, Slot, Test
from source import IsaError, Reader

class Spec:
    def __init__(self, words, traps):
        self.words = words
        self.slots, self.keys, self.lists, self.fields = {}, {}, {}, {}
        self.accs, self.defs, self.gates, self.helpers = {}, {}, {}, {}
        self.insns, self.errors, self.stanzas, self.tests = [], [], [], []  # tests: (Test, the stanza's insns)
        self.traps = traps  # None: any word
        self.reserved = set(source.CLAUSES) | set(source.STATEMENTS) | set(source.PREDEFINED)
        self.reserved |= {w for names in words.values() for w in names} - {"key"}

    def check_name(self, name, place, what):
        if name in self.reserved:
            raise IsaError(place, f"{what} `{name}` is named like a reserved word or an op's word")

    def read(self, path):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        try:
            for keyword, rest, place in source.items(text, path):
                try:
                    if keyword == "insn":
                        self.stanzas.append((rest, place))
                    else:
                        self.item(keyword, Reader(rest, place))
                except IsaError as e:
                    self.errors.append(e)
        except IsaError as e:
            self.errors.append(e)

    def finish(self):
        """After all files: lays out the slots, resolves what refers across items, expands the stanzas."""
        cell = 0
        for s in self.slots.values():
            cell += -cell % min(s.cells, 2)
            s.cell = cell
            cell += s.cells * s.count
        self.cells = cell
        for k in self.keys.values():
            if k.slot and (k.slot not in self.slots or self.slots[k.slot].array or self.slots[k.slot].type != "i64"):
                self.errors.append(IsaError(k.place, f"key `{k.name}`: no slot `{k.slot}` of type i64"))
            if k.name in self.reserved:
                self.errors.append(IsaError(k.place, f"key `{k.name}` is named like a reserved word or an op's word"))
        if "trap" in self.lists:
            self.traps = set(self.names("trap"))
        for rest, place in self.stanzas:
            try:
                self.expand(rest, place)
            except IsaError as e:
                self.errors.append(e)

    def names(self, name):
        """The entries of a list: first words of its rows; one row of many words is many entries."""
        rows = self.lists[name]
        return rows[0] if len(rows) == 1 else [r[0] for r in rows]

    # ---- items ----
    def item(self, keyword, r):
        reader = {"slot": self.slot, "key": self.key, "list": self.list, "field": self.field, "acc": self.acc, "def": self.macro,
                  "gate": self.gate, "helper": self.helper}.get(keyword)
        if not reader:
            raise r.error(f"unknown item `{keyword}`")
        reader(r)
        r.done()

    def add(self, table, name, value, place, what):
        if name in table:
            raise IsaError(place, f"{what} `{name}` stands twice")
        table[name] = value

    def slot(self, r):
        place, name, kind = r.place, r.name(), r.name("a type")
        if kind not in CELLS:
            raise IsaError(place, f"slot `{name}`: `{kind}` is no type")
        array = r.take("[")
        count = r.number() if array else 1
        if array:
            r.expect("]")
        if not 0 < count <= 4096:
            raise IsaError(place, f"slot `{name}`: 1 to 4096 elements")
        self.add(self.slots, name, Slot(name, kind, count, array, place), place, "slot")

    def key(self, r):
        place, name = r.place, r.name()
        r.expect(":")
        bits, slot, low = r.number(), None, 0
        if r.take("="):
            slot = r.name()
            if r.take("["):
                high = low = r.number()
                if r.take(":"):
                    low = r.number()
                r.expect("]")
                if high - low + 1 != bits:
                    raise IsaError(place, f"key `{name}` has {bits} bits, its slot field {high - low + 1}")
        if not 0 < bits <= 16:
            raise IsaError(place, f"key `{name}`: 1 to 16 bits")
        self.add(self.keys, name, Key(name, bits, slot, low, place), place, "key")
        if sum(k.bits for k in self.keys.values()) > 64:
            raise IsaError(place, "the keys have more than 64 bits")

    def rows(self, r):
        rows = [[]]
        while True:
            word = r.word()
            if word is not None:
                rows[-1].append(word)
            elif r.take(","):
                rows.append([])
            else:
                break
        if not all(rows):
            raise r.error("an empty row")
        return rows

    def list(self, r):
        place, name = r.place, r.name()
        r.expect("=")
        self.add(self.lists, name, self.rows(r), place, "list")

    def field(self, r):
        place, name = r.place, r.name()
        self.check_name(name, place, "field")
        m = re.fullmatch(r"\s*(s?)\s*(\d+)\s*", r.text[r.pos:])
        if not m or not 0 < int(m[2]) <= 64:
            raise IsaError(place, f"field `{name}`: a width from 1 to 64 expected")
        r.pos = len(r.text)
        self.add(self.fields, name, (int(m[2]), bool(m[1])), place, "field")

    def params(self, r):
        out = []
        if r.take("("):
            while not r.at(")"):
                out.append(r.name("a parameter"))
                self.check_name(out[-1], r.place, "parameter")
                if not r.take(","):
                    break
            r.expect(")")
        if len(set(out)) < len(out):
            raise r.error("a parameter stands twice")
        return out

    def upper(self, r):
        name = r.name()
        if not is_upper(name):
            raise r.error(f"`{name}`: accessors and macros are upper case")
        if name in self.accs or name in self.defs:
            raise r.error(f"`{name}` stands twice")
        return name

    def acc(self, r):
        place, name = r.place, self.upper(r)
        a = Accessor(name, self.params(r), None, None, place)
        if r.take("extern"):
            both = r.peek()[0] == "end"
            a.get = "extern" if both or r.take("get") else None
            a.put = "extern" if both or r.take("put") else None
        else:
            if r.take("get"):
                a.get = "extern" if r.take("extern") else parse_expr(r)
            if r.take("put"):
                if r.take("extern"):
                    a.put = "extern"
                else:
                    value = r.name()
                    self.check_name(value, place, "parameter")
                    a.put = "extern" if r.take("extern") else (value, parse_stmt(r))
        if not a.get and not a.put:
            raise IsaError(place, f"accessor `{name}` can neither be read nor written")
        self.accs[name] = a

    def macro(self, r):
        place, name = r.place, self.upper(r)
        self.defs[name] = Macro(name, self.params(r), parse_body(r), place)

    def gate_terms(self, r):
        terms = []
        while True:
            place, e = r.here(), parse_expr(r)
            if r.take(":"):
                terms.append((e, parse_expr(r)))
            elif e.op == "name":
                terms.append((e, None))
            else:
                raise IsaError(place, "a gate is a name or `condition : trap`")
            if not r.take(","):
                return terms

    def gate(self, r):
        place, name = r.place, r.name()
        g = Gate(self.gate_terms(r), None, place)
        if r.take("then"):
            g.then = Stmt("block", None, parse_stmts(r), place)
        self.add(self.gates, name, g, place, "gate")

    def helper(self, r):
        place, name, params = r.place, r.name(), []
        r.expect("(")
        while not r.at(")"):
            params.append(r.name("a type"))
            r.name("a parameter's name")
            if not r.take(","):
                break
        r.expect(")")
        result = r.name() if not r.at(":") else None
        for t in params + [result] * bool(result):
            if t != "v128" and (t not in CELLS or CELLS[t] > 1):
                raise IsaError(place, f"helper `{name}`: `{t}` is neither v128 nor a type of at most 64 bits")
        if len(params) + (result == "v128") > 6:
            raise IsaError(place, f"helper `{name}`: more than 6 parameters{' with the result' if result == 'v128' else ''}")
        r.expect(":")
        effects, writes = set(), set()
        while True:
            effect = r.name("an effect")
            if effect not in ("pure", "fpx", "traps", "exits", "sleeps", "reads", "writes", "mem"):
                raise r.error(f"`{effect}` is no effect")
            if effect in ("reads", "writes"):
                while r.peek()[0] == "name":
                    word = r.next()[1]
                    if effect == "writes":
                        writes.add(word)
            if effect == "mem":
                how = r.name("r, w or rw")
                if how not in ("r", "w", "rw"):
                    raise r.error(f"`mem {how}`: r, w or rw")
                effect = "mem" if how == "r" else "mem w"
            effects.add(effect)
            if not r.take(";"):
                break
        if "pure" in effects and len(effects) > 1:
            raise IsaError(place, f"helper `{name}` is pure and has other effects")
        self.add(self.helpers, name, Helper(name, params, result, effects, writes, place), place, "helper")

    # ---- stanzas ----
    def expand(self, text, place):
        head, parts = source.clauses(text, place)
        loops = []
        for keyword, body, where in parts:
            if keyword == "for":
                r = Reader(body, where)
                name = r.name()
                self.check_name(name, where, "column")
                if name in [n for n, _ in loops]:
                    raise IsaError(where, f"`for {name}` stands twice")
                r.expect("=")
                rows = self.rows(r)
                r.done()
                if len(rows) == 1 and len(rows[0]) == 1 and rows[0][0] in self.lists:
                    rows = self.lists[rows[0][0]]
                if len({len(row) for row in rows}) > 1:
                    raise IsaError(where, f"the rows of `{name}` differ in length")
                loops.append((name, rows))
        used_as_bits = {(m[1], int(m[2] or 0)) for k, body, _ in parts if k == "bits" for m in COLUMN.finditer(body)}
        unused = {n for n, _ in loops} - {m[1] for t in [head] + [p[1] for p in parts] for m in COLUMN.finditer(t)}
        if unused:
            raise IsaError(place, f"`for {min(unused)}` is not used")
        tests, first = [(body, where) for k, body, where in parts if k == "test"], len(self.insns)
        parts = [p for p in parts if p[0] not in ("for", "test")]
        for rows in itertools.product(*(rows for _, rows in loops)):
            columns = {name: row for (name, _), row in zip(loops, rows)}
            self.insns.append(self.insn(columns, used_as_bits, head, parts, place))
        for body, where in tests:
            try:
                r = Reader(body, where)
                self.tests.append((self.test(r, where), self.insns[first:]))
                r.done()
            except IsaError as e:
                self.errors.append(e)

    def insn(self, columns, used_as_bits, head, parts, place):
        def substitute(text, where, keyword):
            def column(m):
                name, n = m[1], int(m[2] or 0)
                if name not in columns:
                    return m[0]
                if n >= len(columns[name]):
                    raise IsaError(where, f"`{name}` has no column {n}")
                word = columns[name][n]
                if keyword not in ("bits", "head", "text") and (name, n) in used_as_bits and re.fullmatch("[01]+", word):
                    return str(int(word, 2))  # a bit pattern is that number elsewhere
                return word
            if keyword in ("alias", "expands"):  # the string is text, what follows is not
                return re.sub(r'"[^"\n]*"|[^"]+', lambda m: substitute(m[0], where, "text" if m[0][0] == '"' else "rest"), text)
            return COLUMN.sub(column, text)
        r = Reader(substitute(head, place, "head"), place)
        name = r.word(stop="")
        if not name or not re.fullmatch(r"[A-Za-z_][\w.]*", name):
            raise IsaError(place, f"an insn's name expected, found `{name or ''}`")
        features = []
        while (word := r.word(stop="")) is not None:
            features.append(word)
        insn = Insn(name, place, [f for f in features if f != "partial"], "partial" in features, columns=columns)
        for keyword, text, where in parts:
            r = Reader(substitute(text, where, keyword), where)
            self.clause(insn, keyword, r)
            r.done()
        if insn.bits is None or insn.text is None or (insn.do is None) == (insn.expands is None):
            raise IsaError(place, f"insn `{name}` needs `bits`, `text` and one of `do` and `expands`")
        return insn

    def clause(self, insn, keyword, r):
        place = r.here()
        if keyword in ("bits", "text", "do", "expands", "gate") and getattr(insn, "gates" if keyword == "gate" else keyword) is not None:
            raise IsaError(place, f"`{keyword}` stands twice")
        if keyword == "bits":
            insn.bits, insn.bits_place = [], place
            while (word := r.word(stop="")) is not None:
                insn.bits.append(word)
        elif keyword == "where":
            insn.where.append(parse_expr(r))
        elif keyword == "unpred":
            insn.unpred.append((parse_expr(r), " ".join(r.text.split())))
            r.expect(":")
            r.name()
        elif keyword == "gate":
            insn.gates = Gate(self.gate_terms(r), None, place)
        elif keyword == "text":
            insn.text = (r.string(), place)
        elif keyword == "alias":
            text = r.string()
            r.expect("when")
            insn.aliases.append((text, parse_expr(r), place))
        elif keyword == "expands":
            insn.expands = (r.string(), place)
        elif keyword == "do":
            insn.do = parse_stmts(r)
        elif keyword == "ref":
            insn.ref = r.string()
        else:
            raise IsaError(place, f"`{keyword}` is not accepted")

    def test(self, r, place):
        word = r.word()
        if not re.fullmatch(r"[0-9a-fA-F]{4}|[0-9a-fA-F]{8}", word or ""):
            raise IsaError(place, f"test: 4 or 8 hex digits expected, found `{word}`")
        t = Test(int(word, 16), 4 * len(word), r.string(), [], [], place)
        if r.take("{"):
            t.before = self.state(r)
            if r.take("->"):
                r.expect("{")
                t.after = self.state(r)
        return t

    def state(self, r):
        cells = []
        while True:
            word = r.word(stop="}")
            if word is None:
                r.expect("}")
                return cells
            m = re.fullmatch(r"([A-Za-z_]\w*|m(?:\+\w+)?:\w+)=(\S+)", word)
            if not m:
                raise r.error(f"test: `{word}` is no cell=value")
            cells.append((m[1], m[2]))


COLUMN = re.compile(r"\{([A-Za-z_]\w*)(?:\.(\d+))?\}")
