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
constexpr std::chrono::seconds kFirstFrameWithin{5};
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

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, std::uint64_t id, std::string peer, Centre& centre,
                       ConnectionHost& host, bool allow_virtual_time)
    : socket_(std::move(socket)), id_(id), peer_(std::move(peer)), host_(host), input_(kInputBeforeWelcome) {
  protocol_.emplace(centre, *this, ConnectionProtocol::Options{.allow_virtual_time = allow_virtual_time});
}

void Connection::start() {
  error_code ignored;  // Both only make things faster or tidier.
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  read();
}

void Connection::read() {
  if (protocol_->has_welcomed() && input_.size() < kInputAfterWelcome && filled_ * 2 >= input_.size()) {
    input_.resize(kInputAfterWelcome);
  }
  socket_.async_read_some(
      asio::buffer(input_.data() + filled_, input_.size() - filled_),
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
  filled_ += size;
  active_at_ = Clock::now();
  host_.enter_apply();
  const bool go_on = handle_frames();
  host_.leave_apply();
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

std::size_t Connection::frame_limit() const {
  return protocol_->has_welcomed() ? limits::kFrameUpMax : kFrameBeforeWelcome;
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
  if (ready.size() + protocol_->held_size() > kOutputBase + kOutputAChannel * protocol_->channel_count()) {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->close("reads too slowly"); });
    return;
  }
  if (write_in_flight_ || ready.empty()) {
    return;
  }
  write_in_flight_ = true;
  writing_.clear();
  writing_.swap(ready);
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

void Connection::check_deadlines(Clock::time_point now) {
  if (!protocol_ || protocol_->is_virtual()) {
    return;  // Its time stands still while the other side is silent.
  }
  if (!protocol_->has_frame() && now - opened_at_ > kFirstFrameWithin) {
    close("no Hello within 5 s");
  } else if (!protocol_->has_welcomed() && now - opened_at_ > kWelcomeWithin) {
    close("no proof within 10 s");
  } else if (now - active_at_ > kIdleMax) {
    close("silent for 90 s");
  }
}

}  // namespace cubby::aggregator
