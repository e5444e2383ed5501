# SPDX-License-Identifier: MIT OR Apache-2.0
"""C of the disassembler: a function for each insn, the tables of the list styles."""
from ctext import c_string, filled
from expr import c_text, leaves
from texts import Part

PUT = """
void G_text_put(struct G_text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->len < t->size ? t->buf + t->len : NULL, t->len < t->size ? t->size - t->len : 0, format, args);
    va_end(args);
    t->len += n > 0 ? (size_t)n : 0;
}
"""

SHOW_LIST = """
static void show_list(struct G_text *t, const char *const *names, unsigned count, uint64_t n)
{
    if (n < count)
        G_text_put(t, "%s", names[n]);
    else
        G_text_put(t, "%" PRIu64, n);
}
"""

PRINT = """
size_t G_print(unsigned id, uint32_t word, uint64_t pc, char *buf, size_t size)
{
    struct G_text t = {buf, size, 0, pc, word};
    if (size)
        buf[0] = 0;
    if (id < GU_INSNS)
        prints[id](&t, word);
    return t.len;
}
"""


def print_functions(gen):
    g, out, lists, styles = gen.guest, [], {}, {}
    for p in gen.patterns:
        used, body = set(), []
        for template, cond in gen.aliases[p]:
            if cond.op == "num":
                if not cond.value:
                    continue
                body += show(gen, template, "    ", used, lists, styles)
                break
            used |= leaves(cond, "field")
            body.append(f"    if ({c_text(cond, lambda n: 'f_' + n, True)}) {{")
            body += show(gen, template, "        ", used, lists, styles)
            body += ["        return;", "    }"]
        else:
            body += show(gen, gen.templates[p], "    ", used, lists, styles)
        out += ["", f"static void print_{gen.c_name(p)}(struct {g}_text *t, uint32_t word)", "{"]
        out += [f"    const int64_t f_{n} = {f.c('word')};" for n, f in p.fields.items() if n in used]
        if not used:
            out.append("    (void)word;")
        out += body + ["}"]
    head = filled(gen, PUT)
    for name in sorted(lists):
        entries = "\n".join(f"    {c_string(w)}," for w in gen.spec.names(name))
        head += ["", f"static const char *const list_{name}[] = {{", *entries.split("\n"), "};"]
    if lists:
        head += filled(gen, SHOW_LIST)
    tail = ["", f"static void (*const prints[{gen.upper}_INSNS])(struct {g}_text *, uint32_t) = {{"]
    tail += [f"    [{gen.id(p)}] = print_{gen.c_name(p)}," for p in gen.patterns]
    tail += ["};", *filled(gen, PRINT)]
    return head + out + tail, styles


def show(gen, template, pad, used, lists, styles):
    out, g = [], gen.guest
    for part in template.parts:
        if not isinstance(part, Part):
            out.append(f'{pad}{g}_text_put(t, "%s", {c_string(part)});')
            continue
        used |= set(part.fields)
        values = [f"f_{f}" for f in part.fields]
        if part.names is not None:
            lists[part.style] = True
            index = ""
            for f in part.fields:
                width = part.pattern.fields[f].width
                bits = f"((uint64_t)f_{f} & {hex((1 << width) - 1)})"
                index = f"({index} << {width} | {bits})" if index else bits
            out.append(f"{pad}show_list(t, list_{part.style}, sizeof list_{part.style} / sizeof *list_{part.style}, {index});")
        elif part.c:
            styles[part.style] = len(values)
            out.append(f"{pad}{g}_show_{part.style}(t, {', '.join(values)});")
        elif part.style == "pc":
            out.append(f'{pad}{g}_text_put(t, "0x%" PRIx64, t->pc + (uint64_t){values[0]});')
        elif part.style == "hex":
            out.append(f'{pad}{g}_text_put(t, "0x%" PRIx64, (uint64_t){values[0]});')
        else:
            out.append(f'{pad}{g}_text_put(t, "%" PRId64, {values[0]});')
    return out
