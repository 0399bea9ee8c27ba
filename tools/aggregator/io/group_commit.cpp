#include "tools/aggregator/io/group_commit.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace cubby::aggregator {

GroupCommit::GroupCommit(boost::asio::io_context& io, const Limits& limits, std::function<Pending()> pending,
                         std::function<void()> commit)
    : io_(io), limits_(limits), pending_(std::move(pending)), commit_(std::move(commit)) {}

void GroupCommit::on_input(bool at_barrier) {
  const Pending pending = pending_();
  if (!pending.any) {
    return;
  }
  if (pending.events >= limits_.events_max || pending.bytes >= limits_.bytes_max) {
    commit_();
    return;
  }
  if (at_barrier) {
    commit_after_ready();
    return;
  }
  arm_timer();
  if (pending.events >= limits_.events) {
    commit_when_drained(0);
  }
}

// After the sockets that are ready now: their events share the commit.
void GroupCommit::commit_after_ready() {
  if (commit_posted_) {
    return;
  }
  commit_posted_ = true;
  boost::asio::post(io_, [this] {
    commit_posted_ = false;
    if (!cancelled_ && pending_().any) {
      commit_();
    }
  });
}

// Once all sockets were looked at and brought nothing. `events`: pending at the look before.
void GroupCommit::commit_when_drained(std::size_t events) {
  if (drain_posted_) {
    return;
  }
  drain_posted_ = true;
  boost::asio::post(io_, [this, events] {
    drain_posted_ = false;
    const std::size_t now = cancelled_ ? 0 : pending_().events;
    if (now < limits_.events) {
      return;  // Committed meanwhile.
    }
    if (now == events) {
      commit_();
    } else {
      commit_when_drained(now);
    }
  });
}

void GroupCommit::arm_timer() {
  if (!since_) {
    since_ = std::chrono::steady_clock::now();
  }
  if (timer_armed_) {
    return;
  }
  timer_armed_ = true;
  timer_.expires_at(*since_ + limits_.interval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    timer_armed_ = false;
    if (error || cancelled_ || !pending_().any) {
      return;
    }
    if (since_ && std::chrono::steady_clock::now() < *since_ + limits_.interval) {
      arm_timer();  // Those that it was armed for were committed before.
    } else {
      commit_();
    }
  });
}

void GroupCommit::cancel() {
  cancelled_ = true;
  timer_.cancel();
}

}  // namespace cubby::aggregator
