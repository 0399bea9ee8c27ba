#pragma once

#include <string>
#include <vector>

#include "firmware/base/instant.h"
#include "firmware/ports/posix/byte_line.h"
#include "firmware/ports/posix/line_address.h"

namespace cubby::posix {

/// A byte stream that is opened again, for ever, whenever it went: a pulled USB adapter comes back under its name or
/// another that the pattern matches, a converter answers again, a panel connects. Says once that it went and why, and
/// that it is back.
class KeptLine {
 public:
  // An adapter that is back before a door's authorisation ends saves the opening that waits for it.
  static constexpr Duration kRetryFirst = Duration::milliseconds(50);
  static constexpr Duration kRetryMost = Duration::milliseconds(500);
  static constexpr Duration kConnectTimeout = Duration::seconds(3);

  /// `what` is what it is called in the log.
  KeptLine(SystemCalls& calls, std::string what, LineAddress address, const ByteLine::Limits& limits)
      : what_(std::move(what)), address_(std::move(address)), name_(address_.text()), line_(calls, limits) {}

  /// Call in each turn of the loop, and no later than deadline().
  void service(Instant now);
  void watch(std::vector<pollfd>& set) const;
  Instant deadline() const;
  /// Gives it up as it is and opens it again, a little later.
  void restart(Instant now, const std::string& why);

  ByteLine& line() { return line_; }
  const ByteLine& line() const { return line_; }
  const LineAddress& address() const { return address_; }
  /// How many times it has come up.
  unsigned generation() const { return generation_; }

 private:
  void open(Instant now);
  void listen(Instant now);
  void note_up(Instant now);
  void note_down(Instant now, const std::string& why);

  std::string what_;
  LineAddress address_;
  std::string name_;  // Of the match, where the address is a pattern.
  ByteLine line_;
  Descriptor listener_;
  Instant retry_at_{};
  Instant connect_until_{};
  Instant up_since_{};
  Duration back_off_ = kRetryFirst;
  unsigned generation_ = 0;
  bool up_ = false;
  bool told_down_ = false;
};

}  // namespace cubby::posix
