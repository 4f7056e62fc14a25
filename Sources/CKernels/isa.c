// Which instruction set runs.
#include "ckernels.h"

static const char *const names[] = {"plain", "neon", "avx2", "avx512"};

ck_isa ck_isa_current(void) { return CK_ISA_PLAIN; }
const char *ck_isa_name(ck_isa isa) { return names[isa]; }
bool ck_isa_available(ck_isa isa) { return isa == CK_ISA_PLAIN; }
bool ck_isa_select(ck_isa isa) { return isa == CK_ISA_PLAIN; }
