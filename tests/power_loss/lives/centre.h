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
  /// A station whose flash is damaged may say that events are lost; without this call that is a complaint.
  void take_gaps() { takes_gaps_ = true; }
  struct Gap {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
  };
  const std::vector<Gap>& gaps() const { return gaps_; }
  /// Chain after each event, from the first; 0 within a gap.
  const std::vector<Chain>& chains() const { return chains_; }

 private:
  bool handle(std::string_view message, std::string& down);
  bool complain(const char* what);
  bool take_gap(std::uint64_t from, std::uint64_t to, Chain after);
  Chain chain_at(std::uint64_t seq) const { return seq == 0 ? chain_start(uid_) : chains_[seq - 1]; }

  std::string input_;
  JournalUid uid_{};
  std::vector<Chain> chains_;
  std::uint64_t session_ = 0;
  std::string complaint_;
  bool takes_gaps_ = false;
  std::vector<Gap> gaps_;
};

}  // namespace cubby::power_loss
