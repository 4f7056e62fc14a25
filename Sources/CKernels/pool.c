// The thread pool. A region is opened by publishing one 32-bit state word; workers that see it in time join, the
// others need not: the caller closes the region when the indices run out and waits only for those who joined. So a
// worker that the system has put aside never delays a region that the others have finished.
//
// state = generation << 16 | open << 15 | workers inside. Workers and a long-waiting caller sleep on it (futex).
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { OPEN = 1u << 15, INSIDE = OPEN - 1, GENERATION = 1u << 16 };
// How long a worker polls before it sleeps: longer than the serial stretches between two regions of one token.
enum { SPIN_NANOSECONDS = 50000 };

typedef struct {
    void *base;
    size_t bytes;
} scratch;

typedef struct {
    ck_pool *pool;
    int index;
    pthread_t thread;
    scratch memory;
} __attribute__((aligned(128))) worker;

struct ck_pool {
    _Atomic uint32_t state __attribute__((aligned(128)));
    _Atomic int64_t next __attribute__((aligned(128)));
    // Written by the caller while the region is closed, read by workers inside it.
    int64_t count __attribute__((aligned(128)));
    ck_task task;
    void *context;
    _Atomic int sleepers __attribute__((aligned(128)));
    _Atomic bool caller_sleeps;
    _Atomic bool stopping;
    pthread_mutex_t turn;
    int threads;
    scratch shared;
    worker *workers; // [threads]; 0 is the caller's
};

static inline void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

