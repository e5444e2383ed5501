# SPDX-License-Identifier: MIT OR Apache-2.0
"""C of the disassembler: texts as rows of parts, which one function prints, and the tables of the list styles."""
from ctext import c_string, filled
from expr import c_text, leaves
from source import IsaError
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

PARTS = """
enum { IS_TEXT, IS_LIST, IS_SHOWN, IS_PC, IS_HEX, IS_NUMBER };

/* what: the place in `pool`, the list, the function. A text holds if its condition, if any, does; the last one of an insn has none. */
struct part {
    uint8_t is, n, fields[PART_FIELDS];
    uint16_t what;
};
struct text {
    bool (*holds)(uint32_t word);
    uint16_t first, n;
};
"""

PRINT = """
static void show_list(struct G_text *t, const struct list *list, uint64_t n)
{
    if (n < list->count)
        G_text_put(t, "%s", list->names[n]);
    else
        G_text_put(t, "%" PRIu64, n);
}

/* The fields' bits one behind the other. */
static uint64_t list_index(const struct part *p, const struct G_field *fields, const int64_t *values)
{
    uint64_t index = 0;
    for (unsigned i = 0; i < p->n; i++) {
        unsigned width = fields[p->fields[i]].width;
        index = index << width | ((uint64_t)values[p->fields[i]] & ((1ull << width) - 1));
    }
    return index;
}

size_t G_print(unsigned id, uint32_t word, uint64_t pc, char *buf, size_t size)
{
    struct G_text t = {buf, size, 0, pc, word};
    int64_t values[MAX_FIELDS] = {0};
    if (size)
        buf[0] = 0;
    if (id >= GU_INSNS)
        return 0;
    G_extract(id, word, values);
    const struct text *text = &texts[first_text[id]];
    while (text->holds && !text->holds(word))
        text++;
    for (const struct part *p = &parts[text->first], *end = p + text->n; p < end; p++) {
        int64_t value = values[p->fields[0]];
        switch (p->is) {
        case IS_TEXT: G_text_put(&t, "%s", pool + p->what); break;
        case IS_LIST: show_list(&t, &lists[p->what], list_index(p, &G_fields[G_insns[id].first_field], values)); break;
        case IS_SHOWN: show(&t, p, values); break;
        case IS_PC: G_text_put(&t, "0x%" PRIx64, pc + (uint64_t)value); break;
        case IS_HEX: G_text_put(&t, "0x%" PRIx64, (uint64_t)value); break;
        default: G_text_put(&t, "%" PRId64, value);
        }
    }
    return t.len;
}
"""


class Tables:
    """Rows that stand once each: parts of texts, strings, lists, functions, conditions."""

    def __init__(self, gen):
        self.gen, self.parts, self.texts, self.runs, self.firsts = gen, [], [], {}, []
        self.pool, self.size, self.lists, self.shown, self.conditions = {}, 0, {}, {}, {}

    def string(self, text):
        if text not in self.pool:
            self.pool[text] = self.size
            self.size += len(text) + 1
        return self.pool[text]

    def part(self, pattern, part):
        if not isinstance(part, Part):
            return "IS_TEXT", (), self.string(part)
        fields = tuple(list(pattern.fields).index(f) for f in part.fields)
        if part.names is not None:
            return "IS_LIST", fields, self.lists.setdefault(part.style, len(self.lists))
        if part.c:
            return "IS_SHOWN", fields, self.shown.setdefault((part.style, len(fields)), len(self.shown))
        return {"pc": "IS_PC", "hex": "IS_HEX"}.get(part.style, "IS_NUMBER"), fields, 0

    def text(self, pattern, template, holds):
        run = tuple(self.part(pattern, part) for part in template.parts)
        if run not in self.runs:
            self.runs[run] = len(self.parts)
            self.parts += run
        self.texts.append((holds, self.runs[run], len(run)))

    def insn(self, p):
        self.firsts.append((self.gen.id(p), len(self.texts)))
        for template, cond in self.gen.aliases[p]:
            if cond.op != "num":
                self.text(p, template, self.condition(p, cond))
            elif cond.value:
                self.text(p, template, None)
                return
        self.text(p, self.gen.templates[p], None)

    def condition(self, p, cond):
        used = leaves(cond, "field")
        lines = [f"    const int64_t f_{n} = {f.c('word')};" for n, f in p.fields.items() if n in used]
        body = "\n".join([*lines, f"    return {c_text(cond, lambda n: 'f_' + n, True)};"])
        return self.conditions.setdefault(body, f"alias_{len(self.conditions)}")


def show_function(gen, shown):
    """Calls the guest's functions, which differ in how many fields they take."""
    g, counts = gen.guest, sorted({n for _, n in shown})
    if not shown:
        return ["", f"static void show(struct {g}_text *t, const struct part *p, const int64_t *values)", "{", "    (void)t, (void)p, (void)values;", "}"]
    out = ["", "static void (*const shows[])(void) = {", *(f"    (void (*)(void)){g}_show_{style}," for style, _ in shown), "};"]
    out += ["", f"static void show(struct {g}_text *t, const struct part *p, const int64_t *values)", "{", "    switch (p->n) {"]
    for n in counts:
        kinds, args = ", int64_t" * n, "".join(f", values[p->fields[{i}]]" for i in range(n))
        out.append(f"    case {n}: ((void (*)(struct {g}_text *{kinds}))shows[p->what])(t{args}); break;")
    return [*out, "    }", "}"]


def print_functions(gen):
    tables = Tables(gen)
    for p in gen.patterns:
        tables.insn(p)
    if max(len(tables.parts), len(tables.texts), tables.size) > 0xffff:
        raise IsaError(("", 0), "more texts than 16 bits number")
    width = max([len(fields) for _, fields, _ in tables.parts] + [1])
    out = filled(gen, PUT) + [line.replace("PART_FIELDS", str(width)) for line in filled(gen, PARTS)]
    for body, name in tables.conditions.items():
        out += ["", f"static bool {name}(uint32_t word)", "{", *body.split("\n"), "}"]
    out += ["", "static const char pool[] =", *(f"    {c_string(text)} \"\\0\"" for text in tables.pool)]
    out[-1] += ";"
    out += ["", "static const struct part parts[] = {"]
    out += [f"    {{{kind}, {len(fields)}, {{{', '.join(map(str, fields)) or 0}}}, {what}}}," for kind, fields, what in tables.parts]
    out += ["};", "", "static const struct text texts[] = {"]
    out += [f"    {{{holds or 'NULL'}, {first}, {n}}}," for holds, first, n in tables.texts]
    out += ["};", "", f"static const uint16_t first_text[{gen.upper}_INSNS] = {{", *(f"    [{i}] = {n}," for i, n in tables.firsts), "};"]
    for name in tables.lists:
        out += ["", f"static const char *const list_{name}[] = {{", *(f"    {c_string(w)}," for w in gen.spec.names(name)), "};"]
    out += ["", "static const struct list {", "    const char *const *names;", "    unsigned count;", "} lists[] = {"]
    out += [f"    {{list_{name}, sizeof list_{name} / sizeof *list_{name}}}," for name in tables.lists] or ["    {NULL, 0},"]
    out += ["};", *show_function(gen, tables.shown)]
    most = max([len(p.fields) for p in gen.patterns] + [1])
    out += [line.replace("MAX_FIELDS", str(most)) for line in filled(gen, PRINT)]
    return out, {style: n for style, n in tables.shown}
