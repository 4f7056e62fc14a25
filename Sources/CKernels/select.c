// The largest elements of a row.
#include "kernels.h"

int64_t ck_argmax(const float *x, int64_t n) {
    const ck_kernels *kernels = ck_active();
    int64_t at = kernels->first_equal(x, n, kernels->maximum(x, n));
    return at < n ? at : 0; // only NaN
}

/// Whether element i comes before j: larger first, then the lower index; NaN last.
static bool before(const float *x, int64_t i, int64_t j) {
    float a = x[i], b = x[j];
    if (a > b) return true;
    if (a < b) return false;
    bool a_nan = a != a, b_nan = b != b;
    if (a_nan != b_nan) return b_nan;
    return i < j;
}

/// Restores the heap (the last in order on top) from `at` downwards.
static void sift(const float *x, int64_t *heap, int64_t count, int64_t at) {
    for (;;) {
        int64_t last = at, left = 2 * at + 1, right = left + 1;
        if (left < count && before(x, heap[last], heap[left])) last = left;
        if (right < count && before(x, heap[last], heap[right])) last = right;
        if (last == at) return;
        int64_t other = heap[at];
        heap[at] = heap[last];
        heap[last] = other;
        at = last;
    }
}

int64_t ck_top_k(const float *x, int64_t n, int64_t k, int64_t *indices) {
    const ck_kernels *kernels = ck_active();
    int64_t kept = ck_min(k, n);
    if (kept <= 0) return 0;
    for (int64_t i = 0; i < kept; i++) indices[i] = i;
    for (int64_t i = kept / 2; i-- > 0;) sift(x, indices, kept, i);
    for (int64_t i = kept; i < n; i++) {
        // Among equals the earlier one stays, so only a larger one can enter; a NaN yields to any number.
        float worst = x[indices[0]];
        if (worst == worst) i += kernels->first_above(x + i, n - i, worst);
        if (i >= n) break;
        if (!before(x, i, indices[0])) continue;
        indices[0] = i;
        sift(x, indices, kept, 0);
    }
    for (int64_t end = kept - 1; end > 0; end--) {
        int64_t last = indices[0];
        indices[0] = indices[end];
        indices[end] = last;
        sift(x, indices, end, 0);
    }
    return kept;
}
