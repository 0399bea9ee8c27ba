#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/status.h"
#include "firmware/ports/posix/system_calls.h"

namespace cubby::posix {

/// A byte stream behind a descriptor that never blocks: what has arrived, and what the kernel did not take yet.
/// Both have a bound. When the other side goes, what waits to leave is dropped for good; what has arrived can still
/// be read until the next adopt().
class ByteLine {
 public:
  enum class State : std::uint8_t { kDown, kConnecting, kUp };
  struct Limits {
    std::size_t in = 1024;
    std::size_t out = 1024;
  };
  ByteLine(SystemCalls& calls, const Limits& limits) : calls_(calls), limits_(limits) {}
  ~ByteLine() { close(); }
  ByteLine(const ByteLine&) = delete;
  ByteLine& operator=(const ByteLine&) = delete;

  /// Takes over a descriptor that does not block; `connecting`: a connect(2) is under way. Old bytes are gone.
  void adopt(Descriptor descriptor, bool connecting);
  /// All or nothing is taken; what the kernel has no room for waits here. kBusy: no room, or not connected yet.
  /// kNotSent: down. After any error nothing was sent.
  Status send(Bytes data);
  /// The same, but nothing waits unless the kernel took the first bytes: kBusy, and nothing was sent.
  Status send_now(Bytes data);
  std::size_t receive(MutableBytes into);
  /// Moves what can be moved now; notices that a connection came about, or that the other side is gone.
  void service();
  /// Drops what has not left, also in the kernel where it can be.
  void close();
  void watch(std::vector<pollfd>& set) const;

  State state() const { return state_; }
  int descriptor() const { return descriptor_.get(); }
  std::size_t unsent() const { return out_.size(); }
  /// Why it went down, in the kernel's words.
  const std::string& reason() const { return reason_; }

 private:
  void fail(const char* reason);
  Status start_sending(Bytes data, bool may_wait);
  void finish_connecting();
  void read_some();
  void write_some();

  SystemCalls& calls_;
  Limits limits_;
  Descriptor descriptor_;
  State state_ = State::kDown;
  std::vector<std::byte> in_;
  std::vector<std::byte> out_;
  std::string reason_;
};

}  // namespace cubby::posix
