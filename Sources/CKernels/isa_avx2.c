// The bodies for AVX2 with FMA and F16C: 16 registers of 8 lanes.
#if defined(__x86_64__)
#include <stdint.h>
#include "kernels.h"
#define ISA CK_ISA_AVX2
#define TABLE ck_kernels_avx2
#define VW 8
#define NV 2
#define MR 6
#define MR1 12
#define MRS 8
#define NARROW NULL
#define HALF_CONVERTS 1
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#include "body/all.h"
#pragma clang attribute pop
#endif
