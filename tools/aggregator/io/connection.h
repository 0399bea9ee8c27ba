#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "firmware/tls/session.h"
#include "tools/aggregator/core/connection_protocol.h"
#include "tools/aggregator/core/connection_refusal.h"

namespace cubby::aggregator {

class Connection;

/// The server, as its connections see it.
class ConnectionHost {
 public:
  virtual void on_input(Connection& connection) = 0;  // Frames were handled.
  virtual void on_welcomed(std::uint64_t id) = 0;     // It has its first session.
  virtual void on_closed(std::uint64_t id) = 0;
  /// In force now; null: plaintext.
  virtual const std::shared_ptr<const tls::Credentials>& credentials() const = 0;
  /// Counts it and tells the log, which is protected against a flood of these.
  virtual void on_refused(ConnectionRefusal why, const std::string& peer, const std::string& detail) = 0;
  virtual std::uint64_t utc_ms() const = 0;
  virtual void enter_apply() = 0;  // For the cost report.
  virtual void leave_apply() = 0;
  virtual void count_bytes(std::size_t in, std::size_t out) = 0;

 protected:
  ~ConnectionHost() = default;
};

struct ConnectionOptions {
  std::uint64_t id = 0;
  std::string peer;  // For the log.
  bool allow_virtual_time = false;
};

/// One TCP connection: a thin shell round a ConnectionProtocol, with or without TLS between the two.
class Connection final : public ConnectionOwner, public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;
  Connection(boost::asio::ip::tcp::socket socket, ConnectionOptions options, Centre& centre, ConnectionHost& host);

  void start();
  void on_output() override { flush(); }
  /// Ends it and its sessions; `reason` goes to the log unless empty. Safe to repeat.
  void close(const std::string& reason);
  /// The same for a reason that is counted.
  void refuse(ConnectionRefusal why, const std::string& detail);
  /// Closes it if a deadline has passed, or the other side's certificate has expired.
  void check_deadlines(Clock::time_point now);
  /// Closes it if these, which are in force now, do not believe the other side's certificate any more.
  void judge_again(const tls::Credentials& credentials);
  const ConnectionProtocol* protocol() const { return protocol_ ? &*protocol_ : nullptr; }

 private:
  void read();
  void on_read(const boost::system::error_code& error, std::size_t size);
  void on_written(const boost::system::error_code& error);
  bool take_plaintext(std::size_t size);
  bool take_wire(std::size_t size);
  void on_tls_up();
  void end_tls();
  bool handle_frames();
  void flush();
  std::size_t frame_limit() const;
  std::size_t output_limit() const;

  boost::asio::ip::tcp::socket socket_;
  std::uint64_t id_;
  std::string peer_;
  ConnectionHost& host_;
  std::optional<ConnectionProtocol> protocol_;           // Empty: closed.
  std::shared_ptr<const tls::Credentials> credentials_;  // That the handshake began with.
  std::unique_ptr<tls::Session> tls_;                    // Null: plaintext.
  std::vector<std::byte> wire_;                          // What comes in with TLS.
  bool wire_was_full_ = false;
  std::vector<std::byte> input_;
  std::size_t filled_ = 0;
  std::vector<std::byte> writing_;
  bool write_in_flight_ = false;
  Clock::time_point opened_at_ = Clock::now();
  Clock::time_point ready_at_ = opened_at_;  // Frames can come since then: with TLS its end of the handshake.
  Clock::time_point active_at_ = opened_at_;
};

}  // namespace cubby::aggregator
