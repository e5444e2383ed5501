# SPDX-License-Identifier: MIT OR Apache-2.0
"""C of the lifter: one static function for each insn, the table of them, helper rows. lower.py makes the bodies."""
from expr import Expr
from lower import Lower, Scope
from source import IsaError
from texts import Template, bindings


def body_of(gen, pattern):
    insn = pattern.insn
    low = Lower(gen, pattern)
    own = Scope(fields=pattern.fields)
    gates = [(insn.gates, own)] if insn.gates else []
    if insn.expands is None:
        return low, low.stanza(insn.do, gates, own)
    text, place = insn.expands
    source = Template(gen.spec, pattern, text, place)
    for target in gen.patterns:
        if target.insn.do is None or target is pattern:
            continue
        bound = bindings(gen.templates[target], source)
        if bound is None:
            continue
        scope = Scope(fields={})
        for name, tree in bound.items():
            scope.names[name] = ("number", Expr(tree.op, tree.value, tree.args, place))
        if target.insn.gates:
            gates.append((target.insn.gates, scope))
        low.partial |= target.insn.partial
        return low, low.stanza(target.insn.do, gates, scope)
    raise IsaError(place, f"no insn has the text \"{text}\"")


def lift_functions(gen):
    out, errors = [], []
    for p in gen.patterns:
        try:
            low, lines = body_of(gen, p)
            shown = set().union(*(t.fields() for t in [gen.templates[p]] + [a for a, _ in gen.aliases[p]]))
            from_where = set(p.where_fields())
            for f in p.fields:
                if f[0] != "_" and f not in low.used_fields | shown | from_where:
                    raise IsaError(p.insn.bits_place, f"field `{f}` of `{p.insn.name}` is not used: `_` is the name of ignored bits")
        except IsaError as e:
            e.insn = p.insn.name
            errors.append(e)
            continue
        out += ["", f"static void lift_{gen.c_name(p)}(const struct {gen.guest}_lift *l)", "{", *lines, "}"]
    return out, errors


def lift_table(gen):
    g, gu = gen.guest, gen.upper
    out = ["", f"static void (*const lifts[{gu}_INSNS])(const struct {g}_lift *) = {{"]
    out += [f"    [{gen.id(p)}] = lift_{gen.c_name(p)}," for p in gen.patterns]
    out += ["};", "", f"void {g}_lift(const struct {g}_lift *l, unsigned id)", "{", "    lifts[id](l);", "}"]
    return out


def helper_table(gen):
    g = gen.guest
    if not gen.spec.helpers:
        return []
    out = ["", "/* By way of void (*)(void): all helpers take and return uint64_t or pointers, each of which is one register everywhere. */",
           "#define HELPER(f) (uint64_t(*)(void *, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t))(void (*)(void))f",
           f"const struct ir_helper {g}_helpers[{gen.upper}_HELPERS] = {{"]
    for h in gen.spec.helpers.values():
        has = ["pure" in h.effects, "traps" in h.effects, "exits" in h.effects, "pc" in h.writes]
        flags = ", ".join(str(x).lower() for x in has)
        row = f'"{h.name}", HELPER({gen.helper_c(h.name)}), {len(h.params)}, IR_{h.result or "none"}, {flags}'
        row += f", {sum(1 << i for i, ty in enumerate(h.params) if ty == 'v128')}"
        out.append(f"    [{gen.helper_id(h.name)}] = {{{row}}},")
    return out + ["};"]


def helper_prototypes(gen):
    out = []
    for h in gen.spec.helpers.values():
        params = "".join(", const uint64_t *" if ty == "v128" else ", uint64_t" for ty in h.params)
        if h.result == "v128":
            params = ", uint64_t *" + params
        effects = "; ".join(sorted(h.effects))
        out.append(f"uint64_t {gen.helper_c(h.name)}(struct cpu *cpu{params}); /* {effects}{'' if h.result not in (None, 'v128') else '; no result: 0'} */")
    return out
