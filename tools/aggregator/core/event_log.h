#pragma once

#include <cstdint>

#include "firmware/base/bytes.h"
#include "firmware/base/chain.h"

namespace cubby::aggregator {

/// Walks over the payload of an event_batches row: each event as varint length and bytes.
class PayloadReader {
 public:
  explicit PayloadReader(Bytes payload) : rest_(payload) {}
  /// False at the end, and when the payload is broken.
  bool next(Bytes& event);
  bool broken() const { return broken_; }

 private:
  Bytes rest_;
  bool broken_ = false;
};

/// Chain after event `seq` of a batch that begins at `first_seq` after `previous`.
Chain chain_inside(Bytes payload, Chain previous, std::uint64_t first_seq, std::uint64_t seq);

}  // namespace cubby::aggregator
