// What kernels may ask of a pool beyond ckernels.h: the whole of it for the length of one operation, and scratch
// memory that stays between operations.
#ifndef CK_POOL_H
#define CK_POOL_H

#include "ckernels.h"

/// Takes the pool for one operation, which may run several regions and use its scratch; others wait.
void ck_pool_acquire(ck_pool *pool);
void ck_pool_release(ck_pool *pool);
/// One parallel region inside acquire/release.
void ck_pool_run(ck_pool *pool, int64_t count, ck_task task, void *context);
/// Memory that all workers share, at least `bytes` long, aligned to 64; contents are undefined. Call it from the
/// acquiring thread, outside regions.
void *ck_pool_shared_scratch(ck_pool *pool, size_t bytes);
/// The same for one worker; call it from that worker's task, or outside regions.
void *ck_pool_worker_scratch(ck_pool *pool, int worker, size_t bytes);

#endif
