# SPDX-License-Identifier: MIT OR Apache-2.0
"""Lower-case expressions of `do` texts: names to what they mean (closed trees), words of words.def, C text, proofs by trying all fields.
Base of values.Values, which has the run-time expressions.
"""
from expr import Expr, c_text, conjuncts, fold, is_upper, leaves, num
from opgen import PREFIX
from source import IsaError

PROVE_BITS = 16  # fields in a slot index are tried up to this many bits
DECIDE_BITS = 10  # conditions likewise


def plain(e):
    """Of fields and numbers only."""
    return not leaves(e, "key") | leaves(e, "c") | leaves(e, "sfn")


class Value:
    """A run-time value: its C text and its type (None: not known, UNTYPED: a constant that waits for one)."""

    def __init__(self, c, ty):
        self.c, self.ty = c, ty


class Scope:
    def __init__(self, outer=None, fields=None):
        self.outer, self.names, self.fields = outer, {}, fields if fields is not None else outer.fields if outer else {}

    def find(self, name):
        s = self
        while s:
            if name in s.names:
                return s.names[name]
            s = s.outer
        return None

    def holder(self, name):
        s = self
        while s and name not in s.names:
            s = s.outer
        return s


class Statics:
    """What is known when lifting one stanza."""

    def __init__(self, gen, pattern):
        self.gen, self.spec, self.ops, self.pattern, self.insn = gen, gen.spec, gen.ops, pattern, pattern.insn
        self.partial = self.insn.partial
        self.used_fields, self.path = set(), []  # path: the conditions around

    def c(self, e, top=False):
        self.used_fields |= leaves(e, "field")
        return c_text(e, lambda name: f"f_{name}", top)

    def static(self, e, scope):
        """A closed tree."""
        if e.op == "num":
            return e
        if e.op == "name":
            return self.static_name(e, scope)
        if e.op == "call":
            if is_upper(e.value):
                raise IsaError(e.place, f"`{e.value}(…)` is known only when the guest runs, this must be known when lifting")
            name = self.gen.static_function(e.value, len(e.args), e.place)
            return Expr("sfn", name, tuple(self.static(a, scope) for a in e.args), e.place)
        return fold(Expr(e.op, e.value, tuple(self.static(a, scope) for a in e.args), e.place))

    def static_name(self, e, scope):
        name, bound = e.value, scope.find(e.value)
        if bound:
            kind, what = bound[0], bound[1]
            if kind == "value":
                raise IsaError(e.place, f"`{name}` is known only when the guest runs, this must be known when lifting")
            return self.static(what, bound[2]) if kind == "tree" else what
        if is_upper(name):
            raise IsaError(e.place, f"`{name}` is known only when the guest runs, this must be known when lifting")
        if name in scope.fields:
            return Expr("field", name, (), e.place)
        if name in self.spec.keys:
            return Expr("key", name, (), e.place)
        if name == "insn":
            return Expr("c", "(int64_t)l->insn", (), e.place)
        if name == "len":
            return Expr("c", "(int64_t)l->len", (), e.place)
        raise IsaError(e.place, f"`{name}` is unknown: no field, key or name of `let`")

    def is_value(self, e, scope):
        if e.op in ("name", "call"):
            bound = scope.find(e.value) if e.op == "name" else None
            return bound[0] == "value" if bound else is_upper(e.value)
        return e.op == "cond" and any(self.is_value(a, scope) for a in e.args[1:])

    def word(self, kind, e, scope):
        """A word of words.def as (C text, word or None if it is computed)."""
        if e.op == "cond":
            cond = self.static(e.args[0], scope)
            if cond.op == "num":
                return self.word(kind, e.args[1 if cond.value else 2], scope)
            a, b = (self.word(kind, arm, scope)[0] for arm in e.args[1:])
            return f"({self.c(cond)} ? {a} : {b})", None
        if e.op == "name":
            bound = scope.find(e.value)
            if bound and bound[0] == "tree":
                return self.word(kind, bound[1], bound[2])
            if kind == "kind":
                if not bound and e.value not in scope.fields and e.value not in self.spec.keys:
                    if self.spec.traps is not None and e.value not in self.spec.traps:
                        raise IsaError(e.place, f"unknown trap `{e.value}`")
                    return f"{self.gen.upper}_TRAP_{e.value}", e.value
            elif e.value in self.spec.words.get(kind, {}):
                return PREFIX.get(kind, "IR_") + e.value, e.value
            elif not bound and e.value not in scope.fields and e.value not in self.spec.keys:
                raise IsaError(e.place, f"`{e.value}` is no word of kind {kind}")
        if self.is_value(e, scope):
            raise IsaError(e.place, f"a word of kind {kind} is expected here, not a run-time value")
        return self.c(self.static(e, scope)), None

    def tries(self, e, most):
        """(e as a function of the word, every combination of its fields that `where` and the conditions around allow); None: too many."""
        names = leaves(e, "field")
        bits = 0
        for n in names:
            bits |= self.pattern.fields[n].word_bits
        if not plain(e) or bin(bits).count("1") > most:
            return None, None
        known = [self.pattern.function(c) for whole in self.path + [self.pattern.where] for c in conjuncts(whole)
                 if plain(c) and leaves(c, "field") <= names]
        return self.pattern.function(e), (w for w in self.gen.subsets(bits) if all(k(w) for k in known))

    def decide(self, cond):
        """A condition that always or never holds here becomes a number."""
        if cond.op == "num":
            return cond
        f, words = self.tries(cond, DECIDE_BITS)
        results = {bool(f(w)) for w in words} if words is not None else ()
        return num(int(results.pop()), cond.place) if len(results) == 1 else cond
