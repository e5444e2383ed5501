# SPDX-License-Identifier: MIT OR Apache-2.0
"""Expressions and statements: parsing, and what can be done with the lower-case ones (fold, C text, Python function).

One tree serves both cases of rule 1; which names and operators may stand where is decided when it is lowered (lower.py).
Closed trees are lower-case trees whose names are resolved: num, field, key, c (C text), sfn, un, bin, cond.
"""
from source import IsaError, STATEMENTS

LEVELS = [["||"], ["&&"], ["|"], ["^"], ["&"], ["==", "!="], ["<", "<=", ">", ">="], ["<<", ">>"], ["+", "-"], ["*", "/", "%"]]
FIRST, LAST = -1 << 63, (1 << 63) - 1


class Expr:
    __slots__ = ("op", "value", "args", "place")

    def __init__(self, op, value, args, place):
        self.op, self.value, self.args, self.place = op, value, args, place


class Stmt:
    __slots__ = ("op", "value", "args", "place")

    def __init__(self, op, value, args, place):
        self.op, self.value, self.args, self.place = op, value, args, place


def is_upper(name):
    return name[0].isupper() and name == name.upper()


def num(value, place=None):
    return Expr("num", value, (), place)


def parse_expr(r):
    place = r.here()
    cond = parse_level(r, 0)
    if not r.take("?"):
        return cond
    then = parse_expr(r)
    r.expect(":")
    return Expr("cond", None, (cond, then, parse_expr(r)), place)


def parse_level(r, level):
    if level == len(LEVELS):
        return parse_unary(r)
    left = parse_level(r, level + 1)
    while r.peek()[0] == "op" and r.peek()[1] in LEVELS[level]:
        place, op = r.here(), r.next()[1]
        left = Expr("bin", op, (left, parse_level(r, level + 1)), place)
    return left


def parse_unary(r):
    place, (kind, value) = r.here(), r.peek()
    if kind == "op" and value in "!~-+":
        r.next()
        return Expr("un", value, (parse_unary(r),), place)
    if kind == "num":
        r.next()
        if len(value) > 1 and value[0] == "0" and value[1] not in "xXb":
            raise IsaError(place, f"number {value} starts with 0: write it decimal, 0x or 0b")
        n = int(value, 0)
        if n >= 1 << 64:
            raise IsaError(place, f"number {value} does not fit 64 bits")
        return num(n - (1 << 64) if n > LAST else n, place)
    if kind == "op" and value == "(":
        r.next()
        e = parse_expr(r)
        r.expect(")")
        return e
    if kind != "name":
        raise IsaError(place, f"an expression expected, found `{value or 'the end'}`")
    r.next()
    if not r.take("("):
        return Expr("name", value, (), place)
    args = []
    while not r.at(")"):
        args.append(parse_expr(r))
        if not r.take(","):
            break
    r.expect(")")
    return Expr("call", value, tuple(args), place)


def parse_stmt(r):
    place, (kind, value) = r.here(), r.peek()
    if r.take("{"):
        body = []
        while not r.take("}"):
            body.append(parse_stmt(r))
        return Stmt("block", None, body, place)
    if r.take(";"):
        return Stmt("block", None, [], place)
    if kind != "name":
        raise IsaError(place, f"a statement expected, found `{value or 'the end'}`")
    if value == "when":
        r.next()
        r.expect("(")
        cond = parse_expr(r)
        r.expect(")")
        then = parse_stmt(r)
        return Stmt("when", cond, (then, parse_stmt(r) if r.take("else") else None), place)
    if value == "each":
        r.next()
        r.expect("(")
        name = new_name(r)
        r.expect(":")
        low = parse_expr(r)
        r.expect("..")
        high = parse_expr(r)
        r.expect(")")
        return Stmt("each", name, (low, high, parse_stmt(r)), place)
    if value in ("let", "key"):
        r.next()
        name = new_name(r) if value == "let" else r.name()
        r.expect("=")
        e = parse_expr(r)
        r.expect(";")
        return Stmt(value, name, (e,), place)
    if value in STATEMENTS:
        raise IsaError(place, f"`{value}` does not start a statement")
    left = parse_unary(r)
    if r.take("="):
        e = parse_expr(r)
        r.expect(";")
        if left.op == "name" and not is_upper(left.value):
            return Stmt("set", left.value, (e,), place)
        return Stmt("put", left, (e,), place)
    r.expect(";")
    return Stmt("op", left, (), place)


def new_name(r):
    place, name = r.here(), r.name()
    if not name[0].islower():
        raise IsaError(place, f"a lower-case name expected, found `{name}`")
    return name


def parse_body(r):
    """expr or stmt { stmt }: what a `def` holds."""
    if r.at("{") or r.peek()[1] in ("when", "each", "let", "key"):
        return Stmt("block", None, parse_stmts(r), r.here())
    start = r.pos
    e = parse_expr(r)
    if r.peek()[0] == "end":
        return e
    r.pos, r.token = start, None
    return Stmt("block", None, parse_stmts(r), r.here())


def parse_stmts(r):
    body = []
    while r.peek()[0] != "end":
        body.append(parse_stmt(r))
    return body


# ---- closed trees ----

def wrap(n):
    n &= (1 << 64) - 1
    return n - (1 << 64) if n > LAST else n


