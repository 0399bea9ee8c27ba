#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "firmware/tls/session.h"
#include "tools/emulator/ack_meter.h"
#include "tools/support/text.h"

namespace cubby::tools {

/// One station's TCP connection to the aggregator, with TLS unless it has no credentials.
class LiveConnection : public std::enable_shared_from_this<LiveConnection> {
 public:
  enum class State : std::uint8_t { kConnecting, kUp, kClosed };

  LiveConnection(boost::asio::io_context& context, const Endpoint& aggregator,
                 std::shared_ptr<const tls::Credentials> credentials);
  void connect();
  State state() const { return state_; }
  /// Its owner has to look at it: it is up, over, or has brought something.
  bool has_news() const { return !incoming.empty() || state_ == State::kClosed || (fresh && state_ == State::kUp); }
  /// What TLS had against it; empty: nothing.
  std::string trouble() const { return tls_ != nullptr ? tls_->detail() : std::string(); }
  bool is_plaintext() const { return tls_ == nullptr; }
  /// When kUp; else nothing happens.
  void send(const std::vector<std::byte>& bytes);
  void close();

  bool fresh = true;  // The station has not been told that it is up.
  std::vector<std::byte> incoming;
  AckMeter acks;

 private:
  void open(const boost::system::error_code& error);
  void on_up();
  void send_wire(const std::vector<std::byte>& bytes);
  void read();
  bool take(Bytes wire);
  void write();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  boost::asio::ip::tcp::resolver resolver_;
  Endpoint aggregator_;
  std::shared_ptr<const tls::Credentials> credentials_;  // Null: plaintext.
  std::unique_ptr<tls::Session> tls_;                    // Made when the socket is connected.
  State state_ = State::kConnecting;
  bool writing_ = false;
  std::vector<std::byte> pending_;
  std::vector<std::byte> sending_;
  std::array<std::byte, 4096> chunk_{};
};

}  // namespace cubby::tools
