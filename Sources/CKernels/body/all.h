// Everything that is compiled once per instruction set, and its table.
#include "../kernels.h"

#include <stdatomic.h>

#pragma STDC FP_CONTRACT OFF
#include "vector.h"

#include "math.h"

#include "tile.h"

#include "product.h"

#include "stream.h"

#include "attention.h"

#include "rows.h"

#include "elements.h"

#include "backward.h"

#include "attention_backward.h"

#include "optimizer.h"

const ck_kernels TABLE = {
    .isa = ISA,
    .narrow = NARROW,
    .width = VW,
    .lanes = LANES,
    .tile_rows = MR,
    .packed_stride = MRS,
    .stream_rows = STREAM_ROWS,
    .pack_sliver = pack_sliver,
    .product_task = product_task,
    .stream_task = stream_task,
    .attention_task = attention_task,
    .layer_norm = layer_norm_row,
    .rms_norm = rms_norm_row,
    .softmax = softmax_row,
    .rotary = rotary_row,
    .silu_mul = silu_mul_run,
    .quick_gelu = quick_gelu_run,
    .gelu = gelu_run,
    .add = add_run,
    .to_f32 = to_f32_run,
    .all_finite = all_finite_run,
    .maximum = maximum_run,
    .first_above = first_above_run,
    .first_equal = first_equal_run,
    .pack_sliver_of_columns = pack_sliver_of_columns,
    .attention_backward_task = attention_backward_task,
    .layer_norm_backward = layer_norm_backward_row,
    .rms_norm_backward = rms_norm_backward_row,
    .column_sums = column_sums_run,
    .silu_mul_backward = silu_mul_backward_run,
    .quick_gelu_backward = quick_gelu_backward_run,
    .gelu_backward = gelu_backward_run,
    .scale = scale_run,
    .accumulate = accumulate_run,
    .cross_entropy = cross_entropy_row,
    .sum_of_squares = sum_of_squares_run,
    .adamw = adamw_run,
    .fma_burst = fma_burst_run,
    .read_all = read_all_run,
};
