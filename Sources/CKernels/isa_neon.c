// The bodies for NEON on AArch64: 32 registers of 4 lanes.
#if defined(__aarch64__)
#include <stdint.h>
#include "kernels.h"
#define ISA CK_ISA_NEON
#define TABLE ck_kernels_neon
#define VW 4
#define NV 4
#define MR 6
#define MR1 12
#define MRS 8
#define NARROW NULL
#define HALF_CONVERTS 1
#include "body/all.h"
#endif
