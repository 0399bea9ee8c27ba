#include "tools/aggregator/http/event_stream.h"

#include <boost/asio/write.hpp>

namespace cubby::aggregator {

namespace asio = boost::asio;
using boost::system::error_code;

EventStream::EventStream(asio::ip::tcp::socket socket, Api& api, const StreamPlace& place)
    : socket_(std::move(socket)),
      poll_timer_(socket_.get_executor()),
      write_deadline_(socket_.get_executor()),
      api_(api),
      place_(place) {
  ++api_.counters().streams;
}

EventStream::~EventStream() {
  --api_.counters().streams;
}

void EventStream::start() {
  text_ =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
      "retry: 2000\n\n";
  listen();
  write();
}

void EventStream::listen() {
  socket_.async_read_some(asio::buffer(said_), [self = shared_from_this()](const error_code& error, std::size_t) {
    if (error) {
      self->close();
      return;
    }
    self->listen();
  });
}

void EventStream::pump() {
  const std::uint64_t commits = api_.commits();
  if (!place_.at_end || commits != commits_seen_) {
    commits_seen_ = commits;  // Read before the log: what comes meanwhile is asked for again.
    if (!api_.stream_text(place_, text_)) {
      close();
      return;
    }
  }
  if (text_.empty() && std::chrono::steady_clock::now() - last_write_ >= kHeartbeat) {
    text_ = ":\n\n";
  }
  if (!socket_.is_open()) {
    return;
  }
  if (text_.empty()) {
    wait();
    return;
  }
  write();
}

void EventStream::wait() {
  poll_timer_.expires_after(place_.at_end ? kPoll : std::chrono::milliseconds(1));
  poll_timer_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error) {
      self->pump();
    }
  });
}

void EventStream::write() {
  write_deadline_.expires_after(kReadTime);
  write_deadline_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error) {
      ++self->api_.counters().slow_readers;
      self->close();
    }
  });
  asio::async_write(socket_, asio::buffer(text_), [self = shared_from_this()](const error_code& error, std::size_t) {
    self->write_deadline_.cancel();
    if (error) {
      self->close();
      return;
    }
    self->text_.clear();
    self->last_write_ = std::chrono::steady_clock::now();
    self->pump();
  });
}

// Everything that waits ends with an error and lets go of the stream.
void EventStream::close() {
  error_code ignored;
  socket_.close(ignored);
  poll_timer_.cancel();
  write_deadline_.cancel();
}

}  // namespace cubby::aggregator
