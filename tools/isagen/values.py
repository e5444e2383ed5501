# SPDX-License-Identifier: MIT OR Apache-2.0
"""Expressions of `do` texts to C: UPPER CASE ones become statements that build ops, one C temporary each, in text order, so every
compiler builds the same. statics.py has the lower-case ones, lower.py the statements and the stanza around them.

Accessors and macros are expanded in place: value arguments are computed once before, the others are bound as text of the caller's scope.
"""
import contextlib

from expr import Stmt, c_number, is_upper, negate, num
from opgen import IMM
from optypes import UNTYPED, Unify
from source import IsaError
from statics import PROVE_BITS, Scope, Statics, Value, plain

NUMBERS = ("w", "e", "off", "n", "pos", "len", "mask", "exact", "lane", "half", "from", "to")
LANES = ("e", "from", "to")  # their width in bits
MASKS = {"zip": 3, "uzp": 3, "trn": 2, "ext": 2, "rev": 2, "dup": 2, "ins": 3, "raw": 2}  # of VSHUF, with the number of their arguments
SLOT_OPS = {"GET": 0, "GETL": 1, "PUT": 1, "PUTL": 1, "PUTZ": 1}  # with the number of arguments besides the slot and its index
CONSTANTS = {"K": UNTYPED, "K1": "i1", "K32": "i32", "K64": "i64"}
WIDTHS = (8, 16, 32, 64, 128)
MAX_DEPTH = 32  # of macros in macros


