#include "tools/aggregator/io/connection.h"

#include <spdlog/spdlog.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

namespace cubby::aggregator {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kInputBeforeWelcome = 8 * 1024;
constexpr std::size_t kInputAfterWelcome = 256 * 1024;
constexpr std::size_t kFrameBeforeWelcome = 4 * 1024;
constexpr std::size_t kOutputBase = 256 * 1024;  // A slow reader is closed past these.
constexpr std::size_t kOutputAChannel = 4 * 1024;
constexpr std::size_t kOutputBeforeWelcome = 8 * 1024;
constexpr std::size_t kWireBeforeWelcome = 4 * 1024;
constexpr std::size_t kWireAfterWelcome = 16 * 1024;
constexpr std::chrono::seconds kTlsWithin{5};
constexpr std::chrono::seconds kFirstFrameWithin{2};
constexpr std::chrono::seconds kWelcomeWithin{10};
constexpr std::chrono::seconds kIdleMax{90};

static_assert(kInputBeforeWelcome >= kFrameBeforeWelcome + wire::kFrameHeaderMax);
static_assert(kInputAfterWelcome >= limits::kFrameUpMax + wire::kFrameHeaderMax);

const char* to_text(wire::FrameError error) {
  switch (error) {
    case wire::FrameError::kNone:
      return "no error";
    case wire::FrameError::kLengthZero:
      return "a frame of length 0";
    case wire::FrameError::kTooLong:
      return "a frame above the limit";
    case wire::FrameError::kNotCanonical:
      return "a varint that is not canonical";
    case wire::FrameError::kNoChannel:
      return "a frame without a channel";
  }
  return "";
}

ConnectionRefusal to_connection_refusal(tls::Refusal refusal) {
  switch (refusal) {
    case tls::Refusal::kNotTls:
      return ConnectionRefusal::kNotTls;
    case tls::Refusal::kVersion:
      return ConnectionRefusal::kTlsVersion;
    case tls::Refusal::kNoCertificate:
      return ConnectionRefusal::kNoCertificate;
    case tls::Refusal::kForeign:
      return ConnectionRefusal::kForeignAuthority;
    case tls::Refusal::kExpired:
      return ConnectionRefusal::kExpired;
    case tls::Refusal::kRevoked:
      return ConnectionRefusal::kRevoked;
    case tls::Refusal::kWrongRole:
      return ConnectionRefusal::kWrongRole;
    case tls::Refusal::kIdentity:
      return ConnectionRefusal::kBadIdentity;
    case tls::Refusal::kByPeer:
      return ConnectionRefusal::kRefusedByPeer;
    case tls::Refusal::kNone:
    case tls::Refusal::kOther:
      break;
  }
  return ConnectionRefusal::kTlsOther;
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, ConnectionOptions options, Centre& centre, ConnectionHost& host)
    : socket_(std::move(socket)),
      id_(options.id),
      peer_(std::move(options.peer)),
      host_(host),
      credentials_(host.credentials()),
      input_(kInputBeforeWelcome) {
  protocol_.emplace(centre, *this, ConnectionProtocol::Options{.allow_virtual_time = options.allow_virtual_time});
  if (credentials_ != nullptr) {
    tls_ = std::make_unique<tls::Session>(
        credentials_, tls::End::kServer,
        tls::SessionOptions{.server_name = {}, .utc_s = static_cast<std::int64_t>(host.utc_ms() / 1'000)});
    wire_.resize(kWireBeforeWelcome);
  }
}

void Connection::start() {
  error_code ignored;  // Both only make things faster or tidier.
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  socket_.non_blocking(true, ignored);  // For the last alert of TLS, which nothing waits for.
  read();
}

void Connection::read() {
  if (protocol_->has_welcomed() && input_.size() < kInputAfterWelcome && filled_ * 2 >= input_.size()) {
    input_.resize(kInputAfterWelcome);
  }
  if (wire_was_full_ && protocol_->has_welcomed()) {
    wire_.resize(kWireAfterWelcome);  // Whoever says so much; the many who do not, cost less.
  }
  socket_.async_read_some(
      tls_ != nullptr ? asio::buffer(wire_) : asio::buffer(input_.data() + filled_, input_.size() - filled_),
      [self = shared_from_this()](const error_code& error, std::size_t size) { self->on_read(error, size); });
}

void Connection::on_read(const error_code& error, std::size_t size) {
  if (!protocol_) {
    return;
  }
  if (error) {
    const bool ordinary = error == asio::error::eof || error == asio::error::connection_reset;
    close(ordinary ? std::string() : error.message());
    return;
  }
  host_.count_bytes(size, 0);
  active_at_ = Clock::now();
  const bool go_on = tls_ != nullptr ? take_wire(size) : take_plaintext(size);
  if (!protocol_) {
    return;
  }
  flush();
  if (!go_on) {
    close(protocol_->close_reason());
    return;
  }
  host_.on_input(*this);
  if (protocol_) {
    read();
  }
}

// False: the connection must be closed. It may be closed already.
bool Connection::take_plaintext(std::size_t size) {
  filled_ += size;
  const bool was_welcomed = protocol_->has_welcomed();
  host_.enter_apply();
  const bool go_on = handle_frames();
  host_.leave_apply();
  if (!was_welcomed && protocol_ && protocol_->has_welcomed()) {
    host_.on_welcomed(id_);
  }
  return go_on;
}

bool Connection::take_wire(std::size_t size) {
  wire_was_full_ = size == wire_.size();
  const bool was_up = tls_->state() == tls::Session::State::kUp;
  tls_->receive(Bytes(wire_).first(size));
  if (!was_up && tls_->state() == tls::Session::State::kUp) {
    on_tls_up();
    if (!protocol_) {
      return false;
    }
  }
  while (const std::size_t got = tls_->read(MutableBytes(input_).subspan(filled_))) {
    if (!take_plaintext(got) || !protocol_) {
      return false;
    }
  }
  if (tls_->state() == tls::Session::State::kEnded) {
    end_tls();
  }
  return true;
}

void Connection::on_tls_up() {
  const tls::Identity& identity = tls_->peer().identity;
  peer_ += std::string(" (") + to_text(identity.role) + " " + identity.name + ")";
  ready_at_ = Clock::now();
  protocol_->set_peer(
      {.stations = identity.stations,
       .holder = {.words = std::string(to_text(identity.role)) + " " + identity.name, .key = tls_->peer().key_sha256}});
  if (credentials_ != host_.credentials()) {
    judge_again(*host_.credentials());  // They changed during the handshake.
  }
}

// What TLS has to say last is written if the socket takes it now, and not waited for.
void Connection::end_tls() {
  if (!write_in_flight_ && !tls_->outgoing().empty()) {
    error_code ignored;
    socket_.write_some(asio::buffer(tls_->outgoing()), ignored);
  }
  if (tls_->refusal() == tls::Refusal::kNone) {
    close({});
  } else {
    refuse(to_connection_refusal(tls_->refusal()), tls_->detail());
  }
}

std::size_t Connection::frame_limit() const {
  return protocol_->has_welcomed() ? limits::kFrameUpMax : kFrameBeforeWelcome;
}

// In virtual time a whole fleet is challenged at once.
std::size_t Connection::output_limit() const {
  if (!protocol_->has_welcomed() && !protocol_->is_virtual()) {
    return kOutputBeforeWelcome;
  }
  return kOutputBase + kOutputAChannel * protocol_->channel_count();
}

// False: the connection must be closed.
bool Connection::handle_frames() {
  const std::uint64_t utc_ms = host_.utc_ms();
  std::size_t at = 0;
  while (true) {
    const Bytes rest = Bytes(input_).subspan(at, filled_ - at);
    const wire::FrameParse parsed = wire::parse_frame(rest, frame_limit());
    if (parsed.kind == wire::FrameParse::Kind::kNeedMore) {
      break;
    }
    if (parsed.kind == wire::FrameParse::Kind::kError) {
      spdlog::warn("{}: {}", peer_, to_text(parsed.error));
      return false;
    }
    at += parsed.consumed;
    if (protocol_->on_frame(parsed.frame, utc_ms) == ConnectionProtocol::Verdict::kClose) {
      return false;
    }
  }
  if (at > 0) {
    std::memmove(input_.data(), input_.data() + at, filled_ - at);
    filled_ -= at;
  }
  if (filled_ == input_.size()) {
    input_.resize(kInputAfterWelcome);  // Welcomed within this chunk; frame_limit() bounds what is kept.
  }
  return true;
}

void Connection::flush() {
  if (!protocol_) {
    return;
  }
  std::vector<std::byte>& ready = protocol_->ready();
  if (ready.size() + protocol_->held_size() > output_limit()) {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->close("reads too slowly"); });
    return;
  }
  if (write_in_flight_) {
    return;
  }
  if (tls_ != nullptr && tls_->state() == tls::Session::State::kUp) {
    tls_->write(ready);
    ready.clear();
  }
  std::vector<std::byte>& next = tls_ != nullptr ? tls_->outgoing() : ready;
  if (next.empty()) {
    return;
  }
  write_in_flight_ = true;
  writing_.clear();
  writing_.swap(next);
  host_.count_bytes(0, writing_.size());
  asio::async_write(socket_, asio::buffer(writing_),
                    [self = shared_from_this()](const error_code& error, std::size_t) { self->on_written(error); });
}

void Connection::on_written(const error_code& error) {
  write_in_flight_ = false;
  if (error) {
    close(error == asio::error::operation_aborted ? std::string() : error.message());
    return;
  }
  flush();
}

void Connection::close(const std::string& reason) {
  if (!protocol_) {
    return;
  }
  if (!reason.empty()) {
    spdlog::warn("{}: closed: {}", peer_, reason);
  }
  protocol_.reset();
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  host_.on_closed(id_);
}

void Connection::refuse(ConnectionRefusal why, const std::string& detail) {
  if (protocol_) {
    host_.on_refused(why, peer_, detail);
    close({});
  }
}

void Connection::judge_again(const tls::Credentials& credentials) {
  if (!protocol_ || tls_ == nullptr || tls_->state() != tls::Session::State::kUp) {
    return;  // A handshake that is under way is judged when it ends.
  }
  const auto utc_s = static_cast<std::int64_t>(host_.utc_ms() / 1'000);
  if (const tls::Refusal refusal = tls_->judge_again(credentials, utc_s); refusal != tls::Refusal::kNone) {
    refuse(to_connection_refusal(refusal), "its certificate is not good any more");
  }
}

void Connection::check_deadlines(Clock::time_point now) {
  if (!protocol_) {
    return;
  }
  if (tls_ != nullptr && tls_->state() == tls::Session::State::kHandshake) {
    if (now - opened_at_ > kTlsWithin) {
      refuse(ConnectionRefusal::kHandshakeTimeout, "TLS is not up after 5 s");
    }
    return;
  }
  if (tls_ != nullptr && host_.utc_ms() / 1'000 >= static_cast<std::uint64_t>(tls_->peer().expires_utc_s)) {
    refuse(ConnectionRefusal::kExpired, "its certificate has expired");
    return;
  }
  if (protocol_->is_virtual()) {
    return;  // Its time stands still while the other side is silent.
  }
  if (!protocol_->has_frame() && now - ready_at_ > kFirstFrameWithin) {
    refuse(ConnectionRefusal::kHelloTimeout, "no Hello within 2 s");
  } else if (!protocol_->has_welcomed() && now - ready_at_ > kWelcomeWithin) {
    refuse(ConnectionRefusal::kProofTimeout, "no proof within 10 s");
  } else if (now - active_at_ > kIdleMax) {
    close("silent for 90 s");
  }
}

}  // namespace cubby::aggregator
