#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/chain.h"

namespace cubby::power_loss {

/// The simplest centre that keeps docs/spec/wire.md: everything is durable at once and acknowledged.
class Centre {
 public:
  void connected();
  /// Takes bytes of the station; appends the answer to `down`. False: the station broke a rule, see complaint().
  bool receive(std::string_view bytes, std::string& down);
  const std::string& complaint() const { return complaint_; }
  /// Chain after each event, from the first.
  const std::vector<Chain>& chains() const { return chains_; }

 private:
  bool handle(std::string_view message, std::string& down);
  bool complain(const char* what);
  Chain chain_at(std::uint64_t seq) const { return seq == 0 ? chain_start(uid_) : chains_[seq - 1]; }

  std::string input_;
  JournalUid uid_{};
  std::vector<Chain> chains_;
  std::uint64_t session_ = 0;
  std::string complaint_;
};

}  // namespace cubby::power_loss
