#include "tools/emulator/live_connection.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/write.hpp>
#include <chrono>

#include "tools/emulator/centre_link.h"

namespace cubby::tools {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kConnectPatience = std::chrono::seconds(10);
constexpr std::size_t kPlainChunk = 4096;
constexpr std::size_t kUnsentMax = 1 << 20;  // A centre that does not read is gone.

}  // namespace

LiveConnection::LiveConnection(asio::io_context& context, const Endpoint& aggregator,
                               std::shared_ptr<const tls::Credentials> credentials)
    : socket_(context),
      timer_(context),
      resolver_(context),
      aggregator_(aggregator),
      credentials_(std::move(credentials)) {}

void LiveConnection::connect() {
  timer_.expires_after(kConnectPatience);
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error && self->state_ == State::kConnecting) {
      self->close();
    }
  });
  error_code is_name;
  const auto address = asio::ip::make_address(aggregator_.host, is_name);
  if (!is_name) {
    socket_.async_connect({address, aggregator_.port},
                          [self = shared_from_this()](const error_code& error) { self->open(error); });
    return;
  }
  resolver_.async_resolve(
      aggregator_.host, std::to_string(aggregator_.port),
      [self = shared_from_this()](const error_code& error, const tcp::resolver::results_type& found) {
        if (error || self->state_ != State::kConnecting) {
          self->close();
          return;
        }
        asio::async_connect(self->socket_, found,
                            [self](const error_code& failed, const tcp::endpoint&) { self->open(failed); });
      });
}

void LiveConnection::open(const error_code& error) {
  if (error || state_ != State::kConnecting) {
    close();
    return;
  }
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  tls_ = make_tls_session(credentials_, aggregator_);
  if (tls_ == nullptr) {
    on_up();
  } else {
    send_wire(std::exchange(tls_->outgoing(), {}));
  }
  read();
}

void LiveConnection::send(const std::vector<std::byte>& bytes) {
  if (tls_ == nullptr) {
    send_wire(bytes);
  } else if (tls_->state() == tls::Session::State::kUp) {
    tls_->write(bytes);
    send_wire(std::exchange(tls_->outgoing(), {}));
  }
}

void LiveConnection::close() {
  state_ = State::kClosed;
  error_code ignored;
  timer_.cancel();
  resolver_.cancel();
  socket_.close(ignored);
}

void LiveConnection::on_up() {
  timer_.cancel();
  state_ = State::kUp;
}

void LiveConnection::send_wire(const std::vector<std::byte>& bytes) {
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  if (pending_.size() > kUnsentMax) {
    close();
  } else if (!writing_ && !pending_.empty()) {
    write();
  }
}

void LiveConnection::read() {
  socket_.async_read_some(asio::buffer(chunk_), [self = shared_from_this()](const error_code& error, std::size_t size) {
    if (error || !self->take(Bytes(self->chunk_).first(size))) {
      self->close();
      return;
    }
    self->read();
  });
}

// False: it is over. What was said before stays in `incoming`.
bool LiveConnection::take(Bytes wire) {
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

void LiveConnection::write() {
  writing_ = true;
  sending_.swap(pending_);
  pending_.clear();
  asio::async_write(socket_, asio::buffer(sending_), [self = shared_from_this()](const error_code& error, std::size_t) {
    self->writing_ = false;
    if (error) {
      self->close();
    } else if (!self->pending_.empty()) {
      self->write();
    }
  });
}

}  // namespace cubby::tools
