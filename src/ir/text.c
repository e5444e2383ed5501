/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Printing and parsing of blocks; see text.h for the form. What is printed is parsed back to the same ops. */
#include "ir/text.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void print_cell(FILE *out, unsigned cell)
{
    if (cell == IR_CONST)
        fputs(" #", out);
    else if (cell == IR_NONE)
        fputs(" -", out);
    else
        fprintf(out, " %%%u", cell);
}

static void print_op(FILE *out, const struct ir_op *o)
{
    fprintf(out, "  %s.%s", ir_op_name(o->op), ir_type_name(o->type));
    print_cell(out, o->d);
    fputs(" =", out);
    const uint16_t operands[3] = {o->a, o->b, o->c};
    unsigned n = o->c != IR_NONE ? 3 : o->b != IR_NONE ? 2 : o->a != IR_NONE ? 1 : 0;
    for (unsigned i = 0; i < n; i++)
        print_cell(out, operands[i]);
    if (o->imm)
        fprintf(out, " imm=0x%" PRIx64, o->imm);
    if (o->s[0] | o->s[1] | o->s[2] | o->s[3])
        fprintf(out, " s=%u,%u,%u,%u", o->s[0], o->s[1], o->s[2], o->s[3]);
    fputc('\n', out);
}

void ir_print(FILE *out, const struct ir_block *block)
{
    for (unsigned i = 0, insn = 0; i < block->nops; i++) {
        while (insn < block->ninsns && block->insns[insn].op <= i)
            fprintf(out, "@%d:\n", block->insns[insn++].offset);
        print_op(out, &block->ops[i]);
    }
}

/* ---- parsing ---- */

static unsigned find_name(const char *text, size_t len, const char *(*name)(unsigned), unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (strlen(name(i)) == len && !strncmp(name(i), text, len))
            return i;
    return count;
}

static bool parse_cell(const char *word, uint16_t *cell)
{
    char *end;
    if (!strcmp(word, "#") || !strcmp(word, "-")) {
        *cell = *word == '#' ? IR_CONST : IR_NONE;
        return true;
    }
    unsigned long n = *word == '%' ? strtoul(word + 1, &end, 10) : IR_NONE;
    *cell = (uint16_t)n;
    return n < IR_NONE && !*end;
}

static bool parse_op(char *line, struct ir_op *o)
{
    *o = (struct ir_op){.d = IR_NONE, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE};
    uint16_t *const places[4] = {&o->d, &o->a, &o->b, &o->c};
    char *save, *word = strtok_r(line, " ", &save), *dot = word ? strchr(word, '.') : NULL;
    if (!dot)
        return false;
    unsigned op = find_name(word, (size_t)(dot - word), ir_op_name, IR_OPS), type = find_name(dot + 1, strlen(dot + 1), ir_type_name, 12);
    if (op == IR_OPS || type == 12)
        return false;
    o->op = (uint8_t)op;
    o->type = (uint8_t)type;
    for (unsigned n = 0; (word = strtok_r(NULL, " ", &save));) {
        if (!strcmp(word, "="))
            continue;
        if (!strncmp(word, "imm=", 4))
            o->imm = strtoull(word + 4, NULL, 0);
        else if (!strncmp(word, "s=", 2)) {
            if (sscanf(word + 2, "%hhu,%hhu,%hhu,%hhu", &o->s[0], &o->s[1], &o->s[2], &o->s[3]) != 4)
                return false;
        } else if (n == 4 || !parse_cell(word, places[n++])) {
            return false;
        }
    }
    return true;
}

struct ir_block *ir_parse(const char *text, unsigned *line)
{
    size_t lines = 1;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    struct ir_block *block = malloc(sizeof *block + lines * (sizeof(struct ir_op) + sizeof(struct ir_insn)));
    char *copy = strdup(text), *next = copy;
    *line = 0;
    if (!block || !copy || lines > UINT16_MAX)
        goto fail;
    *block = (struct ir_block){.ops = (struct ir_op *)(block + 1)};
    block->insns = (struct ir_insn *)(void *)(block->ops + lines);
    for (char *at; (at = strsep(&next, "\n"));) {
        ++*line;
        at += strspn(at, " ");
        if (*at == '@')
            block->insns[block->ninsns++] = (struct ir_insn){block->nops, (int16_t)strtol(at + 1, NULL, 10)};
        else if (*at && !parse_op(at, &block->ops[block->nops++]))
            goto fail;
    }
    free(copy);
    return block;
fail:
    free(copy);
    free(block);
    return NULL;
}
