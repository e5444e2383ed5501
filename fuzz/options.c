/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Option values from a user or, one day, from the network: lines "NAME VALUE" or "NAME", set in a configuration that is then read back. */
#include <stdlib.h>
#include <string.h>
#include <vm/vm.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void set_line(struct vm_config *config, char *line)
{
    struct vm_error error;
    char *value = strchr(line, ' ');

    if (value)
        *value++ = 0;
    int rc = vm_config_set(config, line, value, &error);
    if (rc > 0 || (rc < 0 && (!error.text[0] || memchr(error.text, '\n', strlen(error.text)))))
        abort(); /* a refusal has one line of text */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct vm_config *config;
    char *text = malloc(len + 1), *next = text;
    size_t count;

    if (!text || vm_config_new(&config))
        abort();
    memcpy(text, data, len);
    text[len] = 0;
    for (char *line; (line = strsep(&next, "\n"));)
        set_line(config, line);
    const struct vm_option *options = vm_options(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t n = 0; vm_config_get(config, options[i].name, n); n++) {}
    vm_config_free(config);
    free(text);
    return 0;
}
