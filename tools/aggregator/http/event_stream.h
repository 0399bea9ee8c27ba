#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "tools/aggregator/http/api.h"

namespace cubby::aggregator {

/// One reader of the live log: server-sent events on a connection that ends with the reader. The log itself is the
/// queue, so a reader costs one piece of it in memory, however far behind it is; one that takes none within kReadTime
/// is dropped and counted, and comes back with Last-Event-ID.
class EventStream final : public std::enable_shared_from_this<EventStream> {
 public:
  static constexpr std::size_t kStreamsMax = 64;

  EventStream(boost::asio::ip::tcp::socket socket, Api& api, const StreamPlace& place);
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;
  void start();

 private:
  static constexpr std::chrono::seconds kReadTime{10};
  static constexpr std::chrono::seconds kHeartbeat{15};
  static constexpr std::chrono::milliseconds kPoll{100};

  void listen();
  void pump();
  void wait();
  void write();
  void close();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer poll_timer_;
  boost::asio::steady_timer write_deadline_;
  Api& api_;
  StreamPlace place_;
  std::uint64_t commits_seen_ = 0;
  std::chrono::steady_clock::time_point last_write_;
  std::string text_;           // On its way to the reader.
  std::array<char, 64> said_;  // By the reader; nothing that it says matters but its end.
};

}  // namespace cubby::aggregator
