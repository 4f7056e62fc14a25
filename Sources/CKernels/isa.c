// Which instruction set runs: the best one, found once, unless VLM_ISA names another.
#include "kernels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ISA_COUNT = 4 };
static const char *const names[ISA_COUNT] = {"plain", "neon", "avx2", "avx512"};
static _Atomic(const ck_kernels *) active;

/// An instruction set's table, NULL where this build or this machine lacks it.
static const ck_kernels *table(ck_isa isa) {
    switch (isa) {
    case CK_ISA_PLAIN: return &ck_kernels_plain;
#if defined(__x86_64__)
    // These ask the processor and whether the system saves the registers.
    case CK_ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")
                   ? &ck_kernels_avx2
                   : NULL;
    case CK_ISA_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                       __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                       __builtin_cpu_supports("f16c")
                   ? &ck_kernels_avx512
                   : NULL;
#elif defined(__aarch64__)
    case CK_ISA_NEON: return &ck_kernels_neon;
#endif
    default: return NULL;
    }
}

static const ck_kernels *choose(void) {
    const char *wanted = getenv("VLM_ISA");
    for (int i = ISA_COUNT - 1; wanted != NULL && i >= 0; i--)
        if (strcmp(wanted, names[i]) == 0 && table((ck_isa)i) != NULL) return table((ck_isa)i);
    for (int i = ISA_COUNT - 1; i > 0; i--)
        if (table((ck_isa)i) != NULL) return table((ck_isa)i);
    return &ck_kernels_plain;
}

const ck_kernels *ck_active(void) {
    const ck_kernels *kernels = atomic_load_explicit(&active, memory_order_acquire);
    if (kernels == NULL) {
        kernels = choose();
        atomic_store_explicit(&active, kernels, memory_order_release);
    }
    return kernels;
}

ck_isa ck_isa_current(void) { return ck_active()->isa; }

const char *ck_isa_name(ck_isa isa) { return (unsigned)isa < ISA_COUNT ? names[isa] : "unknown"; }

bool ck_isa_available(ck_isa isa) { return table(isa) != NULL; }

bool ck_isa_select(ck_isa isa) {
    const ck_kernels *kernels = table(isa);
    if (kernels == NULL) return false;
    atomic_store_explicit(&active, kernels, memory_order_release);
    return true;
}
