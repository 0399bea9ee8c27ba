#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/aggregator/core/connection_protocol.h"

namespace cubby::aggregator {

class Connection;

/// The server, as its connections see it.
class ConnectionHost {
 public:
  virtual void on_input(Connection& connection) = 0;  // Frames were handled.
  virtual void on_closed(std::uint64_t id) = 0;
  virtual std::uint64_t utc_ms() const = 0;
  virtual void enter_apply() = 0;  // For the cost report.
  virtual void leave_apply() = 0;
  virtual void count_bytes(std::size_t in, std::size_t out) = 0;

 protected:
  ~ConnectionHost() = default;
};

/// One TCP connection: a thin shell round a ConnectionProtocol.
class Connection final : public ConnectionOwner, public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;
  Connection(boost::asio::ip::tcp::socket socket, std::uint64_t id, std::string peer, Centre& centre,
             ConnectionHost& host, bool allow_virtual_time);

  void start();
  void on_output() override { flush(); }
  /// Ends it and its sessions; `reason` goes to the log unless empty. Safe to repeat.
  void close(const std::string& reason);
  /// Closes it if a deadline has passed.
  void check_deadlines(Clock::time_point now);
  const ConnectionProtocol* protocol() const { return protocol_ ? &*protocol_ : nullptr; }

 private:
  void read();
  void on_read(const boost::system::error_code& error, std::size_t size);
  void on_written(const boost::system::error_code& error);
  bool handle_frames();
  void flush();
  std::size_t frame_limit() const;

  boost::asio::ip::tcp::socket socket_;
  std::uint64_t id_;
  std::string peer_;
  ConnectionHost& host_;
  std::optional<ConnectionProtocol> protocol_;  // Empty: closed.
  std::vector<std::byte> input_;
  std::size_t filled_ = 0;
  std::vector<std::byte> writing_;
  bool write_in_flight_ = false;
  Clock::time_point opened_at_ = Clock::now();
  Clock::time_point active_at_ = opened_at_;
};

}  // namespace cubby::aggregator
