#pragma once

namespace cubby::tools {

/// Notices a centre that ends every connection without a word, as one that wants TLS does with plaintext.
class MuteEnds {
 public:
  /// The centre has said anything at all: it speaks as we do.
  void heard() { has_heard_ = true; }
  /// A connection in plaintext on which nothing had come was ended by the other side. True: now is the time to tell.
  bool ended() { return !has_heard_ && ++count_ == kTell; }
  static constexpr const char* kWords =
      "the aggregator ends connections without a word; one with certificates wants --tls here, one on another computer "
      "--allow-virtual-time there";

 private:
  static constexpr int kTell = 3;  // One may be an aggregator that is being stopped.
  bool has_heard_ = false;
  int count_ = 0;
};

}  // namespace cubby::tools
