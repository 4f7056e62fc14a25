// The bodies for AVX-512 (F, BW, DQ, VL): 32 registers of 16 lanes.
#if defined(__x86_64__)
#include <stdint.h>
#include "kernels.h"
#define ISA CK_ISA_AVX512
#define TABLE ck_kernels_avx512
#define VW 16
#define NV 2
#define MR 14
#define MR1 14
#define MRS 16
#define NARROW &ck_kernels_avx2
#define HALF_CONVERTS 1
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))), apply_to = function)
#include "body/all.h"
#pragma clang attribute pop
#endif
