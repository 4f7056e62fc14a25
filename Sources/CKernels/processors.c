// What the system grants this process.
#define _GNU_SOURCE
#include "ckernels.h"

#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// Reads a small file into `text`; false where there is none.
static bool read_line(const char *path, char *text, int capacity) {
    FILE *file = fopen(path, "re");
    if (file == NULL) return false;
    bool got = fgets(text, capacity, file) != NULL;
    fclose(file);
    return got;
}

/// Lowers `*limit` to quota/period rounded up, where both are positive.
static void apply(double quota, double period, int *limit) {
    if (!(quota > 0 && period > 0)) return;
    double share = quota / period;
    int processors = (int)share;
    if ((double)processors < share) processors++;
    if (processors < 1) processors = 1;
    if (processors < *limit) *limit = processors;
}

/// Applies the quota of `path` under `root` and of every directory above it, since each of them binds.
static void apply_quotas(const char *root, char *path, bool unified, int *limit) {
    char file[4600], text[128];
    for (;;) {
        if (unified) {
            snprintf(file, sizeof file, "%s%s/cpu.max", root, path);
            double quota, period;
            if (read_line(file, text, sizeof text) && sscanf(text, "%lf %lf", &quota, &period) == 2)
                apply(quota, period, limit);
        } else {
            double quota = 0, period = 0;
            snprintf(file, sizeof file, "%s%s/cpu.cfs_quota_us", root, path);
            if (read_line(file, text, sizeof text)) quota = atof(text);
            snprintf(file, sizeof file, "%s%s/cpu.cfs_period_us", root, path);
            if (read_line(file, text, sizeof text)) period = atof(text);
            apply(quota, period, limit);
        }
        char *slash = strrchr(path, '/');
        if (slash == NULL) return;
        *slash = 0;
    }
}

int ck_available_processors(void) {
    int limit = 0;
    // Masks of machines with more processors than cpu_set_t holds need a larger set: grow until it fits.
    for (int capacity = CPU_SETSIZE; limit == 0 && capacity <= 1 << 18; capacity *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)capacity);
        size_t bytes = CPU_ALLOC_SIZE((size_t)capacity);
        if (set == NULL) break;
        if (sched_getaffinity(0, bytes, set) == 0) limit = CPU_COUNT_S(bytes, set);
        CPU_FREE(set);
    }
    if (limit < 1) limit = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (limit < 1) limit = 1;
    FILE *groups = fopen("/proc/self/cgroup", "re");
    if (groups == NULL) return limit;
    char line[4352];
    while (fgets(line, sizeof line, groups) != NULL) {
        line[strcspn(line, "\n")] = 0;
        // "0::/path" in version 2, "4:cpu,cpuacct:/path" in version 1.
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (path == NULL) continue;
        *path++ = 0;
        controllers++;
        char copy[4352];
        snprintf(copy, sizeof copy, "%s", strcmp(path, "/") == 0 ? "" : path);
        if (*controllers == 0) {
            apply_quotas("/sys/fs/cgroup", copy, true, &limit);
        } else if (strcmp(controllers, "cpu") == 0 || strstr(controllers, "cpu,") == controllers ||
                   strstr(controllers, ",cpu,") != NULL) {
            apply_quotas("/sys/fs/cgroup/cpu", copy, false, &limit);
        }
    }
    fclose(groups);
    return limit;
}

void ck_trim_memory(void) { malloc_trim(0); }
