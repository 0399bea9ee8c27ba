#include "tools/emulator/live_links.h"

#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>

#include "tools/emulator/centre_link.h"

namespace cubby::tools {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto kConnectPatience = std::chrono::seconds(10);
constexpr std::size_t kPlainChunk = 4096;
constexpr std::size_t kUnsentMax = 1 << 20;  // A centre that does not read is gone.

}  // namespace

class LiveLinks::Connection : public std::enable_shared_from_this<LiveLinks::Connection> {
 public:
  enum class State : std::uint8_t { kConnecting, kUp, kClosed };

  /// `tls` may be null: plaintext.
  Connection(asio::io_context& context, std::unique_ptr<tls::Session> tls)
      : socket_(context), timer_(context), resolver_(context), tls_(std::move(tls)) {}

  void connect(const Endpoint& endpoint) {
    timer_.expires_after(kConnectPatience);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error && self->state_ == State::kConnecting) {
        self->close();
      }
    });
    resolver_.async_resolve(
        endpoint.host, std::to_string(endpoint.port),
        [self = shared_from_this()](const boost::system::error_code& error, const tcp::resolver::results_type& found) {
          if (error) {
            self->close();
            return;
          }
          self->open(found);
        });
  }

  State state() const { return state_; }
  /// What TLS had against it; empty: nothing.
  std::string trouble() const { return tls_ != nullptr ? tls_->detail() : std::string(); }
  bool fresh = true;  // The station has not been told that it is up.
  std::vector<std::byte> incoming;

  void send(const std::vector<std::byte>& bytes) {
    if (tls_ == nullptr) {
      send_wire(bytes);
    } else if (tls_->state() == tls::Session::State::kUp) {
      tls_->write(bytes);
      send_wire(std::exchange(tls_->outgoing(), {}));
    }
  }

  void close() {
    state_ = State::kClosed;
    boost::system::error_code ignored;
    timer_.cancel();
    resolver_.cancel();
    socket_.close(ignored);
  }

 private:
  void open(const tcp::resolver::results_type& found) {
    asio::async_connect(socket_, found,
                        [self = shared_from_this()](const boost::system::error_code& error, const tcp::endpoint&) {
                          if (error || self->state_ != State::kConnecting) {
                            self->close();
                            return;
                          }
                          boost::system::error_code ignored;
                          self->socket_.set_option(tcp::no_delay(true), ignored);
                          if (self->tls_ == nullptr) {
                            self->on_up();
                          } else {
                            self->send_wire(std::exchange(self->tls_->outgoing(), {}));
                          }
                          self->read();
                        });
  }

  void on_up() {
    timer_.cancel();
    state_ = State::kUp;
  }

  void send_wire(const std::vector<std::byte>& bytes) {
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    if (pending_.size() > kUnsentMax) {
      close();
    } else if (!writing_ && !pending_.empty()) {
      write();
    }
  }

  void read() {
    socket_.async_read_some(asio::buffer(chunk_),
                            [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
                              if (error || !self->take(Bytes(self->chunk_).first(size))) {
                                self->close();
                                return;
                              }
                              self->read();
                            });
  }

  // False: it is over. What was said before stays in `incoming`.
  bool take(Bytes wire) {
    if (tls_ == nullptr) {
      incoming.insert(incoming.end(), wire.begin(), wire.end());
      return true;
    }
    tls_->receive(wire);
    std::array<std::byte, kPlainChunk> plain;
    while (const std::size_t size = tls_->read(plain)) {
      incoming.insert(incoming.end(), plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(size));
    }
    send_wire(std::exchange(tls_->outgoing(), {}));
    if (state_ == State::kConnecting && tls_->state() == tls::Session::State::kUp) {
      on_up();
    }
    return tls_->state() != tls::Session::State::kEnded;
  }

  void write() {
    writing_ = true;
    sending_.swap(pending_);
    pending_.clear();
    asio::async_write(socket_, asio::buffer(sending_),
                      [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
                        self->writing_ = false;
                        if (error) {
                          self->close();
                        } else if (!self->pending_.empty()) {
                          self->write();
                        }
                      });
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  tcp::resolver resolver_;
  std::unique_ptr<tls::Session> tls_;  // Null: plaintext.
  State state_ = State::kConnecting;
  bool writing_ = false;
  std::vector<std::byte> pending_;
  std::vector<std::byte> sending_;
  std::array<std::byte, 4096> chunk_{};
};

LiveLinks::LiveLinks(asio::io_context& context, emulator::Fleet& fleet, const Endpoint& aggregator,
                     std::shared_ptr<const tls::Credentials> credentials)
    : context_(context),
      fleet_(fleet),
      aggregator_(aggregator),
      credentials_(std::move(credentials)),
      connections_(fleet.station_count()) {}

void LiveLinks::tell(const std::string& trouble) {
  if (!trouble.empty() && trouble != told_) {
    spdlog::warn("TLS with the aggregator: {}", trouble);
    told_ = trouble;
  }
}

LiveLinks::~LiveLinks() {
  for (const auto& connection : connections_) {
    if (connection) {
      connection->close();
    }
  }
}

void LiveLinks::exchange(std::uint64_t utc_ms) {
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    emulator::HostLink& link = fleet_.station(i).link();
    std::shared_ptr<Connection>& connection = connections_[i];
    if (!connection) {
      if (link.wants_connection()) {
        connection = std::make_shared<Connection>(context_, make_tls_session(credentials_, aggregator_));
        connection->connect(aggregator_);
      }
      continue;
    }
    if (connection->state() == Connection::State::kConnecting) {
      if (!link.wants_connection()) {  // The station has given up meanwhile.
        connection->close();
        connection.reset();
      }
      continue;
    }
    if (connection->state() == Connection::State::kUp && connection->fresh) {
      connection->fresh = false;
      if (!link.wants_connection()) {
        connection->close();
        connection.reset();
        continue;
      }
      std::vector<std::byte> first;
      append_virtual_time(first, utc_ms, false);
      connection->send(first);
      link.connected();
      continue;
    }
    if (!connection->incoming.empty()) {
      link.deliver(connection->incoming);
      connection->incoming.clear();
    }
    if (connection->state() == Connection::State::kClosed) {
      tell(connection->trouble());
      if (connection->fresh) {
        link.refused();
      } else {
        link.disconnected();
      }
      connection.reset();
      continue;
    }
    if (!link.is_up()) {
      connection->close();
      connection.reset();
      continue;
    }
    const Bytes outgoing = link.outgoing();
    if (!outgoing.empty()) {
      std::vector<std::byte> out;
      append_virtual_time(out, utc_ms, false);
      out.insert(out.end(), outgoing.begin(), outgoing.end());
      link.consume_outgoing(outgoing.size());
      connection->send(out);
    }
  }
}

}  // namespace cubby::tools