class Values(Statics):
    """What a stanza computes; base of lower.Lower, which has `statement`."""

    def __init__(self, gen, pattern):
        super().__init__(gen, pattern)
        self.lines, self.indent, self.temps, self.depth = [], 1, 0, 0
        self.keys_set, self.slots_put, self.slots_called = {}, {}, {}
        self.stored = self.sticky = self.probed = self.ended = self.branched = False
        self.nested = 0

    # ---- output ----
    def emit(self, text):
        self.lines.append("    " * self.indent + text)

    def temp(self, kind="v"):
        self.temps += 1
        return f"{kind}{self.temps}"

    # ---- values ----
    def value(self, e, scope, want=None):
        if e.op == "cond":
            return self.choice(e, scope, want)
        if e.op == "name":
            bound = scope.find(e.value)
            if bound and bound[0] == "value":
                return bound[1]
            if is_upper(e.value):
                return self.call(e, scope, want, True)
            self.static(e, scope)
            raise IsaError(e.place, f"`{e.value}` is known when lifting, a run-time value is expected: K({e.value})")
        if e.op == "call":
            if is_upper(e.value):
                return self.call(e, scope, want, True)
            raise IsaError(e.place, f"`{e.value}(…)` is known when lifting, a run-time value is expected: K(…)")
        if e.op in ("bin", "un") and any(self.is_value(a, scope) for a in e.args):
            raise IsaError(e.place, f"operator {e.value} on a run-time value")
        raise IsaError(e.place, "a number is known when lifting, a run-time value is expected: K(…)")

    def choice(self, e, scope, want):
        if self.is_value(e.args[0], scope):
            raise IsaError(e.place, "the condition of ?: is known only when the guest runs: SELECT")
        cond = self.decide(self.static(e.args[0], scope))
        if cond.op == "num":
            return self.value(e.args[1 if cond.value else 2], scope, want)
        name = self.temp()
        self.emit(f"ir_val {name};")
        types = []

        def arm(tree):
            def body():
                v = self.value(tree, scope, want)
                types.append(v.ty)
                self.emit(f"{name} = {v.c};")
            return body
        self.branch(cond, arm(e.args[1]), arm(e.args[2]))
        known = {t for t in types if t not in (None, UNTYPED)}
        if len(known) > 1:
            raise IsaError(e.place, f"one choice is {types[0]}, the other {types[1]}")
        return Value(name, types[0] if types[0] == types[1] else None)

    def branch(self, cond, then, other):
        """C if, with what the checks know joined afterwards."""
        before = self.checks()
        self.emit(f"if ({self.c(cond, True)}) {{")
        ends = []
        for path, body in ((cond, then), (negate(cond), other)):
            self.set_checks(before)
            if body:
                self.indent += 1
                self.nested += 1
                self.path.append(path)
                body()
                self.path.pop()
                self.nested -= 1
                self.indent -= 1
            ends.append(self.checks())
            if path is cond and other:
                self.emit("} else {")
        self.emit("}")
        a, b = ends
        if a[3] or b[3]:  # only the path that goes on counts
            self.set_checks(b if a[3] else a)
        else:
            self.set_checks((a[0] or b[0], a[1] or b[1], a[2] and b[2], False, a[4] or b[4]))

    def checks(self):
        return self.stored, self.sticky, self.probed, self.ended, self.branched

    def set_checks(self, state):
        self.stored, self.sticky, self.probed, self.ended, self.branched = state

    def call(self, e, scope, want, needs_result):
        """NAME or NAME(args): constant, slot access, helper, macro, accessor or op."""
        name, args = e.value, e.args
        if self.ended:
            raise IsaError(e.place, f"{name} comes after the end of the block")
        if name in CONSTANTS:
            return self.constant(e, scope, want)
        if name == "VK":
            return self.vector_constant(e, scope)
        if name in SLOT_OPS:
            return self.slot_access(e, scope, needs_result)
        if name == "CALL":
            return self.helper(e, scope, needs_result)
        if name in self.spec.defs:
            return self.macro(e, scope, want, needs_result)
        if name in self.spec.accs:
            acc = self.spec.accs[name]
            if not needs_result and len(args) == len(acc.params) + 1:
                return self.put(e, acc, args[:-1], args[-1], scope)
            return self.get(e, acc, scope, want)
        if name not in self.ops or "o" in self.ops[name][2]:
            raise IsaError(e.place, f"`{name}` is no op, accessor or macro")
        return self.op(e, scope, needs_result)

    def constant(self, e, scope, want):
        if len(e.args) != 1:
            raise IsaError(e.place, f"{e.value} takes 1 argument, not {len(e.args)}")
        if self.is_value(e.args[0], scope):
            raise IsaError(e.place, f"{e.value} of a run-time value")
        n = self.static(e.args[0], scope)
        ty = CONSTANTS[e.value]
        if ty == UNTYPED and want and want[0] == "i":
            ty = want
        if ty == "i1":
            text = str(n.value & 1) if n.op == "num" else f"{self.c(n)} & 1"
        elif n.op == "num":
            text = c_number(n.value)
            if n.value < 0:
                text = hex(n.value & 0xffffffff) if ty == "i32" else f"(uint64_t){text}"
        else:
            text = ("(uint32_t)" if ty == "i32" else "(uint64_t)") + self.c(n)
        return Value(f"ir_k(IR_{'none' if ty == UNTYPED else ty}, {text})", ty)

    def vector_constant(self, e, scope):
        if len(e.args) != 2:
            raise IsaError(e.place, f"VK takes 2 arguments, not {len(e.args)}")
        if any(self.is_value(a, scope) for a in e.args):
            raise IsaError(e.place, "VK of a run-time value: VDUP")
        width, n = (self.static(a, scope) for a in e.args)
        self.check_lanes("VK", width, e.place)
        return Value(f"ir_vk({self.unsigned(width)}, (uint64_t){self.c(n)})", "v128")

    def check_lanes(self, name, width, place):
        if width.op == "num" and width.value not in (8, 16, 32, 64):
            raise IsaError(place, f"{name}: no lanes of {width.value} bits")

    def slot_access(self, e, scope, needs_result):
        what, args = e.value, e.args
        if not args or args[0].op != "name":
            raise IsaError(e.place, f"{what} names a slot first")
        slot = self.slot(args[0], scope)
        short = 1 + SLOT_OPS[what]
        if len(args) not in ((short, short + 1) if not slot.array else (short + 1,)):
            raise IsaError(e.place, f"{what} takes {short + 1} arguments, not {len(args)}")
        index = self.static(args[1], scope) if len(args) > short else num(0)
        self.check_index(slot, index, e.place)
        if what[3:] and slot.type != "v128":
            raise IsaError(e.place, f"{what}: slot `{slot.name}` is {slot.type}, no vector")
        cell = self.cell(slot, index)
        if what.startswith("PUT"):
            self.slot_put(e, slot, cell, scope, needs_result)
            return None
        if not needs_result:
            raise IsaError(e.place, f"{what}: the result is not used")
        v = self.temp()
        if what == "GET":
            self.emit(f"const ir_val {v} = ir_get(l->b, IR_{slot.type}, {cell});")
            return Value(v, slot.type)
        c, ty = self.word("ty", args[-1], scope)
        self.low_part(what, ty, args[-1].place)
        self.emit(f"const ir_val {v} = ir_getl(l->b, {c if ty else f'(unsigned){c}'}, {cell});")
        return Value(v, ty)

    def slot(self, e, scope):
        name = e.value
        bound = scope.find(name)
        if bound and bound[0] == "tree" and bound[1].op == "name":
            name = bound[1].value
        if name not in self.spec.slots:
            raise IsaError(e.place, f"`{name}` is no slot")
        return self.spec.slots[name]

    def cell(self, slot, index):
        cell = f"{self.gen.upper}_CELL_{slot.name}"
        if index.op == "num":
            return cell + (f" + {index.value * slot.cells}" if index.value else "")
        return cell + f" + (unsigned){self.c(index)}" + (f" * {slot.cells}" if slot.cells > 1 else "")

    def low_part(self, what, ty, place):
        if ty in ("i128", "f80", "v128", "v256", "fl"):
            raise IsaError(place, f"{what}: {ty} is no type of at most 64 bits")

    def slot_put(self, e, slot, cell, scope, needs_result):
        what = e.value
        if needs_result:
            raise IsaError(e.place, f"{what} has no value")
        v = self.value(e.args[-1], scope, slot.type if what == "PUT" else "i64")
        if what == "PUT":
            if v.ty not in (None, UNTYPED, slot.type):
                raise IsaError(e.place, f"slot `{slot.name}` is {slot.type}, the value {v.ty}")
            if v.ty == UNTYPED and slot.cells > 1:
                raise IsaError(e.place, f"K() for slot `{slot.name}`, which is {slot.type}: VK")
        else:
            self.low_part(what, v.ty, e.place)
        if slot.name in self.slots_called:
            raise IsaError(e.place, f"slot `{slot.name}` is written by helper `{self.slots_called[slot.name]}` too")
        self.assigns(f"slot `{slot.name}`", e.place)
        self.slots_put[slot.name] = e.place
        cells = f"{slot.cells}, " if what == "PUTZ" else ""
        self.emit(f"ir_{what.lower()}(l->b, {cell}, {cells}{v.c});")

    def assigns(self, what, place):
        if self.branched:
            raise IsaError(place, f"{what} is assigned after BRANCH_IF or AGAIN_IF: the other path would miss it")

    def check_index(self, slot, index, place):
        """A slot index stays inside, for every value of the fields in it that the conditions around allow."""
        if index.op == "num":
            if not 0 <= index.value < slot.count:
                raise IsaError(place, f"slot `{slot.name}` has no element {index.value}")
            return
        if not plain(index):
            return  # nothing to try: the C functions of the guest answer for it
        f, words = self.tries(index, PROVE_BITS)
        if words is None:
            raise IsaError(place, f"slot `{slot.name}`: the index has too many bits to prove that it stays inside")
        for w in words:
            if not 0 <= f(w) < slot.count:
                raise IsaError(place, f"slot `{slot.name}` has no element {f(w)} (word bits {w:#x})")

    # ---- ops ----
    def op(self, e, scope, needs_result):
        name, place = e.value, e.place
        ins, out, flags, _ = self.ops[name]
        if needs_result and not out:
            raise IsaError(place, f"{name} has no value")
        if not needs_result and out and "P" in flags:
            raise IsaError(place, f"{name}: the result is not used")
        fixed = [i for i in ins if i != "at"]
        if len(e.args) < len(fixed) or len(e.args) > len(fixed) and "at" not in ins:
            raise IsaError(place, f"{name} takes {len(fixed)} arguments, not {len(e.args)}")
        unify, texts, ty, width = Unify(name), [], None, None
        for kind, arg in zip(fixed, e.args):
            if kind == "b" or kind.isupper():
                v = self.value(arg, scope, unify.want(kind))
                unify.operand(kind, v.ty, arg.place)
                texts.append(v.c)
            elif kind == "bytes":
                texts.append(self.mask(name, arg, scope))
            elif kind in NUMBERS:
                if self.is_value(arg, scope):
                    raise IsaError(arg.place, f"{name}: a number known when lifting is expected, not a run-time value")
                n = self.static(arg, scope)
                if kind == "w" and n.op == "num":
                    width = n.value
                    if width not in WIDTHS:
                        raise IsaError(arg.place, f"{name}: {width} is no width")
                if kind in LANES:
                    self.check_lanes(name, n, arg.place)
                texts.append(self.c(n) if kind in IMM else self.unsigned(n))
            else:
                c, chosen = self.word(kind, arg, scope)
                texts.append(c if chosen else f"(unsigned){c}")
                if kind == "ty":
                    ty = chosen or ""
        if "at" in ins:
            extra = [self.word("at", a, scope) for a in e.args[len(fixed):]]
            texts.append(" | ".join(c if chosen else f"(unsigned){c}" for c, chosen in extra) or "0")
        try:
            result = unify.result(out, ty or None, width) if ty != "" else None
        except IsaError as error:
            raise IsaError(error.place or place, error.message) from None
        self.order(name, flags, place)
        call = f"ir_{name}({', '.join(['l->b'] + texts)})"
        if not needs_result:
            self.emit(call + ";")
            if "E" in flags:
                self.end(name)
            return None
        v = self.temp()
        self.emit(f"const ir_val {v} = {call};")
        return Value(v, result)

    def mask(self, name, e, scope):
        """What VSHUF takes from where: a function of ir/mask.h."""
        if e.op != "call" or e.value not in MASKS:
            raise IsaError(e.place, f"{name} takes one of {' '.join(m + '(…)' for m in MASKS)}")
        if len(e.args) != MASKS[e.value]:
            raise IsaError(e.place, f"{e.value} takes {MASKS[e.value]} arguments, not {len(e.args)}")
        args = [self.static(a, scope) for a in e.args]
        cast = ["(uint64_t)" if e.value == "raw" and i == 0 else "(unsigned)" for i in range(len(args))]
        return f"ir_mask_{e.value}({', '.join(c + self.c(a) for c, a in zip(cast, args))})"

    def unsigned(self, n):
        return str(n.value) if n.op == "num" and n.value >= 0 else f"(unsigned){self.c(n)}"

    def order(self, name, flags, place):
        """Rule 3: a trap comes before anything that cannot be undone."""
        if name in ("AGAIN_IF", "COMMIT") and not self.partial:
            raise IsaError(place, f"{name} needs a `partial` stanza")
        memory = "R" in flags or "W" in flags
        if "T" in flags and (self.stored or self.sticky) and not self.partial and not (memory and self.probed):
            what = "a store" if self.stored else "sticky floating-point flags"
            raise IsaError(place, f"{name} may trap after {what}: PROBE before, or `partial`")
        self.stored |= "W" in flags and "T" in flags
        self.sticky |= "S" in flags
        self.probed |= name == "PROBE"
        self.branched |= name in ("BRANCH_IF", "AGAIN_IF")

    def end(self, name):
        self.ended = True
        if self.nested:
            if name != "TRAP":
                self.emit("@keys@")
            self.emit("return;")

    def helper(self, e, scope, needs_result):
        place = e.place
        h = self.spec.helpers.get(e.args[0].value) if e.args and e.args[0].op == "name" else None
        if not h:
            raise IsaError(place, f"CALL names a helper first{f', `{e.args[0].value}` is none' if e.args else ''}")
        if len(e.args) - 1 != len(h.params):
            raise IsaError(place, f"helper `{h.name}` takes {len(h.params)} arguments, not {len(e.args) - 1}")
        if needs_result and not h.result:
            raise IsaError(place, f"helper `{h.name}` has no value")
        args = []
        for ty, arg in zip(h.params, e.args[1:]):
            v = self.value(arg, scope, ty)
            if v.ty not in (None, ty):
                raise IsaError(arg.place, f"helper `{h.name}`: an argument is {v.ty}, it must be {ty}")
            args.append(v.c)
        writes = h.writes & set(self.spec.slots)
        for slot in sorted(writes & set(self.slots_put)):
            raise IsaError(place, f"helper `{h.name}` writes slot `{slot}`, which the stanza assigns")
        self.slots_called.update({s: h.name for s in writes})
        self.order(f"CALL({h.name})", "T" * ("traps" in h.effects) + "S" * ("fpx" in h.effects), place)
        self.stored |= "mem w" in h.effects or bool(h.writes)
        array = f"(const ir_val[]){{{', '.join(args)}}}" if args else "0"
        call = f"ir_call(l->b, {self.gen.helper_id(h.name)}, {len(args)}, {array})"
        if not needs_result:
            self.emit(call + ";")
            return None
        v = self.temp()
        self.emit(f"const ir_val {v} = {call};")
        return Value(v, h.result)

    # ---- accessors and macros ----
    def bind(self, what, params, args, scope, place):
        if len(params) != len(args):
            raise IsaError(place, f"{what} takes {len(params)} arguments, not {len(args)}")
        inner = Scope(fields={})
        for p, a in zip(params, args):
            if self.is_value(a, scope):
                inner.names[p] = ("value", self.keep(self.value(a, scope)))
            else:
                inner.names[p] = ("tree", a, scope)
        return inner

    def keep(self, v):
        """A value that later assignments to a `let` name do not change."""
        if not v.c.startswith("n"):
            return v
        name = self.temp()
        self.emit(f"const ir_val {name} = {v.c};")
        return Value(name, v.ty)

    @contextlib.contextmanager
    def inside(self, e):
        """An expansion: what is wrong in it is told where it is used."""
        self.depth += 1
        try:
            if self.depth > MAX_DEPTH:
                raise IsaError(e.place, f"`{e.value}` expands without end")
            yield
        except IsaError as error:
            if error.place[1] == e.place[1] and error.place[0] == e.place[0]:
                raise
            at = "" if error.expanded else f" ({e.value}, {error.place[0]}:{error.place[1]})"
            told = IsaError(e.place, error.message + at)
            told.expanded = True
            raise told from None
        self.depth -= 1

    def macro(self, e, scope, want, needs_result):
        m = self.spec.defs[e.value]
        inner = self.bind(f"macro {m.name}", m.params, e.args, scope, e.place)
        with self.inside(e):
            if isinstance(m.body, Stmt):
                if needs_result:
                    raise IsaError(e.place, f"macro {m.name} has no value")
                self.statement(m.body, inner, 0)
                return None
            if needs_result:
                return self.value(m.body, inner, want)
            if m.body.op != "call":
                raise IsaError(e.place, f"macro {m.name}: the value is not used")
            return self.call(m.body, inner, None, False)

    def get(self, e, acc, scope, want):
        if not acc.get:
            raise IsaError(e.place, f"accessor {acc.name} is write-only")
        if acc.get == "extern":
            texts = self.extern_args("get", acc, e.args, scope, e.place)
            self.order(acc.name, "T", e.place)
            v = self.temp()
            self.emit(f"const ir_val {v} = {self.gen.guest}_get_{acc.name}({', '.join(['l'] + texts)});")
            return Value(v, None)
        inner = self.bind(f"accessor {acc.name}", acc.params, e.args, scope, e.place)
        with self.inside(e):
            return self.value(acc.get, inner, want)

    def put(self, e, acc, args, right, scope):
        if not acc.put:
            raise IsaError(e.place, f"accessor {acc.name} is read-only")
        if self.ended:
            raise IsaError(e.place, f"{acc.name} is assigned after the end of the block")
        if not self.is_value(right, scope):
            self.value(right, scope)  # says why
        if acc.put == "extern":
            texts = self.extern_args("put", acc, args, scope, e.place)
            v = self.value(right, scope)
            self.order(acc.name, "TW", e.place)
            self.emit(f"{self.gen.guest}_put_{acc.name}({', '.join(['l'] + texts + [v.c])});")
            return
        inner = self.bind(f"accessor {acc.name}", acc.params, args, scope, e.place)
        inner.names[acc.put[0]] = ("value", self.keep(self.value(right, scope)))
        with self.inside(e):
            self.statement(acc.put[1], inner, 0)

    def extern_args(self, how, acc, args, scope, place):
        if len(args) != len(acc.params):
            raise IsaError(place, f"accessor {acc.name} takes {len(acc.params)} arguments, not {len(args)}")
        kinds, texts = [], []
        for a in args:
            kinds.append("v" if self.is_value(a, scope) else "i")
            texts.append(self.value(a, scope).c if kinds[-1] == "v" else self.c(self.static(a, scope)))
        self.gen.extern(how, acc, "".join(kinds), place)
        return texts
