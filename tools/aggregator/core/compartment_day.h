#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "firmware/base/bytes.h"
#include "tools/aggregator/core/row_group.h"
#include "tools/aggregator/core/statistics.h"

/// What a day is in the lifetime of a station's compartments. docs/spec/store.md, "Open days"
namespace cubby::aggregator {

/// Adds days to lifetimes; keeps its memory from one to the next.
class CompartmentDayAdder {
 public:
  /// `out`: group of stat_compartment with `day`, one of stat_compartment_day, added to it. False: malformed, as far as
  /// it had to be read.
  bool add(Bytes lifetimes, Bytes day, std::vector<std::byte>& out);

 private:
  RowGroupAdder adder_;
  std::vector<std::byte> translated_;
};

}  // namespace cubby::aggregator
