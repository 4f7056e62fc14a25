// The bodies without any instruction set in particular: correct anywhere, fused multiply-adds from the C library.
#include <stdint.h>
#include "kernels.h"
#define ISA CK_ISA_PLAIN
#define TABLE ck_kernels_plain
#define VW 4
#define NV 2
#define MR 4
#define MR1 4
#define MRS 4
#define NARROW NULL
#define HALF_CONVERTS 0
#include "body/all.h"
