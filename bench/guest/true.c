/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What `true` does; the cost is the process's. */
int main(void) { return 0; }