static int64_t nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void futex_wait(_Atomic uint32_t *word, uint32_t value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

static void work(ck_pool *pool, int index) {
    int64_t count = pool->count;
    for (;;) {
        int64_t i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (i >= count) return;
        pool->task(pool->context, i, index);
    }
}

/// Waits until the state differs in generation from `seen`, or the pool stops; returns the state.
static uint32_t await_region(ck_pool *pool, uint32_t seen) {
    int64_t deadline = 0;
    for (unsigned spin = 0;; spin++) {
        uint32_t state = atomic_load_explicit(&pool->state, memory_order_acquire);
        if (state / GENERATION != seen) return state;
        if (spin % 32 == 31) {
            int64_t now = nanoseconds();
            if (deadline == 0) deadline = now + SPIN_NANOSECONDS;
            if (now > deadline) {
                atomic_fetch_add(&pool->sleepers, 1);
                state = atomic_load(&pool->state);
                if (state / GENERATION == seen) futex_wait(&pool->state, state);
                atomic_fetch_sub(&pool->sleepers, 1);
                continue;
            }
        }
        pause_briefly();
    }
}

static void *worker_main(void *argument) {
    worker *self = argument;
    ck_pool *pool = self->pool;
    uint32_t seen = 0;
    for (;;) {
        uint32_t state = await_region(pool, seen);
        if (atomic_load(&pool->stopping)) return NULL;
        seen = state / GENERATION;
        // Joining succeeds only on an open region; whichever one that is, its task is published.
        while (state & OPEN) {
            if (!atomic_compare_exchange_weak(&pool->state, &state, state + 1)) continue;
            seen = state / GENERATION;
            work(pool, self->index);
            uint32_t left = atomic_fetch_sub(&pool->state, 1) - 1;
            if ((left & (OPEN | INSIDE)) == 0 && atomic_load(&pool->caller_sleeps)) futex_wake(&pool->state);
            break;
        }
    }
}

void ck_pool_run(ck_pool *pool, int64_t count, ck_task task, void *context) {
    if (count <= 0) return;
    if (pool->threads == 1 || count == 1) {
        for (int64_t i = 0; i < count; i++) task(context, i, 0);
        return;
    }
    pool->count = count;
    pool->task = task;
    pool->context = context;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    uint32_t state = atomic_load_explicit(&pool->state, memory_order_relaxed);
    atomic_store(&pool->state, (state / GENERATION + 1) * GENERATION | OPEN);
    if (atomic_load(&pool->sleepers) > 0) futex_wake(&pool->state);
    work(pool, 0);
    state = atomic_fetch_and(&pool->state, ~(uint32_t)OPEN) & ~(uint32_t)OPEN;
    int64_t deadline = 0;
    for (unsigned spin = 0; state & INSIDE; spin++) {
        pause_briefly();
        if (spin % 32 == 31) {
            int64_t now = nanoseconds();
            if (deadline == 0) deadline = now + SPIN_NANOSECONDS;
            if (now > deadline) {
                atomic_store(&pool->caller_sleeps, true);
                state = atomic_load(&pool->state);
                if (state & INSIDE) futex_wait(&pool->state, state);
                atomic_store(&pool->caller_sleeps, false);
            }
        }
        state = atomic_load(&pool->state);
    }
}

void ck_pool_acquire(ck_pool *pool) { pthread_mutex_lock(&pool->turn); }
void ck_pool_release(ck_pool *pool) { pthread_mutex_unlock(&pool->turn); }

void ck_parallel_for(ck_pool *pool, int64_t count, ck_task task, void *context) {
    ck_pool_acquire(pool);
    ck_pool_run(pool, count, task, context);
    ck_pool_release(pool);
}

int ck_pool_threads(const ck_pool *pool) { return pool->threads; }

static void *grow(scratch *memory, size_t bytes) {
    if (bytes <= memory->bytes) return memory->base;
    free(memory->base);
    enum { HUGE = 2 << 20 };
    bool large = bytes >= 2 * (size_t)HUGE;
    size_t step = large ? HUGE : 4096;
    bytes = (bytes + step - 1) / step * step;
    memory->base = NULL;
    memory->bytes = 0;
    if (posix_memalign(&memory->base, large ? HUGE : 64, bytes) != 0) {
        fprintf(stderr, "out of memory: %zu bytes of scratch for a kernel could not be had\n", bytes);
        abort();
    }
    if (large) madvise(memory->base, bytes, MADV_HUGEPAGE);
    memory->bytes = bytes;
    return memory->base;
}

void *ck_pool_shared_scratch(ck_pool *pool, size_t bytes) { return grow(&pool->shared, bytes); }
void *ck_pool_worker_scratch(ck_pool *pool, int index, size_t bytes) {
    return grow(&pool->workers[index].memory, bytes);
}

ck_pool *ck_pool_create(int threads) {
    if (threads < 1 || threads > INSIDE) return NULL;
    ck_pool *pool = NULL;
    if (posix_memalign((void **)&pool, 128, sizeof *pool) != 0) return NULL;
    *pool = (ck_pool){.threads = 1};
    if (posix_memalign((void **)&pool->workers, 128, sizeof(worker) * (size_t)threads) != 0) {
        free(pool);
        return NULL;
    }
    pthread_mutex_init(&pool->turn, NULL);
    pool->workers[0] = (worker){.pool = pool};
    for (int i = 1; i < threads; i++) {
        pool->workers[i] = (worker){.pool = pool, .index = i};
        if (pthread_create(&pool->workers[i].thread, NULL, worker_main, &pool->workers[i]) != 0) {
            ck_pool_destroy(pool);
            return NULL;
        }
        pool->threads = i + 1;
    }
    return pool;
}

void ck_pool_destroy(ck_pool *pool) {
    if (pool == NULL) return;
    atomic_store(&pool->stopping, true);
    atomic_fetch_add(&pool->state, GENERATION);
    futex_wake(&pool->state);
    for (int i = 1; i < pool->threads; i++) pthread_join(pool->workers[i].thread, NULL);
    for (int i = 0; i < pool->threads; i++) free(pool->workers[i].memory.base);
    free(pool->shared.base);
    free(pool->workers);
    pthread_mutex_destroy(&pool->turn);
    free(pool);
}
