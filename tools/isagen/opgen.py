#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes ops.gen.h from ops.def and words.def: enums, the signature table and the builder's functions.

    opgen.py OPS.DEF WORDS.DEF OUT.H
"""
import re
import sys

IMM = {"off", "n", "pos", "len", "from", "to", "helper"}  # statics that live in imm
PREFIX = {"at": "MEM_", "cc": "IR_CC_", "cond": "IR_COND_", "fcc": "IR_FC_", "amo": "IR_AMO_"}  # of words; the others IR_
SPECIAL = {"CALL", "MOV", "K", "BRANCH_CMP", "COMMIT"}  # built by hand in build.c


def read_rows(path, macro, fields):
    text = re.sub(r"/\*.*?\*/", "", open(path, encoding="utf-8").read(), flags=re.S)
    rows = []
    for line in text.splitlines():
        line = line.strip()
        if not line:
            continue
        m = re.fullmatch(macro + r"\((.*)\)", line)
        if not m:
            sys.exit(f"{path}: not a {macro} row: {line}")
        cells = [c.strip() for c in re.findall(r'\s*("[^"]*"|[^,"]+)\s*(?:,|$)', m[1])]
        if len(cells) != fields:
            sys.exit(f"{path}: {fields} columns expected: {line}")
        rows.append([c.strip('"') for c in cells])
    return rows


def read_ops(path):
    """name -> (inputs, output, flags, meaning); inputs are signature letters and static words in order."""
    ops = {}
    for name, sig, flags, meaning in read_rows(path, "OP", 4):
        ins, out = sig.split(":")
        if name in ops:
            sys.exit(f"{path}: {name} stands twice")
        ops[name] = ([i for i in ins.split(",") if i], out, flags, meaning)
    return ops


def read_words(path):
    """kind -> {name: number}"""
    kinds = {}
    for kind, name, number in read_rows(path, "WORD", 3):
        kinds.setdefault(kind, {})[name] = int(number)
    return kinds


def is_value(word):
    return word == "..." or word in ("b",) or word.isupper()


def builder(name, ins, out):
    params, stat, vals, imm, ty = ["struct ir_build *b"], [], [], [], "IR_none"
    for i, word in enumerate(ins):
        if is_value(word):
            params.append(f"ir_val v{i}")
            vals.append(f"v{i}")
        elif word in IMM:
            params.append(f"int64_t {word}")
            imm.append(word)
        elif word == "bytes":  # a struct ir_mask
            params.append("struct ir_mask bytes")
            stat += ["(uint8_t)bytes.second", "(uint8_t)(bytes.second >> 8)"]
        else:
            params.append(f"unsigned {word}")
            if word == "ty":
                ty = "ty"
            else:
                stat.append(f"(uint8_t){word}")
    if len(imm) == 2:
        k = f"(uint64_t){imm[0]} | (uint64_t){imm[1]} << 8"
    elif "bytes" in ins:
        k = "bytes.low"
    elif imm == ["pos"]:
        k = "(uint64_t)pos | 1 << 8"
    else:
        k = f"(uint64_t){imm[0]}" if imm else "0"
    ret = "ir_val" if out else "void"
    call = (f"ir_emit(b, IR_{name}, {ty}, (const uint8_t[4]){{{', '.join(stat) or '0'}}}, {k}, {len(vals)}, "
            f"(ir_val[3]){{{', '.join(vals) or '{0}'}}})")
    head = f"{ret} ir_{name}({', '.join(params)})"
    return f"{head};", f"{head}\n{{\n    {'return ' if out else ''}{call};\n}}\n"


def main():
    ops, words = read_ops(sys.argv[1]), read_words(sys.argv[2])
    flag_bits = {f: 1 << i for i, f in enumerate("PCTRWSEo")}
    o = ["/* Made by tools/isagen/opgen.py from ops.def and words.def. */", "#ifndef IR_OPS_GEN", "#define IR_OPS_GEN", "#include <stdint.h>", ""]
    for kind, names in words.items():
        prefix = PREFIX.get(kind, "IR_")
        o.append("enum { /* %s */ %s };" % (kind, ", ".join(f"{prefix}{n} = {v}" for n, v in names.items())))
    o.append("\nenum ir_opcode {")
    o += [f"    IR_{name}, /* {ops[name][3]} */" for name in ops]
    o += ["    IR_OPS", "};", "", "enum { " + ", ".join(f"IR_F_{f} = {b}" for f, b in flag_bits.items()) + " };", "",
          "struct ir_sig {", "    const char *name;", "    const char *in;  /* letters of the value operands */",
          "    char out;        /* 0: none */", "    uint8_t flags;   /* IR_F_* */", "    uint8_t statics; /* used of s[] */",
          "    const char *words; /* the statics' kinds, comma separated, in order */", "};",
          "extern const struct ir_sig ir_sigs[IR_OPS];", ""]
    o.append("#endif")
    o.append("#ifdef IR_SIGS /* defined by the one file that holds the table */")
    o.append("const struct ir_sig ir_sigs[IR_OPS] = {")
    for name, (ins, out, flags, _) in ops.items():
        letters = "".join(i for i in ins if is_value(i) and i != "...")
        statics = [i for i in ins if not is_value(i) and i not in IMM and i != "ty"]
        statics = [x for i in statics for x in ([i] if i != "bytes" else ["bytes", "bytes"])]  # two of s[]
        if len(statics) > 4:
            sys.exit(f"ops.def: {name} has more than 4 statics")
        o.append(f'    [IR_{name}] = {{"{name}", "{letters}", {repr(out) if out else 0}, {sum(flag_bits[f] for f in flags)}, '
                 f'{len(statics)}, "{",".join(statics)}"}},')
    o += ["};", "#endif", ""]
    builders = [builder(name, ins, out) for name, (ins, out, _, _) in ops.items() if name not in SPECIAL]
    o.append("#if defined IR_BUILDERS && !defined IR_BUILDERS_DONE /* asked for by ir/build.h */\n#define IR_BUILDERS_DONE")
    o += [head for head, _ in builders] + ["#endif", "#ifdef IR_BUILDER_BODIES /* defined by the one file that has them */"]
    o += [body for _, body in builders] + ["#endif"]
    text = "\n".join(o) + "\n"
    open(sys.argv[3], "w", encoding="utf-8").write(text)


if __name__ == "__main__":
    main()
