#pragma once

#include <cstdint>
#include <string>

#include "tools/aggregator/http/access.h"

namespace cubby::aggregator {

/// Whether orders go out. That they do not is a file, so that it outlives the aggregator, needs no store that can
/// commit, and a person with nothing but a shell can make it. One thread.
class OrderSwitch {
 public:
  struct State {
    bool stopped = false;
    Role by = Role::kNobody;         // Who stopped them; kNobody: by hand.
    std::uint64_t since_utc_ms = 0;  // 0: not known.
  };

  /// Whatever lies at `file` stops orders, also what cannot be read.
  void load(std::string file);
  /// Orders are stopped on return in any case. Empty: durably; else one line: only until the aggregator ends. Who was
  /// first stays in the state.
  std::string stop(Role by, std::uint64_t utc_ms);
  /// Empty: they go out again, durably; else one line, and they stay stopped.
  std::string allow();
  const State& state() const { return state_; }

 private:
  std::string file_;
  State state_;
  bool durable_ = false;
};

}  // namespace cubby::aggregator
