#include "tools/support/progress.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <utility>

namespace cubby::tools {
namespace {

constexpr auto kBarInterval = std::chrono::milliseconds(200);
constexpr auto kLineInterval = std::chrono::seconds(5);
constexpr int kBarWidth = 30;

constexpr auto kEndlessLineInterval = std::chrono::seconds(60);  // Nobody waits for the end of such a run.
constexpr int kExitInterrupted = 130;

std::atomic<int> stop_count{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may not wait");

/// Nobody knows before anything is done.
std::string remaining(double share, double seconds) {
  return share > 0 ? std::to_string(std::llround(seconds / share - seconds)) + " s" : "?";
}

void on_stop(int) {
  if (stop_count.fetch_add(1) > 0) {
    _exit(kExitInterrupted);
  }
}

// A terminal that closes may say so more than once.
void on_hangup(int) {
  int none = 0;
  stop_count.compare_exchange_strong(none, 1);
}

}  // namespace

void install_signal_handlers() {
  struct sigaction action {};
  action.sa_handler = on_stop;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  struct sigaction hangup {};
  if (sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) {  // As under nohup.
    action.sa_handler = on_hangup;
    sigaction(SIGHUP, &action, nullptr);
  }
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

bool stop_requested() {
  return stop_count.load(std::memory_order_relaxed) > 0;
}

Progress::Progress(std::string title, double total, std::string unit)
    : title_(std::move(title)), total_(total), unit_(std::move(unit)), terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  finish();
}

void Progress::update(double done, std::uint64_t count) {
  const auto now = Clock::now();
  const Clock::duration line_interval = total_ > 0 ? kLineInterval : kEndlessLineInterval;
  if (now - last_ < (terminal_ ? Clock::duration(kBarInterval) : line_interval)) {
    return;
  }
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const double rate = seconds > 0 ? static_cast<double>(count) / seconds : 0;
  if (total_ <= 0) {
    std::fprintf(stderr, terminal_ ? "\r%s  %llu %s, %.0f/s \x1b[K" : "%s  %llu %s, %.0f/s\n", title_.c_str(),
                 static_cast<unsigned long long>(count), unit_.c_str(), rate);
  } else {
    const double share = std::clamp(done / total_, 0.0, 1.0);
    const std::string left = remaining(share, seconds);
    if (terminal_) {
      const int filled = static_cast<int>(share * kBarWidth);
      const std::string bar = std::string(static_cast<std::size_t>(filled), '#') +
                              std::string(static_cast<std::size_t>(kBarWidth - filled), '.');
      std::fprintf(stderr, "\r%s [%s] %3.0f%%  %.0f %s/s, %s left \x1b[K", title_.c_str(), bar.c_str(), share * 100,
                   rate, unit_.c_str(), left.c_str());
    } else {
      std::fprintf(stderr, "%s %3.0f%%  %.0f %s/s, %s left\n", title_.c_str(), share * 100, rate, unit_.c_str(),
                   left.c_str());
    }
  }
  shown_ = terminal_;
}

void Progress::finish() {
  if (shown_) {
    std::fprintf(stderr, "\r\x1b[K");
    shown_ = false;
  }
}

}  // namespace cubby::tools
