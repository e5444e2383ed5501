# SPDX-License-Identifier: MIT OR Apache-2.0
"""Statements of `do` texts to C, and the stanza: gates, queued keys, fields. values.py has the expressions.

What the rules say about the order of things is checked on the way, path by path (Values.order, .checks); an E op in a `when` leaves the
C function, so what follows it is lifted only for the other path.
"""
import re

from expr import Expr, fold, is_upper, negate, num
from optypes import UNTYPED
from source import IsaError
from statics import PROVE_BITS, Scope, Value
from values import CONSTANTS, Values


class Lower(Values):
    """One stanza."""

    # ---- statements ----
    def statement(self, s, scope, whens):
        if self.ended and not (s.op == "block" and not s.args):
            raise IsaError(s.place, "nothing may follow an op that ends the block")
        getattr(self, "do_" + s.op)(s, scope, whens)

    def do_block(self, s, scope, whens):
        inner = Scope(scope)
        for x in s.args:
            self.statement(x, inner, whens)

    def do_let(self, s, scope, whens):
        self.spec.check_name(s.value, s.place, "name")
        if s.value in scope.fields or s.value in self.spec.keys:
            raise IsaError(s.place, f"`{s.value}` is a {'field' if s.value in scope.fields else 'key'}")
        if s.value in scope.names:
            raise IsaError(s.place, f"`{s.value}` is bound twice")
        self.temps += 1
        name = f"n{self.temps}_{s.value}"
        if self.is_value(s.args[0], scope):
            v = self.value(s.args[0], scope)
            self.emit(f"ir_val {name} = {v.c};")
            scope.names[s.value] = ("value", Value(name, v.ty))
        else:
            n = self.static(s.args[0], scope)
            self.emit(f"int64_t {name} = {self.c(n, True)};")
            scope.names[s.value] = ("number", Expr("c", name, (), s.place))
        self.emit(f"(void){name};")

    def do_set(self, s, scope, whens):
        holder = scope.holder(s.value)
        bound = holder.names[s.value] if holder else None
        if not bound or bound[0] == "tree" or bound[0] == "value" and not bound[1].c.startswith("n"):
            raise IsaError(s.place, f"`{s.value}` is no name of `let`")
        if bound[0] == "value":
            v = self.value(s.args[0], scope, bound[1].ty if bound[1].ty != UNTYPED else None)
            self.emit(f"{bound[1].c} = {v.c};")
            ty = bound[1].ty
            holder.names[s.value] = ("value", Value(bound[1].c, v.ty if not self.nested or v.ty == ty else None))
        else:
            if self.is_value(s.args[0], scope):
                raise IsaError(s.place, f"`{s.value}` was bound to a number known when lifting, not to a run-time value")
            self.emit(f"{bound[1].value} = {self.c(self.static(s.args[0], scope), True)};")

    def do_key(self, s, scope, whens):
        if s.value not in self.spec.keys:
            raise IsaError(s.place, f"`{s.value}` is no key")
        if self.is_value(s.args[0], scope):
            raise IsaError(s.place, f"key `{s.value}` from a run-time value: assign the slot, then END(key)")
        self.assigns(f"key `{s.value}`", s.place)
        n = self.static(s.args[0], scope)
        self.keys_set[s.value] = True
        key = self.spec.keys[s.value]
        if n.op == "num" and not 0 <= n.value < 1 << key.bits:
            raise IsaError(s.place, f"key `{s.value}` has {key.bits} bits")
        self.emit(f"key_{s.value} = {self.c(n, True)};")

    def do_put(self, s, scope, whens):
        left = s.value
        if left.op not in ("name", "call") or left.value not in self.spec.accs:
            raise IsaError(s.place, f"`{left.value or 'this'}` cannot be assigned")
        self.put(left, self.spec.accs[left.value], left.args, s.args[0], scope)

    def do_op(self, s, scope, whens):
        e = s.value
        if e.op not in ("name", "call") or not is_upper(e.value):
            raise IsaError(s.place, "a statement is an assignment, an op, a macro or CALL")
        if e.value in CONSTANTS:
            raise IsaError(s.place, f"{e.value}: the result is not used")
        self.call(e, scope, None, False)

    def do_when(self, s, scope, whens):
        if whens == 2:
            raise IsaError(s.place, "`when` nests at most twice: two stanzas or a helper")
        if self.is_value(s.value, scope):
            raise IsaError(s.place, "the condition of `when` is known only when the guest runs: SELECT, TRAP_IF, BRANCH_IF")
        cond, (then, other) = self.decide(self.static(s.value, scope)), s.args

        def body(x):
            # each arm is a scope of its own; an `else when` chain is one level
            deeper = whens if x is other and x is not None and x.op == "when" else whens + 1
            return (lambda: self.statement(x, Scope(scope), deeper)) if x else None
        if cond.op == "num":
            chosen = then if cond.value else other
            if chosen:
                self.statement(chosen, Scope(scope), whens)
            return
        self.branch(cond, body(then), body(other))

    def do_each(self, s, scope, whens):
        low, high = (self.static(a, scope) for a in s.args[:2])
        self.spec.check_name(s.value, s.place, "name")
        if scope.find(s.value) or s.value in scope.fields or s.value in self.spec.keys:
            raise IsaError(s.place, f"`{s.value}` is taken")
        count = fold(Expr("bin", "+", (fold(Expr("bin", "-", (high, low), s.place)), num(1)), s.place))
        if self.most(count, s.place) > 64:
            raise IsaError(s.place, "`each` runs over 64 times")
        inner = Scope(scope)
        if low.op == "num" and high.op == "num":
            for i in range(low.value, high.value + 1):
                inner.names[s.value] = ("number", num(i, s.place))
                self.statement(s.args[2], Scope(inner), whens)
            return
        self.temps += 1
        name = f"n{self.temps}_{s.value}"
        inner.names[s.value] = ("number", Expr("c", name, (), s.place))
        self.emit(f"for (int64_t {name} = {self.c(low, True)}; {name} <= {self.c(high)}; {name}++) {{")
        self.indent += 1
        self.nested += 1
        mark = len(self.lines)
        self.statement(s.args[2], Scope(inner), whens)  # twice: the second round meets what the first has done
        del self.lines[mark:]
        self.statement(s.args[2], Scope(inner), whens)
        self.nested -= 1
        self.indent -= 1
        self.emit("}")

    def most(self, e, place):
        if e.op == "num":
            return e.value
        f, words = self.tries(e, PROVE_BITS)
        if words is None:
            raise IsaError(place, "the bounds of `each` must be numbers and fields")
        return max((f(w) for w in words), default=0)

    # ---- the stanza ----
    def gates(self, g, scope, seen=()):
        """Emits the tests of a gate list; returns the `then` statements of the named ones."""
        after = []
        for e, trap in g.terms:
            if trap is None:
                if e.value not in self.spec.gates:
                    raise IsaError(e.place, f"`{e.value}` is no gate")
                if e.value in seen:
                    raise IsaError(e.place, f"gate `{e.value}` contains itself")
                inner = self.spec.gates[e.value]
                after += self.gates(inner, scope, (*seen, e.value))
                if inner.then:
                    after.append(inner.then)
                continue
            if self.is_value(e, scope):
                raise IsaError(e.place, "a gate's condition must be known when lifting")
            cond, kind = self.decide(self.static(e, scope)), self.word("kind", trap, scope)[0]
            if cond.op == "num" and cond.value:
                continue
            self.emit(f"if ({self.c(negate(cond), True)}) {{")
            self.emit(f"    ir_TRAP(l->b, {kind}, ir_k(IR_i64, l->insn));")
            self.emit("    return;")
            self.emit("}")
            self.path.append(cond)
        return after

    def stanza(self, body, gates, scope):
        after = []
        for g, s in gates:
            after += [(x, s) for x in self.gates(g, s)]
        for x, s in after:
            self.statement(x, Scope(s), 0)
        inner = Scope(scope)
        for x in body:
            self.statement(x, inner, 0)
        return self.finish()

    def live(self, lines):
        """Without the pure ops whose results nobody uses (an argument that a macro ignores)."""
        out = []
        text = ""
        for line in reversed(lines):
            m = re.match(r"( *)const ir_val (v\d+) = ((?:ir_)?(\w+)\b.*)", line)
            if m and not re.search(m[2] + r"\b", text):
                if not m[3].startswith("ir_") or m[4] in ("get", "getl") or "P" in self.ops.get(m[4], ("", "", ""))[2]:
                    continue
                line = m[1] + m[3]
            out.append(line)
            text += line + "\n"
        return out[::-1]

    def finish(self):
        """The C lines with keys queued and fields declared."""
        keys = sorted(self.keys_set)
        head = [f"    const int64_t f_{n} = {self.pattern.fields[n].c('l->insn')};" for n in self.pattern.fields if n in self.used_fields]
        head += [f"    int64_t key_{k} = l->key->{k};" for k in keys]

        def commit(pad):
            return [f"{pad}l->key->{k} = key_{k} & {hex((1 << self.spec.keys[k].bits) - 1)};" for k in keys]
        lines = []
        for line in self.lines:
            if line.strip() == "@keys@":
                lines += commit(line[:len(line) - len("@keys@")])
            else:
                lines.append(line)
        lines = self.live(lines)
        if keys:
            lines += commit("    ")
        out = head + lines
        if not any("l->" in x or "(l" in x for x in out):
            out = ["    (void)l;"] + out
        return out

