/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `vm run --stats`: the library's counters when the machine has stopped. */
#include "app/stats.h"
#include "app/cli/cli.h"

void cli_print_stats(struct vm_machine *machine, bool json)
{
    struct stats_table t = {.vcpus = vm_vcpus(machine)};
    struct vm_error error;
    if (t.vcpus > STATS_VCPUS)
        t.vcpus = STATS_VCPUS;
    if (vm_machine_stats(machine, stats_collect, &t, &error))
        cli_message("no counters: %s", error.text);
    else if (t.failed)
        cli_message("no counters: out of memory");
    else
        stats_print(&t, json, stderr);
    stats_fini(&t);
}
