#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <deque>

#include "cubby/v1/uplink.pb.h"
#include "firmware/base/limits.h"
#include "firmware/wire/framing/frame.h"
#include "tools/emulator/centre_link.h"
#include "tools/emulator/mute_ends.h"

namespace cubby::tools {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::size_t kReadChunk = 64 * 1024;
constexpr std::size_t kPlainChunk = 16 * 1024;  // A record of TLS.
constexpr auto kConnectPatience = std::chrono::seconds(2);

class SocketCentre final : public CentreLink {
 public:
  SocketCentre(const Endpoint& endpoint, int patience_s, std::shared_ptr<const tls::Credentials> credentials)
      : endpoint_(endpoint),
        patience_(std::chrono::seconds(patience_s)),
        credentials_(std::move(credentials)),
        socket_(context_) {}

  bool connected() const override { return up_; }

  bool connect(std::uint64_t utc_ms) override {
    if (up_) {
      return true;
    }
    lose();  // Nothing of an earlier connection may go out on this one.
    boost::system::error_code error;
    tcp::resolver resolver(context_);
    const auto found = resolver.resolve(endpoint_.host, std::to_string(endpoint_.port), error);
    if (error) {
      return false;
    }
    socket_ = tcp::socket(context_);
    bool done = false;
    asio::async_connect(socket_, found, [&](const boost::system::error_code& result, const tcp::endpoint&) {
      error = result;
      done = true;
    });
    run(kConnectPatience, [&] { return done; });
    if (!done || error) {
      boost::system::error_code ignored;
      socket_.close(ignored);
      run(kConnectPatience, [&] { return done; });
      return false;
    }
    socket_.set_option(tcp::no_delay(true), error);
    up_ = true;
    tls_ = make_tls_session(credentials_, endpoint_);
    read();
    if (tls_ != nullptr && !shake_hands()) {
      lose();
      return false;
    }
    std::vector<std::byte> first;
    append_virtual_time(first, utc_ms, false);
    queue(first);
    return true;
  }

  void say(Bytes frames, std::uint64_t utc_ms) override {
    append_virtual_time(said_, utc_ms, false);  // What follows is answered with this time.
    said_.insert(said_.end(), frames.begin(), frames.end());
    utc_ms_ = utc_ms;
  }

  void barrier() override {
    append_virtual_time(said_, utc_ms_, true);
    queue(said_);
    said_.clear();
    context_.restart();
    context_.poll();
  }

  Refusals refusals() const override { return refusals_; }

  void remember(CentreMemory&) const override {}

  bool await(std::vector<std::byte>& answers) override {
    run(patience_, [&] { return !answered_.empty() || !up_; });
    if (answered_.empty()) {
      lose();
      return false;
    }
    answers = std::move(answered_.front());
    answered_.pop_front();
    return true;
  }

 private:
  template <typename Condition>
  void run(std::chrono::nanoseconds limit, Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    context_.restart();
    while (!condition()) {
      if (context_.run_one_until(deadline) == 0) {
        if (std::chrono::steady_clock::now() >= deadline) {
          return;
        }
        context_.restart();
      }
    }
  }

  bool shake_hands() {
    queue_wire(tls_->outgoing());
    run(kConnectPatience, [&] { return !up_ || tls_->state() != tls::Session::State::kHandshake; });
    if (tls_->state() == tls::Session::State::kUp) {
      return true;
    }
    spdlog::warn("no TLS with the aggregator: {}", tls_->detail().empty() ? "no answer" : tls_->detail());
    return false;
  }

  void lose() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    up_ = false;
    context_.restart();
    context_.poll();  // Whoever still waits for the old socket is told now, not when there is a new one.
    said_.clear();
    outgoing_.clear();
    writing_ = false;
    received_.clear();
    scanned_ = 0;
    answered_.clear();
  }

  void queue(std::vector<std::byte>& bytes) {
    if (tls_ == nullptr) {
      queue_wire(bytes);
    } else if (tls_->state() == tls::Session::State::kUp) {
      tls_->write(bytes);
      queue_wire(tls_->outgoing());
    }
  }

  // Takes the bytes away.
  void queue_wire(std::vector<std::byte>& bytes) {
    if (bytes.empty()) {
      return;
    }
    outgoing_.push_back(std::exchange(bytes, {}));
    if (!writing_) {
      write();
    }
  }

  void write() {
    writing_ = true;
    asio::async_write(socket_, asio::buffer(outgoing_.front()),
                      [this](const boost::system::error_code& error, std::size_t) {
                        writing_ = false;
                        if (error || !up_) {
                          up_ = false;
                          return;
                        }
                        outgoing_.pop_front();
                        if (!outgoing_.empty()) {
                          write();
                        }
                      });
  }

