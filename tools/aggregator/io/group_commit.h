#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>

namespace cubby::aggregator {

/// When the changes of many connections become durable together. What arrives while a commit runs shares the next one:
/// the more events, the more of them fall on the same rows and pages, and on the same fsync. One thread, the io
/// context's.
class GroupCommit {
 public:
  struct Limits {
    std::size_t events = 2'000;                     // A commit is due with so many pending ...
    std::chrono::milliseconds interval{20};         // ... or so long after the first change.
    std::size_t events_max = 16 * events;           // As long as the sockets bring more, that joins, up to here ...
    std::size_t bytes_max = std::size_t{16} << 20;  // ... or to so much memory. Beyond comes what one read brings.
  };
  /// Changes that are in no commit yet.
  struct Pending {
    bool any = false;
    std::size_t events = 0;
    std::size_t bytes = 0;
  };

  /// `commit` makes everything durable that is pending, or throws it away. Both are called until cancel().
  GroupCommit(boost::asio::io_context& io, const Limits& limits, std::function<Pending()> pending,
              std::function<void()> commit);

  /// A connection's frames were handled; `at_barrier`: it says nothing more until its answer is durable.
  void on_input(bool at_barrier);
  /// Nothing is pending any more.
  void on_commit() { since_.reset(); }
  void cancel();

 private:
  void commit_after_ready();
  void commit_when_drained(std::size_t events);
  void arm_timer();

  boost::asio::io_context& io_;
  Limits limits_;
  std::function<Pending()> pending_;
  std::function<void()> commit_;
  boost::asio::steady_timer timer_{io_};
  std::optional<std::chrono::steady_clock::time_point> since_;  // The first pending change.
  bool timer_armed_ = false;
  bool commit_posted_ = false;
  bool drain_posted_ = false;
  bool cancelled_ = false;
};

}  // namespace cubby::aggregator
