# shellcheck shell=bash
# Prints counters of the processor: the kernel's of all work since the boot, and each
# process's own in ticks.
head -n 1 /proc/stat
nproc
cat /proc/[0-9]*/stat 2>/dev/null || true # processes end meanwhile
