#include "tools/aggregator/core/event_log.h"

namespace cubby::aggregator {

bool PayloadReader::next(Bytes& event) {
  if (rest_.empty() || broken_) {
    return false;
  }
  std::uint64_t size = 0;
  std::size_t at = 0;
  broken_ = true;
  for (unsigned shift = 0; shift < 28 && at < rest_.size(); shift += 7) {
    const auto octet = static_cast<std::uint64_t>(rest_[at++]);
    size |= (octet & 0x7F) << shift;
    if (octet < 0x80) {
      broken_ = size > rest_.size() - at;
      break;
    }
  }
  if (broken_) {
    return false;
  }
  event = rest_.subspan(at, static_cast<std::size_t>(size));
  rest_ = rest_.subspan(at + static_cast<std::size_t>(size));
  return true;
}

Chain chain_inside(Bytes payload, Chain previous, std::uint64_t first_seq, std::uint64_t seq) {
  PayloadReader reader(payload);
  Bytes event;
  Chain chain = previous;
  for (std::uint64_t at = first_seq; at <= seq && reader.next(event); ++at) {
    chain = chain_next(chain, at, event);
  }
  return chain;
}

}  // namespace cubby::aggregator