def quotient(a, b):
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


BINARY = {
    "||": lambda a, b: int(bool(a or b)), "&&": lambda a, b: int(bool(a and b)), "|": lambda a, b: a | b, "^": lambda a, b: a ^ b,
    "&": lambda a, b: a & b, "==": lambda a, b: int(a == b), "!=": lambda a, b: int(a != b), "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b), ">": lambda a, b: int(a > b), ">=": lambda a, b: int(a >= b), "<<": lambda a, b: wrap(a << (b & 63)),
    ">>": lambda a, b: a >> (b & 63), "+": lambda a, b: wrap(a + b), "-": lambda a, b: wrap(a - b), "*": lambda a, b: wrap(a * b),
    "/": lambda a, b: wrap(quotient(a, b)) if b else 0, "%": lambda a, b: a - quotient(a, b) * b if b else 0,
}
UNARY = {"!": lambda a: int(not a), "~": lambda a: ~a, "-": lambda a: wrap(-a), "+": lambda a: a}


def fold(e):
    """Simplifies the top of a closed tree whose arguments are folded already."""
    a = e.args
    if e.op == "cond" and a[0].op == "num":
        return a[1] if a[0].value else a[2]
    if e.op == "un" and a[0].op == "num":
        return num(UNARY[e.value](a[0].value), e.place)
    if e.op == "bin":
        if e.value in "/%" and a[1].op != "num":
            raise IsaError(e.place, "a divisor must be a constant")
        if e.value in "/%" and a[1].value in (0, -1):
            raise IsaError(e.place, f"division by {a[1].value}")
        if a[0].op == "num" and a[1].op == "num":
            return num(BINARY[e.value](a[0].value, a[1].value), e.place)
        if e.value in ("&&", "||"):
            for this, other in ((a[0], a[1]), (a[1], a[0])):
                if this.op == "num":
                    if bool(this.value) == (e.value == "||"):
                        return num(int(e.value == "||"), e.place)
                    return other if is_truth(other) else fold(Expr("bin", "!=", (other, num(0)), e.place))
    return e


def is_truth(e):
    return e.op == "bin" and e.value in ("==", "!=", "<", "<=", ">", ">=", "&&", "||") or e.op == "un" and e.value == "!"


def both(a, b):
    """a && b, either may be None (true)."""
    if a is None or b is None:
        return a or b
    return fold(Expr("bin", "&&", (a, b), a.place))


def conjuncts(e):
    """The terms of a conjunction; None is an empty one."""
    if e is None:
        return []
    return [x for a in e.args for x in conjuncts(a)] if e.op == "bin" and e.value == "&&" else [e]


def negate(e):
    return fold(Expr("un", "!", (e,), e.place))


def leaves(e, op):
    """The values of all nodes of kind op."""
    if e is None:
        return set()
    own = {e.value} if e.op == op else set()
    return own.union(*(leaves(a, op) for a in e.args))


def c_number(n):
    if n == FIRST:
        return "INT64_MIN"
    return str(n) if -1 << 31 < n < 1 << 31 else f"INT64_C({n})"


def c_text(e, field, top=False):
    """C text of a closed tree; field(name) gives the text of a field."""
    if e.op == "num":
        return c_number(e.value)
    if e.op == "field":
        return field(e.value)
    if e.op == "key":
        return f"l->key->{e.value}"
    if e.op == "c":
        return e.value
    args = [c_text(a, field) for a in e.args]
    if e.op == "sfn":
        return f"{e.value}({', '.join(['l'] + args)})"
    if e.op == "un":
        text = e.value + (f"({args[0]})" if e.value == "-" and args[0][0] == "-" else args[0])
    elif e.op == "cond":
        text = f"{args[0]} ? {args[1]} : {args[2]}"
    elif e.value == "<<":  # a negative left operand would be undefined in C
        text = f"(int64_t)((uint64_t){args[0]} << {args[1]})"
    elif e.value in ("+", "-", "*") and any(a.op == "bin" and a.value == "<<" for a in e.args):  # wraps, as where it is folded
        text = f"(int64_t)((uint64_t){args[0]} {e.value} (uint64_t){args[1]})"
    else:
        text = f"{args[0]} {e.value} {args[1]}"
    return text if top else f"({text})"


def py_text(e, field):
    if e.op == "num":
        return str(e.value) if e.value >= 0 else f"({e.value})"
    if e.op == "field":
        return field(e.value)
    args = [py_text(a, field) for a in e.args]
    if e.op == "un":
        return f"UNARY[{e.value!r}]({args[0]})"
    if e.op == "cond":
        return f"({args[1]} if {args[0]} else {args[2]})"
    if e.op == "bin":
        if e.value in ("==", "!=", "<", "<=", ">", ">=", "&", "|", "^"):
            return f"({args[0]} {e.value} {args[1]})"
        if e.value in ("&&", "||"):
            return f"({args[0]} {'and' if e.value == '&&' else 'or'} {args[1]})"
        return f"BINARY[{e.value!r}]({args[0]}, {args[1]})"
    raise IsaError(e.place, "only fields and numbers may stand here")


def py_function(e, field, params):
    return eval(f"lambda {params}: {py_text(e, field)}", {"BINARY": BINARY, "UNARY": UNARY})
