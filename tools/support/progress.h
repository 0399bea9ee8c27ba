#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace cubby::tools {

/// Shows on standard error how far a run is: a bar with rate and remaining time on a terminal, else a
/// plain line every few seconds. Cheap enough to be told often.
class Progress {
 public:
  /// `total` of 0: unknown. `unit` is what is counted, e.g. "parcels".
  Progress(std::string title, double total, std::string unit);
  ~Progress();
  /// `done` of `total`; `count` of `unit` so far.
  void update(double done, std::uint64_t count);
  /// Clears the bar.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  std::string title_;
  double total_;
  std::string unit_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_ = begin_;
};

/// SIGINT, SIGTERM and SIGHUP (unless it was ignored) ask to stop; a second SIGINT ends the program at once. Writing to
/// a closed pipe is an error like any other, not a signal.
void install_signal_handlers();
bool stop_requested();

}  // namespace cubby::tools
