#pragma once

#include "cubby/v1/config.nanopb.h"
#include "firmware/base/bytes.h"
#include "firmware/base/result.h"

namespace cubby::wire {

/// kCorrupt: not a StationConfig, or beyond the bounds of config.options.
Status decode_config(Bytes bytes, cubby_v1_StationConfig& config);
/// Returns the size; kNoSpace: it does not fit.
Result<std::size_t> encode_config(const cubby_v1_StationConfig& config, MutableBytes into);

/// kCorrupt: not a StationRules, or beyond the bounds of config.options. kNotSupported: it holds what this
/// firmware does not know, or is not canonical; `rules` is not to be used.
Status decode_rules(Bytes bytes, cubby_v1_StationRules& rules);
/// Returns the size; kNoSpace: it does not fit.
Result<std::size_t> encode_rules(const cubby_v1_StationRules& rules, MutableBytes into);

}  // namespace cubby::wire