  void read() {
    socket_.async_read_some(asio::buffer(chunk_), [this](const boost::system::error_code& error, std::size_t size) {
      if (error || !up_) {
        if (tls_ == nullptr && up_ && mute_ends_.ended()) {
          spdlog::warn(MuteEnds::kWords);
        }
        up_ = false;
        return;
      }
      take(Bytes(chunk_).first(size));
      split();
      if (up_) {
        read();
      }
    });
  }

  void take(Bytes wire) {
    mute_ends_.heard();
    if (tls_ == nullptr) {
      received_.insert(received_.end(), wire.begin(), wire.end());
      return;
    }
    tls_->receive(wire);
    std::array<std::byte, kPlainChunk> plain;
    while (const std::size_t size = tls_->read(plain)) {
      received_.insert(received_.end(), plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(size));
    }
    queue_wire(tls_->outgoing());
    if (tls_->state() == tls::Session::State::kEnded) {
      if (!tls_->detail().empty()) {
        spdlog::warn("TLS with the aggregator has ended: {}", tls_->detail());
      }
      up_ = false;
    }
  }

  // Stations try again for ever; whoever runs them wants to know why nothing comes of it.
  void note_refusal(Bytes message) {
    constexpr auto kTag = std::byte{cubby::v1::Down::kRefuseFieldNumber << 3 | 2};
    cubby::v1::Down down;
    if (message.empty() || message.front() != kTag ||
        !down.ParseFromArray(message.data(), static_cast<int>(message.size())) || !down.has_refuse()) {
      return;
    }
    constexpr std::size_t kPrefix = std::string_view("REFUSE_CODE_").size();
    const std::string name = cubby::v1::RefuseCode_Name(down.refuse().code());
    refusals_.last = (name.size() > kPrefix ? name.substr(kPrefix) : "?") + ": " + down.refuse().detail();
    std::replace_if(
        refusals_.last.begin(), refusals_.last.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    if (refusals_.count++ == 0) {
      spdlog::warn("the aggregator refuses a station: {}", refusals_.last);
    }
  }

  // Cuts what has arrived at the barriers' echoes.
  void split() {
    std::size_t position = scanned_;
    std::size_t window_begin = 0;
    for (;;) {
      const wire::FrameParse parse = wire::parse_frame(Bytes(received_).subspan(position), limits::kFrameDownMax);
      if (parse.kind == wire::FrameParse::Kind::kError) {
        up_ = false;
        return;
      }
      if (parse.kind == wire::FrameParse::Kind::kNeedMore) {
        break;
      }
      if (parse.frame.channel == 0) {
        cubby::v1::Down down;
        if (down.ParseFromArray(parse.frame.message.data(), static_cast<int>(parse.frame.message.size())) &&
            down.has_virtual_time()) {
          answered_.emplace_back(received_.begin() + static_cast<std::ptrdiff_t>(window_begin),
                                 received_.begin() + static_cast<std::ptrdiff_t>(position));
          window_begin = position + parse.consumed;
        }
      } else {
        note_refusal(parse.frame.message);
      }
      position += parse.consumed;
    }
    received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(window_begin));
    scanned_ = position - window_begin;
  }

  Endpoint endpoint_;
  std::chrono::nanoseconds patience_;
  std::shared_ptr<const tls::Credentials> credentials_;
  std::unique_ptr<tls::Session> tls_;  // Null: plaintext.
  asio::io_context context_{1};
  tcp::socket socket_;
  bool up_ = false;
  bool writing_ = false;
  std::size_t scanned_ = 0;
  std::uint64_t utc_ms_ = 0;     // Of what was said last.
  std::vector<std::byte> said_;  // Since the last barrier.
  std::deque<std::vector<std::byte>> outgoing_;
  std::vector<std::byte> received_;
  std::deque<std::vector<std::byte>> answered_;
  std::array<std::byte, kReadChunk> chunk_{};
  Refusals refusals_;
  MuteEnds mute_ends_;
};

}  // namespace

std::unique_ptr<CentreLink> make_socket_centre(const Endpoint& endpoint, int patience_s,
                                               std::shared_ptr<const tls::Credentials> credentials) {
  return std::make_unique<SocketCentre>(endpoint, patience_s, std::move(credentials));
}

std::unique_ptr<tls::Session> make_tls_session(const std::shared_ptr<const tls::Credentials>& credentials,
                                               const Endpoint& endpoint) {
  if (credentials == nullptr) {
    return nullptr;
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::make_unique<tls::Session>(
      credentials, tls::End::kClient,
      tls::SessionOptions{.server_name = endpoint.host,
                          .utc_s = std::chrono::duration_cast<std::chrono::seconds>(now).count()});
}

}  // namespace cubby::tools
