#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Instructions as data: makes decoder, lifter, printer, encoder, tables and the list of insns of a guest from its .isa files.

    isagen.py --guest riscv64 --ops src/ir/ops.def --words src/ir/words.def --out DIR FILE.isa...

README.md beside this file describes the language. Nothing is written if anything is refused.
"""
import argparse
import os
import re
import sys

sys.dont_write_bytecode = True  # the source tree stays clean
import emit_decode
import emit_docs
import emit_encode
import emit_header
import emit_lift
import emit_print
from opgen import read_ops, read_words
from pattern import Features, Pattern, order, subsets
from source import IsaError
from spec import Spec
from texts import Template


class Generator:
    def __init__(self, guest, ops, words, traps=None, features=None):
        self.guest, self.upper, self.ops = guest, guest.upper(), ops
        self.spec = Spec(words, traps)
        self.patterns, self.masks, self.templates, self.aliases, self.wider = [], {}, {}, {}, {}
        self.functions, self.externs = {}, {}
        self.subsets, self.feature_names = subsets, features

    # ---- names ----
    def c_name(self, p):
        return p.insn.name.replace(".", "_")

    def id(self, p):
        return f"{self.upper}_INSN_{self.c_name(p)}"

    def helper_c(self, name):
        return name if name.startswith(self.guest + "_") else f"{self.guest}_hlp_{name}"

    def helper_id(self, name):
        return f"{self.upper}_HLP_{name.removeprefix(self.guest + '_')}"

    def static_function(self, name, arity, place):
        c = f"{self.guest}_sfn_{name}"
        if self.functions.setdefault(c, arity) != arity:
            raise IsaError(place, f"`{name}` is called with {arity} arguments here, with {self.functions[c]} elsewhere")
        return c

    def extern(self, how, acc, kinds, place):
        if self.externs.setdefault((how, acc.name), kinds) != kinds:
            raise IsaError(place, f"accessor {acc.name}: an argument is a run-time value here and a number elsewhere")

    def printed(self, p, word):
        for template, cond in self.aliases[p]:
            if p.function(cond)(word):
                return template.format(word)
        return self.templates[p].format(word)

    # ---- the work ----
    def read(self, files):
        for path in files:
            self.spec.read(path)
        self.spec.finish()
        self.features, errors, seen = Features(self.spec, self.feature_names), self.spec.errors, {}
        for insn in self.spec.insns:
            try:
                name = insn.name.replace(".", "_")
                if name in seen:
                    raise IsaError(insn.place, f"insn `{insn.name}` stands twice (first {seen[name][0]}:{seen[name][1]})")
                seen[name] = insn.place
                p = Pattern(self.spec, insn)
                self.masks[p] = self.features.masks(insn)
                self.templates[p] = Template(self.spec, p, *insn.text)
                self.aliases[p] = [(Template(self.spec, p, text, place), p.resolve(e, "alias")) for text, e, place in insn.aliases]
                for e, _ in insn.unpred:
                    p.resolve(e, "unpred")
                self.patterns.append(p)
            except IsaError as e:
                errors.append(e)
        self.wider, collisions = order(self.patterns, self.masks)
        errors += collisions
        return errors

    def check_tests(self):
        """Gives each test to the insn of its stanza that its word is, and compares word and text both ways."""
        errors = []
        for t, insns in self.spec.tests:
            hits = [p for p in self.patterns if p.width == t.width and p.matches(t.word)]
            best = [p for p in hits if not any(p in self.wider[q] for q in hits)]
            own = [p for p in best if any(p.insn is i for i in insns)]
            word = f"{t.word:0{t.width // 4}x}"
            if not own:
                errors.append(IsaError(t.place, f"test: {word} is {best[0].insn.name if best else 'undefined'}, no insn of this stanza"))
                continue
            p = own[0]
            p.insn.tests.append(t)
            texts = [self.templates[p]] + [a for a, e in self.aliases[p] if p.function(e)(t.word)]
            if not any(x.means(t.text, t.word) for x in texts):
                errors.append(IsaError(t.place, f'test: {word} is "{self.printed(p, t.word) or p.insn.text[0]}", not "{t.text}"'))
            if p.insert({n: f.extract(t.word) for n, f in p.fields.items()}) != t.word:
                errors.append(IsaError(t.place, f"test: {word} does not encode back"))
        return errors

    def generate(self, include):
        """(header lines, code lines, errors)"""
        lifts, errors = emit_lift.lift_functions(self)
        tables, more = emit_encode.tables(self)
        prints, styles = emit_print.print_functions(self)
        head = emit_header.header(self, styles)
        code = ["/* SPDX-License-Identifier: MIT OR Apache-2.0 */", f"/* Made by tools/isagen from the .isa files of {self.guest}. */",
                f'#include "{self.guest}_insns.gen.h"', "", "#include <inttypes.h>", "#include <stdarg.h>", "#include <stdio.h>", "",
                f'#include "{include}"']
        code += emit_header.keys_code(self) + emit_decode.decoder(self) + lifts + emit_lift.lift_table(self) + emit_lift.helper_table(self)
        code += prints + tables
        return head, code, errors + more


def read_names(path, macro):
    """First arguments of the rows MACRO(name, ...) of a .def file; None without a file."""
    if not path:
        return None
    with open(path, encoding="utf-8") as f:
        return set(re.findall(r"^" + macro + r"\(\s*(\w+)", f.read(), re.M))


def write(path, lines):
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    os.replace(path + ".new", path)


def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--guest", required=True)
    a.add_argument("--ops", required=True)
    a.add_argument("--words", required=True)
    a.add_argument("--traps", help="rows TRAP(name, ...): the trap words")
    a.add_argument("--features", help="rows FEATURE(name, ...): the features that may be asked for")
    a.add_argument("--include", help="header that gives the GU_TRAP_ words (guest/GUEST/traps.h)")
    a.add_argument("--out", required=True)
    a.add_argument("--coverage", action="store_true", help="print how much of each major opcode is defined")
    a.add_argument("--depfile", help="write what the outputs depend on, for ninja")
    a.add_argument("files", nargs="+")
    args = a.parse_args()
    gen = Generator(args.guest, read_ops(args.ops), read_words(args.words), read_names(args.traps, "TRAP"),
                    read_names(args.features, "FEATURE"))
    errors = gen.read(args.files) + gen.check_tests()
    head, code, more = gen.generate(args.include or f"guest/{args.guest}/traps.h")
    errors += more
    if errors:
        shown = {}
        for e in errors:
            shown.setdefault((e.place, e.message), str(e))
        print("\n".join(shown[k] for k in sorted(shown)), file=sys.stderr)
        sys.exit(1)
    base = os.path.join(args.out, f"{args.guest}_insns")
    write(base + ".gen.h", head)
    write(base + ".gen.c", code)
    write(base + ".md", emit_docs.page(gen))
    if args.depfile:
        here = os.path.dirname(os.path.abspath(__file__))
        deps = [os.path.join(here, n) for n in sorted(os.listdir(here)) if n.endswith(".py")]
        deps += [f for f in (args.ops, args.words, args.traps, args.features) if f] + args.files
        write(args.depfile, [f"{base}.gen.h {base}.gen.c {base}.md: {' '.join(deps)}"])
    if args.coverage:
        print("\n".join(emit_docs.coverage_rows(gen)))


if __name__ == "__main__":
    main()
