/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Signals of Linux by the numbers that the protocol has for them, whatever system it is spoken on (GDB's include/gdb/signals.def). */
#include "base/bits.h"
#include "observe/gdb/gdb.h"
#include <stdint.h>

/* By Linux's number, 1 to 31. */
static const uint8_t numbers[] = {0, 1,  2,  3,  4,  5,  6,  10, 8,  9,  30, 11, 31, 13, 14, 15,
                                  0, 20, 19, 17, 18, 21, 22, 16, 24, 25, 26, 27, 28, 23, 32, 12};
enum { REALTIME_32 = 77, REALTIME_33 = 45, REALTIME_64 = 78, UNKNOWN = 143 };

int gdb_signal_out(int signal)
{
    if (signal > 0 && signal < (int)ARRAY_LEN(numbers))
        return numbers[signal] ? numbers[signal] : UNKNOWN;
    if (signal > 32 && signal < 64)
        return REALTIME_33 + signal - 33;
    return signal == 32 ? REALTIME_32 : signal == 64 ? REALTIME_64 : 0;
}

int gdb_signal_in(int number)
{
    for (int signal = 1; signal <= 64; signal++)
        if (gdb_signal_out(signal) == number)
            return signal;
    return 0;
}
