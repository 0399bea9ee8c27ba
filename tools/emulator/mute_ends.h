#pragma once

#include <cstdint>

namespace cubby::tools {

/// Notices a centre that ends connections without a word, as one that wants TLS does with plaintext.
class MuteEnds {
 public:
  /// A connection in plaintext was ended by the other side. True: this is the moment to tell; once.
  bool ended(bool has_heard) {
    count_ = has_heard ? 0 : count_ + 1;
    return count_ == kTell;
  }
  static constexpr const char* kWords = "the aggregator ends connections without a word; if it wants TLS, give --tls";

 private:
  static constexpr std::uint64_t kTell = 3;  // One may be an aggregator that is being stopped.
  std::uint64_t count_ = 0;
};

}  // namespace cubby::tools
